//! postgres-es: one stream per account, a debit is a command of its `CqrsFramework`.
//!
//! It is used as its documentation shows, with its event store (its snapshot stores apply events
//! twice) and without queries, so nothing is projected. A conflict is counted and not tried again:
//! what to do about it is left to the caller.

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, AggregateError, DomainEvent};
use postgres_es::{PostgresCqrs, postgres_cqrs};
use quipu_load::{Choice, Measured, Session, Step};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio_postgres::config::Host;

use crate::account::{CONFLICT, DEBIT_MICROS, OPENING_MICROS, name};
use crate::{PeerError, Plan, connect, drive};

/// The table as postgres-es' own documentation has it.
const TABLE: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";

/// The accounts' first events, as postgres-es writes them; all at once, because opening is not
/// what is measured.
const OPEN: &str = "INSERT INTO events
    SELECT 'account', id, 1, 'Granted', '1', $2::text::json, '{}'::json
    FROM unnest($1::text[]) AS id";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Account {
    balance_micros: i64,
}

#[derive(Debug)]
struct Debit {
    micros: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum AccountEvent {
    Granted { micros: i64 },
    Debited { micros: i64 },
}

#[derive(Debug, thiserror::Error)]
#[error("insufficient credits")]
struct InsufficientCredits;

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            AccountEvent::Granted { .. } => "Granted".into(),
            AccountEvent::Debited { .. } => "Debited".into(),
        }
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = Debit;
    type Event = AccountEvent;
    type Error = InsufficientCredits;
    type Services = ();

    async fn handle(
        &mut self,
        debit: Debit,
        (): &(),
        sink: &EventSink<Account>,
    ) -> Result<(), InsufficientCredits> {
        let Debit { micros } = debit;
        if micros > self.balance_micros {
            return Err(InsufficientCredits);
        }
        sink.write(AccountEvent::Debited { micros }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Granted { micros } => self.balance_micros += micros,
            AccountEvent::Debited { micros } => self.balance_micros -= micros,
        }
    }
}

/// Opens all accounts, debits them, and counts the events afterwards.
pub(crate) async fn measure(plan: &Plan) -> Result<Measured, PeerError> {
    let client = connect(&plan.url).await?;
    client.batch_execute(TABLE).await?;
    let pool = PgPoolOptions::new()
        .max_connections(plan.connections)
        .connect_with(options(&plan.url.parse()?))
        .await;
    let pool = pool.map_err(|error| PeerError::Pool(error.to_string()))?;
    let framework = Arc::new(postgres_cqrs(pool, Vec::new(), ()));
    let names: Vec<String> = (0..plan.accounts).map(name).collect();
    let granted = AccountEvent::Granted { micros: OPENING_MICROS };
    client.execute(OPEN, &[&names, &serde_json::to_string(&granted)?]).await?;
    let session = |number: u32| Debits {
        framework: Arc::clone(&framework),
        choice: plan.choice.reseeded(number.into()),
        number,
        sent: 0,
    };
    let measured = drive(plan, (0..plan.connections).map(session).collect()).await;
    let row =
        client.query_one("SELECT count(*) FROM events WHERE event_type = 'Debited'", &[]).await?;
    let found: i64 = row.get(0);
    let found = found.unsigned_abs();
    let (sure, unsure) = (measured.operations_in_all, measured.failed_in_all);
    if (sure..=sure + unsure).contains(&found) {
        return Ok(measured);
    }
    Err(PeerError::WrongBooks(format!("{found} debits are there, {sure} were acknowledged")))
}

/// What a URL says, for sqlx, which does not take one that names a socket's folder.
fn options(config: &tokio_postgres::Config) -> PgConnectOptions {
    let mut options = PgConnectOptions::new();
    options = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => options.host(host),
        Some(Host::Unix(folder)) => options.socket(folder),
        None => options,
    };
    if let Some(port) = config.get_ports().first() {
        options = options.port(*port);
    }
    if let Some(user) = config.get_user() {
        options = options.username(user);
    }
    if let Some(password) = config.get_password() {
        options = options.password(&String::from_utf8_lossy(password));
    }
    if let Some(database) = config.get_dbname() {
        options = options.database(database);
    }
    options
}

struct Debits {
    framework: Arc<PostgresCqrs<Account>>,
    choice: Choice,
    number: u32,
    sent: u64,
}

impl Session for Debits {
    async fn step(&mut self) -> Step {
        self.sent += 1;
        let account = name(self.choice.pick());
        let debit = Debit { micros: DEBIT_MICROS };
        // The key is recorded, and that is all: the store does not look whether it was there.
        let key = format!("{}-{}", self.number, self.sent);
        let metadata = HashMap::from([("idempotency_key".to_owned(), key)]);
        match self.framework.execute_with_metadata(&account, debit, metadata).await {
            Ok(()) => Step::Done { operations: 1 },
            Err(AggregateError::AggregateConflict) => Step::Refused { code: CONFLICT.into() },
            Err(AggregateError::UserError(refusal)) => Step::Refused { code: refusal.to_string() },
            Err(error) => Step::Failed { why: error.to_string() },
        }
    }
}
