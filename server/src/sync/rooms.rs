//! All rooms that are open. A room opens exactly once, whoever asks, and ends when it is idle.

use crate::store::{Author, StoreError};
use crate::sync::changed::Changed;
use crate::sync::fanout::{Fanout, Outbox};
use crate::sync::room::{ConnectionId, Edit, Member, Permission};
use crate::sync::room_task::{Input, RoomTask, World};
use bytes::Bytes;
use dashmap::DashMap;
use sangam_shared::ids::DocumentId;
use sangam_shared::limits;
use sangam_shared::message::RefusalCode;
use sangam_shared::schema::DocumentKind;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// The registry of open rooms.
pub struct Rooms {
    world: Arc<World>,
    open: Arc<DashMap<DocumentId, Arc<Entry>>>,
    tasks: TaskTracker,
    /// Bytes of input that wait in any room.
    input: Arc<Semaphore>,
    next_connection: AtomicU64,
}

struct Entry {
    /// How many hold a [`RoomRef`]. Raised only under the map's shard lock, so that an idle room
    /// cannot be found and removed at once.
    users: AtomicUsize,
    room: OnceCell<Handle>,
}

struct Handle {
    inbox: mpsc::Sender<Input>,
    fanout: Arc<Fanout>,
    damaged: bool,
}

/// Keeps a room open, and talks to it.
pub struct RoomRef {
    document: DocumentId,
    entry: Arc<Entry>,
    open: Arc<DashMap<DocumentId, Arc<Entry>>>,
    input: Arc<Semaphore>,
}

/// The room has ended under us; connect again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the room has ended")]
pub struct RoomEnded;

impl Rooms {
    /// No room is open yet.
    #[must_use]
    pub fn new(world: Arc<World>) -> Self {
        Self {
            world,
            open: Arc::new(DashMap::new()),
            tasks: TaskTracker::new(),
            input: Arc::new(Semaphore::new(limits::INPUT_BYTES_MAX)),
            next_connection: AtomicU64::new(1),
        }
    }

    /// A connection id that was never used before in this process.
    pub fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed))
    }

    /// Finds the room, or loads it; those who ask meanwhile wait for the same load.
    ///
    /// # Errors
    /// [`StoreError`] where the document cannot be loaded. The next caller tries again.
    pub async fn open(
        &self,
        document: DocumentId,
        kind: DocumentKind,
    ) -> Result<RoomRef, StoreError> {
        let room = self.hold(document);
        room.entry
            .room
            .get_or_try_init(|| async {
                let loaded = self.world.store.load(document, 0).await?;
                let (inbox, outside) = mpsc::channel(limits::ROOM_INBOX_MAX);
                let fanout = Arc::new(Fanout::default());
                let world = Arc::clone(&self.world);
                let task =
                    RoomTask::new(document, kind, world, &loaded, outside, Arc::clone(&fanout));
                let open = Arc::clone(&self.open);
                let may_end = move || {
                    let unused = |_: &DocumentId, entry: &Arc<Entry>| {
                        entry.users.load(Ordering::Acquire) == 0
                    };
                    open.remove_if(&document, unused).is_some()
                };
                let damaged = task.is_damaged();
                let ended = Ended {
                    document,
                    entry: Arc::downgrade(&room.entry),
                    open: Arc::clone(&self.open),
                };
                self.tasks.spawn(async move {
                    let _ended = ended;
                    task.run(may_end).await;
                });
                Ok::<_, StoreError>(Handle { inbox, fanout, damaged })
            })
            .await?;
        Ok(room)
    }

    /// Ends a room whose document is no longer there: everybody in it is told that it is gone. What
    /// was on its way to the store is refused there.
    pub async fn end(&self, document: DocumentId) {
        let room = self.hold(document);
        if room.entry.room.initialized() && room.tell(Input::End).await.is_err() {
            tracing::debug!(%document, "the room had ended already");
        }
    }

    /// Returns when everything that rooms have received so far is on disk, or was refused.
    pub async fn settle(&self) {
        let open: Vec<DocumentId> = self.open.iter().map(|entry| *entry.key()).collect();
        for document in open {
            let room = self.hold(document);
            if room.entry.room.initialized()
                && let Err(code) = room.write(Box::new(|_, _| {})).await
            {
                tracing::warn!(%document, ?code, "not settled");
            }
        }
    }

    /// Which documents have changed since somebody last asked.
    #[must_use]
    pub fn changed(&self) -> &Changed {
        &self.world.changed
    }

    /// How many rooms are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no room is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn hold(&self, document: DocumentId) -> RoomRef {
        let slot = self.open.entry(document).or_insert_with(|| {
            Arc::new(Entry { users: AtomicUsize::new(0), room: OnceCell::new() })
        });
        slot.users.fetch_add(1, Ordering::AcqRel);
        RoomRef {
            document,
            entry: Arc::clone(&slot),
            open: Arc::clone(&self.open),
            input: Arc::clone(&self.input),
        }
    }
}

