//! A y-protocols client: what a stock provider does, by hand, with yrs as its document.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use sangam_shared::message::{Hello, Refusal, SUBPROTOCOL};
use std::collections::BTreeMap;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use yrs::encoding::write::Write;
use yrs::types::ToJson;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Doc, GetString, Map, MapPrelim, MapRef, OffsetKind, Options, Out, ReadTxn, StateVector, Text,
    TextPrelim, TextRef, Transact, Update,
};

/// One connection, and the document behind it.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The document.
    pub doc: Doc,
    /// The `n` of the last edit that was sent.
    pub sent: u64,
    /// The highest `n` that was acknowledged.
    pub acknowledged: u64,
    /// The greeting, where `sangam.1` is spoken.
    pub hello: Option<Hello>,
}

/// One message of the server.
#[derive(Debug)]
pub enum Heard {
    /// Sync step 1, 2 or an update; applied, and answered where it asks.
    Sync(u8),
    /// Presence: the JSON states in it.
    Presence(String),
    /// `sangam.1`: everything up to n is on disk.
    Ack(u64),
    /// `sangam.1`: refused.
    Refused(Refusal),
    /// Permission denied, as stock clients are told.
    Denied(String),
    /// `sangam.1`: the server is about to stop.
    Draining,
    /// The greeting.
    Hello,
    /// The connection is closed, with this code.
    Closed(u16),
}

/// A client id of 32 bits, as Yjs draws it.
fn client_id() -> u64 {
    u64::from(rand::rng().random_range(1..=u32::MAX))
}

/// An empty document with a client id of its own.
#[must_use]
pub fn new_doc() -> Doc {
    Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::block::ClientID::new(client_id()))
    })
}

impl Client {
    /// Connects as a stock client.
    ///
    /// # Errors
    /// Where the upgrade is refused.
    pub async fn stock(address: &str, document: &str, token: &str) -> Result<Self> {
        Self::connect(address, document, token, false, None).await
    }

    /// Connects with `sangam.1`.
    ///
    /// # Errors
    /// Where the upgrade is refused.
    pub async fn sangam(address: &str, document: &str, token: &str) -> Result<Self> {
        Self::connect(address, document, token, true, None).await
    }

    /// Connects from a page of `origin`; returns the HTTP status where the upgrade is refused.
    ///
    /// # Errors
    /// Where something else fails.
    pub async fn status_from(
        address: &str,
        document: &str,
        token: &str,
        origin: &str,
    ) -> Result<u16> {
        match Self::connect(address, document, token, false, Some(origin)).await {
            Ok(_) => Ok(101),
            Err(error) => match error.downcast::<Error>() {
                Ok(Error::Http(response)) => Ok(response.status().as_u16()),
                Ok(error) => Err(error.into()),
                Err(error) => Err(error),
            },
        }
    }

