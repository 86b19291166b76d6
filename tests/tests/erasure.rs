//! What is erased is gone: from the files, from backups and exports, from the past, and no device
//! that was away brings it back. Over real sockets, against the real binary.

use anyhow::{Context, Result, ensure};
use sangam_tests::http::{Answer, ask};
use sangam_tests::{Client, Links, Server, run};
use serde_json::{Value, json};
use std::path::Path;
use yrs::{Map, Out, Text, Transact};

const CANARY: &str = "qanariya-7f3e";

struct Place {
    server: Server,
    links: Links,
}

impl Place {
    async fn start() -> Result<Self> {
        let server = Server::start().await?;
        let links = server.links().await?;
        Ok(Self { server, links })
    }

    async fn join(&self, role: &str, name: &str) -> Result<(String, String)> {
        let link = self.links.token(role, Some("paris"));
        let body = json!({ "token": link, "name": name, "language": "fr", "languages": ["fr"] });
        let answer = self.ask(link, "POST", "/api/v1/sessions", Some(&body)).await?;
        let id = answer.json["person"]["id"].as_str().context("no person")?.to_owned();
        Ok((answer.secret().context("no session")?, id))
    }

    async fn client(&self, token: &str) -> Result<Client> {
        let mut client = Client::sangam(&self.server.address, self.board(), token).await?;
        client.sync().await?;
        Ok(client)
    }

    fn board(&self) -> &str {
        &self.links.boards[0].id
    }

    async fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        ask(&self.server.address, token, method, path, body).await
    }

    async fn event(&self, token: &str, method: &str, rest: &str) -> Result<Answer> {
        self.ask(token, method, &format!("/api/v1/events/demo{rest}"), None).await
    }

    async fn erase(&self, token: &str, ids: &[&str]) -> Result<u16> {
        let items: Vec<_> = ids.iter().map(|id| json!({ "table": "ideas", "id": id })).collect();
        let path = "/api/v1/events/demo/boards/1/erasure";
        Ok(self.ask(token, "POST", path, Some(&json!({ "items": items }))).await?.status)
    }

    /// How many of the data folder's files hold these bytes, the write-ahead log included.
    fn hits(&self, canary: &str) -> Result<Vec<String>> {
        hits(self.server.data(), canary)
    }

    /// The write-ahead log is emptied a moment after the answer.
    async fn until_gone(&self, canary: &str) -> Result<()> {
        for _ in 0..100 {
            if self.hits(canary)?.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("still in {:?}", self.hits(canary)?)
    }

    async fn command(&self, arguments: &[&str]) -> Result<(bool, String)> {
        let data = self.server.data().to_str().context("path")?;
        let done = run(&[arguments, &["--data", data]].concat()).await?;
        let text = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        Ok((done.status.success(), text))
    }
}

