//! Plain SQL as most applications have it: the account's row is locked, the balance checked, an
//! entry and an idempotency key inserted and the balance updated, in one transaction.

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use quipu_load::{Choice, Measured, Session, Step};
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

use crate::account::{DEBIT_MICROS, OPENING_MICROS, name};
use crate::{PeerError, Plan, connect, drive};

const TABLES: &str = "
CREATE TABLE account (id text PRIMARY KEY, balance_micros bigint NOT NULL);
CREATE TABLE entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES account (id),
    amount_micros bigint NOT NULL,
    balance_after_micros bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE idempotency (key text PRIMARY KEY, entry_id bigint NOT NULL);
";
const OPEN: &str = "INSERT INTO account SELECT * FROM unnest($1::text[], $2::bigint[])";
const LOCK: &str = "SELECT balance_micros FROM account WHERE id = $1 FOR UPDATE";
const ENTRY: &str = "INSERT INTO entry (account_id, amount_micros, balance_after_micros) \
                     VALUES ($1, $2, $3) RETURNING id";
const KEY: &str = "INSERT INTO idempotency (key, entry_id) VALUES ($1, $2)";
const UPDATE: &str = "UPDATE account SET balance_micros = $2 WHERE id = $1";
const SPENT: &str = "SELECT count(*), coalesce(sum(balance_micros), 0)::bigint, \
                     (SELECT count(*) FROM entry), (SELECT count(*) FROM idempotency) FROM account";

/// Opens all accounts, debits them, and compares balances, entries and keys afterwards.
pub(crate) async fn measure(plan: &Plan) -> Result<Measured, PeerError> {
    let client = connect(&plan.url).await?;
    client.batch_execute(TABLES).await?;
    let names: Vec<String> = (0..plan.accounts).map(name).collect();
    client.execute(OPEN, &[&names, &vec![OPENING_MICROS; plan.accounts]]).await?;
    let config = plan.url.parse::<tokio_postgres::Config>()?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let pool = Pool::builder(Manager::from_config(config, NoTls, recycling))
        .max_size(plan.connections as usize)
        .build()
        .map_err(|error| PeerError::Pool(error.to_string()))?;
    let session = |number: u32| Debits {
        pool: pool.clone(),
        choice: plan.choice.reseeded(number.into()),
        number,
        sent: 0,
    };
    let measured = drive(plan, (0..plan.connections).map(session).collect()).await;
    let row = client.query_one(SPENT, &[]).await?;
    let (accounts, balances): (i64, i64) = (row.get(0), row.get(1));
    let (entries, keys): (i64, i64) = (row.get(2), row.get(3));
    let spent = accounts * OPENING_MICROS - balances;
    let (sure, unsure) = (measured.operations_in_all, measured.failed_in_all);
    let is_right = (sure..=sure + unsure).contains(&entries.unsigned_abs())
        && keys == entries
        && spent == entries * DEBIT_MICROS;
    if is_right {
        return Ok(measured);
    }
    Err(PeerError::WrongBooks(format!(
        "{entries} entries, {keys} keys and {spent} spent for {sure} acknowledged debits"
    )))
}

struct Debits {
    pool: Pool,
    choice: Choice,
    number: u32,
    sent: u64,
}

impl Session for Debits {
    async fn step(&mut self) -> Step {
        self.sent += 1;
        let account = name(self.choice.pick());
        let key = format!("{}-{}", self.number, self.sent);
        match debit(&self.pool, &account, &key).await {
            Ok(true) => Step::Done { operations: 1 },
            Ok(false) => Step::Refused { code: "insufficient credits".into() },
            Err(error) => Step::Failed { why: error.to_string() },
        }
    }
}

type Parameters<'a> = [&'a (dyn ToSql + Sync); 2];

/// False where the balance does not suffice.
async fn debit(pool: &Pool, account: &str, key: &str) -> Result<bool, PeerError> {
    let mut client = pool.get().await.map_err(|error| PeerError::Pool(error.to_string()))?;
    let statements = (
        client.prepare_cached(LOCK).await?,
        client.prepare_cached(ENTRY).await?,
        client.prepare_cached(KEY).await?,
        client.prepare_cached(UPDATE).await?,
    );
    let (lock, entry, insert_key, update) = statements;
    let transaction = client.transaction().await?;
    let balance: i64 = transaction.query_one(&lock, &[&account]).await?.get(0);
    let after = balance - DEBIT_MICROS;
    if after < 0 {
        return Ok(false);
    }
    let row = transaction.query_one(&entry, &[&account, &DEBIT_MICROS, &after]).await?;
    let entry: i64 = row.get(0);
    // Sent together: they do not wait for each other's answers.
    let (of_key, of_update): (Parameters<'_>, Parameters<'_>) =
        ([&key, &entry], [&account, &after]);
    tokio::try_join!(
        transaction.execute(&insert_key, &of_key),
        transaction.execute(&update, &of_update),
    )?;
    transaction.commit().await?;
    Ok(true)
}
