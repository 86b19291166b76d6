//! Thousands of WebSocket clients on one thread. It reads with one system call what a server wrote
//! with many, so that on a core of its own it is never what is measured.

use crate::server::Server;
use crate::wire;
use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// What a client heard.
pub enum Heard<'a> {
    /// The connection stands.
    Open,
    /// A binary message.
    Message(&'a [u8]),
    /// The server has gone; the close code, where it said one.
    Closed(Option<u16>),
}

/// Many clients.
pub struct Load {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    scratch: Vec<u8>,
    /// Bytes that all clients have read.
    pub received_bytes: u64,
}

struct Client {
    stream: TcpStream,
    /// What was read and is not a whole frame yet.
    rest: Vec<u8>,
    /// What the kernel did not take yet.
    unsent: Vec<u8>,
    state: State,
    request: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Upgrading,
    Open,
    Gone,
}

impl Load {
    /// Nobody yet.
    ///
    /// # Errors
    /// Where the system has no poll.
    pub fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1_024),
            clients: Vec::new(),
            scratch: vec![0; 256 * 1024],
            received_bytes: 0,
        })
    }

    /// Begins to connect a client to a room; returns its number.
    ///
    /// # Errors
    /// Where the system is out of sockets.
    pub fn connect(&mut self, server: &Server, room: usize) -> Result<usize> {
        let at = self.clients.len();
        let mut stream = TcpStream::connect(server.address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(at), interest)?;
        let protocol = if server.system == crate::server::System::Sangam {
            "Sec-WebSocket-Protocol: sangam.1\r\n"
        } else {
            ""
        };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             {protocol}\r\n",
            server.room(room).path,
            server.address
        );
        self.clients.push(Client {
            stream,
            rest: Vec::new(),
            unsent: Vec::new(),
            state: State::Connecting,
            request: request.into_bytes(),
        });
        Ok(at)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub fn send(&mut self, client: usize, message: &[u8]) -> Result<()> {
        let mut framed = Vec::with_capacity(message.len() + 14);
        wire::frame(&mut framed, wire::BINARY, message);
        self.send_framed(client, &framed)
    }

    /// Sends what is a frame already.
    ///
    /// # Errors
    /// Where the connection has ended.
    pub fn send_framed(&mut self, client: usize, framed: &[u8]) -> Result<()> {
        let client = &mut self.clients[client];
        if client.state != State::Open {
            bail!("the server has closed a connection that it should serve");
        }
        client.write(framed)
    }

    /// Waits for at most `wait` and hands on what has been heard. Returns when the wait was over.
    ///
    /// # Errors
    /// Where `on` fails, or the poll.
    pub fn pump(
        &mut self,
        wait: Duration,
        mut on: impl FnMut(usize, Heard<'_>, Instant) -> Result<()>,
    ) -> Result<Instant> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Instant::now()),
            result => result?,
        }
        let woken = Instant::now();
        for event in &self.events {
            let at = event.token().0;
            let client = &mut self.clients[at];
            if event.is_writable() && client.state != State::Gone {
                client.continue_writing()?;
            }
            if event.is_readable() && client.state != State::Gone {
                self.received_bytes +=
                    client.read(&mut self.scratch, |heard, when| on(at, heard, when))?;
            }
        }
        Ok(woken)
    }
}

impl Client {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if is_end(&error) => {
                    // Reading says so in its turn.
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.unsent.extend_from_slice(rest);
        Ok(())
    }

    fn continue_writing(&mut self) -> Result<()> {
        if self.state == State::Connecting {
            match self.stream.peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error).context("cannot connect"),
            }
            self.stream.set_nodelay(true)?;
            self.state = State::Upgrading;
            let request = std::mem::take(&mut self.request);
            return self.write(&request);
        }
        let unsent = std::mem::take(&mut self.unsent);
        self.write(&unsent)
    }

    /// Reads until there is nothing more; returns how much it was.
    fn read(
        &mut self,
        scratch: &mut [u8],
        mut on: impl FnMut(Heard<'_>, Instant) -> Result<()>,
    ) -> Result<u64> {
        let mut total = 0;
        loop {
            let got = match self.stream.read(scratch) {
                Ok(0) => None,
                Ok(got) => Some(got),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if is_end(&error) => None,
                Err(error) => return Err(error.into()),
            };
            let Some(got) = got else {
                self.state = State::Gone;
                on(Heard::Closed(None), Instant::now())?;
                return Ok(total);
            };
            total += got as u64;
            self.take(&scratch[..got], Instant::now(), &mut on)?;
            // A short read has emptied the socket; the next bytes wake us again.
            if got < scratch.len() || self.state == State::Gone {
                return Ok(total);
            }
        }
    }

    fn take(
        &mut self,
        bytes: &[u8],
        now: Instant,
        on: &mut impl FnMut(Heard<'_>, Instant) -> Result<()>,
    ) -> Result<()> {
        let kept = std::mem::take(&mut self.rest);
        let joined;
        let mut bytes = bytes;
        if !kept.is_empty() {
            joined = [&kept, bytes].concat();
            bytes = &joined;
        }
        if self.state == State::Upgrading {
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                self.rest = bytes.to_vec();
                return Ok(());
            };
            if !bytes.starts_with(b"HTTP/1.1 101") {
                bail!("no upgrade: {}", String::from_utf8_lossy(&bytes[..end]));
            }
            bytes = &bytes[end + 4..];
            self.state = State::Open;
            on(Heard::Open, now)?;
        }
        while let Some((opcode, payload, whole)) = wire::parse(bytes) {
            match opcode {
                wire::BINARY => on(Heard::Message(payload), now)?,
                wire::PING => {
                    let mut pong = Vec::new();
                    wire::frame(&mut pong, wire::PONG, payload);
                    self.write(&pong)?;
                }
                wire::CLOSE => {
                    self.state = State::Gone;
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return on(Heard::Closed(code), now);
                }
                _ => {}
            }
            bytes = &bytes[whole..];
        }
        self.rest = bytes.to_vec();
        Ok(())
    }
}

fn is_end(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}
