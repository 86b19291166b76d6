//! A bad network in user space: a TCP proxy that is late, stalls and resets, as its seed decides.

use anyhow::Result;
use bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

/// Half of a round trip between Paris and Bengaluru.
const DELAY_MS: u64 = 75;
/// Chunks on their way in one direction.
const IN_FLIGHT_MAX: usize = 64;

/// The proxy; ends when dropped.
pub struct Proxy {
    /// Where clients connect.
    pub address: String,
    weather: Arc<Weather>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct Weather {
    calm: AtomicBool,
    resets: AtomicU64,
    stalls: AtomicU64,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// A proxy before a server.
    ///
    /// # Errors
    /// Where no port is free.
    pub async fn start(server: &str, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let weather = Arc::new(Weather::default());
        let accepting = tokio::spawn(accept(listener, server.to_owned(), seed, weather.clone()));
        Ok(Self { address, weather, accepting: accepting.abort_handle() })
    }

    /// No stalls and no resets from now on.
    pub fn calm(&self) {
        self.weather.calm.store(true, Ordering::Relaxed);
    }

    /// How many connections were reset.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.weather.resets.load(Ordering::Relaxed)
    }

    /// How many times a direction stood still.
    #[must_use]
    pub fn stalls(&self) -> u64 {
        self.weather.stalls.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, server: String, seed: u64, weather: Arc<Weather>) {
    let mut connections = JoinSet::new();
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    while let Ok((client, _)) = listener.accept().await {
        let own = ChaCha8Rng::seed_from_u64(dice.random());
        connections.spawn(carry(client, server.clone(), own, weather.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// One connection, until an end closes it or its time has come.
async fn carry(client: TcpStream, server: String, mut dice: ChaCha8Rng, weather: Arc<Weather>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    for end in [&client, &server] {
        end.set_nodelay(true).expect("a socket that has just been opened");
        // What is dropped, is dropped: no orderly close, whatever was on its way is lost.
        end.set_zero_linger().expect("a socket that has just been opened");
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = ChaCha8Rng::seed_from_u64(dice.random());
    let down = ChaCha8Rng::seed_from_u64(dice.random());
    let mut ways = JoinSet::new();
    ways.spawn(one_way(from_client, to_server, up, weather.clone()));
    ways.spawn(one_way(from_server, to_client, down, weather.clone()));
    let life = Duration::from_millis(dice.random_range(500..12_000));
    tokio::select! {
        _ = ways.join_next() => {}
        () = sleep(life) => {
            if weather.calm.load(Ordering::Relaxed) {
                ways.join_next().await;
            } else {
                weather.resets.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    ways.shutdown().await;
}

/// Late, in order, and sometimes not at all for a while.
async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut dice: ChaCha8Rng,
    weather: Arc<Weather>,
) {
    let (queue, mut late) = mpsc::channel::<(Instant, Bytes)>(IN_FLIGHT_MAX);
    let reading = async move {
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(len @ 1..) = from.read(&mut chunk).await {
            let due = Instant::now() + Duration::from_millis(DELAY_MS);
            if queue.send((due, Bytes::copy_from_slice(&chunk[..len]))).await.is_err() {
                break;
            }
        }
    };
    let writing = async move {
        while let Some((due, bytes)) = late.recv().await {
            sleep_until(due).await;
            if dice.random_bool(0.004) && !weather.calm.load(Ordering::Relaxed) {
                weather.stalls.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(dice.random_range(200..1_500))).await;
            }
            if to.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    // When reading has ended, what was read still arrives.
    tokio::join!(reading, writing);
}
