//! Every limit, once. The server enforces them; the web reads them from `schema.gen.ts`.

/// Characters of a [`crate::ids::Key`].
pub const KEY_CHARS_MAX: usize = 40;

/// Bytes of one message before the connection is authorised.
pub const MESSAGE_BYTES_BEFORE_AUTH_MAX: usize = 4 * 1024;
/// Bytes of one message on an authorised connection.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Milliseconds to present a token after connecting.
pub const AUTH_TIMEOUT_MS: u64 = 5_000;
/// Milliseconds to wait for a peer to answer our close.
pub const CLOSE_TIMEOUT_MS: u64 = 1_000;
/// Milliseconds that one write to a socket may take before the peer is closed, however little
/// there is to write.
pub const WRITE_TIMEOUT_MS: u64 = 10_000;
/// Bytes per second that a peer must read, so that a slow phone may take its time for a large board.
pub const WRITE_BYTES_PER_SECOND_MIN: usize = 16 * 1024;
/// Milliseconds without any frame before the server sends an (empty) presence frame:
/// y-websocket reconnects when it hears nothing for 30 s.
pub const KEEPALIVE_INTERVAL_MS: u64 = 12_000;
/// Milliseconds without any frame or pong from a peer before it is closed.
pub const PEER_SILENCE_MS_MAX: u64 = 75_000;

/// Bytes of one request that carries frames up, where `WebSocket` is blocked: one message of the
/// largest size and its length.
pub const FALLBACK_BODY_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 16;
/// Milliseconds that such a request may take to arrive.
pub const FALLBACK_BODY_MS: u64 = 30_000;
/// Bytes of blanks that open a stream down, because some proxies hold back the first few kilobytes.
pub const FALLBACK_PADDING_BYTES: usize = 2 * 1024;

/// Bytes of one document's encoded state.
pub const DOCUMENT_BYTES_MAX: usize = 24 * 1024 * 1024;
/// Bytes of input that may wait in all rooms together, before their sockets stop reading.
pub const INPUT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes that may wait for one connection alone; more, and it is closed and resyncs.
/// Room for one whole document.
pub const OUTBOX_BYTES_MAX: usize = DOCUMENT_BYTES_MAX + 8 * 1024 * 1024;
/// Inputs that may wait in a room's inbox before its sockets stop reading.
pub const ROOM_INBOX_MAX: usize = 1_024;
/// Deltas that a room keeps for readers that lag. A reader further behind is closed and resyncs.
pub const DELTA_LOG_LEN_MAX: usize = 1_024;
/// Bytes of those deltas.
pub const DELTA_LOG_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Connections of one room.
pub const CONNECTIONS_PER_ROOM_MAX: usize = 1_000;
/// Connections of one server.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Sync messages that one connection may send per second, sustained.
pub const MESSAGES_PER_SECOND_MAX: u32 = 200;
/// Sync messages that one connection may send at once, above the sustained rate.
pub const MESSAGES_BURST_MAX: u32 = 2_000;
/// Milliseconds without a reader before a room is unloaded.
pub const ROOM_IDLE_MS: u64 = 45_000;
/// Deltas in a document's log before it is compacted into a snapshot: some 20 ms to read back.
pub const COMPACT_AFTER_DELTAS: u64 = 2_000;
/// Deltas in a batch above which a room is busy, and puts that off.
pub const COMPACT_BUSY_DELTAS: usize = 4;
/// Milliseconds after such a batch until the room is calm again.
pub const COMPACT_CALM_MS: u64 = 1_000;
/// Deltas by which a busy room puts it off at most: a second to read back.
pub const COMPACT_PUT_OFF_DELTAS: u64 = 100_000;

/// Milliseconds by which a batch holds back the next one, for each edit in it after the first.
pub const BATCH_SPACING_PER_EDIT_MS: u64 = 2;
/// Milliseconds between the beginnings of two batches of a busy room.
pub const BATCH_SPACING_MS_MAX: u64 = 8;
/// Milliseconds that presence waits, where an edit is on its way, to share its write.
pub const PRESENCE_GRACE_MS: u64 = 50;

