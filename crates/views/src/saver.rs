//! Writes rows while the next events are folded.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use quipu_database::{Connection, Database, Row};
use quipu_projections::{Cell, Schema};

use crate::stored::LoadRows;
use crate::{ViewsError, statements};

/// A connection, and a thread that writes with it.
///
/// Whoever writes takes the connection along, so at most one transaction is on its way. Rows are
/// loaded beside it: those that it writes are in memory.
pub(crate) struct Saver {
    database: Database,
    /// There unless the thread has it.
    connection: Option<Connection>,
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Done>,
    thread: Option<JoinHandle<()>>,
}

type Work = Box<dyn FnOnce(&mut Connection) -> Result<(), ViewsError> + Send>;
type Job = (Connection, Work);
type Done = (Connection, Result<(), ViewsError>);

impl Saver {
    /// Starts the thread.
    pub(crate) fn start(database: &Database, connection: Connection) -> Result<Saver, ViewsError> {
        let (jobs, to_do) = sync_channel::<Job>(1);
        let (finished, done) = sync_channel::<Done>(1);
        let run = move || {
            for (mut connection, work) in to_do {
                let outcome = work(&mut connection);
                if finished.send((connection, outcome)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("views-save".into()).spawn(run);
        let thread = Some(thread.map_err(ViewsError::Thread)?);
        let (database, connection, jobs) = (database.clone(), Some(connection), Some(jobs));
        Ok(Saver { database, connection, jobs, done, thread })
    }

    /// Returns once what is being written is in the database. Where that has failed, so does this.
    pub(crate) fn wait(&mut self) -> Result<(), ViewsError> {
        while !self.is_idle_within(Duration::MAX)? {}
        Ok(())
    }

    /// Whether nothing is being written by now, or after `most` at the latest. Where what was
    /// being written has failed, so does this.
    pub(crate) fn is_idle_within(&mut self, most: Duration) -> Result<bool, ViewsError> {
        if self.connection.is_some() {
            return Ok(true);
        }
        match self.done.recv_timeout(most) {
            Ok((connection, outcome)) => {
                self.connection = Some(connection);
                outcome.map(|()| true)
            }
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => self.panicked(),
        }
    }

    /// Has work done beside, once what is being written is in the database. Whether it succeeds,
    /// the next call tells.
    pub(crate) fn save(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<(), ViewsError> + Send + 'static,
    ) -> Result<(), ViewsError> {
        self.wait()?;
        let connection = self.connection.take().expect("who does not write has the connection");
        let jobs = self.jobs.as_ref().expect("the thread runs until this is dropped");
        match jobs.send((connection, Box::new(work))) {
            Ok(()) => Ok(()),
            Err(_) => self.panicked(),
        }
    }

    /// The thread has gone without an answer.
    fn panicked(&mut self) -> ! {
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => panic!("the thread that saves ends with this"),
        }
    }
}

impl LoadRows for Saver {
    /// With the connection where it is there: it has the database's pages at hand.
    fn load(&mut self, table: &Schema, keys: &[Vec<Cell>]) -> Result<Vec<Row>, ViewsError> {
        match &mut self.connection {
            Some(connection) => statements::load(connection, table, keys),
            None => statements::load_beside(&self.database, table, keys),
        }
    }
}

impl Drop for Saver {
    /// Lets what is being written come to its end: whoever begins anew then finds all of it.
    fn drop(&mut self) {
        self.jobs = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that saves the views panicked");
        }
    }
}
