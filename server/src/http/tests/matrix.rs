//! Every address against everybody: each role's session and token, and those that open nothing here:
//! another event's, an expired one, one that was taken back, none. The addresses come from the list
//! that the router is built from: a new one fails here until its answers are written down.

use super::*;
use crate::event::Wanted;
use crate::event::audit::By;
use crate::event::board::read_board;
use crate::http::routes::{self, Kind};
use sangam_shared::ids::{LinkId, PlanId};
use sangam_shared::message::close;
use sangam_shared::schema::DocumentKind;
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yrs::Transact;

/// Who gets through.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Whoever asks: nothing here is anybody's, or the body carries the capability.
    Anybody,
    /// The same, where nothing is configured that could answer.
    Nowhere,
    /// The same, and everybody is sent on to a page.
    Sent,
    /// Whoever has a session, of whichever event: it is about themselves.
    Oneself,
    /// These roles of this event: screen, participant, facilitator, organiser; `-` is no.
    Roles(&'static str),
    /// The same, for people: a machine with a link's token is none.
    People(&'static str),
}
use Rule::{Anybody, Nowhere, Oneself, People, Roles, Sent};

pub(super) type Ask = fn(&World) -> (String, Value);

/// The answers that are expected: which address, asked how, is open to whom.
pub(super) const EXPECTED: &[(&str, Ask, Rule)] = &[
    ("POST /api/v1/links/inspect", |w| at("/links/inspect", json!({ "token": w.token })), Anybody),
    (
        "POST /api/v1/sessions",
        |w| at("/sessions", json!({ "token": w.token, "language": "fr", "name": "Zoé" })),
        Anybody,
    ),
    (
        "POST /api/v1/sessions/resume",
        |w| at("/sessions/resume", json!({ "code": w.code })),
        Anybody,
    ),
    ("POST /api/v1/session/code", |_| at("/session/code", Value::Null), People("-pfo")),
    (
        "PUT /api/v1/session/person",
        |w| at("/session/person", json!({ "person": w.oneself })),
        People("-pfo"),
    ),
    (
        "POST /api/v1/session/people",
        |_| at("/session/people", json!({ "name": "Zoé", "language": "fr" })),
        People("-p--"),
    ),
    ("POST /api/v1/screens", |_| at("/screens", Value::Null), Anybody),
    (
        "POST /api/v1/screens/claim",
        |w| at("/screens/claim", json!({ "secret": w.secret })),
        Anybody,
    ),
    (
        "POST /api/v1/events/{slug}/people/{person}/removal",
        |w| at(&format!("/events/demo/people/{}/removal", w.person), Value::Null),
        Roles("--fo"),
    ),
    (
        "POST /api/v1/events/{slug}/people/{person}/admission",
        |w| at(&format!("/events/demo/people/{}/admission", w.person), Value::Null),
        Roles("--fo"),
    ),
    (
        "PUT /api/v1/events/{slug}/people/{person}/writing",
        |w| at(&format!("/events/demo/people/{}/writing", w.person), json!({ "hidden": true })),
        Roles("--fo"),
    ),
    ("GET /api/v1/events/{slug}/door", |_| at("/events/demo/door", Value::Null), Roles("--fo")),
    (
        "PUT /api/v1/events/{slug}/door",
        |_| at("/events/demo/door", json!({ "locked": false })),
        Roles("--fo"),
    ),
    (
        "POST /api/v1/events/{slug}/screens",
        |w| at("/events/demo/screens", json!({ "code": w.screen, "site": "paris" })),
        Roles("--fo"),
    ),
    ("GET /api/v1/events/{slug}/links", |_| at("/events/demo/links", Value::Null), Roles("---o")),
    (
        "POST /api/v1/events/{slug}/links",
        |_| at("/events/demo/links", json!({ "role": "participant", "site": "paris" })),
        Roles("---o"),
    ),
    (
        "DELETE /api/v1/events/{slug}/links/{link}",
        |w| at(&format!("/events/demo/links/{}", w.link), Value::Null),
        Roles("---o"),
    ),
    (
        "POST /api/v1/events/{slug}/links/{link}/reissue",
        |w| at(&format!("/events/demo/links/{}/reissue", w.link), Value::Null),
        Roles("---o"),
    ),
    ("GET /api/v1/session", |_| at("/session", Value::Null), Oneself),
    ("DELETE /api/v1/session", |_| at("/session", Value::Null), Oneself),
    ("GET /api/v1/events/{slug}", |_| at("/events/demo", Value::Null), Roles("spfo")),
    ("GET /api/v1/events/{slug}/sign-in", |_| at("/events/demo/sign-in", Value::Null), Nowhere),
    ("GET /api/v1/sign-in/callback", |_| at("/sign-in/callback", Value::Null), Sent),
    ("GET /api/v1/events/{slug}/people", |_| at("/events/demo/people", Value::Null), Roles("spfo")),
    (
        "GET /api/v1/events/{slug}/boards/{number}/history",
        |_| at("/events/demo/boards/1/history", Value::Null),
        Roles("-pfo"),
    ),
    (
        "GET /api/v1/events/{slug}/boards/{number}/history/board",
        |_| at("/events/demo/boards/1/history/board?sequence=1", Value::Null),
        Roles("-pfo"),
    ),
    (
        "POST /api/v1/events/{slug}/boards/{number}/history/restore",
        |w| {
            let key = w.server.api.chance.uuid();
            at("/events/demo/boards/1/history/restore", json!({ "key": key, "sequence": 1 }))
        },
        Roles("--fo"),
    ),
    (
        "PUT /api/v1/events/{slug}/plans/{plan}/acceptance",
        |w| at(&format!("/events/demo/plans/{}/acceptance", w.plan), json!({ "board": w.board })),
        Roles("--fo"),
    ),
    (
        "DELETE /api/v1/events/{slug}/plans/{plan}/acceptance",
        |w| at(&format!("/events/demo/plans/{}/acceptance", w.plan), json!({ "board": w.board })),
        Roles("--fo"),
    ),
    (
        "GET /api/v1/events/{slug}/export",
        |_| at("/events/demo/export?format=md", Value::Null),
        Roles("--fo"),
    ),
    (
        "POST /api/v1/events/{slug}/boards/{number}/erasure",
        |_| at("/events/demo/boards/1/erasure", json!({ "items": [] })),
        Roles("--fo"),
    ),
    (
        "DELETE /api/v1/events/{slug}/people/{person}",
        |w| at(&format!("/events/demo/people/{}", w.person), Value::Null),
        Roles("---o"),
    ),
    (
        "GET /api/v1/events/{slug}/people/{person}/data",
        |w| at(&format!("/events/demo/people/{}/data", w.person), Value::Null),
        Roles("---o"),
    ),
    (
        "DELETE /api/v1/events/{slug}/people/{person}/name",
        |w| at(&format!("/events/demo/people/{}/name", w.person), Value::Null),
        Roles("---o"),
    ),
    ("GET /api/v1/events/{slug}/audit", |_| at("/events/demo/audit", Value::Null), Roles("---o")),
    (
        "GET /api/v1/event-export.schema.json",
        |_| at("/event-export.schema.json", Value::Null),
        Anybody,
    ),
    ("GET /api/v1/time", |_| at("/time", Value::Null), Anybody),
    ("GET /healthz", |_| ("/healthz".into(), Value::Null), Anybody),
    ("GET /readyz", |_| ("/readyz".into(), Value::Null), Anybody),
    ("GET /sync/{document}", |w| (format!("/sync/{}", w.board), Value::Null), Roles("spfo")),
    (
        "POST /sync/{document}/events",
        |w| (format!("/sync/{}/events", w.board), Value::Null),
        Roles("spfo"),
    ),
    (
        "GET /sync/{document}/events",
        |w| (format!("/sync/{}/events?after=0", w.board), Value::Null),
        Roles("spfo"),
    ),
    (
        "DELETE /sync/{document}/events",
        |w| (format!("/sync/{}/events", w.board), Value::Null),
        Roles("spfo"),
    ),
    (
        "POST /sync/{document}/frames",
        |w| (format!("/sync/{}/frames", w.board), Value::Null),
        Roles("spfo"),
    ),
];

fn at(path: &str, body: Value) -> (String, Value) {
    (format!("/api/v1{path}"), body)
}

/// Whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// A browser that came in by a link of this role.
    Browser(Role),
    /// A machine that sends the link's token.
    Machine(Role),
    /// An organiser of another event.
    Foreign,
    /// An organiser whose link has expired.
    Expired,
    /// An organiser whose link was taken back.
    Revoked,
    Nobody,
}

