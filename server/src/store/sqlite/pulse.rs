//! Whether the writer thread gets anywhere. A disk may not fail and not answer either: an fsync that
//! hangs would leave everybody waiting without a word. So whoever waits for the writer looks at it
//! when that takes too long, and says for all that the store takes no writes, until it does again.

use crate::store::{Health, StoreError};
use sangam_shared::limits;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// What the writer is at.
pub(super) struct Pulse {
    pub(super) health: watch::Sender<Health>,
    state: Mutex<State>,
    patience: Duration,
}

#[derive(Default)]
struct State {
    /// When it began what it is at.
    busy_since: Option<Instant>,
    /// It has been at that for too long, and everybody was told.
    hangs: bool,
    /// It has failed, and tries to recover.
    fails: bool,
}

impl Pulse {
    pub(super) fn new(health: Health) -> Self {
        let fails = matches!(health, Health::Unavailable { .. });
        let state = Mutex::new(State { fails, ..State::default() });
        let patience = Duration::from_millis(limits::STORE_ANSWER_MS_MAX);
        Self { health: watch::Sender::new(health), state, patience }
    }

    /// The writer begins something.
    pub(super) fn begins(&self) {
        self.state().busy_since = Some(Instant::now());
    }

    /// It has done it, or has refused it.
    pub(super) fn ends(&self) {
        let mut state = self.state();
        state.busy_since = None;
        if std::mem::take(&mut state.hangs) && !state.fails {
            tracing::info!("the disk answers again");
            self.health.send_replace(Health::Writable);
        }
    }

    /// It cannot do it, and everybody is told why.
    pub(super) fn fails(&self, reason: &str) {
        self.state().fails = true;
        self.health.send_replace(Health::Unavailable { reason: reason.to_owned() });
    }

    /// It has proved that it can write again.
    pub(super) fn recovers(&self) {
        let mut state = self.state();
        (state.fails, state.hangs) = (false, false);
        state.busy_since = state.busy_since.map(|_| Instant::now());
        self.health.send_replace(Health::Writable);
    }

    /// Nothing more is asked of a writer that hangs: who is refused at once may be sure that nothing
    /// was written.
    pub(super) fn is_beating(&self) -> Result<(), StoreError> {
        if self.state().hangs { Err(hangs()) } else { Ok(()) }
    }

    /// The answer; or, after too long, that the store is unavailable. Then what was asked may be done
    /// or not, as after any failure.
    pub(super) async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if let Ok(answer) = tokio::time::timeout(self.patience, answer).await {
            return answer;
        }
        self.look();
        Err(hangs())
    }

    /// The answer, however long it takes; after too long the others are told.
    pub(super) async fn watched<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut answer = std::pin::pin!(answer);
        if let Ok(answer) = tokio::time::timeout(self.patience, &mut answer).await {
            return answer;
        }
        self.look();
        answer.await
    }

    /// Somebody has waited for too long: because of the disk, or because so many wait?
    fn look(&self) {
        let mut state = self.state();
        let stuck = state.busy_since.is_some_and(|since| since.elapsed() >= self.patience / 2);
        if stuck && !state.hangs && !state.fails {
            state.hangs = true;
            let reason = hangs().to_string();
            tracing::error!(reason, "the store does not take writes");
            self.health.send_replace(Health::Unavailable { reason });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hangs() -> StoreError {
    StoreError::Unavailable("the disk does not answer".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse() -> Pulse {
        Pulse { patience: Duration::from_millis(50), ..Pulse::new(Health::Writable) }
    }

    fn writable(pulse: &Pulse) -> bool {
        *pulse.health.borrow() == Health::Writable
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_told_and_so_is_its_return() {
        let pulse = pulse();
        pulse.begins();
        let never = std::future::pending::<Result<(), _>>();
        let before = Instant::now();
        assert!(matches!(pulse.in_time(never).await, Err(StoreError::Unavailable(_))));
        assert!(before.elapsed() < Duration::from_secs(2));
        assert!(!writable(&pulse));
        assert!(pulse.is_beating().is_err(), "nothing more may wait for it");
        pulse.ends();
        assert!(writable(&pulse));
        assert!(pulse.is_beating().is_ok());
    }

    #[tokio::test]
    async fn a_long_queue_is_no_disk_that_hangs() {
        let pulse = pulse();
        let never = std::future::pending::<Result<(), _>>();
        assert!(pulse.in_time(never).await.is_err());
        assert!(writable(&pulse));
    }

    #[tokio::test]
    async fn a_failure_outlasts_the_end_of_what_hung() {
        let pulse = pulse();
        pulse.begins();
        let slow = async {
            tokio::time::sleep(pulse.patience * 2).await;
            pulse.fails("no space");
            Ok(())
        };
        assert_eq!(pulse.watched(slow).await, Ok(()));
        pulse.ends();
        assert!(!writable(&pulse), "it has not written since");
        pulse.recovers();
        assert!(writable(&pulse));
    }
}
