//! What somebody who has just found `yrs` writes first: a document a room behind a mutex, every
//! update applied and broadcast as it came. It checks nothing and stores nothing.

use crate::relay;
use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message as Frame;
use yrs::sync::{Message, SyncMessage};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, ReadTxn, Transact, Update};

struct Room {
    doc: Mutex<Doc>,
    news: broadcast::Sender<(u64, Frame)>,
}

type Rooms = Arc<Mutex<HashMap<String, Arc<Room>>>>;

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

async fn peer(stream: TcpStream, rooms: Rooms, id: u64) -> Result<()> {
    let (mut socket, name) = relay::accept(stream).await?;
    let room = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let open =
            || Arc::new(Room { doc: Mutex::new(Doc::new()), news: broadcast::channel(65_536).0 });
        Arc::clone(rooms.entry(name).or_insert_with(open))
    };
    let mut news = room.news.subscribe();
    loop {
        tokio::select! {
            heard = news.recv() => {
                let (author, frame) = heard?;
                if author != id {
                    socket.send(frame).await?;
                }
            }
            message = socket.next() => {
                let Some(Ok(frame)) = message else { return Ok(()) };
                let Frame::Binary(bytes) = &frame else { continue };
                if let Some(answer) = answer(&room, id, Message::decode_v1(bytes)?, &frame)? {
                    socket.send(Frame::Binary(answer.encode_v1().into())).await?;
                }
            }
        }
    }
}

fn answer(room: &Room, id: u64, message: Message, frame: &Frame) -> Result<Option<Message>> {
    let doc = room.doc.lock().unwrap_or_else(PoisonError::into_inner);
    match message {
        Message::Sync(SyncMessage::SyncStep1(theirs)) => {
            let update = doc.transact().encode_state_as_update_v1(&theirs);
            return Ok(Some(Message::Sync(SyncMessage::SyncStep2(update))));
        }
        Message::Sync(SyncMessage::SyncStep2(update) | SyncMessage::Update(update)) => {
            doc.transact_mut().apply_update(Update::decode_v1(&update)?)?;
        }
        _ => {}
    }
    // An error says that nobody listens.
    drop(room.news.send((id, frame.clone())));
    Ok(None)
}
