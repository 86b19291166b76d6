//! The checks over real sockets: somebody writes on a board, and everybody's stage says what is open.

use anyhow::{Context, Result};
use sangam_shared::checks::{BoardDigest, Code, PlanDigest};
use sangam_tests::{Client, Server};
use std::time::{Duration, Instant};
use yrs::{Any, Map, MapRef, Out, ReadTxn, Transact};

const PARIS: Option<&str> = Some("paris");

/// What the stage says under a key.
fn said(stage: &Client, root: &str, key: &str) -> Option<String> {
    let txn = stage.doc.transact();
    match txn.get_map(root)?.get(&txn, key)? {
        Out::Any(Any::String(said)) => Some(said.as_ref().to_owned()),
        _ => None,
    }
}

fn open(stage: &Client, plan: &str) -> Vec<Code> {
    let digest = said(stage, "checks", plan);
    let digest = digest.and_then(|json| serde_json::from_str::<PlanDigest>(&json).ok());
    digest.map_or_else(Vec::new, |digest| digest.open.iter().map(|f| f.code).collect())
}

/// The id of the plan with this reference.
fn plan_id(board: &Client, reference: &str) -> Option<String> {
    let txn = board.doc.transact();
    let plans = txn.get_map("plans")?;
    let found = plans.iter(&txn).find(|(_, out)| match out {
        Out::YMap(plan) => plan.get(&txn, "ref") == Some(Out::Any(reference.into())),
        _ => false,
    });
    found.map(|(id, _)| id.to_owned())
}

/// Changes a plan, and offers the change.
async fn edit(
    board: &mut Client,
    plan: &str,
    edit: impl Fn(&MapRef, &mut yrs::TransactionMut<'_>),
) -> Result<u64> {
    let update = {
        let plans = board.doc.get_or_insert_map("plans");
        let mut txn = board.doc.transact_mut();
        let Some(Out::YMap(plan)) = plans.get(&txn, plan) else { anyhow::bail!("no such plan") };
        edit(&plan, &mut txn);
        txn.commit();
        txn.encode_update_v1()
    };
    board.send_update(&update).await
}

#[tokio::test]
async fn the_stage_says_within_a_second_what_is_open() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let token = links.token("participant", PARIS);
    let mut board = Client::sangam(&server.address, &links.boards[0].id, token).await?;
    let mut stage = Client::stock(&server.address, &links.stage, token).await?;
    board.sync().await?;
    stage.sync().await?;
    let plan = plan_id(&board, "1.3").context("the demonstration has a plan 1.3")?;
    stage.until_doc(|stage| open(stage, &plan).contains(&Code::A5)).await?;
    // Three times, because a first time may be lucky.
    for day in ["2022-10-03", "2022-10-04", "2022-10-06"] {
        let begin = Instant::now();
        edit(&mut board, &plan, |plan, txn| {
            plan.insert(txn, "dueDate", day);
        })
        .await?;
        stage.until_doc(|stage| !open(stage, &plan).contains(&Code::A5)).await?;
        let there = begin.elapsed();
        let begin = Instant::now();
        edit(&mut board, &plan, |plan, txn| {
            plan.remove(txn, "dueDate");
        })
        .await?;
        stage.until_doc(|stage| open(stage, &plan).contains(&Code::A5)).await?;
        let back = begin.elapsed();
        println!("the stage followed after {there:?} and {back:?}");
        assert!(there < Duration::from_secs(1) && back < Duration::from_secs(1));
    }
    Ok(())
}

#[tokio::test]
async fn while_somebody_types_without_a_pause_the_stage_follows() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let token = links.token("participant", PARIS);
    let mut board = Client::sangam(&server.address, &links.boards[0].id, token).await?;
    let mut stage = Client::stock(&server.address, &links.stage, token).await?;
    board.sync().await?;
    stage.sync().await?;
    let count = |stage: &Client| {
        let json = said(stage, "digests", &links.boards[0].id);
        json.and_then(|json| serde_json::from_str::<BoardDigest>(&json).ok()).map(|d| d.ideas)
    };
    stage.until_doc(|stage| count(stage).is_some()).await?;
    let before = count(&stage).context("the board is counted")?;
    let begin = Instant::now();
    let typing = async {
        for n in 0..60 {
            board.add_idea(&format!("idea {n}")).await?;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        anyhow::Ok(Instant::now())
    };
    let reading = async {
        stage.until_doc(|stage| count(stage).is_some_and(|ideas| ideas > before)).await?;
        let first = Instant::now();
        stage.until_doc(|stage| count(stage) == Some(before + 60)).await?;
        anyhow::Ok((first, Instant::now()))
    };
    let (typed, read) = tokio::join!(typing, reading);
    let (last_typed, (first, last)) = (typed?, read?);
    println!("first after {:?}, last after {:?}", first - begin, last - last_typed);
    assert!(first - begin < Duration::from_secs(1), "nothing was said while it changed");
    assert!(first < last_typed);
    assert!(last.saturating_duration_since(last_typed) < Duration::from_secs(1));
    Ok(())
}

#[tokio::test]
async fn what_is_open_survives_a_kill() -> Result<()> {
    let server = Server::start().await?;
    let links = server.links().await?;
    let token = links.token("participant", PARIS).to_owned();
    let mut board = Client::sangam(&server.address, &links.boards[0].id, &token).await?;
    board.sync().await?;
    let plan = plan_id(&board, "1.3").context("the demonstration has a plan 1.3")?;
    let n = edit(&mut board, &plan, |plan, txn| {
        plan.insert(txn, "dueDate", "2022-10-03");
    })
    .await?;
    board.until_acknowledged(n).await?;
    // The server is gone before it has thought about it.
    let server = server.kill_and_restart().await?;
    let mut stage = Client::stock(&server.address, &links.stage, &token).await?;
    stage.sync().await?;
    let settled = |stage: &Client| {
        let codes = open(stage, &plan);
        codes.contains(&Code::A1) && !codes.contains(&Code::A5)
    };
    stage.until_doc(settled).await?;
    Ok(())
}
