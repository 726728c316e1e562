//! One connection to PostgreSQL.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use tokio_postgres::types::ToSql;

use super::client::Client;
use super::error::from_postgres;
use super::readers::Readers;
use super::value;
use crate::{DatabaseError, Row, Value};

/// Statements sent before the answer to the first one is awaited.
const MOST_IN_FLIGHT: usize = 256;
/// Rows in one statement's arrays: they are in memory on both sides.
const MOST_ROWS: usize = 4_096;

pub(crate) struct PostgresConnection {
    /// Absent only while it is dropped.
    client: Option<Client>,
    /// Where it is lent from.
    readers: Option<Arc<Readers>>,
    transaction: Transaction,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    /// A snapshot that begins with its first statement: they travel together.
    ToBegin,
    Open,
    /// A statement in it failed: PostgreSQL would answer COMMIT with success and roll back.
    Failed,
}

pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
/// Needs no table: it stands in the write-ahead log alone.
const MARK: &str = "SELECT pg_logical_emit_message(true, 'quipu', '')";

impl PostgresConnection {
    pub(super) const fn own(client: Client) -> PostgresConnection {
        let transaction = Transaction::None;
        PostgresConnection { client: Some(client), readers: None, transaction }
    }

    pub(super) fn lent(readers: &Arc<Readers>) -> Result<PostgresConnection, DatabaseError> {
        let (client, transaction) = (Some(readers.take()?), Transaction::None);
        Ok(PostgresConnection { client, readers: Some(Arc::clone(readers)), transaction })
    }

    pub(crate) fn query(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.run(sql, async |client| {
            let statement = client.prepared(sql).await?;
            let rows = client.query(&statement, &borrow(params)).await?;
            rows.iter().map(value::read).collect()
        })
    }

    pub(crate) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<u64, DatabaseError> {
        let changed = self.run(sql, async |client| {
            let statement = client.prepared(sql).await?;
            client.execute(&statement, &borrow(params)).await
        })?;
        if self.transaction == Transaction::None {
            self.check_standby()?;
        }
        Ok(changed)
    }

    pub(crate) fn execute_many(
        &mut self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<u64, DatabaseError> {
        self.run(sql, async |client| {
            let statement = &client.prepared(sql).await?;
            // Futures enter the buffer in order, and each sends its statement when first polled.
            futures::stream::iter(rows)
                .map(|row| client.execute_raw(statement, row.iter()))
                .buffered(MOST_IN_FLIGHT)
                .try_fold(0, async |changed, more| Ok(changed + more))
                .await
        })
    }

    pub(crate) fn execute_columns(
        &mut self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<u64, DatabaseError> {
        self.run(sql, async |client| {
            let statement = &client.prepared(sql).await?;
            let mut changed = 0;
            for rows in rows.chunks(MOST_ROWS) {
                changed += client.execute_raw(statement, value::columns(rows)).await?;
            }
            Ok(changed)
        })
    }

    pub(crate) fn query_columns(
        &mut self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.run(sql, async |client| {
            let statement = &client.prepared(sql).await?;
            let mut found = Vec::new();
            for rows in rows.chunks(MOST_ROWS) {
                let answer = client.query_raw(statement, value::columns(rows)).await?;
                let answer: Vec<_> = answer.try_collect().await?;
                found.extend(answer.iter().map(value::read).collect::<Result<Vec<_>, _>>()?);
            }
            Ok(found)
        })
    }

    /// By a message of its own: had it failed beside the first statement, that would have been
    /// written outside any transaction.
    pub(crate) fn begin(&mut self) -> Result<(), DatabaseError> {
        // Before it is sent: a connection lost right after must not be lent again.
        self.transaction = Transaction::Open;
        self.control("BEGIN")
    }

    pub(crate) fn begin_read(&mut self) {
        self.transaction = Transaction::ToBegin;
    }

    pub(crate) fn commit(&mut self) -> Result<(), DatabaseError> {
        match self.transaction {
            Transaction::Open => {
                self.control("COMMIT").map_err(|error| match error {
                    DatabaseError::Unavailable(why) => DatabaseError::CommitUnknown(why),
                    other => other,
                })?;
                self.transaction = Transaction::None;
                self.check_standby()
            }
            Transaction::None | Transaction::ToBegin | Transaction::Failed => {
                self.rollback()?;
                let why = "the transaction was rolled back by an error in it".to_owned();
                Err(DatabaseError::Statement { sql: "COMMIT".to_owned(), why })
            }
        }
    }

    pub(crate) fn rollback(&mut self) -> Result<(), DatabaseError> {
        if matches!(self.transaction, Transaction::Open | Transaction::Failed) {
            self.control("ROLLBACK")?;
        }
        self.transaction = Transaction::None;
        Ok(())
    }

    /// Ends a snapshot without waiting for it. Of one in which a statement failed, nobody knows how:
    /// it is not lent again.
    pub(crate) fn end_read(mut self) {
        if self.transaction == Transaction::Open {
            self.client().send("ROLLBACK");
            self.transaction = Transaction::None;
        }
    }

    /// Commits something, which waits for all that was committed before it.
    pub(crate) fn settle(&mut self) -> Result<(), DatabaseError> {
        self.execute(MARK, &[]).map(drop)
    }

    fn check_standby(&self) -> Result<(), DatabaseError> {
        if self.client().gave_up_waiting() {
            let why = "the wait for a synchronous standby was cancelled".to_owned();
            return Err(DatabaseError::CommitUnknown(why));
        }
        Ok(())
    }

    fn control(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        self.run(sql, async |client| client.batch_execute(sql).await)
    }

    fn run<T>(
        &mut self,
        sql: &'static str,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        let is_to_begin = self.transaction == Transaction::ToBegin;
        if is_to_begin {
            self.transaction = Transaction::Open;
        }
        let client = self.client();
        let done = client.wait(async {
            if !is_to_begin {
                return work(client).await;
            }
            let (begun, done) = futures::join!(client.batch_execute(BEGIN_READ), work(client));
            begun.and(done)
        });
        done.map_err(|error| {
            if self.transaction == Transaction::Open {
                self.transaction = Transaction::Failed;
            }
            from_postgres(&error, sql)
        })
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("the client is there until the connection is dropped")
    }
}

impl Drop for PostgresConnection {
    /// Only a connection outside any transaction is lent again.
    fn drop(&mut self) {
        let Some(readers) = &self.readers else { return };
        match (self.client.take(), self.transaction) {
            (Some(client), Transaction::None | Transaction::ToBegin) => readers.put_back(client),
            _ => readers.forget(),
        }
    }
}

fn borrow(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}
