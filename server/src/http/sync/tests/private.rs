//! Private documents over real sockets: role × message × whose. Nothing makes such documents yet,
//! so the test tells the directory of one.

use crate::app;
use crate::config::{Config, LogFormat};
use crate::event::file::EventFile;
use crate::event::{DocumentInfo, Newcomer};
use crate::http::{Api, router};
use crate::lifecycle;
use crate::sync::frame;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sangam_shared::ids::{DocumentId, PersonId};
use sangam_shared::message::close;
use sangam_shared::role::Role;
use sangam_shared::schema::DocumentKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;
use yrs::{Doc, Map, MapPrelim, ReadTxn, StateVector, Text, TextPrelim, TextRef, Transact};

const PATIENCE: Duration = Duration::from_secs(10);
const ACK: u8 = 121;
const REFUSED: u8 = 122;

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(address: &str, document: DocumentId, token: &str) -> Self {
        let url = format!("ws://{address}/sync/{document}?token={token}");
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "sangam.1".parse().unwrap());
        Self(tokio_tungstenite::connect_async(request).await.unwrap().0)
    }

    async fn send(&mut self, frame: &[u8]) {
        self.0.send(Message::Binary(Bytes::copy_from_slice(frame))).await.unwrap();
    }

    /// The next frame, or the code that it was closed with.
    async fn hear(&mut self) -> Result<Bytes, u16> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("silence") {
                Some(Ok(Message::Binary(frame))) => return Ok(frame),
                Some(Ok(Message::Close(why))) => return Err(why.map_or(1005, |w| w.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// Reads until a frame begins like this.
    async fn until(&mut self, begins: &[u8]) -> Result<Bytes, u16> {
        loop {
            let frame = self.hear().await?;
            if frame.starts_with(begins) {
                return Ok(frame);
            }
        }
    }
}

struct Server {
    api: Arc<Api>,
    address: String,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.path().to_owned(),
            public_url: None,
            log_format: LogFormat::Text,
        };
        let api = app::open(&config).await.unwrap();
        let demo =
            EventFile::parse(include_str!("../../../../demo/infra-structures.toml")).unwrap();
        api.events.create(&demo).await.unwrap();
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let routes = router(Arc::clone(&api));
        tokio::spawn(lifecycle::run(Arc::clone(&api), routes, listener, std::future::pending()));
        Self { api, address, _folder: folder }
    }

    fn link(&self, role: Role) -> String {
        let event = self.api.events.by_slug("demo").unwrap();
        let links = self.api.events.links(event.id, "http://localhost");
        links.into_iter().find(|link| link.role == role).unwrap().token
    }

    /// Somebody with a session; a screen is nobody.
    async fn guest(&self, role: Role) -> (String, Option<PersonId>) {
        let newcomer = Newcomer {
            name: "Asha".to_owned(),
            organisation: None,
            site: None,
            language: "en".to_owned(),
            languages: Vec::new(),
        };
        let (secret, who) = self.api.events.join(&self.link(role), newcomer).await.unwrap();
        (secret, who.person)
    }

    fn private(&self, n: u128, owner: Option<PersonId>) -> DocumentId {
        let event = self.api.events.by_slug("demo").unwrap().id;
        let id = DocumentId(Uuid::from_u128(n));
        self.api.events.know(id, DocumentInfo { kind: DocumentKind::Private, event, owner });
        id
    }
}

fn draft(client: u64, root: &str) -> Vec<u8> {
    let doc = Doc::with_client_id(client);
    let drafts = doc.get_or_insert_map(root);
    let mut txn = doc.transact_mut();
    let row = drafts.insert(&mut txn, Uuid::from_u128(9).to_string(), MapPrelim::default());
    let text: TextRef = row.insert(&mut txn, "text", TextPrelim::new(""));
    text.push(&mut txn, "between me and myself");
    txn.encode_diff_v1(&StateVector::default())
}

/// Whether two frames say the same of a document.
async fn state(server: &Server, document: DocumentId) -> Vec<u8> {
    let room = server.api.rooms.open(document, DocumentKind::Private).await.unwrap();
    room.read(|doc| doc.transact().encode_diff_v1(&StateVector::default())).await.unwrap()
}

#[tokio::test]
async fn a_private_document_is_its_owners_alone() {
    let server = Server::start().await;
    let mut number = 0;
    for role in Role::ALL {
        let (token, person) = server.guest(role).await;
        let (_, somebody) = server.guest(Role::Organiser).await;
        for (owner, is_own) in [(person, person.is_some()), (somebody, false), (None, false)] {
            number += 1;
            let what = format!("{role:?}, own: {is_own}, number {number}");
            let document = server.private(number, owner);
            let mut socket = Socket::open(&server.address, document, &token).await;
            if !is_own {
                // Not even a greeting, whatever is sent first.
                assert_eq!(socket.until(&[]).await, Err(close::FORBIDDEN), "{what}");
                assert!(server.api.store.load(document, 0).await.unwrap().tail.is_empty());
                continue;
            }
            let hello = socket.hear().await.unwrap();
            assert!(String::from_utf8_lossy(&hello).contains("\"writable\":true"), "{what}");
            socket.send(&frame::sync_step_1(&[0])).await;
            socket.until(&[0, 1]).await.expect("the state");
            socket.until(&[0, 0]).await.expect("the question");
            // Sync step 2 and an update; what is no draft is refused and changes nothing.
            socket.send(&frame::sync_step_2(&draft(5, "drafts"))).await;
            assert_eq!(socket.until(&[ACK]).await.unwrap()[..], [ACK, 1], "{what}");
            let before = state(&server, document).await;
            socket.send(&frame::update(&draft(6, "ideas"))).await;
            let refused = socket.until(&[REFUSED]).await.unwrap();
            assert!(String::from_utf8_lossy(&refused).contains("\"schema\""), "{what}");
            assert_eq!(state(&server, document).await, before, "{what}");
            // Presence, and asking for it.
            socket.send(&[1, 6, 1, 7, 1, 2, b'{', b'}']).await;
            socket.until(&[1]).await.expect("presence");
            socket.send(&[3]).await;
            socket.until(&[1]).await.expect("presence again");
            // A second device of the same person reads it; the link's own token does not.
            let mut link = Socket::open(&server.address, document, &server.link(role)).await;
            assert_eq!(link.until(&[]).await, Err(close::FORBIDDEN), "{what}");
            let mut second = Socket::open(&server.address, document, &token).await;
            second.send(&frame::sync_step_1(&[0])).await;
            let told = second.until(&[0, 1]).await.unwrap();
            let words = b"between me and myself";
            assert!(told.windows(words.len()).any(|part| part == words), "{what}");
        }
    }
}
