//! Replays the trace in accelerated real time, over HTTP like anybody, and goes on where an
//! earlier run stopped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quipu_domain::{Credits, Timestamp};
use serde_json::Value;

use super::customers::{self, CUSTOMERS, Customer};
use super::live::{Live, Scene};
use super::stage::{self, METER};
use super::trace::Row;
use crate::client::{Client, Patience};
use crate::error::CliError;
use crate::usage::{self, Outcome, Tokens, UsageRecord};

/// Who reports the demo's usage.
const SOURCE: &str = "demo";
/// Between two requests.
const TICK: Duration = Duration::from_millis(200);
/// Between two looks at the balances.
const LOOK: Duration = Duration::from_secs(1);
/// How long a customer that has run out does without, before it buys more.
const DRY: Duration = Duration::from_secs(15);
/// Most events in one page.
const MOST_EVENTS: u64 = 1_000;
/// Most records in one request.
const MOST_RECORDS: usize = 2_000;
/// Between the last request of the trace and its first one again, in trace time.
const PAUSE_MICROS: i64 = 1_000_000;

/// The trace on its way into the book.
pub(super) struct Player {
    pub(super) client: Client,
    pub(super) rows: Vec<Row>,
    /// How many times faster than it really was.
    pub(super) speed: u32,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) live: Live,
}

/// A request of the trace, in one of its endless runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cursor {
    run: i64,
    row: usize,
}

