//! The API, asked as a client asks it, over a real data folder.

use crate::app;
use crate::config::{Config, LogFormat, PublicUrl};
use crate::event::audit::By;
use crate::event::file::EventFile;
use crate::http::{Api, router};
use crate::store::{Append, Author, Delta};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use sangam_shared::ids::PersonId;
use sangam_shared::limits::{self, REQUEST_BYTES_MAX};
use sangam_shared::role::Role;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;
use uuid::Uuid;

const DEMO: &str = include_str!("../../demo/infra-structures.toml");
const ORIGIN: &str = "http://localhost:8080";

struct Server {
    api: Arc<Api>,
    router: Router,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    json: Value,
}

impl Answer {
    fn problem(&self) -> (u16, &str, Option<&str>) {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.json["status"], self.status.as_u16());
        assert!(self.json["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        (self.status.as_u16(), self.json["code"].as_str().unwrap(), self.json["field"].as_str())
    }

    /// The session's secret in the answer's cookie.
    fn secret(&self) -> String {
        let cookie = self.headers[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().strip_prefix("sangam_session=").unwrap().to_owned()
    }
}

impl Server {
    async fn new() -> Self {
        Self::reached_at(ORIGIN).await
    }

    async fn reached_at(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.path().to_owned(),
            public_url: Some(PublicUrl::parse(url).unwrap()),
            log_format: LogFormat::Text,
        };
        let api = app::open(&config).await.unwrap();
        api.events.create(&EventFile::parse(DEMO).unwrap()).await.unwrap();
        Self { router: router(Arc::clone(&api)), api, _folder: folder }
    }

    fn token(&self, role: Role) -> String {
        let event = self.api.events.by_slug("demo").unwrap();
        let links = self.api.events.links(event.id, ORIGIN);
        links.into_iter().find(|link| link.role == role).unwrap().token
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store");
        Answer { status: parts.status, headers: parts.headers, json }
    }

    async fn get(&self, path: &str, bearer: Option<&str>) -> Answer {
        let mut request = Request::get(path);
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ORIGIN, ORIGIN)
            .body(Body::from(body.to_string()));
        self.send(request.unwrap()).await
    }

    async fn join(&self, role: Role) -> Answer {
        let body = json!({
            "token": self.token(role), "name": "Meera Rao", "organisation": "PHC",
            "language": "en", "languages": ["en", "kn"],
        });
        self.post("/api/v1/sessions", &body).await
    }
}

#[tokio::test]
async fn a_link_is_inspected_and_then_exchanged() {
    let server = Server::new().await;
    let token = server.token(Role::Participant);
    let seen = server.post("/api/v1/links/inspect", &json!({ "token": token })).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert_eq!(seen.json["event"]["slug"], "demo");
    assert_eq!(seen.json["event"]["languages"], json!(["fr", "en"]));
    assert_eq!((&seen.json["role"], &seen.json["site"]), (&json!("participant"), &json!("paris")));
    assert_eq!(seen.json["sites"][1]["timeZone"], "Asia/Kolkata");

    let joined = server.join(Role::Participant).await;
    assert_eq!(joined.status, StatusCode::CREATED);
    let cookie = joined.headers[header::SET_COOKIE].to_str().unwrap();
    for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=2592000"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "the server is opened over plain HTTP");
    assert_eq!(joined.json["person"]["name"], "Meera Rao");
    assert_eq!(joined.json["person"]["languages"], json!(["en", "kn"]));

    let request = Request::get("/api/v1/session")
        .header(header::COOKIE, format!("theme=dark; sangam_session={}", joined.secret()));
    let again = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((again.status, &again.json), (StatusCode::OK, &joined.json));
}

