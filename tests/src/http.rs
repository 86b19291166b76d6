//! HTTP by hand, one request a connection: what `curl` would see, without a client that follows,
//! decodes or caches by itself.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    /// 200, 304, 404 …
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// As sent: encoded, where `content-encoding` says so.
    pub body: Vec<u8>,
    /// The body, where it is JSON.
    pub json: Value,
}

impl Answer {
    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The session's secret, where one was handed out.
    #[must_use]
    pub fn secret(&self) -> Option<String> {
        let (_, rest) = self.header("set-cookie").split_once("sangam_session=")?;
        rest.split(';').next().map(str::to_owned)
    }
}

/// GETs a path with these extra headers.
///
/// # Errors
/// Where nothing, or no HTTP, comes back.
pub async fn get(address: &str, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    exchange(address, "GET", path, headers, "").await
}

/// Asks the API with a bearer token, as a machine does.
///
/// # Errors
/// Where nothing, or no HTTP, comes back.
pub async fn ask(
    address: &str,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer> {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    let body = body.map(Value::to_string).unwrap_or_default();
    exchange(address, method, path, &headers, &body).await
}

/// Sends JSON with these headers: as a browser does, with its cookie and its origin.
///
/// # Errors
/// Where nothing, or no HTTP, comes back.
pub async fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Result<Answer> {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    exchange(address, method, path, &all, &body.to_string()).await
}

async fn exchange(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer> {
    let length = body.len();
    let upgrade = headers.iter().any(|(name, _)| *name == "Upgrade");
    let connection = if upgrade { "Upgrade, close" } else { "close" };
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: {connection}\r\nContent-Length: {length}\r\n"
    );
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.extend(["\r\n", body]);
    let answered = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        anyhow::Ok(bytes)
    };
    let bytes = tokio::time::timeout(crate::PATIENCE, answered).await.context("no answer")??;
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").context("no end of headers")?;
    let head = std::str::from_utf8(&bytes[..end])?;
    let body = bytes[end + 4..].to_vec();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let json = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Answer { status: status.parse()?, headers, body, json })
}
