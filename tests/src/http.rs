//! One HTTP request at a time, by hand: what a machine sends to the API.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The session's secret, where one was handed out.
    pub secret: Option<String>,
    /// The body.
    pub json: Value,
}

/// Asks the API with a bearer token.
///
/// # Errors
/// Where no answer comes, or one that is not JSON.
pub async fn ask(
    address: &str,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = tokio::time::timeout(crate::PATIENCE, exchange).await.context("no answer")??;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of head")?;
    let status = head.split(' ').nth(1).context("a status")?.parse()?;
    let secret = head
        .split_once("sangam_session=")
        .and_then(|(_, rest)| rest.split(';').next())
        .map(str::to_owned);
    Ok(Answer { status, secret, json: serde_json::from_str(body).context(body.to_owned())? })
}