#[tokio::test]
async fn cookies_are_for_https_alone_where_the_server_is_opened_so() {
    let server = Server::reached_at("https://sangam.example").await;
    let body = json!({ "token": server.token(Role::Screen), "language": "fr" });
    let request = Request::post("/api/v1/sessions")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    let joined = server.send(request.unwrap()).await;
    assert_eq!((joined.status, &joined.json["person"]), (StatusCode::CREATED, &Value::Null));
    assert!(joined.headers[header::SET_COOKIE].to_str().unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn links_that_do_not_open_say_why() {
    let server = Server::new().await;
    for token in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = server.post("/api/v1/links/inspect", &json!({ "token": token })).await;
        assert_eq!(answer.problem().0, 404);
        assert_eq!(answer.problem().1, "link_unknown");
    }
    let token = server.token(Role::Participant);
    let (event, link) = server.api.events.inspect(&token).unwrap();
    let secret = server.join(Role::Participant).await.secret();
    server.api.events.revoke(event.id, By::Operator, link.id).await.unwrap();
    let body = json!({ "token": token, "name": "A", "language": "fr" });
    let answer = server.post("/api/v1/sessions", &body).await;
    assert_eq!((answer.problem().0, answer.problem().1), (410, "link_revoked"));
    let answer = server.get("/api/v1/events/demo", Some(&secret)).await;
    assert_eq!(answer.problem().1, "link_revoked", "its sessions end with it");
}

#[tokio::test]
async fn a_session_can_be_given_back() {
    let server = Server::new().await;
    let secret = server.join(Role::Participant).await.secret();
    let request = Request::delete("/api/v1/session")
        .header(header::COOKIE, format!("sangam_session={secret}"))
        .header(header::ORIGIN, ORIGIN)
        .body(Body::empty());
    let answer = server.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.secret(), "", "the cookie is taken away");
    let request = Request::get("/api/v1/session")
        .header(header::COOKIE, format!("sangam_session={secret}"))
        .body(Body::empty());
    assert_eq!(server.send(request.unwrap()).await.problem(), (401, "no_session", None));
}

#[tokio::test]
async fn the_event_and_its_people_need_a_session_or_a_token() {
    let server = Server::new().await;
    let secret = server.join(Role::Participant).await.secret();
    for path in ["/api/v1/events/demo", "/api/v1/events/demo/people"] {
        assert_eq!(server.get(path, None).await.problem(), (401, "no_session", None), "{path}");
        for stranger in ["AAAAAAAAAAAAAAAAAAAAAA", "x", ""] {
            let answer = server.get(path, Some(stranger)).await;
            assert!(answer.status.is_client_error(), "{path}");
        }
        assert_eq!(server.get(path, Some(&secret)).await.status, StatusCode::OK, "{path}");
        for role in Role::ALL {
            let token = server.token(role);
            assert_eq!(server.get(path, Some(&token)).await.status, StatusCode::OK, "{path}");
        }
    }
}

#[tokio::test]
async fn another_events_session_opens_nothing_here() {
    let server = Server::new().await;
    let other = DEMO.replacen("slug = \"demo\"", "slug = \"other\"", 1);
    server.api.events.create(&EventFile::parse(&other).unwrap()).await.unwrap();
    let token = server.token(Role::Organiser);
    for path in ["/api/v1/events/other", "/api/v1/events/other/people"] {
        assert_eq!(server.get(path, Some(&token)).await.problem(), (403, "forbidden", None));
    }
    for path in ["/api/v1/events/nowhere", "/api/v1/events/N%20o", "/api/v1/events/%FF"] {
        let answer = server.get(path, Some(&token)).await;
        assert_eq!(answer.problem(), (404, "not_found", None), "{path}");
    }
}

#[tokio::test]
async fn a_newcomer_is_among_the_people() {
    let server = Server::new().await;
    let joined = server.join(Role::Participant).await;
    let people = server.get("/api/v1/events/demo/people", Some(&joined.secret())).await;
    let people = people.json["people"].as_array().unwrap().clone();
    let me = people.iter().find(|row| row["id"] == joined.json["person"]["id"]).unwrap();
    assert_eq!(me["name"], "Meera Rao");
    assert_eq!((&me["role"], &me["site"]), (&json!("participant"), &json!("paris")));
    assert!(me.get("languages").is_none(), "no more than names");
}

