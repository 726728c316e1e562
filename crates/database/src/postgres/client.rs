//! A connection to PostgreSQL that is driven by the thread that waits for an answer.
//!
//! The driver's usual way is a task of its own, on another thread: each message then wakes that
//! thread, and its answer wakes this one. Where nothing else is under way on a connection that
//! costs more than the message itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{StreamExt, stream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio_postgres::{AsyncMessage, Config, Error, NoTls, Statement};

use super::error::from_connecting;
use crate::DatabaseError;

/// The function of PostgreSQL's own that waits for a synchronous standby
/// (`src/backend/replication/syncrep.c`). Where somebody cancels that, it says in a warning that the
/// standby may lack what was committed, and PostgreSQL answers with success. The warning's text
/// depends on the server's language.
const STANDBY_WAIT: &str = "SyncRepWaitForLSN";

pub(super) struct Client {
    client: tokio_postgres::Client,
    prepared: RefCell<HashMap<&'static str, Statement>>,
    /// A wait for a synchronous standby was cancelled on this connection.
    gave_up_waiting: Arc<AtomicBool>,
    /// Drives the connection while something is waited for; absent only while it is dropped.
    runtime: Option<Runtime>,
}

impl Client {
    pub(super) fn connect(config: &Config) -> Result<Client, DatabaseError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
        let gave_up_waiting = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&gave_up_waiting);
        let client = runtime.block_on(async {
            let (client, mut connection) = config.connect(NoTls).await?;
            tokio::spawn(async move {
                let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
                while let Some(message) = messages.next().await {
                    match message {
                        Ok(AsyncMessage::Notice(notice)) => {
                            tracing::debug!(%notice, "notice of PostgreSQL");
                            flag.fetch_or(
                                notice.routine() == Some(STANDBY_WAIT),
                                Ordering::Relaxed,
                            );
                        }
                        Ok(_) => {}
                        Err(error) => {
                            tracing::debug!(%error, "connection to PostgreSQL ended");
                            break;
                        }
                    }
                }
            });
            Ok(client)
        });
        let client = client.map_err(|error| from_connecting(&error))?;
        let (prepared, runtime) = (RefCell::default(), Some(runtime));
        Ok(Client { client, prepared, gave_up_waiting, runtime })
    }

    /// Drives the connection until the work is done.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        driver(&self.runtime).block_on(work)
    }

    /// For code that needs the client itself.
    pub(super) fn wait_with<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut tokio_postgres::Client) -> T,
    ) -> T {
        driver(&self.runtime).block_on(work(&mut self.client))
    }

    /// A statement is parsed once per connection.
    pub(super) async fn prepared(&self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.prepared.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }

    /// Sends a statement whose answer nobody waits for: it comes before that of the next one.
    pub(super) fn send(&self, sql: &str) {
        self.wait(async {
            let mut answer = pin!(self.client.batch_execute(sql));
            // The first look at the answer hands the statement to the connection, which sends it
            // while this gives way.
            if futures::poll!(&mut answer).is_pending() {
                yield_now().await;
            }
        });
    }

    /// Whether a standby may lack what was committed here with success.
    pub(super) fn gave_up_waiting(&self) -> bool {
        self.gave_up_waiting.load(Ordering::Relaxed)
    }

    /// Whether the server has not closed it, as far as that has come here.
    pub(super) fn is_open(&self) -> bool {
        self.wait(async {
            // Once for what has arrived, once for the connection to see it.
            yield_now().await;
            yield_now().await;
        });
        !self.client.is_closed()
    }
}

fn driver(runtime: &Option<Runtime>) -> &Runtime {
    runtime.as_ref().expect("the runtime is there until the client is dropped")
}

impl Deref for Client {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &tokio_postgres::Client {
        &self.client
    }
}

impl Drop for Client {
    /// Without waiting, which not every thread may.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