impl Who {
    fn all() -> Vec<Self> {
        let roles = Role::ALL.into_iter();
        let mut all: Vec<_> = roles.flat_map(|r| [Self::Browser(r), Self::Machine(r)]).collect();
        all.extend([Self::Foreign, Self::Expired, Self::Revoked, Self::Nobody]);
        all
    }

    /// What they are told: "yes", or the code of the refusal.
    fn expected(self, rule: Rule, live: bool) -> &'static str {
        let here = |allowed: &str, role: Role| match allowed.as_bytes()[role as usize] {
            b'-' => "forbidden",
            _ => "yes",
        };
        match (rule, self) {
            (Nowhere, _) => "not_found",
            (Sent, _) => "303 See Other",
            (Anybody, _) | (Oneself, Self::Browser(_) | Self::Machine(_) | Self::Foreign) => "yes",
            (Roles(allowed), Self::Browser(as_role) | Self::Machine(as_role))
            | (People(allowed), Self::Browser(as_role)) => here(allowed, as_role),
            (People(_), Self::Machine(_)) | (Roles(_) | People(_), Self::Foreign) => "forbidden",
            (_, Self::Nobody) => "no_session",
            (_, Self::Expired | Self::Revoked) if live => "no_session",
            (_, Self::Expired) => "link_expired",
            (_, Self::Revoked) => "link_revoked",
        }
    }
}