/// A body for `POST /api/v1/sessions`, and the field that is named.
#[rustfmt::skip]
const MALFORMED: &[(&str, &str)] = &[
    ("", "body"),
    ("{", "body"),
    ("3", "body"),
    ("[]", "body"),
    ("{}", "token"),
    ("{} {}", "token"),
    (r#"{"token": "T", "language": "fr", "name": "A"} {}"#, "body"),
    (r#"{"token": 3}"#, "token"),
    (r#"{"token": "T"}"#, "language"),
    (r#"{"token": "T", "language": "fr", "admin": true}"#, "admin"),
    (r#"{"token": "T", "language": ["fr"]}"#, "language"),
    (r#"{"token": "T", "language": "fr", "languages": ["fr", 3]}"#, "languages[1]"),
    (r#"{"token": "T", "language": "fr", "site": "Paris !"}"#, "site"),
    (r#"{"token": "T", "language": "fr", "site": "lyon", "name": "A"}"#, "site"),
    (r#"{"token": "T", "language": "fr"}"#, "name"),
    (r#"{"token": "T", "language": "fr", "name": " \u200b "}"#, "name"),
    (r#"{"token": "T", "language": "fr", "name": "Modératrice"}"#, "name"),
    (r#"{"token": "T", "language": "A long tale, not a tag", "name": "A"}"#, "language"),
    (r#"{"token": "T", "language": "!!", "name": "A"}"#, "language"),
    (r#"{"token": "T", "language": "fr", "name": "A", "languages": ["!"]}"#, "languages"),
];

#[tokio::test]
async fn a_malformed_body_names_its_field() {
    let server = Server::new().await;
    let token = server.token(Role::Participant);
    let mut wrong = Vec::new();
    for (body, field) in MALFORMED {
        let request = Request::post("/api/v1/sessions")
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Body::from(body.replace("\"T\"", &format!("{token:?}"))));
        let answer = server.send(request.unwrap()).await;
        if answer.json["field"] != *field || !answer.status.is_client_error() {
            wrong
                .push(format!("{body}: expected {field}, found {} {}", answer.status, answer.json));
        }
    }
    for field in ["name", "organisation"] {
        let mut body = json!({ "token": token, "language": "fr", "name": "A" });
        body[field] = json!("x".repeat(200));
        let answer = server.post("/api/v1/sessions", &body).await;
        assert_eq!(answer.problem(), (422, "invalid_field", Some(field)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_body_is_json_and_not_too_large() {
    let server = Server::new().await;
    let post = |media: &'static str, body: String| {
        Request::post("/api/v1/sessions").header(header::CONTENT_TYPE, media).body(Body::from(body))
    };
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let answer = server.send(post(media, "{}".into()).unwrap()).await;
        assert!(answer.status.is_client_error(), "{media}");
        assert_eq!(answer.problem().2, Some("body"));
    }
    let large = format!("{{\"token\": {:?}}}", "x".repeat(REQUEST_BYTES_MAX));
    let answer = server.send(post("application/json", large).unwrap()).await;
    assert_eq!(answer.problem(), (413, "too_large", None));
}

#[tokio::test]
async fn other_sites_cannot_use_our_cookies() {
    let server = Server::new().await;
    let secret = server.join(Role::Participant).await.secret();
    let delete = |origin: Option<&str>| {
        let mut request = Request::delete("/api/v1/session")
            .header(header::COOKIE, format!("sangam_session={secret}"));
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        request.body(Body::empty()).unwrap()
    };
    let foreign = [
        "https://evil.example",
        "null",
        "",
        "http://localhost",
        "http://localhost:80800",
        "http://localhost:8080.evil.example",
        "HTTP://LOCALHOST:8080",
        "https://localhost:8080",
        "http://localhost:8080/",
    ];
    for origin in foreign.into_iter().map(Some).chain([None]) {
        let answer = server.send(delete(origin)).await;
        assert_eq!(answer.problem(), (403, "foreign_origin", None), "{origin:?}");
    }
    assert_eq!(server.get("/api/v1/session", Some(&secret)).await.status, StatusCode::OK);
    assert_eq!(server.send(delete(Some(ORIGIN))).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_join() {
    let server = Server::new().await;
    let body = json!({ "token": server.token(Role::Screen), "language": "fr" });
    let request = Request::post("/api/v1/sessions")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ORIGIN, "https://evil.example")
        .body(Body::from(body.to_string()));
    let answer = server.send(request.unwrap()).await;
    assert_eq!(answer.problem(), (403, "foreign_origin", None));
}

#[tokio::test]
async fn unknown_addresses_and_methods_of_the_api_are_problems_too() {
    let server = Server::new().await;
    assert_eq!(server.get("/api/v1/nothing", None).await.problem(), (404, "not_found", None));
    let sessions = server.get("/api/v1/sessions", None).await;
    assert_eq!(sessions.problem(), (405, "method_not_allowed", None));
    let request = Request::builder().method(Method::PUT).uri("/api/v1/time").body(Body::empty());
    let time = server.send(request.unwrap()).await;
    assert_eq!(time.problem(), (405, "method_not_allowed", None));
}

const HISTORY: &str = "/api/v1/events/demo/boards/1/history";

#[tokio::test]
async fn somebody_who_was_erased_has_no_name_in_the_history() {
    let server = Server::new().await;
    let event = server.api.events.by_slug("demo").unwrap();
    let gone = PersonId(Uuid::from_u128(5));
    let doc = yrs::Doc::new();
    let update = {
        use yrs::{Text, Transact, WriteTxn};
        let mut txn = doc.transact_mut();
        txn.get_or_insert_text("minutes").push(&mut txn, "Noté");
        txn.commit();
        txn.encode_update_v1()
    };
    let delta = Delta { author: Author::Person(gone), at_ms: 1, update: update.into() };
    let document = event.workshops[0].board;
    let append = Append { document, expected_head: 1, deltas: vec![delta], claims: Vec::new() };
    server.api.store.append(append).await.unwrap();
    let answer = server.get(HISTORY, Some(&server.token(Role::Participant))).await;
    assert_eq!(answer.status, StatusCode::OK);
    let author = &answer.json["entries"][0]["author"];
    let nobody = json!({ "kind": "person", "id": gone, "name": null, "site": null });
    assert_eq!(*author, nobody);
}

#[tokio::test]
async fn the_history_is_for_the_people_of_its_own_event() {
    let server = Server::new().await;
    let other = DEMO.replacen("slug = \"demo\"", "slug = \"other\"", 1);
    server.api.events.create(&EventFile::parse(&other).unwrap()).await.unwrap();
    let foreign = server.token(Role::Organiser);
    for rest in ["", "/board?sequence=1"] {
        let path = format!("/api/v1/events/other/boards/1/history{rest}");
        assert_eq!(server.get(&path, Some(&foreign)).await.problem(), (403, "forbidden", None));
        let path = format!("{HISTORY}{rest}");
        let screen = server.token(Role::Screen);
        assert_eq!(server.get(&path, Some(&screen)).await.problem(), (403, "forbidden", None));
        assert_eq!(server.get(&path, None).await.problem(), (401, "no_session", None));
        assert_eq!(server.get(&path, Some(&foreign)).await.status, StatusCode::OK);
    }
    let body = json!({ "key": Uuid::nil(), "sequence": 1 });
    let restore = Request::post("/api/v1/events/other/boards/1/history/restore")
        .header(header::AUTHORIZATION, format!("Bearer {foreign}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    assert_eq!(server.send(restore.unwrap()).await.problem(), (403, "forbidden", None));
    let elsewhere = server.get("/api/v1/events/demo/boards/99/history", Some(&foreign)).await;
    assert_eq!(elsewhere.problem(), (404, "not_found", None));
}

#[tokio::test]
async fn a_lead_says_yes_for_themselves_and_a_facilitator_for_anybody() {
    use crate::event::board::read_board;
    use sangam_shared::schema::DocumentKind;
    use yrs::{Map, MapRef, Out, Transact, WriteTxn};
    let server = Server::new().await;
    let event = server.api.events.by_slug("demo").unwrap();
    let board = event.workshops[0].board;
    let room = server.api.rooms.open(board, DocumentKind::Board).await.unwrap();
    let plans = room.read(|doc| read_board(&doc.transact()).plans).await.unwrap();
    let (guide, nobodys) = (plans[0].id, plans[2].id);
    let joined = server.join(Role::Participant).await;
    let me = joined.json["person"]["id"].as_str().unwrap().to_owned();
    let ask = async |method: Method, plan: String, bearer: &str, board: String| {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/events/demo/plans/{plan}/acceptance"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
            .body(Body::from(json!({ "board": board }).to_string()));
        server.send(request.unwrap()).await
    };
    let secret = joined.secret();
    let here = || board.to_string();
    // Somebody else leads it.
    let answer = ask(Method::PUT, guide.to_string(), &secret, here()).await;
    assert_eq!(answer.problem().1, "forbidden");
    assert!(server.api.events.acceptances(event.id).is_empty());
    // A facilitator heard it; but nobody can say yes for nobody.
    let facilitator = server.token(Role::Facilitator);
    let answer = ask(Method::PUT, guide.to_string(), &facilitator, here()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(server.api.events.acceptances(event.id)[0].plan, guide);
    let answer = ask(Method::PUT, nobodys.to_string(), &facilitator, here()).await;
    assert_eq!(answer.problem(), (422, "invalid_field", Some("lead")));
    let answer = ask(Method::DELETE, guide.to_string(), &facilitator, here()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(server.api.events.acceptances(event.id).is_empty());
    // Now it is mine.
    let (id, mine) = (nobodys.to_string(), me.clone());
    let edit = move |_: &yrs::Doc, txn: &mut yrs::TransactionMut<'_>| {
        let plans = txn.get_or_insert_map("plans");
        let Some(Out::YMap(plan)) = plans.get(txn, &id) else { panic!("it is gone") };
        let lead: MapRef = plan.get(txn, "lead").unwrap().cast().unwrap();
        lead.insert(txn, "participantId", mine);
    };
    room.write(Box::new(edit)).await.unwrap();
    let answer = ask(Method::PUT, nobodys.to_string(), &secret, here()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let yes = server.api.events.acceptances(event.id).remove(0);
    assert_eq!((yes.plan, yes.by.map(|by| by.to_string())), (nobodys, Some(me)));
    // Addresses that name nothing, and roles that only look on.
    let answer = ask(Method::PUT, uuid::Uuid::nil().to_string(), &facilitator, here()).await;
    assert_eq!(answer.problem().0, 404);
    let answer = ask(Method::PUT, guide.to_string(), &facilitator, event.stage.to_string()).await;
    assert_eq!(answer.problem().0, 404);
    let screen = server.token(Role::Screen);
    let answer = ask(Method::PUT, guide.to_string(), &screen, here()).await;
    assert_eq!(answer.problem().1, "forbidden");
}

#[tokio::test]
async fn files_are_given_to_those_who_run_the_event() {
    let server = Server::new().await;
    let path = "/api/v1/events/demo/export?format=json&language=en";
    for (role, status) in [
        (Role::Screen, StatusCode::FORBIDDEN),
        (Role::Participant, StatusCode::FORBIDDEN),
        (Role::Facilitator, StatusCode::OK),
        (Role::Organiser, StatusCode::OK),
    ] {
        let answer = server.get(path, Some(&server.token(role))).await;
        assert_eq!(answer.status, status, "{role:?}");
    }
    assert_eq!(server.get(path, None).await.status, StatusCode::UNAUTHORIZED);
    let organiser = server.token(Role::Organiser);
    let answer = server.get(path, Some(&organiser)).await;
    assert_eq!(answer.json["boards"].as_array().unwrap().len(), 5);
    assert_eq!(answer.json["personalData"], false);
    let named = answer.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
    assert_eq!(named, "attachment; filename=\"demo-2022-04-08.json\"");
}

#[tokio::test]
async fn names_and_what_is_not_public_are_given_to_organisers_alone() {
    let server = Server::new().await;
    for extra in ["personal=true", "scope=all"] {
        let path = format!("/api/v1/events/demo/export?format=json&{extra}");
        let facilitator = server.get(&path, Some(&server.token(Role::Facilitator))).await;
        assert_eq!(facilitator.problem(), (403, "forbidden", None));
        let organiser = server.get(&path, Some(&server.token(Role::Organiser))).await;
        assert_eq!(organiser.status, StatusCode::OK);
        let name = organiser.json["people"][0]["name"].as_str().unwrap();
        assert_eq!(name.is_empty(), extra == "scope=all");
    }
}

#[tokio::test]
async fn an_export_that_is_not_understood_names_its_field() {
    let server = Server::new().await;
    let token = server.token(Role::Organiser);
    for (query, field) in [
        ("", "format"),
        ("format=exe", "format"),
        ("format=../../etc/passwd", "format"),
        ("format=md&language=tlh", "language"),
        ("format=md&language=fr,en,hi", "language"),
        ("format=md&scope=everything", "scope"),
        ("format=md&colour=red", "format"),
    ] {
        let answer = server.get(&format!("/api/v1/events/demo/export?{query}"), Some(&token)).await;
        assert_eq!(answer.problem(), (422, "invalid_field", Some(field)), "{query}");
    }
}

#[tokio::test]
async fn a_crowd_of_exports_is_served_in_turn_or_told_to_come_back() {
    let server = Server::new().await;
    let token = server.token(Role::Organiser);
    let path = "/api/v1/events/demo/export?format=md";
    let seats = limits::EXPORTS_AT_ONCE_MAX + limits::EXPORTS_WAITING_MAX;
    let turn = Arc::clone(&server.api.exports.running).acquire_owned().await.unwrap();
    let refused = std::sync::atomic::AtomicUsize::new(0);
    let all = (0..100).map(|_| async {
        let answer = server.get(path, Some(&token)).await;
        if answer.status != StatusCode::OK {
            refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        answer
    });
    // Nobody is served before everybody has asked.
    let release = async {
        while refused.load(std::sync::atomic::Ordering::Relaxed) < 100 - seats {
            tokio::task::yield_now().await;
        }
        drop(turn);
    };
    let (answers, ()) = tokio::join!(futures_util::future::join_all(all), release);
    let files = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(files, seats);
    for answer in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
        assert_eq!(answer.problem(), (503, "busy", None));
        assert_eq!(answer.headers[header::RETRY_AFTER], "10");
    }
    // The seats are free again.
    assert_eq!(server.get(path, Some(&token)).await.status, StatusCode::OK);
}

mod malformed;
mod matrix;
