//! The connections that read: some stay open between two reads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio_postgres::Config;

use super::SILENCE_TIMEOUT;
use super::client::Client;
use crate::DatabaseError;

const MOST_READERS: usize = 8;
/// Statements are planned once and not for each question: to plan one that asks for a dozen nodes
/// took as long as to answer it (a balance as of a moment 2.5 ms, then 1.6). A plan that is kept
/// must not rest on how small a table was when it was made: all is found by key. A snapshot is idle
/// while a journal is folded that it is compared with.
const READ_OPTIONS: &str = "-c statement_timeout=30s -c idle_in_transaction_session_timeout=0 \
    -c plan_cache_mode=force_generic_plan -c enable_seqscan=off";

pub(super) struct Readers {
    config: Config,
    connections: Mutex<Connections>,
    returned: Condvar,
}

#[derive(Default)]
struct Connections {
    idle: Vec<Client>,
    /// All of them, those in use too.
    count: usize,
}

impl Readers {
    pub(super) fn new(config: &Config) -> Readers {
        let mut config = config.clone();
        config.options(format!("{} {READ_OPTIONS}", config.get_options().unwrap_or_default()));
        Readers { config, connections: Mutex::default(), returned: Condvar::new() }
    }

    /// A connection that the server has not closed meanwhile.
    pub(super) fn take(&self) -> Result<Client, DatabaseError> {
        match self.turn()? {
            Some(client) if client.is_open() => Ok(client),
            _ => Client::connect(&self.config).inspect_err(|_| self.forget()),
        }
    }

    /// An idle connection, or leave to open another one.
    fn turn(&self) -> Result<Option<Client>, DatabaseError> {
        let mut connections = self.connections();
        loop {
            if let Some(client) = connections.idle.pop() {
                return Ok(Some(client));
            }
            if connections.count < MOST_READERS {
                connections.count += 1;
                return Ok(None);
            }
            let waited = self.returned.wait_timeout(connections, SILENCE_TIMEOUT);
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                let why = format!("all {MOST_READERS} connections that read are in use");
                return Err(DatabaseError::Unavailable(why));
            }
            connections = again;
        }
    }

    /// Takes back what can be used again.
    pub(super) fn put_back(&self, client: Client) {
        self.connections().idle.push(client);
        self.returned.notify_one();
    }

    /// One that was taken will not come back.
    pub(super) fn forget(&self) {
        self.connections().count -= 1;
        self.returned.notify_one();
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        // Each change is one step, so it is whole even if a thread panicked beside it.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
