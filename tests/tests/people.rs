//! How people come in, go on from another device, share one, and go, over real HTTP and sockets. The
//! server runs inside the test, so that an event can have few seats.

use anyhow::{Context, Result};
use futures_util::StreamExt;
use sangam::app;
use sangam::config::{Config, LogFormat};
use sangam::event::audit::By;
use sangam::event::file::EventFile;
use sangam::http::{Api, router};
use sangam_shared::message::close;
use sangam_shared::role::Role;
use sangam_tests::{Client, http};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const DEMO: &str = include_str!("../../server/demo/infra-structures.toml");
const EVENT: &str = "/api/v1/events/demo";

struct Server {
    api: Arc<Api>,
    address: String,
    origin: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

impl Server {
    async fn start(file: &str) -> Result<Self> {
        let folder = TempDir::new()?;
        let config = Config {
            listen: "127.0.0.1:0".parse()?,
            data: folder.path().to_owned(),
            public_url: None,
            log_format: LogFormat::Text,
        };
        let api = app::open(&config).await?;
        api.events.create(&EventFile::parse(file).ok().context("an event file")?).await?;
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?.to_string();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(sangam::lifecycle::run(
            Arc::clone(&api),
            router(Arc::clone(&api)),
            listener,
            async move { drop(stopped.await) },
        ));
        let origin = format!("http://{address}");
        Ok(Self { api, address, origin, stop: Some(stop), serving, _folder: folder })
    }

    async fn stop(mut self) -> Result<()> {
        drop(self.stop.take());
        Ok(self.serving.await??)
    }

    fn token(&self, role: Role) -> Result<String> {
        let event = self.api.events.by_slug("demo").context("the event")?;
        let links = self.api.events.links(event.id, &self.origin);
        Ok(links.into_iter().find(|link| link.role == role).context("a link")?.token)
    }

    fn documents(&self) -> Result<(String, String)> {
        let event = self.api.events.by_slug("demo").context("the event")?;
        Ok((event.workshops[0].board.to_string(), event.stage.to_string()))
    }

