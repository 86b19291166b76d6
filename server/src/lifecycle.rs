//! Start and stop of one server: `run` takes its listener and its shutdown, so that a test can
//! hold both.

use crate::event::digest;
use crate::http::Api;
use axum::Router;
use axum::serve::ListenerExt;
use sangam_shared::limits;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `shutdown` ends, then drains: no new connections, a word to those who can hear
/// it, closes spread over a while, and everything that was received is stored.
///
/// # Errors
/// Where the listener fails.
pub async fn run(
    api: Arc<Api>,
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let draining = api.draining.clone();
    let begin = draining.clone();
    tokio::spawn(async move {
        shutdown.await;
        begin.cancel();
    });
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch Nagle's algorithm off");
        }
    });
    let digests = digest::run(
        Arc::clone(&api.events),
        Arc::clone(&api.rooms),
        Arc::clone(&api.clock),
        draining.clone(),
    );
    let digests = tokio::spawn(digests);
    let refusals = {
        let (events, draining) = (Arc::clone(&api.events), draining.clone());
        tokio::spawn(async move { events.write_refusals(draining).await })
    };
    let stop = draining.clone();
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .into_future();
    let serving = tokio::spawn(serving);
    draining.cancelled().await;
    tracing::info!(sockets = api.sockets.len(), "draining");
    api.sockets.close();
    let limit = Duration::from_millis(limits::DRAIN_MS);
    if tokio::time::timeout(limit, api.sockets.wait()).await.is_err() {
        tracing::warn!(sockets = api.sockets.len(), "some peers did not leave in time");
    }
    if digests.await.is_err() {
        tracing::error!("the digests had ended before");
    }
    if refusals.await.is_err() {
        tracing::error!("refusals were no longer written down");
    }
    api.rooms.settle().await;
    // Requests that are still answered get the same time; then the process ends anyway.
    match tokio::time::timeout(limit, serving).await {
        Ok(Ok(served)) => served,
        Ok(Err(error)) => Err(std::io::Error::other(error)),
        Err(_) => {
            tracing::warn!("some requests did not end in time");
            Ok(())
        }
    }
}

/// Ends at the first SIGINT or SIGTERM. A second signal ends the process at once.
///
/// # Errors
/// Where signals cannot be listened to.
pub fn signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let first = CancellationToken::new();
    let seen = first.clone();
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        seen.cancel();
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::warn!("second signal: ending at once");
        std::process::exit(1);
    });
    Ok(async move { first.cancelled().await })
}