/// Bytes of one client's presence.
pub const PRESENCE_BYTES_MAX: usize = 1_024;
/// Milliseconds between two presence frames to the same reader.
pub const PRESENCE_INTERVAL_MS: u64 = 200;
/// Milliseconds after which presence that was not renewed is gone.
pub const PRESENCE_TIMEOUT_MS: u64 = 30_000;

/// Yjs client ids that may ever write to one document.
pub const CLIENTS_PER_DOCUMENT_MAX: usize = 20_000;
/// Yjs client ids that one person, or one machine's link, may claim in one document. Every page
/// that is opened is one.
pub const CLIENTS_PER_AUTHOR_MAX: usize = 2_000;
/// Structs of one document, merged as yrs merges them: each takes about 200 bytes of memory.
pub const STRUCTS_PER_DOCUMENT_MAX: usize = 300_000;
/// Steps that placing one update's structs among concurrent ones may take at the worst.
/// Yjs and yrs search a sequence from an item's left neighbour; a step takes some 75 ns.
pub const PLACING_STEPS_PER_UPDATE_MAX: u64 = 50_000_000;
/// Structs in one update.
pub const STRUCTS_PER_UPDATE_MAX: usize = 200_000;
/// Ranges in the delete set of one update.
pub const DELETE_RANGES_PER_UPDATE_MAX: usize = 200_000;
/// Nesting of an `Any` value or of shared types.
pub const DEPTH_MAX: usize = 16;
/// The largest clock of a client: Yjs counts in doubles, exact to 2^53; we stay far below.
pub const CLOCK_MAX: u64 = (1 << 31) - 1;

/// UTF-16 code units in one short text (title, name of a cluster).
pub const SHORT_TEXT_CHARS_MAX: usize = 300;
/// UTF-16 code units in one note.
pub const NOTE_CHARS_MAX: usize = 2_000;
/// UTF-16 code units in one long text (problem, description).
pub const LONG_TEXT_CHARS_MAX: usize = 10_000;
/// UTF-16 code units in the minutes.
pub const MINUTES_CHARS_MAX: usize = 200_000;
/// Bytes of one plain value (a date, a URL, a key).
pub const VALUE_BYTES_MAX: usize = 2_048;
/// Notes of one kind on one board.
pub const NOTES_PER_BOARD_MAX: usize = 2_000;
/// Clusters on one board.
pub const CLUSTERS_PER_BOARD_MAX: usize = 200;
/// Plans on one board.
pub const PLANS_PER_BOARD_MAX: usize = 100;
/// Rows of one list inside a plan (milestones, risks, evidence ...).
pub const ROWS_PER_PLAN_LIST_MAX: usize = 50;

