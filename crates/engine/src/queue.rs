//! The queue of what callers ask. Once nobody takes from it any more, everybody who waits in it is
//! told: the channel by itself keeps what was sent for as long as anybody could send.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};

use crate::EngineError;
use crate::decider::Task;

/// How often it is looked whether anybody still takes, while the queue is full.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where tasks are put.
pub(crate) struct Asking {
    sender: Sender<Task>,
    left: Left,
}

/// Where tasks are taken. With it ends the queue.
pub(crate) struct Taking(Left);

/// What nobody has taken yet, and whether anybody will.
#[derive(Clone)]
struct Left {
    tasks: Receiver<Task>,
    ended: Arc<AtomicBool>,
}

/// A queue for so many tasks.
pub(crate) fn queue(capacity: usize) -> (Asking, Taking) {
    let (sender, tasks) = bounded(capacity);
    let left = Left { tasks, ended: Arc::default() };
    (Asking { sender, left: left.clone() }, Taking(left))
}

impl Asking {
    /// Puts a task there, if there is room. Where the queue ends meanwhile, the task is dropped, and
    /// with it its caller's answer.
    pub(crate) fn put(&self, task: Task) -> Result<(), EngineError> {
        let put = self.sender.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => EngineError::Overloaded,
            TrySendError::Disconnected(_) => EngineError::Stopped,
        });
        // Who ends it sets this first and then drops what is there: one of both sees the task.
        if self.left.ended.load(Ordering::SeqCst) {
            self.left.drop_all();
        }
        put
    }

    /// Puts the last task there, as soon as there is room.
    pub(crate) fn stop(&self) {
        let mut last = Task::Stop;
        while !self.left.ended.load(Ordering::SeqCst) {
            match self.sender.send_timeout(last, LOOK_EVERY) {
                Err(SendTimeoutError::Timeout(task)) => last = task,
                Ok(()) | Err(SendTimeoutError::Disconnected(_)) => return,
            }
        }
    }
}

impl Taking {
    pub(crate) fn tasks(&self) -> &Receiver<Task> {
        &self.0.tasks
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
        self.0.drop_all();
    }
}

impl Left {
    fn drop_all(&self) {
        self.tasks.try_iter().for_each(drop);
    }
}