    async fn connect(
        address: &str,
        document: &str,
        token: &str,
        sangam: bool,
        origin: Option<&str>,
    ) -> Result<Self> {
        let url = format!("ws://{address}/sync/{document}?token={token}");
        let mut request = url.into_client_request()?;
        if sangam {
            let protocol = HeaderValue::from_static(SUBPROTOCOL);
            request.headers_mut().insert("sec-websocket-protocol", protocol);
        }
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", HeaderValue::from_str(origin)?);
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Self { socket, doc: new_doc(), sent: 0, acknowledged: 0, hello: None })
    }

    /// Connects with `sangam.1` and a document that was there before.
    ///
    /// # Errors
    /// Where the upgrade is refused.
    pub async fn with_doc(doc: Doc, address: &str, document: &str, token: &str) -> Result<Self> {
        let fresh = Self::connect(address, document, token, true, None).await?;
        Ok(Self { doc, ..fresh })
    }

    /// Connects again with the same document, as a provider does after a cut.
    ///
    /// # Errors
    /// Where the upgrade is refused.
    pub async fn reconnect(self, address: &str, document: &str, token: &str) -> Result<Self> {
        let fresh = Self::connect(address, document, token, true, None).await?;
        Ok(Self { doc: self.doc, ..fresh })
    }

    /// Says what it has, and reads until it has been told what it lacks.
    ///
    /// # Errors
    /// Where the connection ends first.
    pub async fn sync(&mut self) -> Result<()> {
        self.ask().await?;
        self.until(|_, heard| matches!(heard, Heard::Sync(1))).await
    }

    /// Says what it has.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn ask(&mut self) -> Result<()> {
        let ours = self.doc.transact().state_vector().encode_v1();
        self.send(sync(0, &ours)).await
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn send(&mut self, frame: Bytes) -> Result<()> {
        Ok(self.socket.send(Message::Binary(frame)).await?)
    }

    /// Sends an update as it is; returns its number.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn send_update(&mut self, update: &[u8]) -> Result<u64> {
        self.sent += 1;
        self.send(sync(2, update)).await?;
        Ok(self.sent)
    }

    /// Sends an update as if it had been asked for; returns its number.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn send_step_2(&mut self, update: &[u8]) -> Result<u64> {
        self.sent += 1;
        self.send(sync(1, update)).await?;
        Ok(self.sent)
    }

    /// Writes an idea, and offers it; returns its id and the number of the message.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn add_idea(&mut self, text: &str) -> Result<(String, u64)> {
        let (id, update) = self.write_idea(text);
        let n = self.send_update(&update).await?;
        Ok((id, n))
    }

    /// Writes an idea, and offers it as if it had been asked for.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn add_idea_as_step_2(&mut self, text: &str) -> Result<(String, u64)> {
        let (id, update) = self.write_idea(text);
        let n = self.send_step_2(&update).await?;
        Ok((id, n))
    }

    fn write_idea(&self, text: &str) -> (String, Vec<u8>) {
        let id = uuid::Uuid::from_u128(rand::rng().random()).to_string();
        let ideas = self.doc.get_or_insert_map("ideas");
        let mut txn = self.doc.transact_mut();
        let note: MapRef = ideas.insert(&mut txn, id.as_str(), MapPrelim::default());
        let _: TextRef = note.insert(&mut txn, "text", TextPrelim::new(text));
        let _: MapRef = note.insert(&mut txn, "translations", MapPrelim::default());
        let _: MapRef = note.insert(&mut txn, "translationMeta", MapPrelim::default());
        note.insert(&mut txn, "order", "a0");
        txn.commit();
        let update = txn.encode_update_v1();
        (id, update)
    }

    /// Types into the minutes; returns the number of the message.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn type_minutes(&mut self, at: u32, text: &str) -> Result<u64> {
        let update = {
            let minutes = self.doc.get_or_insert_text("minutes");
            let mut txn = self.doc.transact_mut();
            let at = at.min(minutes.len(&txn));
            minutes.insert(&mut txn, at, text);
            txn.commit();
            txn.encode_update_v1()
        };
        self.send_update(&update).await
    }

    /// Strikes out the beginning of the minutes; returns the number of the message.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub async fn strike_minutes(&mut self, len: u32) -> Result<u64> {
        let update = {
            let minutes = self.doc.get_or_insert_text("minutes");
            let mut txn = self.doc.transact_mut();
            minutes.remove_range(&mut txn, 0, len);
            txn.commit();
            txn.encode_update_v1()
        };
        self.send_update(&update).await
    }

    /// The text of an idea, if it is there.
    #[must_use]
    pub fn idea(&self, id: &str) -> Option<String> {
        let ideas = self.doc.get_or_insert_map("ideas");
        let txn = self.doc.transact();
        let Some(Out::YMap(note)) = ideas.get(&txn, id) else { return None };
        let Some(Out::YText(text)) = note.get(&txn, "text") else { return None };
        Some(text.get_string(&txn))
    }

    /// The texts of all ideas, by their ids.
    #[must_use]
    pub fn ideas(&self) -> BTreeMap<String, String> {
        let ideas = self.doc.get_or_insert_map("ideas");
        let ids: Vec<String> = ideas.keys(&self.doc.transact()).map(str::to_owned).collect();
        ids.into_iter().filter_map(|id| self.idea(&id).map(|text| (id, text))).collect()
    }

    /// What the board says, for comparing.
    ///
    /// # Panics
    /// Never: yrs writes JSON.
    #[must_use]
    pub fn board(&self) -> serde_json::Value {
        let ideas = self.doc.get_or_insert_map("ideas");
        let mut json = String::new();
        ideas.to_json(&self.doc.transact()).to_json(&mut json);
        let ideas: serde_json::Value = serde_json::from_str(&json).expect("yrs writes JSON");
        serde_json::json!({ "ideas": ideas, "minutes": self.minutes() })
    }

    /// How many ideas there are.
    #[must_use]
    pub fn idea_count(&self) -> u32 {
        let ideas = self.doc.get_or_insert_map("ideas");
        ideas.len(&self.doc.transact())
    }

    /// The minutes.
    #[must_use]
    pub fn minutes(&self) -> String {
        let minutes = self.doc.get_or_insert_text("minutes");
        minutes.get_string(&self.doc.transact())
    }

    /// The whole state as one update.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.doc.transact().encode_diff_v1(&StateVector::default())
    }

    /// Reads until the n-th message is acknowledged.
    ///
    /// # Errors
    /// Where the connection ends first.
    pub async fn until_acknowledged(&mut self, n: u64) -> Result<()> {
        if self.acknowledged >= n {
            return Ok(());
        }
        self.until(|client, _| client.acknowledged >= n).await
    }

    /// Reads until the document says what it should.
    ///
    /// # Errors
    /// Where the connection ends first.
    pub async fn until_doc(&mut self, fits: impl Fn(&Self) -> bool) -> Result<()> {
        if fits(self) {
            return Ok(());
        }
        self.until(|client, _| fits(client)).await
    }

    /// Reads until a message fits.
    ///
    /// # Errors
    /// Where the connection ends first.
    pub async fn until(&mut self, fits: impl Fn(&Self, &Heard) -> bool) -> Result<()> {
        loop {
            let heard = self.hear().await?;
            if fits(self, &heard) {
                return Ok(());
            }
            if let Heard::Closed(code) = heard {
                bail!("the server closed with {code}");
            }
        }
    }

    /// Reads until the server closes; returns the code.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn until_closed(&mut self) -> Result<u16> {
        loop {
            if let Heard::Closed(code) = self.hear().await? {
                return Ok(code);
            }
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// Where nothing comes.
    pub async fn hear(&mut self) -> Result<Heard> {
        let next = tokio::time::timeout(crate::PATIENCE, self.frame());
        match next.await.context("the server says nothing")? {
            Ok(frame) => self.read(&frame).await,
            Err(code) => Ok(Heard::Closed(code)),
        }
    }

    /// The next frame as it came, or the code that the connection was closed with. Nothing is lost
    /// where the caller stops waiting.
    ///
    /// # Errors
    /// The close code.
    pub async fn frame(&mut self) -> Result<Bytes, u16> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(frame))) => return Ok(frame),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// Does what a provider does with a frame.
    ///
    /// # Errors
    /// Where it makes no sense, or its answer cannot be sent.
    pub async fn read(&mut self, frame: &[u8]) -> Result<Heard> {
        let (kind, rest) = varint(frame)?;
        Ok(match kind {
            0 => {
                let (step, rest) = varint(rest)?;
                let (_, payload) = varint(rest)?;
                if step == 0 {
                    let theirs = StateVector::decode_v1(payload)?;
                    let update = self.doc.transact().encode_diff_v1(&theirs);
                    self.sent += 1;
                    self.send(sync(1, &update)).await?;
                } else {
                    let update = Update::decode_v1(payload)?;
                    self.doc.transact_mut().apply_update(update)?;
                }
                Heard::Sync(u8::try_from(step)?)
            }
            1 => Heard::Presence(String::from_utf8_lossy(rest).into_owned()),
            2 => Heard::Denied(String::from_utf8_lossy(rest).into_owned()),
            120 => {
                self.hello = Some(serde_json::from_slice(varint(rest)?.1)?);
                Heard::Hello
            }
            121 => {
                self.acknowledged = varint(rest)?.0;
                Heard::Ack(self.acknowledged)
            }
            122 => Heard::Refused(serde_json::from_slice(varint(rest)?.1)?),
            123 => Heard::Draining,
            other => bail!("the server sent message {other}"),
        })
    }
}

/// A sync message.
#[must_use]
fn sync(step: u8, payload: &[u8]) -> Bytes {
    let mut frame = vec![0, step];
    frame.write_buf(payload);
    frame.into()
}

fn varint(mut bytes: &[u8]) -> Result<(u64, &[u8])> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().context("the frame ends early")?;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        bytes = rest;
        if byte & 0x80 == 0 {
            return Ok((value, bytes));
        }
    }
}
