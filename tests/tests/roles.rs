//! Who may do what, over real sockets, and what happens on live ones when a right ends. The server
//! runs inside the test, so that a link can be taken back.

use anyhow::{Context, Result};
use sangam::app;
use sangam::config::{Config, LogFormat};
use sangam::event::audit::By;
use sangam::event::file::EventFile;
use sangam::http::{Api, router};
use sangam_shared::message::{RefusalCode, close};
use sangam_shared::role::Role;
use sangam_shared::schema::DocumentKind;
use sangam_tests::{Client, Heard};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const DEMO: &str = include_str!("../../server/demo/infra-structures.toml");

struct Server {
    api: Arc<Api>,
    address: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

impl Server {
    async fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let config = Config {
            listen: "127.0.0.1:0".parse()?,
            data: folder.path().to_owned(),
            public_url: None,
            log_format: LogFormat::Text,
        };
        let api = app::open(&config).await?;
        let file = EventFile::parse(DEMO).ok().context("the demonstration event")?;
        api.events.create(&file).await?;
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?.to_string();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(sangam::lifecycle::run(
            Arc::clone(&api),
            router(Arc::clone(&api)),
            listener,
            async move { drop(stopped.await) },
        ));
        Ok(Self { api, address, stop: Some(stop), serving, _folder: folder })
    }

    fn token(&self, role: Role) -> Result<String> {
        let event = self.api.events.by_slug("demo").context("the event")?;
        let links = self.api.events.links(event.id, "http://localhost");
        Ok(links.into_iter().find(|link| link.role == role).context("a link")?.token)
    }

    fn documents(&self) -> Result<(String, String)> {
        let event = self.api.events.by_slug("demo").context("the event")?;
        Ok((event.workshops[0].board.to_string(), event.stage.to_string()))
    }

    async fn revoke(&self, token: &str) -> Result<()> {
        let (event, link) = self.api.events.inspect(token)?;
        Ok(self.api.events.revoke(event.id, By::Operator, link.id).await?)
    }

    async fn stop(mut self) -> Result<()> {
        drop(self.stop.take());
        Ok(self.serving.await??)
    }
}

fn presence(client: u8, clock: u8) -> Vec<u8> {
    vec![1, 6, 1, client, clock, 2, b'{', b'}']
}

