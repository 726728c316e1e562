//! Watches a server while it is driven: how far its views are behind, and what it counts.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use quipu_load::{Latencies, resident_mib};
use serde::Deserialize;

use super::connection::Connection;
use crate::error::CliError;

/// How often it looks: a lag is known to so much.
const INTERVAL: Duration = Duration::from_millis(20);

/// What a server counts of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Commits to the journal, each with its fsync.
    pub(super) commits: u64,
    /// Events in them.
    pub(super) events: u64,
}

/// What was seen during the measured time.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// What the server did meanwhile.
    pub(super) counters: Counters,
    /// How long the last events have been in the journal and not in the views.
    pub(super) lag: Latencies,
    /// The largest memory of this process, in MiB.
    pub(super) resident_mib: u64,
}

/// How far a server is, by its `/readyz`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Progress {
    /// The journal's last position.
    pub(super) journal_position: u64,
    /// The position that the views have reached.
    pub(super) views_position: u64,
}

/// Watches through the warm-up, which does not count, and the measured time.
pub(super) async fn watch(
    server: SocketAddr,
    warm_up: Duration,
    measured: Duration,
) -> Result<Observed, CliError> {
    observe(server, warm_up, measured).await.map_err(|error| CliError::Unavailable {
        what: format!("the server could not be watched: {error}"),
        hint: "look at its log, and run it again".into(),
    })
}

async fn observe(
    server: SocketAddr,
    warm_up: Duration,
    measured: Duration,
) -> std::io::Result<Observed> {
    let mut connection = Connection::new(server);
    let (began, mut lag) = (Instant::now(), Lag::default());
    let mut observed = Observed::default();
    let mut before = None;
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while began.elapsed() < warm_up + measured {
        ticks.tick().await;
        let progress = progress(&mut connection).await?;
        let behind = lag.after(began.elapsed(), progress);
        if began.elapsed() < warm_up {
            continue;
        }
        observed.lag.record(behind);
        observed.resident_mib = observed.resident_mib.max(resident_mib().unwrap_or_default());
        if before.is_none() {
            before = Some(counters(&mut connection).await?);
        }
    }
    let (before, after) = (before.unwrap_or_default(), counters(&mut connection).await?);
    observed.counters = Counters {
        commits: after.commits.saturating_sub(before.commits),
        events: after.events.saturating_sub(before.events),
    };
    Ok(observed)
}

/// Asks a server how far it is.
pub(super) async fn progress(connection: &mut Connection) -> std::io::Result<Progress> {
    let answer = connection.get(format_args!("/readyz")).await?;
    Ok(serde_json::from_slice(answer.body)?)
}

async fn counters(connection: &mut Connection) -> std::io::Result<Counters> {
    let answer = connection.get(format_args!("/metrics")).await?;
    let text = String::from_utf8_lossy(answer.body);
    Ok(Counters {
        commits: counter(&text, "quipu_commits_total"),
        events: counter(&text, "quipu_events_total"),
    })
}

/// A counter in Prometheus' text format; zero before it was first counted.
fn counter(text: &str, name: &str) -> u64 {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value).unwrap_or_default()
}

/// Knows since when the views lack something: since the first look at which the journal was
/// further than they are now.
#[derive(Default)]
struct Lag(VecDeque<(Duration, u64)>);

impl Lag {
    fn after(&mut self, now: Duration, progress: Progress) -> Duration {
        let Progress { journal_position, views_position } = progress;
        if self.0.back().is_none_or(|(_, seen)| *seen < journal_position) {
            self.0.push_back((now, journal_position));
        }
        while self.0.front().is_some_and(|(_, seen)| *seen <= views_position) {
            self.0.pop_front();
        }
        self.0.front().map_or(Duration::ZERO, |(since, _)| now.saturating_sub(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_counts_from_when_the_journal_passed_the_views() {
        let mut lag = Lag::default();
        let mut at = |millis, journal_position, views_position| {
            let progress = Progress { journal_position, views_position };
            lag.after(Duration::from_millis(millis), progress).as_millis()
        };
        assert_eq!(at(0, 10, 10), 0);
        assert_eq!(at(20, 20, 10), 0);
        assert_eq!(at(40, 30, 10), 20);
        assert_eq!(at(60, 30, 20), 20);
        assert_eq!(at(80, 30, 30), 0);
        assert_eq!(at(100, 40, 40), 0);
    }

    #[test]
    fn counters_are_read_by_their_whole_name() {
        let text =
            "# TYPE quipu_events_total counter\nquipu_events_total_x 9\nquipu_events_total 4\n";
        assert_eq!(counter(text, "quipu_events_total"), 4);
        assert_eq!(counter(text, "quipu_commits_total"), 0);
    }
}
