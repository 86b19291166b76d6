//! The fallback, asked as a browser asks it: who may open, read and write a line.

use super::{LINE, NUMBER};
use crate::app;
use crate::config::{Config, LogFormat, PublicUrl};
use crate::event::audit::By;
use crate::event::file::EventFile;
use crate::http::{Api, router};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sangam_shared::limits;
use sangam_shared::message::{self, close};
use sangam_shared::role::Role;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

const ORIGIN: &str = "http://localhost:8080";
const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    api: Arc<Api>,
    router: Router,
    board: String,
    _folder: tempfile::TempDir,
}

/// How somebody asks.
#[derive(Clone, Copy)]
struct Asking<'a> {
    token: Option<&'a str>,
    origin: Option<&'a str>,
    line: &'a str,
    number: &'a str,
}

impl Server {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.path().to_owned(),
            public_url: Some(PublicUrl::parse(ORIGIN).unwrap()),
            log_format: LogFormat::Text,
        };
        let api = app::open(&config).await.unwrap();
        let demo = EventFile::parse(include_str!("../../../demo/infra-structures.toml")).unwrap();
        api.events.create(&demo).await.unwrap();
        let event = api.events.by_slug("demo").unwrap();
        let board = event.workshops[0].board.to_string();
        Self { router: router(Arc::clone(&api)), api, board, _folder: folder }
    }

    fn tokens(&self, role: Role) -> Vec<String> {
        let event = self.api.events.by_slug("demo").unwrap();
        let links = self.api.events.links(event.id, ORIGIN);
        links.into_iter().filter(|link| link.role == role).map(|link| link.token).collect()
    }

    async fn ask(&self, method: Method, path: &str, asking: Asking<'_>, body: Body) -> Response {
        let mut request =
            Request::builder().method(method).uri(format!("/sync/{}/{path}", self.board));
        if let Some(token) = asking.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(origin) = asking.origin {
            request = request.header(header::ORIGIN, origin);
        }
        let request = request.header(LINE, asking.line).header(NUMBER, asking.number);
        let answer = self.router.clone().oneshot(request.body(body).unwrap());
        timeout(PATIENCE, answer).await.unwrap().unwrap()
    }

    /// Opens a line and returns its secret.
    async fn open(&self, asking: Asking<'_>) -> String {
        let answer = self.ask(Method::POST, "events", asking, Body::empty()).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body = to_bytes(answer.into_body(), 1_000).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        json["line"].as_str().unwrap().to_owned()
    }

    async fn next(&self, after: u64, asking: Asking<'_>) -> Vec<Bytes> {
        let path = format!("events?after={after}");
        let answer = self.ask(Method::GET, &path, asking, Body::empty()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store, no-transform");
        let body = to_bytes(answer.into_body(), 32 << 20).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        if text.starts_with("event: close") {
            return data.map(|code| Bytes::copy_from_slice(code.as_bytes())).collect();
        }
        data.map(|frame| STANDARD.decode(frame).unwrap().into()).collect()
    }
}

fn asking(token: &str) -> Asking<'_> {
    Asking { token: Some(token), origin: Some(ORIGIN), line: "", number: "0" }
}

fn body(frames: &[&[u8]]) -> Body {
    let mut body = Vec::new();
    for frame in frames {
        body.push(u8::try_from(frame.len()).unwrap());
        body.extend_from_slice(frame);
    }
    body.into()
}

const STEP_1: &[u8] = &[0, 0, 1, 0];
const NOTHING_NEW: &[u8] = &[0, 2, 2, 0, 0];

#[tokio::test]
async fn the_same_frames_travel_by_requests() {
    let server = Server::new().await;
    let token = &server.tokens(Role::Participant)[0];
    let secret = server.open(asking(token)).await;
    let own = Asking { line: &secret, ..asking(token) };
    let hello = server.next(0, own).await;
    assert_eq!(hello[0][0], message::HELLO);
    let sent = body(&[STEP_1, NOTHING_NEW]);
    let answer = server.ask(Method::POST, "frames", own, sent).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let mut heard = Vec::new();
    for after in 1..10 {
        heard.extend(server.next(after, own).await.into_iter().map(|frame| frame.slice(..2)));
        if heard.iter().any(|frame| frame[0] == message::ACK) {
            break;
        }
    }
    // The state first, then the question, and the acknowledgement of what came after it.
    assert_eq!(heard[0][..], [message::SYNC, message::SYNC_STEP_2]);
    assert_eq!(heard[1][..], [message::SYNC, message::SYNC_STEP_1]);
    assert!(heard.contains(&Bytes::from_static(&[message::ACK, 1])), "{heard:?}");
    assert_eq!(server.api.lines.len(), 1);
    assert_eq!(server.api.sockets.len(), 1);
}

#[tokio::test]
async fn a_line_opens_for_those_who_may_read_and_for_our_own_pages() {
    let server = Server::new().await;
    let token = &server.tokens(Role::Participant)[0];
    for (asking, status) in [
        (Asking { token: None, ..asking(token) }, 401),
        (asking("AAAAAAAAAAAAAAAAAAAAAA"), 401),
        (Asking { origin: Some("https://evil.example"), ..asking(token) }, 403),
        (Asking { origin: Some("null"), ..asking(token) }, 403),
        (Asking { token: None, origin: None, ..asking(token) }, 403),
        (Asking { origin: None, ..asking(token) }, 201),
    ] {
        let answer = server.ask(Method::POST, "events", asking, Body::empty()).await;
        assert_eq!(answer.status(), status);
    }
    let elsewhere = Server { board: uuid::Uuid::nil().to_string(), ..server };
    let answer = elsewhere.ask(Method::POST, "events", asking(token), Body::empty()).await;
    assert_eq!(answer.status(), 404);
    elsewhere.api.draining.cancel();
    assert_eq!(elsewhere.api.lines.len(), 1);
}