    /// As a browser asks, with a session's secret, or without one.
    async fn ask(
        &self,
        secret: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Result<http::Answer> {
        let cookie = format!("sangam_session={secret}");
        let mut headers = vec![("Origin", &*self.origin)];
        if !secret.is_empty() {
            headers.push(("Cookie", &cookie));
        }
        http::send(&self.address, method, path, &headers, &body).await
    }

    async fn join_with(&self, token: &str, name: &str) -> Result<http::Answer> {
        let body = json!({ "token": token, "name": name, "language": "en", "languages": ["en"] });
        self.ask("", "POST", "/api/v1/sessions", body).await
    }

    /// Somebody who is in: their session's secret, and their id.
    async fn join(&self, role: Role, name: &str) -> Result<(String, String)> {
        let answer = self.join_with(&self.token(role)?, name).await?;
        assert_eq!(answer.status, 201, "{}", answer.json);
        let id = answer.json["person"]["id"].as_str().unwrap_or_default().to_owned();
        Ok((answer.secret().context("a cookie")?, id))
    }
}

/// The code with which a socket is closed, which never takes long.
async fn closed(socket: &mut Client) -> Result<u16> {
    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, socket.until_closed()).await.context("it stays open")?
}

fn code(answer: &http::Answer) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn three_hundred_people_behind_one_address_get_in_within_a_minute() -> Result<()> {
    let server = Server::start(DEMO).await?;
    let token = server.token(Role::Participant)?;
    let started = Instant::now();
    let joins = (0..300).map(|n| {
        let (server, token) = (&server, &token);
        async move { server.join_with(token, &format!("Person {n}")).await }
    });
    let answers: Vec<_> = futures_util::stream::iter(joins).buffer_unordered(100).collect().await;
    for answer in answers {
        let answer = answer?;
        assert_eq!(answer.status, 201, "{}", answer.json);
    }
    println!("300 people came in within {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
    server.stop().await
}

#[tokio::test]
async fn five_thousand_scripted_joiners_are_held_at_the_seats() -> Result<()> {
    let server = Server::start(&format!("seats = 400\n{DEMO}")).await?;
    let token = server.token(Role::Participant)?;
    let joins = (0..5_000).map(|n| {
        let (server, token) = (&server, &token);
        async move { server.join_with(token, &format!("Script {n}")).await }
    });
    let answers: Vec<_> = futures_util::stream::iter(joins).buffer_unordered(200).collect().await;
    let mut told: BTreeMap<(u16, String), usize> = BTreeMap::new();
    let mut lost = 0;
    for answer in answers {
        // In such a crowd the kernel may reset a connection; then nobody knows what the answer was.
        let Ok(answer) = answer else {
            lost += 1;
            continue;
        };
        let (status, why) = code(&answer);
        if status == 429 {
            assert!(!answer.header("retry-after").is_empty());
        }
        *told.entry((status, why.to_owned())).or_default() += 1;
    }
    println!("5,000 joiners were told {told:?}, {lost} answers were lost");
    assert!(lost <= 10, "{lost}");
    let seated = told.get(&(201, String::new())).copied().unwrap_or(0);
    assert!((400 - lost..=400).contains(&seated), "{told:?}");
    let refused = told.get(&(409, "full".into())).copied().unwrap_or(0)
        + told.get(&(429, "too_many".into())).copied().unwrap_or(0);
    assert_eq!(seated + refused + lost, 5_000, "{told:?}");
    // Whoever runs the event comes in all the same once the link of the flood is taken back.
    let (event, link) = server.api.events.inspect(&token)?;
    server.api.events.revoke(event.id, By::Operator, link.id).await?;
    server.join(Role::Organiser, "Claire Fontaine").await?;
    server.stop().await
}

#[tokio::test]
async fn whoever_is_sent_out_is_gone_within_a_second_and_does_not_come_back() -> Result<()> {
    let server = Server::start(DEMO).await?;
    let (board, stage) = server.documents()?;
    let (facilitator, _) = server.join(Role::Facilitator, "Asha Nair").await?;
    let (secret, person) = server.join(Role::Participant, "Somebody").await?;
    let shown = server.ask(&secret, "POST", "/api/v1/session/code", json!({})).await?;
    let resume = json!({ "code": shown.json["code"] });
    let mut sockets = Vec::new();
    for document in [&board, &stage, &board] {
        let mut socket = Client::sangam(&server.address, document, &secret).await?;
        socket.sync().await?;
        sockets.push(socket);
    }
    let path = format!("{EVENT}/people/{person}/removal");
    let sent_out = Instant::now();
    let answer = server.ask(&facilitator, "POST", &path, json!({})).await?;
    assert_eq!(answer.status, 204, "{}", answer.json);
    for socket in &mut sockets {
        assert_eq!(closed(socket).await?, close::UNAUTHORIZED);
    }
    println!("three sockets closed {:?} after the request", sent_out.elapsed());
    assert!(sent_out.elapsed() < Duration::from_secs(1), "{:?}", sent_out.elapsed());
    let mut again = Client::sangam(&server.address, &board, &secret).await?;
    assert_eq!(closed(&mut again).await?, close::UNAUTHORIZED);
    let answer = server.ask(&secret, "GET", EVENT, json!({})).await?;
    assert_eq!(code(&answer), (401, "no_session"));
    let answer = server.ask("", "POST", "/api/v1/sessions/resume", resume).await?;
    assert_eq!(code(&answer), (404, "unknown_code"));
    // The name stays beside what they wrote; the seat is free.
    let people = server.ask(&facilitator, "GET", &format!("{EVENT}/door"), json!({})).await?;
    let row = people.json["people"].as_array().and_then(|p| p.iter().find(|p| p["id"] == person));
    assert_eq!(row.context("a row")?["standing"], "removed");
    assert_eq!(people.json["taken"], 1);
    // It is written down, without a name.
    let event = server.api.events.by_slug("demo").context("the event")?;
    let log = format!("{:?}", server.api.events.audit(event.id, 1).await?);
    assert!(log.contains("person.removed") && log.contains(&person), "{log}");
    assert!(!log.contains("Somebody"), "{log}");
    server.stop().await
}

#[tokio::test]
async fn what_somebody_wrote_is_hidden_and_comes_back() -> Result<()> {
    let server = Server::start(DEMO).await?;
    let (board, _) = server.documents()?;
    let (facilitator, _) = server.join(Role::Facilitator, "Asha Nair").await?;
    let (secret, person) = server.join(Role::Participant, "Somebody").await?;
    let mut one = Client::sangam(&server.address, &board, &secret).await?;
    one.sync().await?;
    let (first, _) = one.add_idea("one").await?;
    let (second, n) = one.add_idea("two").await?;
    one.until_acknowledged(n).await?;
    let mut other = Client::sangam(&server.address, &board, &facilitator).await?;
    other.sync().await?;
    let (others, n) = other.add_idea("somebody else's").await?;
    other.until_acknowledged(n).await?;
    let before = other.board();
    let in_tray = |client: &Client, id: &str| client.board()["ideas"][id]["deletedAt"].is_number();
    let path = format!("{EVENT}/people/{person}/writing");
    for _ in 0..2 {
        // Twice: asked for again, there is nothing left to do.
        let hidden = server.ask(&facilitator, "PUT", &path, json!({ "hidden": true })).await?;
        assert_eq!(hidden.status, 200, "{}", hidden.json);
        other.until_doc(|c| in_tray(c, &first) && in_tray(c, &second)).await?;
        assert!(!in_tray(&other, &others), "it was somebody else's");
    }
    let shown = server.ask(&facilitator, "PUT", &path, json!({ "hidden": false })).await?;
    assert_eq!((shown.status, &shown.json["notes"]), (200, &json!(2)));
    other.until_doc(|c| !in_tray(c, &first) && !in_tray(c, &second)).await?;
    assert_eq!(other.board()["ideas"], before["ideas"], "all is as it was");
    server.stop().await
}

#[tokio::test]
async fn before_a_locked_door_one_waits_until_somebody_opens() -> Result<()> {
    let server = Server::start(DEMO).await?;
    let (board, _) = server.documents()?;
    let (facilitator, _) = server.join(Role::Facilitator, "Asha Nair").await?;
    let door = format!("{EVENT}/door");
    let answer = server.ask(&facilitator, "PUT", &door, json!({ "locked": true })).await?;
    assert_eq!(answer.status, 204);
    let mut secrets = Vec::new();
    for name in ["First", "Second"] {
        let answer = server.join_with(&server.token(Role::Participant)?, name).await?;
        assert_eq!((answer.status, &answer.json["waiting"]), (201, &json!(true)));
        let id = answer.json["person"]["id"].as_str().context("an id")?.to_owned();
        secrets.push((answer.secret().context("a cookie")?, id));
    }
    let (first, id) = &secrets[0];
    assert_eq!(code(&server.ask(first, "GET", EVENT, json!({})).await?), (403, "waiting"));
    let mut socket = Client::sangam(&server.address, &board, first).await?;
    assert_eq!(closed(&mut socket).await?, close::FORBIDDEN);
    let people = server.ask(&facilitator, "GET", &format!("{EVENT}/people"), json!({})).await?;
    assert!(!people.json.to_string().contains("First"), "nobody sees who waits");
    // One is let in; then the door opens for the other.
    let admit = format!("{EVENT}/people/{id}/admission");
    assert_eq!(server.ask(&facilitator, "POST", &admit, json!({})).await?.status, 204);
    assert_eq!(server.ask(first, "GET", EVENT, json!({})).await?.status, 200);
    let second = &secrets[1].0;
    assert_eq!(code(&server.ask(second, "GET", EVENT, json!({})).await?), (403, "waiting"));
    server.ask(&facilitator, "PUT", &door, json!({ "locked": false })).await?;
    assert_eq!(server.ask(second, "GET", EVENT, json!({})).await?.status, 200);
    server.stop().await
}

#[tokio::test]
async fn a_link_for_one_device_opens_one_and_is_handed_out_again_to_the_same_person() -> Result<()>
{
    let server = Server::start(DEMO).await?;
    let (organiser, _) = server.join(Role::Organiser, "Claire Fontaine").await?;
    let links = format!("{EVENT}/links");
    let wanted = json!({ "role": "facilitator", "site": "paris", "label": "Room 2" });
    let made = server.ask(&organiser, "POST", &links, wanted).await?;
    assert_eq!(made.status, 201, "{}", made.json);
    assert!(made.json["qr"]["path"].as_str().is_some_and(|path| path.starts_with('M')));
    let token = |link: &Value| {
        let url = link["url"].as_str().unwrap_or_default();
        url.split_once('#').map(|(_, token)| token.to_owned()).unwrap_or_default()
    };
    let first = server.join_with(&token(&made.json), "Asha Nair").await?;
    let (secret, person) = (first.secret().context("a cookie")?, &first.json["person"]["id"]);
    // Another device finds it used; so does a machine; the same device is in.
    let inspect = |body: Value, secret: String| {
        let server = &server;
        async move { server.ask(&secret, "POST", "/api/v1/links/inspect", body).await }
    };
    let body = json!({ "token": token(&made.json) });
    assert_eq!(code(&inspect(body.clone(), String::new()).await?), (410, "link_used"));
    let answer = server.join_with(&token(&made.json), "Somebody else").await?;
    assert_eq!(code(&answer), (410, "link_used"));
    let machine = http::ask(&server.address, &token(&made.json), "GET", EVENT, None).await?;
    assert_eq!(code(&machine), (410, "link_used"));
    assert_eq!(inspect(body, secret.clone()).await?.json["here"], "Asha Nair");
    // The phone is lost: a new link, the same person, and the old phone is out.
    let id = made.json["id"].as_str().context("an id")?;
    let again = server.ask(&organiser, "POST", &format!("{links}/{id}/reissue"), json!({})).await?;
    assert_eq!(again.status, 201, "{}", again.json);
    assert_eq!(code(&server.ask(&secret, "GET", EVENT, json!({})).await?), (410, "link_revoked"));
    let back = server.join_with(&token(&again.json), "").await?;
    assert_eq!((back.status, &back.json["person"]["id"]), (201, person));
    // And taken back for good.
    let id = again.json["id"].as_str().context("an id")?;
    let gone = server.ask(&organiser, "DELETE", &format!("{links}/{id}"), json!({})).await?;
    assert_eq!(gone.status, 204);
    let secret = back.secret().context("a cookie")?;
    assert_eq!(code(&server.ask(&secret, "GET", EVENT, json!({})).await?), (410, "link_revoked"));
    server.stop().await
}

#[tokio::test]
async fn a_code_takes_a_person_to_another_device_once_and_takes_no_seat() -> Result<()> {
    let server = Server::start(&format!("seats = 1\n{DEMO}")).await?;
    let (phone, person) = server.join(Role::Participant, "Zoé Martin").await?;
    let shown = server.ask(&phone, "POST", "/api/v1/session/code", json!({})).await?;
    let typed = shown.json["code"].as_str().context("a code")?.to_lowercase();
    let body = json!({ "code": format!("{} {}", &typed[..4], &typed[4..]) });
    let laptop = server.ask("", "POST", "/api/v1/sessions/resume", body.clone()).await?;
    assert_eq!((laptop.status, &laptop.json["person"]["id"]), (201, &json!(person)));
    let again = server.ask("", "POST", "/api/v1/sessions/resume", body).await?;
    assert_eq!(code(&again), (404, "unknown_code"));
    // Both devices are in, as one person on one seat.
    let laptop = laptop.secret().context("a cookie")?;
    for secret in [&phone, &laptop] {
        assert_eq!(server.ask(secret, "GET", EVENT, json!({})).await?.status, 200);
    }
    let next = server.join_with(&server.token(Role::Participant)?, "One too many").await?;
    assert_eq!(code(&next), (409, "full"));
    // A session that has ended leaves no code behind.
    let shown = server.ask(&phone, "POST", "/api/v1/session/code", json!({})).await?;
    server.ask(&phone, "DELETE", "/api/v1/session", json!({})).await?;
    let body = json!({ "code": shown.json["code"] });
    let late = server.ask("", "POST", "/api/v1/sessions/resume", body).await?;
    assert_eq!(code(&late), (404, "unknown_code"));
    server.stop().await
}

#[tokio::test]
async fn several_people_write_on_one_device_each_under_their_own_name() -> Result<()> {
    use sangam::store::Author;
    let server = Server::start(DEMO).await?;
    let (board, _) = server.documents()?;
    let (secret, first) = server.join(Role::Participant, "Table 4, Asha").await?;
    let mut socket = Client::sangam(&server.address, &board, &secret).await?;
    socket.sync().await?;
    let (_, n) = socket.add_idea("by the first").await?;
    socket.until_acknowledged(n).await?;
    let body = json!({ "name": "Table 4, Léa", "language": "fr", "languages": ["fr"] });
    let added = server.ask(&secret, "POST", "/api/v1/session/people", body).await?;
    assert_eq!(added.status, 201, "{}", added.json);
    let second = added.json["person"]["id"].as_str().context("an id")?.to_owned();
    assert_ne!(first, second);
    // The connection ends with "come back", and comes back under the other name.
    assert_eq!(closed(&mut socket).await?, close::RESYNC);
    let mut socket = Client::sangam(&server.address, &board, &secret).await?;
    socket.sync().await?;
    let (_, n) = socket.add_idea("by the second").await?;
    socket.until_acknowledged(n).await?;
    let log = server.api.store.history(board.parse()?, 1, 100).await?;
    let authors: Vec<_> = log.iter().map(|stored| stored.delta.author).collect();
    for person in [&first, &second] {
        assert!(authors.contains(&Author::Person(person.parse()?)), "{authors:?}");
    }
    // And back; a stranger does not write here.
    let body = json!({ "person": first });
    let back = server.ask(&secret, "PUT", "/api/v1/session/person", body).await?;
    assert_eq!(back.json["person"]["id"], first);
    let (_, stranger) = server.join(Role::Participant, "A stranger").await?;
    let body = json!({ "person": stranger });
    let answer = server.ask(&secret, "PUT", "/api/v1/session/person", body).await?;
    assert_eq!((answer.status, &answer.json["field"]), (422, &json!("person")));
    // Whoever is sent out leaves the device to the others.
    let (facilitator, _) = server.join(Role::Facilitator, "Asha Nair").await?;
    server.ask(&facilitator, "POST", &format!("{EVENT}/people/{first}/removal"), json!({})).await?;
    let left = server.ask(&secret, "GET", "/api/v1/session", json!({})).await?;
    assert_eq!((left.status, &left.json["person"]["id"]), (200, &json!(second)));
    server.stop().await
}

#[tokio::test]
async fn a_projector_becomes_a_screen_when_a_facilitator_types_its_code() -> Result<()> {
    let server = Server::start(DEMO).await?;
    let (board, _) = server.documents()?;
    let shown = server.ask("", "POST", "/api/v1/screens", json!({})).await?;
    let secret = json!({ "secret": shown.json["secret"] });
    let waits = server.ask("", "POST", "/api/v1/screens/claim", secret.clone()).await?;
    assert_eq!((waits.status, waits.secret()), (202, None));
    let (participant, _) = server.join(Role::Participant, "Zoé").await?;
    let (facilitator, _) = server.join(Role::Facilitator, "Asha Nair").await?;
    let screens = format!("{EVENT}/screens");
    let pairing = json!({ "code": shown.json["code"], "site": "bengaluru" });
    let refused = server.ask(&participant, "POST", &screens, pairing.clone()).await?;
    assert_eq!(code(&refused), (403, "forbidden"));
    let wrong = json!({ "code": "0000 0000", "site": "paris" });
    let wrong = server.ask(&facilitator, "POST", &screens, wrong).await?;
    assert_eq!((wrong.status, &wrong.json["field"]), (422, &json!("code")));
    let paired = server.ask(&facilitator, "POST", &screens, pairing.clone()).await?;
    assert_eq!(paired.status, 201, "{}", paired.json);
    let screen = server.ask("", "POST", "/api/v1/screens/claim", secret).await?;
    assert_eq!((screen.status, &screen.json["role"]), (201, &json!("screen")));
    assert_eq!(screen.json["site"], "bengaluru");
    let screen = screen.secret().context("a cookie")?;
    let mut socket = Client::sangam(&server.address, &board, &screen).await?;
    socket.sync().await?;
    assert_eq!(socket.hello.as_ref().map(|hello| hello.writable), Some(false));
    let again = server.ask(&facilitator, "POST", &screens, pairing).await?;
    assert_eq!(again.status, 422, "a code is used once");
    // It is taken back like any other link.
    let (organiser, _) = server.join(Role::Organiser, "Claire Fontaine").await?;
    let link = paired.json["link"].as_str().context("a link")?;
    server.ask(&organiser, "DELETE", &format!("{EVENT}/links/{link}"), json!({})).await?;
    assert_eq!(closed(&mut socket).await?, close::UNAUTHORIZED);
    server.stop().await
}

#[tokio::test]
async fn a_socket_from_another_sites_page_is_refused_before_the_upgrade() -> Result<()> {
    let server = Server::start(DEMO).await?;
    let (board, _) = server.documents()?;
    let (secret, _) = server.join(Role::Participant, "Zoé").await?;
    let cookie = format!("sangam_session={secret}");
    let token = server.token(Role::Participant)?;
    let port = server.address.rsplit(':').next().context("a port")?.to_owned();
    let host = &server.address;
    let foreign = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        String::new(),
        format!("http://{host}.evil.example"),
        format!("http://evil.example/{host}"),
        format!("http://{host}@evil.example"),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}0"),
        "http://127.0.0.1".to_owned(),
        format!("https://{host}/"),
        format!("ws://{host}"),
        format!("HTTP://{host}"),
        format!("http://{host}, http://{host}"),
    ];
    let upgrade = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let path = format!("/sync/{board}");
    for origin in foreign.iter().map(String::as_str) {
        for (path, cookie) in [(&path, &*cookie), (&format!("{path}?token={token}"), "")] {
            let mut headers = upgrade.to_vec();
            headers.extend([("Origin", origin), ("Cookie", cookie)]);
            let answer = http::get(&server.address, path, &headers).await?;
            assert_eq!(code(&answer), (403, "foreign_origin"), "{origin:?} {path}");
        }
    }
    // A browser always names its origin: a cookie without one is no browser of ours.
    let mut headers = upgrade.to_vec();
    headers.push(("Cookie", &cookie));
    let answer = http::get(&server.address, &path, &headers).await?;
    assert_eq!(code(&answer), (403, "foreign_origin"), "no origin");
    // A machine has no origin, and says by itself who it is.
    let mut machine = Client::stock(&server.address, &board, &token).await?;
    machine.sync().await?;
    server.stop().await
}