fn hits(folder: &Path, canary: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let bytes = std::fs::read(&path)?;
        if bytes.windows(canary.len()).any(|window| window == canary.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

async fn bin(client: &mut Client, id: &str) -> Result<()> {
    let update = {
        let ideas = client.doc.get_or_insert_map("ideas");
        let mut txn = client.doc.transact_mut();
        let Some(Out::YMap(idea)) = ideas.get(&txn, id) else { anyhow::bail!("no such idea") };
        idea.insert(&mut txn, "deletedAt", 1_649_400_000_000_f64);
        txn.commit();
        txn.encode_update_v1()
    };
    let n = client.send_update(&update).await?;
    client.until_acknowledged(n).await
}

/// Signs an idea, as the page does.
async fn sign(client: &mut Client, id: &str, person: &str) -> Result<()> {
    let update = {
        let ideas = client.doc.get_or_insert_map("ideas");
        let mut txn = client.doc.transact_mut();
        let Some(Out::YMap(idea)) = ideas.get(&txn, id) else { anyhow::bail!("no such idea") };
        idea.insert(&mut txn, "authorId", person);
        txn.commit();
        txn.encode_update_v1()
    };
    let n = client.send_update(&update).await?;
    client.until_acknowledged(n).await
}

/// Goes on writing into an idea without a connection.
fn scribble(client: &Client, id: &str, text: &str) -> Result<Vec<u8>> {
    let ideas = client.doc.get_or_insert_map("ideas");
    let mut txn = client.doc.transact_mut();
    let Some(Out::YMap(idea)) = ideas.get(&txn, id) else { anyhow::bail!("no such idea") };
    let Some(Out::YText(words)) = idea.get(&txn, "text") else { anyhow::bail!("no text") };
    words.push(&mut txn, text);
    txn.commit();
    Ok(txn.encode_update_v1())
}

#[tokio::test]
async fn what_is_erased_is_nowhere_and_nobody_brings_it_back() -> Result<()> {
    let place = Place::start().await?;
    let (camille, me) = place.join("participant", "Camille").await?;
    let (asha, _) = place.join("facilitator", "Asha").await?;
    let mut author = place.client(&camille).await?;
    let mut away = place.client(&asha).await?;
    let (id, n) = author.add_idea(CANARY).await?;
    author.until_acknowledged(n).await?;
    sign(&mut author, &id, &me).await?;
    let (other, n) = author.add_idea("what stays").await?;
    author.until_acknowledged(n).await?;
    away.until_doc(|client| client.idea(&id).is_some() && client.idea(&other).is_some()).await?;
    ensure!(!place.hits(CANARY)?.is_empty(), "the canary was never stored");

    // Somebody goes on writing into it without a connection.
    let late = scribble(&away, &id, &format!(" {CANARY} again"))?;

    assert_eq!(place.erase(&camille, &[&id]).await?, 403, "it is not in the tray");
    bin(&mut author, &id).await?;
    let (other_person, _) = place.join("participant", "Zoé").await?;
    assert_eq!(place.erase(&other_person, &[&id]).await?, 403, "it is somebody else's");
    assert_eq!(place.erase(&camille, &[]).await?, 403, "the past is not one person's");
    assert_eq!(place.erase(&camille, &[&id]).await?, 204);
    place.until_gone(CANARY).await?;

    // What was away comes back with its copy and its edits.
    let n = away.send_update(&late).await?;
    assert!(away.until_acknowledged(n).await.is_ok() || !away.ideas().contains_key(&id));
    let mut back = place.client(&camille).await?;
    back.ask().await?;
    let whole = author.state();
    back.send_update(&whole).await?;
    let fresh = place.client(&asha).await?;
    assert_eq!(fresh.idea(&id), None);
    assert_eq!(fresh.idea(&other).as_deref(), Some("what stays"));
    ensure!(!contains(&fresh.state(), CANARY), "a newcomer is sent it");
    place.until_gone(CANARY).await?;

    // Backups, exports, the past.
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("backup.sangam");
    let (done, said) = place.command(&["backup", backup.to_str().context("path")?]).await?;
    ensure!(done, "{said}");
    assert_eq!(hits(folder.path(), CANARY)?, Vec::<String>::new(), "a fresh backup has it");
    let organiser = place.links.token("organiser", None).to_owned();
    for format in ["json", "csv", "md", "html"] {
        let answer = place.event(&organiser, "GET", &format!("/export?format={format}")).await?;
        ensure!(!contains(&answer.body, CANARY), "the {format} export has it");
    }
    let history = place.event(&camille, "GET", "/boards/1/history?count=100").await?;
    assert_eq!(history.status, 200, "{:?}", history.json);
    let before = place.event(&camille, "GET", "/boards/1/history/board?sequence=1").await?;
    assert_eq!(before.status, 404, "the past before it is over: {:?}", before.json);
    let (sound, said) = place.command(&["check"]).await?;
    ensure!(sound && said.contains("everything is sound"), "{said}");

    // It goes on, and after a restart it is the same.
    let (_, n) = author.add_idea("afterwards").await?;
    author.until_acknowledged(n).await?;
    let place = Place { server: place.server.kill_and_restart().await?, links: place.links };
    let after = place.client(&camille).await?;
    assert_eq!(after.idea(&id), None);
    ensure!(after.ideas().values().any(|text| text == "afterwards"));
    place.until_gone(CANARY).await
}

fn contains(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

#[tokio::test]
async fn words_struck_from_the_minutes_leave_the_log_when_a_facilitator_says_so() -> Result<()> {
    let place = Place::start().await?;
    let (asha, _) = place.join("facilitator", "Asha").await?;
    let mut client = place.client(&asha).await?;
    let n = client.type_minutes(0, CANARY).await?;
    client.until_acknowledged(n).await?;
    let n = client.strike_minutes(u32::try_from(CANARY.len())?).await?;
    client.until_acknowledged(n).await?;
    ensure!(!place.hits(CANARY)?.is_empty(), "the log remembers what was struck");
    assert_eq!(place.erase(&asha, &[]).await?, 204);
    place.until_gone(CANARY).await
}

#[tokio::test]
async fn a_person_sees_their_data_takes_their_name_away_and_is_erased() -> Result<()> {
    let name = "Qanary Lefebvre";
    let place = Place::start().await?;
    let (camille, me) = place.join("participant", name).await?;
    let (stranger, _) = place.join("participant", "Zoé").await?;
    let mut client = place.client(&camille).await?;
    let (id, n) = client.add_idea(CANARY).await?;
    client.until_acknowledged(n).await?;
    sign(&mut client, &id, &me).await?;
    let path = format!("/people/{me}");

    let data = place.event(&camille, "GET", &format!("{path}/data")).await?;
    assert_eq!(data.status, 200, "{:?}", data.json);
    assert_eq!(data.json["person"]["name"], name);
    assert_eq!(data.json["devices"].as_array().map(Vec::len), Some(1));
    assert_eq!(data.json["written"][0]["text"]["original"], CANARY);
    assert_eq!(data.json["audit"][0]["act"], "person.joined");
    for (method, rest) in [("GET", "/data"), ("DELETE", "/name"), ("DELETE", "")] {
        let foreign = place.event(&stranger, method, &format!("{path}{rest}")).await?;
        assert_eq!(foreign.status, 403, "{method} {rest}");
    }

    assert_eq!(place.event(&camille, "DELETE", &format!("{path}/name")).await?.status, 204);
    place.until_gone(name).await?;
    let people = place.event(&stranger, "GET", "/people").await?;
    ensure!(!people.json.to_string().contains(&me), "who has no name is on no list");
    assert_eq!(place.client(&camille).await?.idea(&id).as_deref(), Some(CANARY), "notes stay");

    assert_eq!(place.event(&camille, "DELETE", &path).await?.status, 204);
    place.until_gone(CANARY).await?;
    assert_eq!(place.event(&camille, "GET", &format!("{path}/data")).await?.status, 401);
    assert_eq!(place.client(&stranger).await?.idea(&id), None);

    // The log says what happened, by ids alone, and its chain holds.
    let (holds, log) = place.command(&["audit", "demo"]).await?;
    ensure!(holds && log.contains("the chain holds"), "{log}");
    for act in ["data.taken", "name.removed", "items.erased", "person.erased", &me] {
        ensure!(log.contains(act), "{act} is not in {log}");
    }
    ensure!(!log.contains(name) && !log.contains(CANARY) && !log.contains(&camille));
    Ok(())
}

#[tokio::test]
async fn refusals_are_written_down_counted_and_name_nobody() -> Result<()> {
    let place = Place::start().await?;
    let (camille, me) = place.join("participant", "Camille").await?;
    for _ in 0..50 {
        let answer = place.event(&camille, "GET", "/audit").await?;
        assert_eq!(answer.status, 403);
    }
    ask(&place.server.address, "no-such-token", "GET", "/api/v1/session", None).await?;
    let organiser = place.links.token("organiser", None);
    let mut lines: Vec<Value> = Vec::new();
    for _ in 0..100 {
        let log = place.event(organiser, "GET", "/audit").await?;
        assert_eq!(log.status, 200);
        let text = String::from_utf8(log.body)?;
        lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        if lines.iter().any(|line| line["outcome"] == "forbidden") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let refused: Vec<_> = lines.iter().filter(|line| line["outcome"] == "forbidden").collect();
    ensure!(!refused.is_empty() && refused.len() <= 2, "repeats are counted: {refused:?}");
    assert_eq!(refused[0]["by"], format!("person:{me}"));
    assert_eq!(refused[0]["act"], "GET /api/v1/events/{slug}/audit");
    for pair in lines.windows(2) {
        assert_eq!(pair[0]["hash"], pair[1]["previous"]);
    }
    Ok(())
}