/// What came of a message that edits: taken, or refused and why.
async fn outcome(client: &mut Client, n: u64) -> Result<Option<RefusalCode>> {
    let mut refused = None;
    loop {
        match client.hear().await? {
            Heard::Refused(refusal) if refusal.n == n => refused = Some(refusal.code),
            Heard::Ack(acknowledged) if acknowledged >= n => return Ok(refused),
            Heard::Closed(code) => anyhow::bail!("closed with {code}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_role_sends_every_message_to_every_document() -> Result<()> {
    let server = Server::start().await?;
    let (board, stage) = server.documents()?;
    let writers = [Role::Participant, Role::Facilitator, Role::Organiser];
    for document in [&board, &stage] {
        let mut watcher =
            Client::sangam(&server.address, document, &server.token(Role::Organiser)?).await?;
        watcher.sync().await?;
        for (at, role) in Role::ALL.into_iter().enumerate() {
            let allowed = document == &board && writers.contains(&role);
            let expected = (!allowed).then_some(RefusalCode::ReadOnly);
            let what = format!("{role:?} {document}");
            let mut client =
                Client::sangam(&server.address, document, &server.token(role)?).await?;
            // Sync step 1: everybody reads.
            client.sync().await.context(what.clone())?;
            assert_eq!(client.hello.as_ref().map(|hello| hello.writable), Some(allowed), "{what}");
            // Presence, and asking for everybody's: everybody.
            let own = u8::try_from(100 + at)?;
            client.send(presence(own, 1).into()).await?;
            watcher.until(|_, heard| matches!(heard, Heard::Presence(_))).await?;
            client.send(vec![3].into()).await?;
            client.until(|_, heard| matches!(heard, Heard::Presence(_))).await?;
            // An update, and the same as sync step 2.
            let before = watcher.board();
            let (id, n) = client.add_idea("an edit").await?;
            assert_eq!(outcome(&mut client, n).await?, expected, "{what}: update");
            let (second, n) = client.add_idea_as_step_2("another").await?;
            assert_eq!(outcome(&mut client, n).await?, expected, "{what}: step 2");
            if allowed {
                watcher.until_doc(|c| c.idea(&id).is_some() && c.idea(&second).is_some()).await?;
            } else {
                let mut fresh =
                    Client::sangam(&server.address, document, &server.token(Role::Organiser)?)
                        .await?;
                fresh.sync().await?;
                assert_eq!(fresh.board(), before, "{what}: a refused edit changed something");
            }
            // What only a server says, nobody says.
            client.send(vec![121, 1].into()).await?;
            assert_eq!(client.until_closed().await?, close::MALFORMED, "{what}");
        }
    }
    server.stop().await
}

#[tokio::test]
async fn what_says_nothing_new_is_no_edit() -> Result<()> {
    let server = Server::start().await?;
    let (board, _) = server.documents()?;
    let mut screen = Client::sangam(&server.address, &board, &server.token(Role::Screen)?).await?;
    screen.sync().await?;
    // Stock providers answer every step 1, and screens are Yjs clients too.
    let n = screen.send_update(&screen.state()).await?;
    assert_eq!(outcome(&mut screen, n).await?, None);
    server.stop().await
}

#[tokio::test]
async fn a_link_that_is_taken_back_ends_live_sockets_within_a_second() -> Result<()> {
    let server = Server::start().await?;
    let (board, stage) = server.documents()?;
    let token = server.token(Role::Participant)?;
    let mut idle = Client::sangam(&server.address, &board, &token).await?;
    idle.sync().await?;
    let mut reading = Client::stock(&server.address, &stage, &token).await?;
    reading.sync().await?;
    // Somebody who stopped reading, with more before them than any buffer holds.
    let mut deaf = Client::sangam(&server.address, &board, &token).await?;
    deaf.sync().await?;
    let mut organiser =
        Client::sangam(&server.address, &board, &server.token(Role::Organiser)?).await?;
    organiser.sync().await?;
    let busy = tokio::spawn(async move {
        let big = "x".repeat(90_000);
        for _ in 0..40 {
            organiser.type_minutes(0, &big).await?;
            let n = organiser.strike_minutes(90_000).await?;
            organiser.until_acknowledged(n).await?;
        }
        Ok::<_, anyhow::Error>(organiser)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let revoked = Instant::now();
    server.revoke(&token).await?;
    assert_eq!(idle.until_closed().await?, close::UNAUTHORIZED);
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    assert_eq!(reading.until_closed().await?, close::UNAUTHORIZED);
    assert!(revoked.elapsed() < Duration::from_secs(1), "{:?}", revoked.elapsed());
    // Its connection is given up even where the farewell cannot be written.
    let gone = async {
        while server.api.sockets.len() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), gone).await.context("a deaf peer stays")?;
    let mut organiser = busy.await??;
    let mut again = Client::sangam(&server.address, &board, &token).await?;
    assert_eq!(again.until_closed().await?, close::UNAUTHORIZED);
    let (_, n) = organiser.add_idea("we go on").await?;
    organiser.until_acknowledged(n).await?;
    drop(organiser);
    server.stop().await
}

#[tokio::test]
async fn what_is_sent_after_a_revocation_changes_nothing() -> Result<()> {
    let server = Server::start().await?;
    let (board, _) = server.documents()?;
    let token = server.token(Role::Facilitator)?;
    let mut out = Client::sangam(&server.address, &board, &token).await?;
    out.sync().await?;
    let (kept, n) = out.add_idea("before").await?;
    out.until_acknowledged(n).await?;
    server.revoke(&token).await?;
    let sent = out.add_idea("after").await;
    let closed = out.until_closed().await?;
    assert!(sent.is_err() || closed == close::UNAUTHORIZED, "{closed}");
    let mut other =
        Client::sangam(&server.address, &board, &server.token(Role::Organiser)?).await?;
    other.sync().await?;
    assert!(other.idea(&kept).is_some());
    assert!(!other.board().to_string().contains("\"after\""));
    drop(other);
    server.stop().await
}

#[tokio::test]
async fn a_room_whose_task_has_died_opens_again() -> Result<()> {
    let server = Server::start().await?;
    let (board, _) = server.documents()?;
    let token = server.token(Role::Organiser)?;
    let mut client = Client::sangam(&server.address, &board, &token).await?;
    client.sync().await?;
    let room = server.api.rooms.open(board.parse()?, DocumentKind::Board).await?;
    let died = room.read(|_| panic!("a mistake in the server's own code")).await;
    assert!(died.is_err());
    drop(room);
    // Whoever was there is sent away, and finds a living room.
    client.add_idea("into the void").await?;
    assert_eq!(client.until_closed().await?, close::RESYNC);
    let mut client = client.reconnect(&server.address, &board, &token).await?;
    client.sync().await?;
    let (_, n) = client.add_idea("and on").await?;
    client.until_acknowledged(n).await?;
    drop(client);
    server.stop().await
}