/// What happened so far.
#[derive(Default)]
struct Seen {
    /// The journal's last position when the demo began.
    began_at: u64,
    records: u64,
    consumed: Credits,
    refused: u64,
    /// Since when, and by which request, a customer knows that it has run out.
    dry: HashMap<&'static str, (Instant, Cursor)>,
    /// The last refusal, until its customer has bought more.
    refusal: Option<String>,
    balances: Vec<(&'static str, String)>,
}

impl Player {
    /// Plays until it is told to stop.
    pub(super) fn play(&mut self) -> Result<(), CliError> {
        stage::set_up(&self.client)?;
        let began_at = self.client.head()?;
        let mut cursor = self.resume(began_at)?;
        let mut seen = Seen { began_at, ..Seen::default() };
        let began = Instant::now();
        let epoch_micros = now_micros() - self.wall_micros(cursor);
        let mut looked: Option<Instant> = None;
        while !self.stopping.load(Ordering::Relaxed) {
            let due = self.due(&mut cursor, epoch_micros);
            self.send(&due, &mut seen)?;
            self.top_up(&mut seen)?;
            if looked.is_none_or(|at| at.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                self.look(&mut seen)?;
                self.live.draw(&Scene {
                    records: seen.records,
                    elapsed: began.elapsed(),
                    consumed: seen.consumed,
                    refused: seen.refused,
                    refusal: seen.refusal.as_deref(),
                    balances: &seen.balances,
                });
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    /// The request after the last one in the book: found in the book itself.
    fn resume(&self, head: u64) -> Result<Cursor, CliError> {
        let mut after = head;
        while after > 0 {
            after = after.saturating_sub(MOST_EVENTS);
            let query = [("after", after.to_string()), ("limit", MOST_EVENTS.to_string())];
            let page = self.client.get("/v1/events", &query)?;
            let events = page["events"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(last) = events.iter().rev().find_map(Cursor::of_event) {
                return Ok(self.after(last));
            }
        }
        Ok(Cursor { run: 0, row: 0 })
    }

    fn after(&self, cursor: Cursor) -> Cursor {
        if cursor.row + 1 < self.rows.len() {
            Cursor { row: cursor.row + 1, ..cursor }
        } else {
            Cursor { run: cursor.run + 1, row: 0 }
        }
    }

    /// When a request is due, in microseconds of wall-clock since the first run began.
    fn wall_micros(&self, cursor: Cursor) -> i64 {
        let length = self.rows.last().map_or(0, |row| row.offset_micros) + PAUSE_MICROS;
        (cursor.run * length + self.rows[cursor.row].offset_micros) / i64::from(self.speed)
    }

    /// The records that are due now; moves the cursor past them.
    fn due(&self, cursor: &mut Cursor, epoch_micros: i64) -> Vec<(Cursor, UsageRecord)> {
        let now = now_micros();
        let mut due = Vec::new();
        while due.len() < MOST_RECORDS {
            let at_micros = epoch_micros + self.wall_micros(*cursor);
            if at_micros > now {
                break;
            }
            due.push((*cursor, self.record(*cursor, at_micros)));
            *cursor = self.after(*cursor);
        }
        due
    }

    fn record(&self, cursor: Cursor, at_micros: i64) -> UsageRecord {
        let (customer, agent) = customers::of_row(cursor.row);
        let Row { input, output, .. } = self.rows[cursor.row];
        let occurred_at = Timestamp::from_micros(at_micros).unwrap_or_default();
        UsageRecord {
            tenant: customer.tenant.to_owned(),
            meter: METER.to_owned(),
            quantity: None,
            tokens: Some(Tokens { input, cached_input: 0, output }),
            model: Some(agent.model.to_owned()),
            agent: Some(agent.agent.to_owned()),
            run: Some(format!("session-{}-{}", cursor.run, cursor.row / 50)),
            occurred_at: occurred_at.to_string(),
            source: SOURCE.to_owned(),
            id: cursor.to_string(),
        }
    }

    fn send(&self, due: &[(Cursor, UsageRecord)], seen: &mut Seen) -> Result<(), CliError> {
        if due.is_empty() {
            return Ok(());
        }
        let records: Vec<&UsageRecord> = due.iter().map(|(_, record)| record).collect();
        let mut patience = Patience {
            most: Duration::from_secs(60),
            tell: &mut |why| self.live.say(why),
            stopping: Some(&self.stopping),
        };
        let outcomes = usage::send(&self.client, &mut patience, &records, seen.began_at)?;
        for ((cursor, record), outcome) in due.iter().zip(outcomes) {
            match outcome {
                Outcome::Recorded { amount } => {
                    seen.records += 1;
                    seen.consumed = seen.consumed.plus(amount).unwrap_or(seen.consumed);
                }
                Outcome::Known => {}
                Outcome::Refused { code, detail } => {
                    seen.refused += 1;
                    seen.refusal = Some(format!("{} {code}: {detail}", record.tenant));
                    if code == "insufficient_credits" {
                        let (customer, _) = customers::of_row(cursor.row);
                        let first = (Instant::now(), *cursor);
                        seen.dry.entry(customer.tenant).or_insert(first);
                    }
                }
            }
        }
        Ok(())
    }

    /// Customers that have been dry for a while buy more.
    fn top_up(&self, seen: &mut Seen) -> Result<(), CliError> {
        for customer in &CUSTOMERS {
            let dry = seen.dry.get(customer.tenant);
            if let Some((_, cursor)) = dry.filter(|(since, _)| since.elapsed() >= DRY) {
                stage::top_up(&self.client, customer, &cursor.to_string())?;
                self.live.say(&format!(
                    "{} ({}) bought {} credits",
                    customer.name, customer.tenant, customer.top_up
                ));
                seen.dry.remove(customer.tenant);
                seen.refusal = None;
            }
        }
        Ok(())
    }

    fn look(&self, seen: &mut Seen) -> Result<(), CliError> {
        seen.balances.clear();
        for customer in &CUSTOMERS {
            let balance = self.balance(customer)?;
            let available = balance["available"].as_str().unwrap_or_default().to_owned();
            seen.balances.push((customer.tenant, available));
        }
        Ok(())
    }

    fn balance(&self, customer: &Customer) -> Result<Value, CliError> {
        self.client.get(&format!("/v1/tenants/{}/balance", customer.tenant), &[])
    }
}

impl Cursor {
    /// Which request of the demo an event records, if it does.
    fn of_event(event: &Value) -> Option<Cursor> {
        let usage = &event["data"]["usage"];
        let (run, row) =
            usage["id"].as_str().filter(|_| usage["source"] == SOURCE)?.split_once('.')?;
        Some(Cursor { run: run.parse().ok()?, row: row.parse().ok()? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.run, self.row)
    }
}

fn now_micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ServerArgs;

    #[test]
    fn a_request_is_found_again_in_its_event() {
        let event = serde_json::json!({ "data": { "usage": { "source": "demo", "id": "3.17" } } });
        assert_eq!(Cursor::of_event(&event), Some(Cursor { run: 3, row: 17 }));
        let other = serde_json::json!({ "data": { "usage": { "source": "app", "id": "3.17" } } });
        assert_eq!(Cursor::of_event(&other), None);
    }

    #[test]
    fn its_own_server_is_not_waited_for_once_that_is_stopping() {
        let server = "http://127.0.0.1:1".to_owned();
        let player = Player {
            client: Client::new(&ServerArgs { server }).unwrap(),
            rows: vec![Row { offset_micros: 0, input: 1, output: 1 }],
            speed: 1,
            stopping: Arc::new(AtomicBool::new(true)),
            live: Live::new(String::new()),
        };
        let cursor = Cursor { run: 0, row: 0 };
        let began = Instant::now();
        let sent = player.send(&[(cursor, player.record(cursor, 0))], &mut Seen::default());
        assert!(matches!(sent, Err(CliError::Unavailable { .. })));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}
