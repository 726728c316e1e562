//! Writes rows while the next events are folded.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use quipu_database::Connection;

use crate::ViewsError;

/// A connection, and a thread that writes with it.
///
/// Whoever writes takes the connection along. So nobody can read a row that is about to be
/// written, and at most one transaction is on its way: who needs the connection waits for it.
pub(crate) struct Saver {
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
    pub(crate) fn start(connection: Connection) -> Result<Saver, ViewsError> {
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
        Ok(Saver { connection: Some(connection), jobs: Some(jobs), done, thread })
    }

    /// The connection, once what is being written is in the database. Where that has failed, so
    /// does this.
    pub(crate) fn connection(&mut self) -> Result<&mut Connection, ViewsError> {
        while !self.is_idle_within(Duration::MAX)? {}
        Ok(self.connection.as_mut().expect("who does not write has the connection"))
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

    /// Has work done beside, in one transaction, once what is being written is in the database.
    /// Whether it succeeds, the next call tells.
    pub(crate) fn save(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<(), ViewsError> + Send + 'static,
    ) -> Result<(), ViewsError> {
        self.connection()?;
        let connection = self.connection.take().expect("it was just there");
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

impl Drop for Saver {
    /// Lets what is being written come to its end: whoever begins anew then finds all of it.
    fn drop(&mut self) {
        self.jobs = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that saves the views panicked");
        }
    }
}