/// Takes a room out of the registry when its task ends, however it ends: after a panic the next
/// who asks gets a fresh room from the log, not a dead one for ever.
struct Ended {
    document: DocumentId,
    entry: Weak<Entry>,
    open: Arc<DashMap<DocumentId, Arc<Entry>>>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.open.remove_if(&self.document, |_, entry| {
            std::ptr::eq(Arc::as_ptr(entry), self.entry.as_ptr())
        });
    }
}

impl RoomRef {
    /// How many hold this room open: its connections, and whoever works on it just now.
    #[must_use]
    pub fn users(&self) -> usize {
        self.entry.users.load(Ordering::Acquire)
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> DocumentId {
        self.document
    }

    /// The room's recent frames.
    #[must_use]
    pub fn fanout(&self) -> &Fanout {
        &self.handle().fanout
    }

    /// Whether the document was damaged when it was opened, and is read-only for everybody.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.handle().damaged
    }

    /// Announces a connection.
    ///
    /// # Errors
    /// [`RoomEnded`]
    pub async fn connect(
        &self,
        id: ConnectionId,
        member: Member,
        outbox: Arc<Outbox>,
    ) -> Result<(), RoomEnded> {
        self.tell(Input::Connect(id, member, outbox)).await
    }

    /// Hands a frame over; waits while the server's memory for input is taken.
    ///
    /// # Errors
    /// [`RoomEnded`]
    pub async fn frame(&self, from: ConnectionId, frame: Bytes) -> Result<(), RoomEnded> {
        let permit = self.permit(frame.len()).await?;
        self.tell(Input::Frame(from, frame, permit)).await
    }

    /// Changes what a connection may do.
    ///
    /// # Errors
    /// [`RoomEnded`]
    pub async fn set_permission(
        &self,
        id: ConnectionId,
        permission: Permission,
    ) -> Result<(), RoomEnded> {
        self.tell(Input::Permit(id, permission)).await
    }

    /// Announces that a connection has gone.
    ///
    /// # Errors
    /// [`RoomEnded`]
    pub async fn disconnect(&self, id: ConnectionId) -> Result<(), RoomEnded> {
        self.tell(Input::Disconnect(id)).await
    }

    /// Makes an edit as the server; returns when it is on disk.
    ///
    /// # Errors
    /// The refusal; [`RefusalCode::Unavailable`] where it may be tried again.
    pub async fn write(&self, edit: Edit) -> Result<u64, RefusalCode> {
        self.write_as(Author::Server, edit).await
    }

    /// Makes an edit as the server, which the log keeps under this name; returns when it is on disk.
    ///
    /// # Errors
    /// The refusal; [`RefusalCode::Unavailable`] where it may be tried again.
    pub async fn write_as(&self, author: Author, edit: Edit) -> Result<u64, RefusalCode> {
        let (answer, answered) = oneshot::channel();
        let sent = self.tell(Input::Write(author, edit, answer)).await;
        sent.map_err(|RoomEnded| RefusalCode::Unavailable)?;
        answered.await.unwrap_or(Err(RefusalCode::Unavailable))
    }

    /// Reads the document inside the room.
    ///
    /// # Errors
    /// [`RoomEnded`]
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&yrs::Doc) -> T + Send + 'static,
    ) -> Result<T, RoomEnded> {
        let (answer, answered) = oneshot::channel();
        let read = Box::new(move |doc: &yrs::Doc| {
            // Whoever asked may have gone: then nobody minds.
            drop(answer.send(read(doc)));
        });
        self.tell(Input::Read(read)).await?;
        answered.await.map_err(|_| RoomEnded)
    }

    async fn tell(&self, input: Input) -> Result<(), RoomEnded> {
        self.handle().inbox.send(input).await.map_err(|_| RoomEnded)
    }

    async fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, RoomEnded> {
        let bytes = u32::try_from(bytes.clamp(64, limits::INPUT_BYTES_MAX)).unwrap_or(u32::MAX);
        Arc::clone(&self.input).acquire_many_owned(bytes).await.map_err(|_| RoomEnded)
    }

    fn handle(&self) -> &Handle {
        self.entry.room.get().expect("a RoomRef is handed out after the room has opened")
    }
}

impl Drop for RoomRef {
    fn drop(&mut self) {
        let last = self.entry.users.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && !self.entry.room.initialized() {
            // It never opened; do not keep its name for ever.
            self.open.remove_if(&self.document, |_, entry| {
                entry.users.load(Ordering::Acquire) == 0 && !entry.room.initialized()
            });
        }
    }
}