#[tokio::test]
async fn somebody_elses_line_is_not_there() {
    let server = Server::new().await;
    let tokens = server.tokens(Role::Participant);
    let secret = server.open(asking(&tokens[0])).await;
    let thief = Asking { line: &secret, ..asking(&tokens[1]) };
    let guess = Asking { line: "AAAAAAAAAAAAAAAAAAAAAA", ..asking(&tokens[0]) };
    for asking in [thief, guess] {
        for (method, path) in [
            (Method::GET, "events"),
            (Method::GET, "events?after=0"),
            (Method::POST, "frames"),
            (Method::DELETE, "events"),
        ] {
            let answer = server.ask(method, path, asking, body(&[STEP_1])).await;
            assert_eq!(answer.status(), 404, "{path}");
        }
    }
    let own = Asking { line: &secret, ..asking(&tokens[0]) };
    assert_eq!(server.next(0, own).await[0][0], message::HELLO);
    let evil = Asking { origin: Some("https://evil.example"), ..own };
    for (method, path) in
        [(Method::GET, "events"), (Method::POST, "frames"), (Method::DELETE, "events")]
    {
        let answer = server.ask(method, path, evil, body(&[STEP_1])).await;
        assert_eq!(answer.status(), 403, "{path}");
    }
}

#[tokio::test]
async fn a_request_out_of_order_or_too_large_ends_the_line() {
    let server = Server::new().await;
    let token = &server.tokens(Role::Participant)[0];
    let large = limits::FALLBACK_BODY_BYTES_MAX + 1;
    for (number, sent) in [
        ("1", body(&[STEP_1])),
        ("zero", body(&[STEP_1])),
        ("0", Body::from(vec![9, 1])),
        ("0", Body::from(vec![0; large])),
    ] {
        let secret = server.open(asking(token)).await;
        let own = Asking { line: &secret, number, ..asking(token) };
        let answer = server.ask(Method::POST, "frames", own, sent).await;
        assert_eq!(answer.status(), 410, "{number}");
        let answer = server.ask(Method::POST, "frames", own, Body::empty()).await;
        assert_eq!(answer.status(), 404, "the line goes on after {number}");
    }
    let settled = async {
        while !server.api.sockets.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, settled).await.unwrap();
}

#[tokio::test]
async fn a_malformed_frame_closes_with_its_code_as_on_a_socket() {
    let server = Server::new().await;
    let token = &server.tokens(Role::Participant)[0];
    let secret = server.open(asking(token)).await;
    let own = Asking { line: &secret, ..asking(token) };
    server.next(0, own).await;
    let answer = server.ask(Method::POST, "frames", own, body(&[&[200, 1]])).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(server.next(1, own).await, [Bytes::from(close::MALFORMED.to_string())]);
}

#[tokio::test]
async fn a_line_that_is_given_back_is_gone_at_once() {
    let server = Server::new().await;
    let token = &server.tokens(Role::Participant)[0];
    let secret = server.open(asking(token)).await;
    let own = Asking { line: &secret, ..asking(token) };
    let answer = server.ask(Method::DELETE, "events", own, Body::empty()).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let gone = async {
        while !server.api.sockets.is_empty() || !server.api.lines.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
}

#[tokio::test]
async fn a_draining_server_says_so_and_ends_the_stream() {
    let server = Server::new().await;
    let token = &server.tokens(Role::Screen)[0];
    let secret = server.open(asking(token)).await;
    let own = Asking { line: &secret, ..asking(token) };
    let answer = server.ask(Method::GET, "events", own, Body::empty()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    server.api.draining.cancel();
    let body = timeout(PATIENCE, to_bytes(answer.into_body(), 1 << 20)).await.unwrap().unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.starts_with(": "), "no blanks");
    assert!(text.ends_with("event: close\ndata: 1012\n\n"), "{}", text.trim_start());
    let answer = server.ask(Method::POST, "events", asking(token), Body::empty()).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_line_ends_when_its_link_is_taken_back() {
    let server = Server::new().await;
    let event = server.api.events.by_slug("demo").unwrap();
    let token = &server.tokens(Role::Participant)[0];
    let link = server.api.events.principal(token).unwrap().link;
    let secret = server.open(asking(token)).await;
    let own = Asking { line: &secret, ..asking(token) };
    let answer = server.ask(Method::GET, "events", own, Body::empty()).await;
    server.api.events.revoke(event.id, By::Operator, link).await.unwrap();
    let body = timeout(PATIENCE, to_bytes(answer.into_body(), 1 << 20)).await.unwrap().unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    let farewell = format!("event: close\ndata: {}\n\n", close::UNAUTHORIZED);
    assert!(text.ends_with(&farewell), "{}", text.trim_start());
    let answer = server.ask(Method::POST, "frames", own, self::body(&[STEP_1])).await;
    assert_eq!(answer.status(), 401);
}
