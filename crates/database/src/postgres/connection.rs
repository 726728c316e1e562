//! One connection to PostgreSQL.

use deadpool_postgres::{ClientWrapper, Object};
use futures::{StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;

use super::error::from_postgres;
use super::value;
use crate::{DatabaseError, Row, Value};

/// Statements sent before the answer to the first one is awaited.
const MOST_IN_FLIGHT: usize = 256;
/// Rows in one statement's arrays: they are in memory on both sides.
const MOST_ROWS: usize = 4_096;

pub(crate) struct PostgresConnection {
    client: Client,
    handle: Handle,
    transaction: Transaction,
}

enum Client {
    Own(ClientWrapper),
    /// Absent only while it is dropped.
    Pooled(Option<Object>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// A statement in it failed: PostgreSQL would answer COMMIT with success and roll back.
    Failed,
}

impl PostgresConnection {
    pub(super) const fn own(client: ClientWrapper, handle: Handle) -> PostgresConnection {
        PostgresConnection { client: Client::Own(client), handle, transaction: Transaction::None }
    }

    pub(super) const fn pooled(client: Object, handle: Handle) -> PostgresConnection {
        let client = Client::Pooled(Some(client));
        PostgresConnection { client, handle, transaction: Transaction::None }
    }

    pub(crate) fn query(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.run(sql, async |client| {
            let statement = client.prepare_cached(sql).await?;
            let rows = client.query(&statement, &borrow(params)).await?;
            rows.iter().map(value::read).collect()
        })
    }

    pub(crate) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<u64, DatabaseError> {
        self.run(sql, async |client| {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, &borrow(params)).await
        })
    }

    pub(crate) fn execute_many(
        &mut self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<u64, DatabaseError> {
        self.run(sql, async |client| {
            let statement = &client.prepare_cached(sql).await?;
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
            let statement = &client.prepare_cached(sql).await?;
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
            let statement = &client.prepare_cached(sql).await?;
            let mut found = Vec::new();
            for rows in rows.chunks(MOST_ROWS) {
                let answer = client.query_raw(statement, value::columns(rows)).await?;
                let answer: Vec<_> = answer.try_collect().await?;
                found.extend(answer.iter().map(value::read).collect::<Result<Vec<_>, _>>()?);
            }
            Ok(found)
        })
    }

    pub(crate) fn begin(&mut self) -> Result<(), DatabaseError> {
        self.start("BEGIN")
    }

    pub(crate) fn begin_read(&mut self) -> Result<(), DatabaseError> {
        self.start("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    }

    pub(crate) fn commit(&mut self) -> Result<(), DatabaseError> {
        match self.transaction {
            Transaction::Open => {
                self.control("COMMIT").map_err(|error| match error {
                    DatabaseError::Unavailable(why) => DatabaseError::CommitUnknown(why),
                    other => other,
                })?;
                self.transaction = Transaction::None;
                Ok(())
            }
            Transaction::None | Transaction::Failed => {
                self.rollback()?;
                let why = "the transaction was rolled back by an error in it".to_owned();
                Err(DatabaseError::Statement { sql: "COMMIT".to_owned(), why })
            }
        }
    }

    pub(crate) fn rollback(&mut self) -> Result<(), DatabaseError> {
        if self.transaction != Transaction::None {
            self.control("ROLLBACK")?;
            self.transaction = Transaction::None;
        }
        Ok(())
    }

    /// Ends a snapshot without waiting for it: the connection is in the pool again when the server
    /// has answered.
    pub(crate) fn end_read(mut self) {
        let handle = self.handle.clone();
        handle.spawn(async move {
            if self.client().batch_execute("ROLLBACK").await.is_ok() {
                self.transaction = Transaction::None;
            }
            drop(self);
        });
    }

    fn start(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        // Before it is sent: a connection lost right after must not go back to the pool.
        self.transaction = Transaction::Open;
        self.control(sql)
    }

    fn control(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        self.run(sql, async |client| client.batch_execute(sql).await)
    }

    fn run<T>(
        &mut self,
        sql: &'static str,
        work: impl AsyncFnOnce(&ClientWrapper) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        self.handle.block_on(work(self.client())).map_err(|error| {
            if self.transaction == Transaction::Open {
                self.transaction = Transaction::Failed;
            }
            from_postgres(&error, sql)
        })
    }

    fn client(&self) -> &ClientWrapper {
        match &self.client {
            Client::Own(client) => client,
            Client::Pooled(client) => {
                client.as_ref().expect("the client is there until the connection is dropped")
            }
        }
    }
}

impl Drop for PostgresConnection {
    /// Only a connection outside any transaction goes back to the pool.
    fn drop(&mut self) {
        if let Client::Pooled(client) = &mut self.client
            && self.transaction != Transaction::None
        {
            drop(client.take().map(Object::take));
        }
    }
}

fn borrow(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}