pub(super) struct World {
    server: Server,
    board: String,
    plan: PlanId,
    /// A participant's link.
    token: String,
    /// A link that may be taken back.
    link: LinkId,
    /// Somebody who may be sent out, and the code that they show for another device.
    person: String,
    code: String,
    /// Whoever asks, where they are somebody.
    oneself: Value,
    /// The code that a screen shows; and the secret of one that was paired.
    screen: String,
    secret: String,
}

impl World {
    pub(super) async fn new() -> Self {
        let server = Server::new().await;
        let other = DEMO.replacen("slug = \"demo\"", "slug = \"other\"", 1);
        server.api.events.create(&EventFile::parse(&other).unwrap()).await.unwrap();
        let board = server.api.events.by_slug("demo").unwrap().workshops[0].board;
        let room = server.api.rooms.open(board, DocumentKind::Board).await.unwrap();
        let plan = room.read(|doc| read_board(&doc.transact()).plans[0].id).await.unwrap();
        let token = server.token(Role::Participant);
        let link = LinkId(Uuid::nil());
        Self {
            server,
            board: board.to_string(),
            plan,
            token,
            link,
            person: String::new(),
            code: String::new(),
            oneself: Value::Null,
            screen: String::new(),
            secret: String::new(),
        }
    }

    /// What the next request may use up.
    pub(super) async fn renew(&mut self) {
        let (link, _) = self.issue(Role::Participant, None).await;
        self.link = link;
        let api = Arc::clone(&self.server.api);
        let joined = self.server.join(Role::Participant).await;
        joined.json["person"]["id"].as_str().unwrap().clone_into(&mut self.person);
        self.oneself = json!(self.person);
        let who = api.events.principal(&joined.secret()).unwrap();
        self.code = api.events.resume_code(&who).unwrap().0;
        self.screen = api.events.screen_code().unwrap().code;
        let paired = api.events.screen_code().unwrap();
        let site = who.site.unwrap();
        api.events.pair_screen(who.event, By::Operator, &paired.code, site, None).await.unwrap();
        self.secret = paired.secret;
    }

    async fn issue(&self, role: Role, expires_at_ms: Option<u64>) -> (LinkId, String) {
        let event = self.server.api.events.by_slug("demo").unwrap();
        let site = Some(event.sites[0].key.clone());
        let wanted = Wanted { role, site, label: None, expires_at_ms, single_use: false };
        let (link, token) =
            self.server.api.events.issue(event.id, By::Operator, wanted).await.unwrap();
        (link.id, token)
    }

