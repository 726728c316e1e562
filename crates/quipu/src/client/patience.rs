//! Goes on asking while the server is away or busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Answer;
use crate::error::CliError;

/// How long to go on asking a server that is away or busy, and what to tell the user meanwhile.
pub(crate) struct Patience<'a> {
    /// How long in all, for one request.
    pub(crate) most: Duration,
    /// Called before each wait with a sentence for people.
    pub(crate) tell: &'a mut dyn FnMut(&str),
    /// Becomes true where nobody waits for an answer any more, if that may be.
    pub(crate) stopping: Option<&'a AtomicBool>,
}

impl Patience<'_> {
    const FIRST_WAIT: Duration = Duration::from_millis(200);
    const LONGEST_WAIT: Duration = Duration::from_secs(5);

    /// Sends the same request until it is answered. Only for requests that take effect once
    /// however often they are sent.
    pub(crate) fn send(
        &mut self,
        mut request: impl FnMut() -> Result<Answer, CliError>,
    ) -> Result<Answer, CliError> {
        let began = Instant::now();
        let mut wait = Self::FIRST_WAIT;
        let mut is_retry = false;
        loop {
            let (why, asked) = match request() {
                Ok(answer) if answer.asks_to_come_back() => (answer.problem(), answer.retry_after),
                Err(CliError::Unavailable { what, hint }) => {
                    if began.elapsed() >= self.most || self.is_stopping() {
                        return Err(CliError::Unavailable { what, hint });
                    }
                    (what, None)
                }
                done => return done.map(|answer| Answer { is_retry, ..answer }),
            };
            is_retry = true;
            let pause = asked.unwrap_or(wait).min(Self::LONGEST_WAIT);
            if began.elapsed() >= self.most || self.is_stopping() {
                return Err(CliError::Unavailable {
                    what: why,
                    hint: "run the same command again: it goes on where it stopped".into(),
                });
            }
            let left = self.most.saturating_sub(began.elapsed());
            (self.tell)(&format!("{why}; trying again for {} s", left.as_secs()));
            self.pause(pause);
            wait = (wait * 2).min(Self::LONGEST_WAIT);
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.is_some_and(|stopping| stopping.load(Ordering::Relaxed))
    }

    fn pause(&self, pause: Duration) {
        let began = Instant::now();
        while began.elapsed() < pause && !self.is_stopping() {
            std::thread::sleep(Self::FIRST_WAIT.min(pause.saturating_sub(began.elapsed())));
        }
    }
}

impl Answer {
    /// Whether nothing happened yet and the same request may succeed later.
    fn asks_to_come_back(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
            || self.code() == Some("idempotency_key_in_flight")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_whose_key_is_under_way_is_sent_again() {
        let answer = |status, body| Answer {
            status,
            body,
            retry_after: Some(Duration::ZERO),
            duplicates: 0,
            is_retry: false,
        };
        let mut answers =
            vec![answer(201, json!({})), answer(409, json!({"code": "idempotency_key_in_flight"}))];
        let tell = &mut |_: &str| {};
        let mut patience = Patience { most: Duration::from_secs(60), tell, stopping: None };
        let sent = patience.send(|| Ok(answers.pop().expect("it is answered by then")));
        assert!(sent.is_ok_and(|sent| sent.status == 201 && sent.is_retry));
    }
}
