//! What most people call the limit: a relay without CRDT, checks or storage. tokio-tungstenite's
//! own chat example with rooms: one unbounded queue a peer, `forward`ed to its socket, which
//! already gathers what waits into one write.

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

type Peers = HashMap<u64, UnboundedSender<Message>>;
type Rooms = Arc<Mutex<HashMap<String, Peers>>>;

/// Serves for ever.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: TcpListener) -> Result<()> {
    let rooms = Rooms::default();
    let mut next = 0;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        next += 1;
        let (rooms, id) = (Arc::clone(&rooms), next);
        tokio::spawn(async move {
            if let Err(error) = peer(stream, rooms, id).await {
                eprintln!("{error:#}");
            }
        });
    }
}

/// Accepts a socket; its path is the room's name.
///
/// # Errors
/// Where the upgrade fails.
pub async fn accept(
    stream: TcpStream,
) -> Result<(tokio_tungstenite::WebSocketStream<TcpStream>, String)> {
    let mut room = String::new();
    #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(&mut room);
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async(stream, note).await?;
    Ok((socket, room))
}

async fn peer(stream: TcpStream, rooms: Rooms, id: u64) -> Result<()> {
    let (socket, room) = accept(stream).await?;
    let (mut sink, mut source) = socket.split();
    let (queue, mut waiting) = unbounded_channel();
    let lock = || rooms.lock().unwrap_or_else(PoisonError::into_inner);
    lock().entry(room.clone()).or_default().insert(id, queue);
    let sending = tokio::spawn(async move {
        while let Some(message) = waiting.recv().await {
            sink.feed(message).await?;
            while let Ok(message) = waiting.try_recv() {
                sink.feed(message).await?;
            }
            sink.flush().await?;
        }
        Ok::<_, tokio_tungstenite::tungstenite::Error>(())
    });
    while let Some(Ok(message)) = source.next().await {
        if !message.is_binary() {
            continue;
        }
        if let Some(peers) = lock().get(&room) {
            for (_, other) in peers.iter().filter(|(other, _)| **other != id) {
                // A peer that has gone is removed by its own task.
                drop(other.send(message.clone()));
            }
        }
    }
    if let Some(peers) = lock().get_mut(&room) {
        peers.remove(&id);
    }
    Ok(sending.await??)
}
