//! Who is here: the latest state of every connection, sent at a bounded pace.
//!
//! yrs' own `Awareness` never evicts and trusts what it is told. Here a connection speaks for one
//! Yjs client id alone, the server stamps who it is, and what is not renewed is gone.

use crate::store::ClientId;
use crate::sync::frame::{self, put_varint};
use crate::sync::room::ConnectionId;
use bytes::{BufMut, Bytes, BytesMut};
use sangam_shared::limits;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};

/// One claim of presence, as a client sent it and the guard read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The Yjs client id.
    pub client: ClientId,
    /// Counts that client's states.
    pub clock: u64,
    /// A JSON object, or `None` when the client says goodbye.
    pub state: Option<&'a str>,
}

/// Everybody's presence in one room.
#[derive(Debug, Default)]
pub struct Presence {
    clients: HashMap<ClientId, Here>,
    speaks_for: HashMap<ConnectionId, ClientId>,
    /// Changed since the last frame. Sorted, so that a run with one seed is one run.
    changed: BTreeSet<ClientId>,
    sent_at_ms: u64,
    /// Nobody expires before; looked up anew only then, because renewals only put it off.
    expires_at_ms: Option<u64>,
}

#[derive(Debug)]
struct Here {
    connection: ConnectionId,
    user: Value,
    clock: u64,
    /// JSON; `None` until its departure has been sent.
    state: Option<String>,
    renewed_at_ms: u64,
}

impl Presence {
    /// Takes what a connection says of itself; ignores what it says of others, as stock clients
    /// relay everybody's state. `user` replaces whatever the client claims to be.
    pub fn hear(&mut self, from: ConnectionId, user: &Value, claims: &[Claim<'_>], now_ms: u64) {
        for claim in claims {
            let own = *self.speaks_for.get(&from).unwrap_or(&claim.client);
            if own != claim.client {
                continue;
            }
            if let Some(here) = self.clients.get(&claim.client) {
                // Somebody who reconnects may be faster than the end of the old connection.
                let taken = here.connection != from && here.state.is_some() && here.user != *user;
                let old = here.connection == from
                    && (claim.clock < here.clock
                        || (claim.clock == here.clock && claim.state.is_some()));
                if taken || old {
                    continue;
                }
            } else if claim.state.is_none() {
                continue;
            }
            let state = match claim.state {
                Some(json) => match stamped(json, user) {
                    Some(state) => Some(state),
                    None => continue,
                },
                None => None,
            };
            self.speaks_for.insert(from, claim.client);
            let expires_at_ms = now_ms.saturating_add(limits::PRESENCE_TIMEOUT_MS);
            self.expires_at_ms =
                Some(self.expires_at_ms.map_or(expires_at_ms, |at| at.min(expires_at_ms)));
            self.clients.insert(
                claim.client,
                Here {
                    connection: from,
                    user: user.clone(),
                    clock: claim.clock,
                    state,
                    renewed_at_ms: now_ms,
                },
            );
            self.changed.insert(claim.client);
        }
    }

    /// A connection has gone, and its presence with it.
    pub fn leave(&mut self, connection: ConnectionId) {
        let Some(client) = self.speaks_for.remove(&connection) else { return };
        if let Some(here) = self.clients.get_mut(&client)
            && here.connection == connection
            && here.state.take().is_some()
        {
            self.changed.insert(client);
        }
    }

    /// When [`Presence::due`] may next have something to say, if ever.
    #[must_use]
    pub fn due_at_ms(&self) -> Option<u64> {
        if !self.changed.is_empty() {
            return Some(self.sent_at_ms.saturating_add(limits::PRESENCE_INTERVAL_MS));
        }
        self.expires_at_ms
    }

    /// What has changed since the last frame, at most once an interval.
    pub fn due(&mut self, now_ms: u64) -> Option<Bytes> {
        if now_ms < self.sent_at_ms.saturating_add(limits::PRESENCE_INTERVAL_MS) {
            return None;
        }
        if self.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.expire(now_ms);
        }
        if self.changed.is_empty() {
            return None;
        }
        self.sent_at_ms = now_ms;
        let changed = std::mem::take(&mut self.changed);
        let frame = self.encode(changed.iter().copied());
        for client in changed {
            if self.clients.get(&client).is_some_and(|here| here.state.is_none()) {
                self.clients.remove(&client);
            }
        }
        Some(frame)
    }