    /// The headers with which somebody asks.
    pub(super) async fn headers(&self, who: Who) -> Vec<(&'static str, String)> {
        let api = &self.server.api;
        let bearer = |token: String| vec![("authorization", format!("Bearer {token}"))];
        match who {
            Who::Nobody => vec![("origin", ORIGIN.into())],
            Who::Browser(role) => {
                let secret = self.server.join(role).await.secret();
                vec![("cookie", format!("sangam_session={secret}")), ("origin", ORIGIN.into())]
            }
            Who::Machine(role) => bearer(self.server.token(role)),
            Who::Foreign => {
                let other = api.events.by_slug("other").unwrap();
                bearer(api.events.links(other.id, ORIGIN).remove(0).token)
            }
            Who::Expired => {
                let soon = api.clock.now_ms() + 5;
                let (_, token) = self.issue(Role::Organiser, Some(soon)).await;
                while api.clock.now_ms() <= soon {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                bearer(token)
            }
            Who::Revoked => {
                let (link, token) = self.issue(Role::Organiser, None).await;
                let event = api.events.by_slug("demo").unwrap();
                api.events.revoke(event.id, By::Operator, link).await.unwrap();
                bearer(token)
            }
        }
    }

    /// "yes", or the code of the refusal.
    async fn told(&self, method: &Method, path: &str, body: &Value, who: Who) -> String {
        let (mut headers, mut body) = (self.headers(who).await, body.clone());
        if body.get("person").is_some() {
            // Whoever asks is whom they name, where they are somebody.
            let own = self.send(&Method::GET, "/api/v1/session", &Value::Null, &headers).await;
            let id = own.json["person"]["id"].as_str().unwrap_or(&self.person);
            body["person"] = id.into();
        }
        let body = &body;
        if path.starts_with("/sync/") && !path.ends_with("/events") {
            // A line of their own, where they get one.
            let open = format!("/sync/{}/events", self.board);
            let line = self.send(&Method::POST, &open, &Value::Null, &headers).await;
            let line = line.json["line"].as_str().unwrap_or("none").to_owned();
            headers.extend([("sangam-line", line), ("sangam-number", "0".to_owned())]);
        }
        if path.starts_with("/sync/") && method == Method::DELETE {
            let open = path.to_owned();
            let line = self.send(&Method::POST, &open, &Value::Null, &headers).await;
            let line = line.json["line"].as_str().unwrap_or("none").to_owned();
            headers.push(("sangam-line", line));
        }
        if method == Method::GET && path == format!("/sync/{}", self.board) {
            return self.upgraded(path, &headers).await;
        }
        let answer = self.send(method, path, body, &headers).await;
        if answer.status.is_success() {
            return "yes".to_owned();
        }
        answer.json["code"].as_str().map_or_else(|| answer.status.to_string(), str::to_owned)
    }

    pub(super) async fn send(
        &self,
        method: &Method,
        path: &str,
        body: &Value,
        headers: &[(&'static str, String)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        let response =
            self.server.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 32 << 20).await.unwrap();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, json }
    }

    /// A `WebSocket` by hand: the first frame that comes back says whether they are in.
    async fn upgraded(&self, path: &str, headers: &[(&'static str, String)]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.server.router.clone();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: sangam.1\r\n"
        );
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let told = if head.starts_with(b"HTTP/1.1 101") {
            let mut frame = [0; 4];
            stream.read_exact(&mut frame).await.unwrap();
            match (frame[0] & 0x0f, u16::from_be_bytes([frame[2], frame[3]])) {
                (8, close::UNAUTHORIZED) => "no_session",
                (8, close::FORBIDDEN) => "forbidden",
                (2, _) => "yes",
                _ => "something else",
            }
        } else {
            "no upgrade"
        };
        serving.abort();
        told.to_owned()
    }
}

#[tokio::test]
async fn every_address_is_listed_with_its_answers() {
    let known: BTreeSet<&str> = EXPECTED.iter().map(|(route, ..)| *route).collect();
    assert_eq!(known.len(), EXPECTED.len(), "something is listed twice");
    let served: BTreeSet<String> =
        routes::all().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    for route in &served {
        assert!(known.contains(route.as_str()), "{route}: who may ask this? Write it down here");
    }
    for route in known {
        assert!(served.contains(route), "{route} is no more");
    }
}

#[tokio::test]
async fn every_address_answers_everybody_as_listed() {
    let mut wrong = Vec::new();
    for route in routes::all() {
        let mut world = World::new().await;
        let name = format!("{} {}", route.method, route.path);
        let Some((_, ask, rule)) = EXPECTED.iter().find(|(known, ..)| *known == name) else {
            continue;
        };
        for who in Who::all() {
            world.renew().await;
            let (path, body) = ask(&world);
            let told = world.told(&route.method, &path, &body, who).await;
            let expected = who.expected(*rule, route.kind == Kind::Live);
            if told != expected {
                wrong.push(format!("{name}, {who:?}: expected {expected}, was told {told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whatever changes something is refused to another site's page, whoever answers, before anything
/// else is looked at.
#[tokio::test]
async fn no_address_that_changes_something_answers_another_sites_page() {
    let mut world = World::new().await;
    world.renew().await;
    let secret = world.server.join(Role::Organiser).await.secret();
    let cookie = ("cookie", format!("sangam_session={secret}"));
    for route in routes::all().iter().filter(|route| !route.method.is_safe()) {
        let name = format!("{} {}", route.method, route.path);
        let Some((_, ask, _)) = EXPECTED.iter().find(|(known, ..)| *known == name) else {
            continue;
        };
        let (path, body) = ask(&world);
        for origin in ["https://evil.example", "null", "http://localhost:8080.evil.example"] {
            let headers = [cookie.clone(), ("origin", origin.to_owned())];
            let answer = world.send(&route.method, &path, &body, &headers).await;
            assert_eq!(answer.json["code"], "foreign_origin", "{name} from {origin}");
        }
        let answer = world.send(&route.method, &path, &body, std::slice::from_ref(&cookie)).await;
        assert_eq!(answer.json["code"], "foreign_origin", "{name} without an origin");
    }
}