/// Characters of a person's name.
pub const PERSON_NAME_CHARS_MAX: usize = 80;
/// Characters of an organisation's name.
pub const ORGANISATION_CHARS_MAX: usize = 120;
/// Bytes of an event file.
pub const EVENT_FILE_BYTES_MAX: usize = 1024 * 1024;
/// Sites of one event.
pub const SITES_MAX: usize = 20;
/// Public holidays of one site.
pub const HOLIDAYS_MAX: usize = 100;
/// Workshops of one event.
pub const WORKSHOPS_MAX: usize = 40;
/// Items of one programme.
pub const PROGRAMME_ITEMS_MAX: usize = 100;
/// Commons on one shelf.
pub const COMMONS_MAX: usize = 200;
/// People of one event, all roles: seats at most.
pub const PEOPLE_PER_EVENT_MAX: usize = 2_000;
/// People whom one event remembers, those too who were let in by a link that was taken back: several
/// floods may come and go before nobody new is taken.
pub const PEOPLE_KNOWN_PER_EVENT_MAX: usize = 10_000;
/// Links of one event, those that were taken back too.
pub const LINKS_PER_EVENT_MAX: usize = 2_000;
/// People who may be at one event at once, where its organiser says nothing.
pub const SEATS: usize = 1_000;
/// Seconds for which whoever waits at the door, or for a screen, waits before asking again.
pub const ASK_AGAIN_SECONDS: u64 = 2;
/// People who may come in by one link in a minute, and at once: a whole venue.
pub const JOINS_PER_LINK_PER_MINUTE_MAX: u32 = 600;
/// People who may come in by all links of a server in a minute, and at once.
pub const JOINS_PER_MINUTE_MAX: u32 = 1_500;
/// Characters of a code that is read from one screen and typed on another: 32^8 of them.
pub const CODE_CHARS: usize = 8;
/// Minutes for which such a code can be used.
pub const CODE_MINUTES: u64 = 10;
/// Codes that wait to be used, on one server.
pub const CODES_MAX: usize = 5_000;
/// Codes that may be wrong in a minute, and at once, all people's together: even where 5,000 wait,
/// guessing one takes seven weeks of trying, and a code lives for minutes.
pub const CODES_WRONG_PER_MINUTE_MAX: u32 = 3_000;
/// Screens that may ask for a code in a minute, and at once.
pub const SCREENS_PER_MINUTE_MAX: u32 = 120;
/// Milliseconds that the organisers' provider may take to answer.
pub const OIDC_TIMEOUT_MS: u64 = 10_000;
/// Sign-ins that wait for it at once.
pub const OIDC_AT_ONCE_MAX: usize = 8;
/// Bytes of what it may answer.
pub const OIDC_BYTES_MAX: u64 = 256 * 1024;
/// Minutes that somebody may take to sign in.
pub const OIDC_MINUTES: u64 = 15;
/// Seconds by which its clock and ours may differ.
pub const OIDC_LEEWAY_SECONDS: u64 = 60;
/// People who write on one device.
pub const PEOPLE_PER_DEVICE_MAX: usize = 12;
/// Languages that one person speaks.
pub const LANGUAGES_PER_PERSON_MAX: usize = 20;
/// Characters of what an organiser calls a link.
pub const LINK_LABEL_CHARS_MAX: usize = 80;
/// Sessions (devices) of one person. The oldest one ends where another one begins.
pub const SESSIONS_PER_PERSON_MAX: usize = 20;
/// Workshops that a person may rank.
pub const CHOICES_MAX: usize = 3;
/// Projects and sectors that a person may name.
pub const TAGS_PER_PERSON_MAX: usize = 5;
/// Characters of one of them.
pub const TAG_CHARS_MAX: usize = 30;
/// Of the tags that others use, so many are suggested, ...
pub const TAGS_SUGGESTED_MAX: usize = 12;
/// ... each used by so many people at least: a tag of one person could say who that is.
pub const TAG_SUGGESTED_USERS_MIN: usize = 2;
/// People on lists who have not come.
pub const INVITATIONS_MAX: usize = PEOPLE_PER_EVENT_MAX;
/// Bytes of a list of people and their wishes.
pub const GROUPS_IMPORT_BYTES_MAX: usize = 1024 * 1024;
/// Milliseconds that a proposal of groups may take; then the best one found so far counts.
pub const GROUPS_SOLVE_MS_MAX: u64 = 900;
/// Of these, what the linear programme may take.
pub const GROUPS_PROGRAMME_MS_MAX: u64 = 500;
/// Milliseconds during which a publication of groups can be taken back.
pub const GROUPS_UNDO_MS: u64 = 10_000;
/// Days that a session lasts.
pub const SESSION_DAYS: u64 = 30;
/// Bytes of an HTTP request's body.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Milliseconds that an HTTP request may take.
pub const REQUEST_TIMEOUT_MS: u64 = 30_000;
/// Milliseconds that a stopping server waits for its connections.
pub const DRAIN_MS: u64 = 5_000;

