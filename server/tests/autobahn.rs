//! The cases of the Autobahn test suite, driven by `kosoku` (`PyPI`), against our WebSocket: the same
//! library over the same pipe with the same limits as `/sync`, answering each message with itself as
//! the suite wants.
//! Compression (12, 13) is not offered, and the volume tests (9) exceed our limit of one message.

use futures_util::{SinkExt, StreamExt};
use sangam::sync::pipe::Pipe;
use sangam::sync::websocket;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;
use tokio_tungstenite::accept_async_with_config;

const SUITE: &str = "kosoku==0.1.0";
const PATIENCE: Duration = Duration::from_mins(4);

#[tokio::test]
async fn the_autobahn_cases_pass() {
    let Some(python) = python().await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    let reports = tempfile::tempdir().expect("a folder");
    let mut suite = Command::new(python.join("bin/kosoku"));
    suite.args(["-m", "fuzzingclient", "-p", "8", "-x", "9.*", "-x", "12.*", "-x", "13.*", "-o"]);
    suite.arg(reports.path()).arg(format!("ws://{address}/")).kill_on_drop(true);
    let output = timeout(PATIENCE, suite.output()).await.expect("in time").expect("it runs");
    server.abort();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    let index = std::fs::read(reports.path().join("index.json")).expect("there is a report");
    let index: serde_json::Value = serde_json::from_slice(&index).expect("it is JSON");
    let cases: Vec<_> = index
        .as_object()
        .into_iter()
        .flat_map(|agents| agents.values())
        .filter_map(serde_json::Value::as_object)
        .flatten()
        .collect();
    let good = ["OK", "NON-STRICT", "INFORMATIONAL"];
    let bad: Vec<_> = cases
        .iter()
        .filter(|(_, case)| {
            ["behavior", "behaviorClose"]
                .iter()
                .any(|key| !case[key].as_str().is_some_and(|behaviour| good.contains(&behaviour)))
        })
        .collect();
    println!("{} cases, {} bad", cases.len(), bad.len());
    assert!(cases.len() > 240 && bad.is_empty(), "{bad:?}");
}

async fn echo(stream: TcpStream) {
    let (pipe, half) = Pipe::new(stream);
    let Ok(mut socket) = accept_async_with_config(half, Some(websocket::config())).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        let answer = message.is_text() || message.is_binary();
        if answer && (socket.send(message).await.is_err() || pipe.drained().await.is_err()) {
            return;
        }
    }
}

/// A virtual environment with the suite in it; `None`, with the reason printed, where there is no
/// Python or no registry.
async fn python() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python-autobahn"));
    if folder.join("bin/kosoku").exists() {
        return Some(folder);
    }
    let pip = folder.join("bin/pip");
    let steps: [(&str, Vec<&str>); 2] = [
        ("python3", vec!["-m", "venv", folder.to_str()?]),
        (pip.to_str()?, vec!["install", "--quiet", "--disable-pip-version-check", SUITE]),
    ];
    for (program, arguments) in steps {
        let mut step = Command::new(program);
        step.args(&arguments).stdout(Stdio::null()).kill_on_drop(true);
        let ended = timeout(PATIENCE, step.status()).await;
        if !matches!(ended, Ok(Ok(status)) if status.success()) {
            println!("NOT RUN: {program} {arguments:?} failed, so there is no Autobahn suite");
            return None;
        }
    }
    Some(folder)
}
