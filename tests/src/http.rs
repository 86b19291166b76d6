//! One plain HTTP request over a socket: what `curl` would see, without a client that follows,
//! decodes or caches by itself.

use anyhow::{Context, Result};
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
}

impl Answer {
    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// GETs a path with these extra header lines.
///
/// # Errors
/// Where nothing, or no HTTP, comes back.
pub async fn get(address: &str, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let answered = async {
        let mut stream = TcpStream::connect(address).await?;
        let mut request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").context("no end of headers")?;
        let head = std::str::from_utf8(&bytes[..end])?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Answer { status: status.parse()?, headers, body: bytes[end + 4..].to_vec() })
    };
    tokio::time::timeout(crate::PATIENCE, answered).await.context("no answer")?
}