/// Milliseconds without a change after which somebody's next one starts a new entry of the history.
pub const HISTORY_PAUSE_MS: u64 = 60_000;
/// Milliseconds that one entry of the history spans.
pub const HISTORY_ENTRY_MS_MAX: u64 = 300_000;
/// Entries of one document's history; older ones are not listed.
pub const HISTORY_ENTRIES_MAX: usize = 20_000;
/// Entries in one page of the history.
pub const HISTORY_PAGE_MAX: usize = 100;
/// Deltas that are read from the store at once for the history.
pub const HISTORY_DELTAS_AT_ONCE: usize = 2_000;
/// Documents whose history is kept in memory.
pub const HISTORY_DOCUMENTS_MAX: usize = 8;
/// Boards of the past that are kept in memory.
pub const HISTORY_BOARDS_MAX: usize = 8;
/// Logs that are read for the history at once.
pub const HISTORY_READERS_MAX: usize = 2;
/// Milliseconds that reading a log for the history may take.
pub const HISTORY_READ_MS_MAX: u64 = 20_000;
/// Restores that are recorded for one event.
pub const RESTORES_PER_EVENT_MAX: usize = 2_000;
/// Milliseconds between a change on a board and its digest: changes within them are one.
pub const DIGEST_AFTER_MS: u64 = 300;
/// Exports that are made at once; others wait.
pub const EXPORTS_AT_ONCE_MAX: usize = 1;
/// Exports that may wait; more are told to come back.
pub const EXPORTS_WAITING_MAX: usize = 8;
/// Milliseconds that one export may wait and run.
pub const EXPORT_TIMEOUT_MS: u64 = 20_000;
/// Seconds after which somebody who was sent away may ask again.
pub const EXPORT_RETRY_SECONDS: u64 = 10;
/// Bytes of one exported file.
pub const EXPORT_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Turns that the clients of one update may take: each is applied and stored by itself.
pub const PIECES_PER_UPDATE_MAX: usize = 4_096;
/// Items that one request may erase.
pub const ERASED_ITEMS_MAX: usize = 500;
/// Ids that one entry of the audit log may name.
pub const AUDIT_ABOUT_MAX: usize = 50;
/// Kinds of refusals of one event that are told apart within a minute; more are one kind.
pub const AUDIT_REFUSALS_PER_MINUTE_MAX: usize = 20;
/// Milliseconds within which the same refusal again is counted, not written.
pub const AUDIT_REPEATS_MS: u64 = 60_000;
/// Milliseconds after which a refusal is written.
pub const AUDIT_FLUSH_MS: u64 = 1_000;
/// Entries of one event's audit log after which refusals are no longer written; acts are.
pub const AUDIT_ENTRIES_MAX: u64 = 1_000_000;
/// Entries of the audit log that are read at once.
pub const AUDIT_ENTRIES_AT_ONCE: usize = 5_000;

/// Requests that may wait for the store's writer.
pub const STORE_REQUESTS_MAX: usize = 4_096;
/// Requests in one commit.
pub const STORE_BATCH_MAX: usize = 1_024;
/// Connections that read the store at once.
pub const STORE_READERS_MAX: usize = 4;
/// Documents whose last sequence the writer remembers.
pub const STORE_HEADS_MAX: usize = 50_000;
/// Milliseconds that a commit waits for somebody else's lock on the database. Nobody takes one in
/// normal times; people must be told within two seconds.
pub const STORE_BUSY_MS_MAX: u64 = 1_000;
/// Milliseconds after a loss (a restored backup, a rebuilt file) for which devices may bring back
/// what others wrote: two weeks, for whoever comes back after a holiday.
pub const RECOVERING_MS: u64 = 14 * 24 * 60 * 60 * 1_000;
/// Milliseconds that somebody waits for an edit to be stored. A disk that takes longer may not
/// answer at all: people are told within two seconds, and what they wrote is offered again.
pub const STORE_ANSWER_MS_MAX: u64 = 1_500;
/// Milliseconds between two attempts to write to a store that failed.
pub const STORE_RETRY_MS: u64 = 500;

/// Bytes that are read from a socket at once, and kept for each: an edit and its presence.
/// tungstenite's default is 128 KiB a connection.
pub const READ_BUFFER_BYTES: usize = 1024;
/// Bytes of answers to pings that may wait for a peer that does not read; more, and it has gone.
pub const UNSENT_ANSWERS_BYTES_MAX: usize = 64 * 1024;
/// Bytes of frames that are copied together for one write; more are written piece by piece.
pub const WRITE_BUFFER_BYTES: usize = 16 * 1024;
