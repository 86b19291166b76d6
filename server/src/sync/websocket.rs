//! A WebSocket as a [`Line`]: tungstenite reads, a [`Pipe`] writes.

use super::fanout::{Flow, Scratch, Sink};
use super::pipe::{Half, Pipe};
use super::presence;
use super::socket::{Gone, Heard, Line};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sangam_shared::limits;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// One upgraded connection.
pub struct WebSocket {
    /// On the heap, because it is handed on through several futures, each of which would keep a place
    /// for it.
    frames: Box<WebSocketStream<Half>>,
    pipe: Arc<Pipe>,
}

impl WebSocket {
    /// `read` holds what the peer sent right behind its request.
    pub async fn new(stream: TcpStream, read: Bytes) -> Self {
        let (pipe, half) = Pipe::new(stream);
        // A copy: an empty piece of hyper's buffer would keep all of it.
        let (read, config) = (read.to_vec(), Some(config()));
        let frames = WebSocketStream::from_partially_read(half, read, Role::Server, config).await;
        Self { frames: Box::new(frames), pipe }
    }
}

/// tungstenite writes little, and at once: the pipe keeps what waits.
#[must_use]
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(limits::MESSAGE_BYTES_MAX))
        .max_frame_size(Some(limits::MESSAGE_BYTES_MAX))
        .read_buffer_size(limits::READ_BUFFER_BYTES)
        .write_buffer_size(0)
}

impl Line for WebSocket {
    fn sink(&self) -> Option<Arc<dyn Sink>> {
        Some(Arc::clone(&self.pipe) as Arc<dyn Sink>)
    }

    async fn hear(&mut self) -> Heard {
        match self.frames.next().await {
            Some(Ok(Message::Binary(bytes))) => Heard::Frame(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Heard::Alive,
            Some(Ok(Message::Text(_) | Message::Frame(_))) => Heard::Malformed,
            Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::Gone,
        }
    }

    async fn write(&mut self, frames: Vec<Bytes>) -> Result<(), Gone> {
        if !frames.is_empty() {
            let flow = self.pipe.write(&mut Scratch { frames, bytes: Vec::new() });
            if flow == Flow::Free {
                return Ok(());
            }
        }
        self.pipe.drained().await
    }

    async fn keep_alive(&mut self) -> Result<(), Gone> {
        self.frames.send(Message::Ping(Bytes::new())).await.map_err(|_| Gone)?;
        self.write(vec![presence::keepalive()]).await
    }

    async fn close(&mut self, code: u16) {
        let limit = Duration::from_millis(limits::CLOSE_TIMEOUT_MS);
        let farewell = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
        let closed = timeout(limit, async {
            if self.frames.send(Message::Close(Some(farewell))).await.is_ok()
                && self.pipe.drained().await.is_ok()
            {
                // Read on until the peer has answered, so that the code is not lost to a reset.
                while let Some(Ok(_)) = self.frames.next().await {}
            }
        });
        if closed.await.is_err() {
            tracing::debug!(code, "the peer did not answer our close");
        }
    }
}
