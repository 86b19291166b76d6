//! Who changed what and when, the board as it was, and the way back: over real sockets, against the
//! real binary.

use anyhow::{Context, Result};
use sangam_tests::http::{Answer, ask};
use sangam_tests::{Client, Links, Server};
use serde_json::{Value, json};
use yrs::{Map, MapPrelim, MapRef, Out, Transact};

/// Somebody with a session: what the API and the socket know them by.
async fn join(server: &Server, link: &str, name: &str) -> Result<String> {
    let body = json!({ "token": link, "name": name, "language": "fr", "languages": ["fr"] });
    let answer = ask(&server.address, link, "POST", "/api/v1/sessions", Some(&body)).await?;
    answer.secret().with_context(|| format!("no session: {:?}", answer.json))
}

struct Board {
    server: Server,
    links: Links,
    /// A participant in Paris, called Camille.
    camille: String,
    /// A facilitator in Bengaluru, called Asha.
    asha: String,
}

impl Board {
    async fn start() -> Result<Self> {
        let server = Server::start().await?;
        let links = server.links().await?;
        let camille = join(&server, links.token("participant", Some("paris")), "Camille").await?;
        let asha = join(&server, links.token("facilitator", Some("bengaluru")), "Asha").await?;
        Ok(Self { server, links, camille, asha })
    }

    fn document(&self) -> &str {
        &self.links.boards[0].id
    }

    async fn client(&self, token: &str) -> Result<Client> {
        let mut client = Client::sangam(&self.server.address, self.document(), token).await?;
        client.sync().await?;
        Ok(client)
    }

    async fn get(&self, token: &str, rest: &str) -> Result<Answer> {
        let path = format!("/api/v1/events/demo/boards/1/history{rest}");
        ask(&self.server.address, token, "GET", &path, None).await
    }

    async fn entries(&self) -> Result<Vec<Value>> {
        let answer = self.get(&self.camille, "?count=20").await?;
        assert_eq!(answer.status, 200, "{:?}", answer.json);
        Ok(answer.json["entries"].as_array().context("entries")?.clone())
    }

    async fn past(&self, sequence: &Value) -> Result<Value> {
        let answer = self.get(&self.camille, &format!("/board?sequence={sequence}")).await?;
        assert_eq!(answer.status, 200, "{:?}", answer.json);
        Ok(answer.json)
    }

    async fn restore(&self, token: &str, body: &Value) -> Result<Answer> {
        let path = "/api/v1/events/demo/boards/1/history/restore";
        ask(&self.server.address, token, "POST", path, Some(body)).await
    }
}

/// Puts an idea into the tray; returns when that is on disk.
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

fn is_binned(client: &Client, id: &str) -> bool {
    let ideas = client.doc.get_or_insert_map("ideas");
    let txn = client.doc.transact();
    let Some(Out::YMap(idea)) = ideas.get(&txn, id) else { return false };
    idea.get(&txn, "deletedAt").is_some()
}

fn is_live(client: &Client, id: &str) -> bool {
    client.idea(id).is_some() && !is_binned(client, id)
}

