//! Puts a server together: store, events, rooms, routes.

use crate::clock::{Chance, Clock, SystemClock};
use crate::config::Config;
use crate::event::access::LinkKey;
use crate::event::history::History;
use crate::event::{Events, EventsError};
use crate::http::Api;
use crate::http::export::Queue;
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{Life, Store};
use crate::sync::fallback::Lines;
use crate::sync::room_task::World;
use crate::sync::rooms::Rooms;
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a server cannot start. Each is one sentence for an operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The key of the links.
    #[error("cannot use the key of the links in {folder}: {cause}")]
    Key {
        /// The data folder.
        folder: std::path::PathBuf,
        /// The cause.
        cause: std::io::Error,
    },
    /// The records.
    #[error("cannot load the events: {0}")]
    Events(#[from] EventsError),
}

/// Opens the data folder and everything that lives in it. Nothing listens yet.
///
/// # Errors
/// [`StartError`]
pub async fn open(config: &Config) -> Result<Arc<Api>, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let chance = Arc::new(Chance::from_system());
    let fresh = Life { epoch: chance.uuid(), at_ms: clock.now_ms() };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config.data, fresh)?);
    let mut fresh = [0; 32];
    fresh[..16].copy_from_slice(&chance.bytes());
    fresh[16..].copy_from_slice(&chance.bytes());
    let key = LinkKey::open(&config.data, fresh)
        .map_err(|cause| StartError::Key { folder: config.data.clone(), cause })?;
    let events =
        Events::open(Arc::clone(&store), key, Arc::clone(&clock), Arc::clone(&chance)).await?;
    let dice = Arc::clone(&chance);
    let world = World {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        writer: Box::new(move || dice.client_id()),
        changed: Arc::default(),
    };
    Ok(Arc::new(Api {
        events: Arc::new(events),
        rooms: Arc::new(Rooms::new(Arc::new(world))),
        history: History::new(Arc::clone(&store), Arc::clone(&clock)),
        store,
        clock,
        chance,
        public_url: config.public_url.clone(),
        draining: CancellationToken::new(),
        lines: Lines::default(),
        sockets: TaskTracker::new(),
        exports: Queue::default(),
        oidc: OnceLock::new(),
    }))
}