    fn expire(&mut self, now_ms: u64) {
        self.expires_at_ms = None;
        for (client, here) in self.clients.iter_mut().filter(|(_, here)| here.state.is_some()) {
            let at_ms = here.renewed_at_ms.saturating_add(limits::PRESENCE_TIMEOUT_MS);
            if at_ms <= now_ms {
                here.state = None;
                self.changed.insert(*client);
            } else {
                self.expires_at_ms =
                    Some(self.expires_at_ms.map_or(at_ms, |first| first.min(at_ms)));
            }
        }
    }

    /// Everybody, for somebody who has just come. `None` when nobody is here.
    #[must_use]
    pub fn everybody(&self) -> Option<Bytes> {
        let mut present: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, here)| here.state.is_some())
            .map(|(client, _)| *client)
            .collect();
        present.sort_unstable();
        (!present.is_empty()).then(|| self.encode(present.into_iter()))
    }

    fn encode(&self, clients: impl ExactSizeIterator<Item = ClientId>) -> Bytes {
        let mut payload = BytesMut::with_capacity(16 + clients.len() * 160);
        put_varint(&mut payload, clients.len() as u64);
        for client in clients {
            let here = &self.clients[&client];
            let state = here.state.as_deref().unwrap_or("null");
            put_varint(&mut payload, client);
            put_varint(&mut payload, here.clock);
            put_varint(&mut payload, state.len() as u64);
            payload.put_slice(state.as_bytes());
        }
        frame::awareness(&payload)
    }
}

/// A frame that says nothing, so that a stock provider hears that we are alive.
#[must_use]
pub fn keepalive() -> Bytes {
    frame::awareness(&[0])
}

fn stamped(json: &str, user: &Value) -> Option<String> {
    let mut state: Map<String, Value> = serde_json::from_str(json).ok()?;
    state.insert("user".to_owned(), user.clone());
    serde_json::to_string(&state).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ASHA: ConnectionId = ConnectionId(1);
    const BRUNO: ConnectionId = ConnectionId(2);

    fn claim(client: ClientId, clock: u64, state: Option<&str>) -> Claim<'_> {
        Claim { client, clock, state }
    }

    #[test]
    fn the_server_says_who_somebody_is() {
        let mut room = Presence::default();
        let lie = r#"{"user":{"name":"The minister"},"cursor":4}"#;
        room.hear(ASHA, &json!({"name": "Asha"}), &[claim(7, 1, Some(lie))], 1_000);
        let frame = String::from_utf8_lossy(&room.due(1_000).unwrap()).into_owned();
        assert!(frame.contains("Asha") && frame.contains("cursor"));
        assert!(!frame.contains("minister"));
    }

    #[test]
    fn a_connection_speaks_for_one_client_alone() {
        let mut room = Presence::default();
        room.hear(ASHA, &json!(1), &[claim(7, 1, Some("{}")), claim(8, 1, Some("{}"))], 1_000);
        room.hear(BRUNO, &json!(2), &[claim(7, 9, None)], 1_000);
        assert_eq!(room.clients.len(), 1);
        assert!(room.clients[&7].state.is_some());
    }

    #[test]
    fn a_flood_becomes_one_frame_an_interval() {
        let mut room = Presence::default();
        let mut frames = 0;
        for clock in 0..1_000 {
            room.hear(ASHA, &json!(1), &[claim(7, clock, Some("{}"))], 1_000 + clock);
            frames += usize::from(room.due(1_000 + clock).is_some());
        }
        assert_eq!(frames, 5);
    }

    #[test]
    fn who_leaves_or_falls_silent_is_gone() {
        let mut room = Presence::default();
        room.hear(ASHA, &json!(1), &[claim(7, 1, Some("{}"))], 1_000);
        room.hear(BRUNO, &json!(2), &[claim(8, 1, Some("{}"))], 1_000);
        assert!(room.due(1_000).is_some());
        room.leave(ASHA);
        assert!(String::from_utf8_lossy(&room.due(2_000).unwrap()).contains("null"));
        assert_eq!(room.due_at_ms(), Some(1_000 + limits::PRESENCE_TIMEOUT_MS));
        assert!(room.due(1_000 + limits::PRESENCE_TIMEOUT_MS).is_some());
        assert!(room.everybody().is_none());
        assert_eq!(room.due_at_ms(), None);
    }

    #[test]
    fn an_older_state_does_not_replace_a_newer_one() {
        let mut room = Presence::default();
        room.hear(ASHA, &json!(1), &[claim(7, 5, Some(r#"{"a":1}"#))], 1_000);
        room.hear(ASHA, &json!(1), &[claim(7, 4, Some(r#"{"a":2}"#))], 1_000);
        assert!(room.clients[&7].state.as_deref().unwrap().contains("\"a\":1"));
    }
}