fn key(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

#[tokio::test]
async fn the_list_says_who_changed_what_and_the_past_is_what_it_was() -> Result<()> {
    let board = Board::start().await?;
    let mut camille = board.client(&board.camille).await?;
    let mut asha = board.client(&board.asha).await?;
    let (idea, n) = camille.add_idea("Prêter des ordinateurs").await?;
    camille.until_acknowledged(n).await?;
    let n = asha.type_minutes(0, "नोट: ").await?;
    asha.until_acknowledged(n).await?;
    let entries = board.entries().await?;
    let newest: Vec<_> =
        entries[..2].iter().map(|e| (&e["author"]["name"], &e["author"]["site"])).collect();
    assert_eq!(
        newest,
        [(&json!("Asha"), &json!("bengaluru")), (&json!("Camille"), &json!("paris"))]
    );
    assert_eq!(entries[0]["touched"]["minutes"], true);
    assert_eq!(entries[1]["touched"]["ideas"]["added"], 1);
    assert_eq!(entries[2]["author"]["kind"], "server");
    assert!(entries[0]["toMs"].as_u64() >= entries[1]["toMs"].as_u64());

    let then = board.past(&entries[1]["sequence"]).await?;
    assert_eq!(then["board"]["ideas"][&idea]["text"], "Prêter des ordinateurs");
    assert!(!then["board"]["minutes"].as_str().context("minutes")?.starts_with("नोट"));
    assert_eq!(then["touched"]["minutes"], true);
    let earlier = board.past(&entries[1]["before"]).await?;
    assert!(earlier["board"]["ideas"].get(&idea).is_none());
    assert_eq!(earlier["items"][format!("ideas/{idea}")], "leaves");
    // By time as well: a moment is the last edit before it.
    let at = entries[1]["toMs"].as_u64().context("a time")?;
    let by_time = board.get(&board.camille, &format!("/board?at_ms={at}")).await?;
    assert_eq!(by_time.json["board"]["ideas"], then["board"]["ideas"]);
    Ok(())
}

#[tokio::test]
async fn a_restore_is_seen_by_everybody_told_in_the_list_and_undone() -> Result<()> {
    let board = Board::start().await?;
    let mut camille = board.client(&board.camille).await?;
    let (kept, n) = camille.add_idea("À garder").await?;
    camille.until_acknowledged(n).await?;
    let to = board.entries().await?[0]["sequence"].clone();
    bin(&mut camille, &kept).await?;
    let (since, n) = camille.add_idea("Venue après").await?;
    camille.until_acknowledged(n).await?;
    let mut stock = Client::stock(&board.server.address, board.document(), &board.camille).await?;
    stock.sync().await?;

    let body = json!({ "key": key(1), "sequence": to });
    let answer = board.restore(&board.asha, &body).await?;
    assert_eq!(answer.status, 200, "{:?}", answer.json);
    let entry = &answer.json["entry"];
    assert_eq!(entry["author"]["name"], "Asha");
    assert_eq!(entry["restored"]["to"], to);
    assert_eq!(entry["touched"]["ideas"]["restored"], 1);
    assert_eq!(entry["touched"]["ideas"]["deleted"], 1);
    for client in [&mut camille, &mut stock] {
        client.until_doc(|c| is_live(c, &kept) && is_binned(c, &since)).await?;
    }
    assert_eq!(board.entries().await?[0], *entry);

    // The same key again: the same answer, and nothing is done twice.
    let head = board.get(&board.asha, "").await?.json["head"].clone();
    assert_eq!(board.restore(&board.asha, &body).await?.json["entry"], *entry);
    assert_eq!(board.get(&board.asha, "").await?.json["head"], head);
    let other = board.restore(&board.asha, &json!({ "key": key(1), "sequence": 1 })).await?;
    assert_eq!((other.status, &other.json["field"]), (422, &json!("key")));

    // Undo: as if it had not been, but for what others did since.
    let (later, n) = camille.add_idea("Encore plus tard").await?;
    camille.until_acknowledged(n).await?;
    let undo = json!({ "key": key(2), "undo": key(1) });
    let undone = board.restore(&board.asha, &undo).await?;
    assert_eq!(undone.status, 200, "{:?}", undone.json);
    assert_eq!(undone.json["entry"]["restored"]["undoes"], key(1));
    for client in [&mut camille, &mut stock] {
        client.until_doc(|c| is_binned(c, &kept) && is_live(c, &since)).await?;
        assert!(is_live(client, &later));
    }
    // Once more changes nothing, and says so.
    let again = json!({ "key": key(3), "undo": key(1) });
    assert_eq!(board.restore(&board.asha, &again).await?.json, json!({ "entry": null }));
    // What was never restored cannot be undone.
    let never = board.restore(&board.asha, &json!({ "key": key(4), "undo": key(9) })).await?;
    assert_eq!((never.status, &never.json["code"]), (404, &json!("no_such_moment")));
    Ok(())
}

#[tokio::test]
async fn one_item_is_restored_alone() -> Result<()> {
    let board = Board::start().await?;
    let mut camille = board.client(&board.camille).await?;
    let (one, _) = camille.add_idea("Une").await?;
    let (two, n) = camille.add_idea("Deux").await?;
    camille.until_acknowledged(n).await?;
    let to = board.entries().await?[0]["sequence"].clone();
    bin(&mut camille, &one).await?;
    bin(&mut camille, &two).await?;
    let body = json!({ "key": key(1), "sequence": to, "scope": format!("ideas/{one}") });
    assert_eq!(board.restore(&board.asha, &body).await?.status, 200);
    camille.until_doc(|c| is_live(c, &one)).await?;
    assert!(is_binned(&camille, &two));
    Ok(())
}

#[tokio::test]
async fn the_past_survives_compaction_and_a_kill() -> Result<()> {
    let mut board = Board::start().await?;
    let mut camille = board.client(&board.camille).await?;
    let (idea, n) = camille.add_idea("Du matin").await?;
    camille.until_acknowledged(n).await?;
    let to = board.entries().await?[0]["sequence"].clone();
    let then = board.past(&to).await?["board"].clone();
    // A key pressed, an edit stored, six hundred times: the log is compacted on the way.
    for _ in 0..600 {
        let n = camille.type_minutes(0, "x").await?;
        camille.until_acknowledged(n).await?;
    }
    bin(&mut camille, &idea).await?;
    let answer = board.restore(&board.asha, &json!({ "key": key(1), "sequence": to })).await?;
    assert_eq!(answer.status, 200, "{:?}", answer.json);
    drop(camille);
    board.server = board.server.kill_and_restart().await?;
    assert_eq!(board.past(&to).await?["board"], then);
    let entries = board.entries().await?;
    assert_eq!(entries[0], answer.json["entry"]);
    let camille = board.client(&board.camille).await?;
    assert!(is_live(&camille, &idea));
    assert_eq!(then["minutes"], camille.minutes());
    // The key is remembered as well.
    let again = board.restore(&board.asha, &json!({ "key": key(1), "sequence": to })).await?;
    assert_eq!(again.json, answer.json);
    Ok(())
}

#[tokio::test]
async fn who_may_not_is_told_so_and_nothing_changes() -> Result<()> {
    let board = Board::start().await?;
    let mut camille = board.client(&board.camille).await?;
    let (_, n) = camille.add_idea("Une idée").await?;
    camille.until_acknowledged(n).await?;
    let screen = board.links.token("screen", Some("paris")).to_owned();
    let head = board.get(&board.camille, "").await?.json["head"].clone();
    let body = json!({ "key": key(1), "sequence": 1 });
    let (participant, stranger) = (board.camille.clone(), "AAAAAAAAAAAAAAAAAAAAAA".to_owned());
    for (token, status) in [(&participant, 403), (&screen, 403), (&stranger, 404)] {
        let answer = board.restore(token, &body).await?;
        assert_eq!(answer.status, status);
        assert!(answer.json["detail"].as_str().is_some_and(|sentence| sentence.ends_with('.')));
    }
    assert_eq!(board.get(&screen, "").await?.status, 403);
    assert_eq!(board.get(&screen, "/board?sequence=1").await?.status, 403);
    // What is asked for must exist, and be part of a board.
    for (body, status, code) in [
        (json!({ "key": key(2), "sequence": 99_999 }), 404, "no_such_moment"),
        (json!({ "key": key(2), "sequence": 1, "scope": "stage" }), 422, "invalid_field"),
        (json!({ "key": "x", "sequence": 1 }), 422, "invalid_field"),
        (json!({ "key": key(2) }), 422, "invalid_field"),
        (json!({ "key": key(2), "sequence": 1, "undo": key(1) }), 422, "invalid_field"),
    ] {
        let answer = board.restore(&board.asha, &body).await?;
        assert_eq!((answer.status, &answer.json["code"]), (status, &json!(code)));
    }
    assert_eq!(board.get(&board.asha, "/board?at_ms=1").await?.status, 404);
    assert_eq!(board.get(&board.asha, "/board").await?.status, 422);
    assert_eq!(board.get(&board.asha, "?before=x").await?.status, 422);
    assert_eq!(board.get(&board.camille, "").await?.json["head"], head);
    Ok(())
}

#[tokio::test]
async fn an_idea_removed_for_good_comes_back_by_the_same_name() -> Result<()> {
    let board = Board::start().await?;
    let mut camille = board.client(&board.camille).await?;
    let (idea, n) = camille.add_idea("Retirée").await?;
    camille.until_acknowledged(n).await?;
    let to = board.entries().await?[0]["sequence"].clone();
    let update = {
        let ideas = camille.doc.get_or_insert_map("ideas");
        let mut txn = camille.doc.transact_mut();
        ideas.remove(&mut txn, &idea);
        txn.commit();
        txn.encode_update_v1()
    };
    let n = camille.send_update(&update).await?;
    camille.until_acknowledged(n).await?;
    let answer = board.restore(&board.asha, &json!({ "key": key(1), "sequence": to })).await?;
    assert_eq!(answer.json["entry"]["touched"]["ideas"]["restored"], 1);
    camille.until_doc(|c| c.idea(&idea).as_deref() == Some("Retirée")).await?;
    Ok(())
}

#[tokio::test]
async fn thousands_of_notes_are_restored_at_once() -> Result<()> {
    let board = Board::start().await?;
    let mut camille = board.client(&board.camille).await?;
    let to = board.entries().await?[0]["sequence"].clone();
    let update = {
        let ideas = camille.doc.get_or_insert_map("ideas");
        let mut txn = camille.doc.transact_mut();
        for n in 10..1_500 {
            let note: MapRef = ideas.insert(&mut txn, key(n), MapPrelim::default());
            note.insert(&mut txn, "order", "a0");
        }
        txn.commit();
        txn.encode_update_v1()
    };
    let n = camille.send_update(&update).await?;
    camille.until_acknowledged(n).await?;
    let answer = board.restore(&board.asha, &json!({ "key": key(1), "sequence": to })).await?;
    assert_eq!(answer.json["entry"]["touched"]["ideas"]["deleted"], 1_490);
    camille.until_doc(|c| is_binned(c, &key(1_499))).await?;
    Ok(())
}
