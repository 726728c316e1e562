//! Who may hand a command in: tenants take turns, so that one's flood is not felt by the others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quipu_domain::TenantId;
use tokio::sync::oneshot;

use crate::EngineError;

/// A number of turns, given out in order while there are any, and then to one tenant after the
/// other. Who waits costs nothing but memory. Commands that are under way side by side have no order.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// What each tenant has waiting, never empty; those of nobody, such as a meter's, share a lane.
    lanes: HashMap<Option<TenantId>, VecDeque<oneshot::Sender<Turn>>>,
    /// Each lane once, the next one first.
    order: VecDeque<Option<TenantId>>,
    waiting: usize,
    most_waiting: usize,
}

/// The right to have one command under way; it goes to the next when dropped, also by somebody who
/// does not wait any more.
pub(crate) struct Turn(Turns);

impl Turns {
    /// So many at a time; so many more may wait.
    pub(crate) fn new(at_a_time: usize, most_waiting: usize) -> Turns {
        Turns(Arc::new(Mutex::new(State {
            free: at_a_time,
            lanes: HashMap::new(),
            order: VecDeque::new(),
            waiting: 0,
            most_waiting,
        })))
    }

    /// Waits for a turn. [`EngineError::Overloaded`] where too many wait already.
    pub(crate) async fn take(&self, tenant: Option<&TenantId>) -> Result<Turn, EngineError> {
        let granted = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(self.clone()));
            }
            if state.waiting >= state.most_waiting {
                return Err(EngineError::Overloaded);
            }
            state.wait(tenant)
        };
        granted.await.map_err(|_| EngineError::Stopped)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the lock is given back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, tenant: Option<&TenantId>) -> oneshot::Receiver<Turn> {
        let (sender, granted) = oneshot::channel();
        let tenant = tenant.cloned();
        self.waiting += 1;
        match self.lanes.get_mut(&tenant) {
            Some(lane) => lane.push_back(sender),
            None => {
                self.order.push_back(tenant.clone());
                self.lanes.insert(tenant, VecDeque::from([sender]));
            }
        }
        granted
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let tenant = self.order.pop_front()?;
        let lane = self.lanes.get_mut(&tenant).expect("a lane is there as long as it has a turn");
        let next = lane.pop_front().expect("a lane is never empty");
        if lane.is_empty() {
            self.lanes.remove(&tenant);
        } else {
            self.order.push_back(tenant);
        }
        self.waiting -= 1;
        Some(next)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.state();
            let next = state.next();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some(next) = next {
            // Whoever has gone away meanwhile gives it back here, and so to the next after him.
            drop(next.send(Turn(self.0.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    type Waiting = BoxFuture<'static, Result<Turn, EngineError>>;

    /// Asks for a turn, and gives back who waits for it.
    fn ask(turns: &Turns, tenant: &str) -> Waiting {
        let (turns, tenant): (_, TenantId) = (turns.clone(), tenant.parse().expect("an id"));
        let mut waiting = async move { turns.take(Some(&tenant)).await }.boxed();
        match (&mut waiting).now_or_never() {
            Some(granted) => async move { granted }.boxed(),
            None => waiting,
        }
    }

    fn granted(waiting: &mut Waiting) -> Option<Turn> {
        waiting.now_or_never().map(|turn| turn.unwrap_or_else(|error| panic!("{error}")))
    }

    #[test]
    fn whoever_floods_waits_for_himself() {
        let turns = Turns::new(1, 100);
        let mut turn = granted(&mut ask(&turns, "t_a"));
        let mut waiting: Vec<(&str, Waiting)> = ["t_a", "t_a", "t_a", "t_b", "t_c", "t_b"]
            .map(|tenant| (tenant, ask(&turns, tenant)))
            .into();
        let mut order = Vec::new();
        while !waiting.is_empty() {
            drop(turn.take());
            let mut found = None;
            for (index, (_, one)) in waiting.iter_mut().enumerate() {
                if let Some(granted) = granted(one) {
                    assert!(found.is_none(), "one turn went to two");
                    (found, turn) = (Some(index), Some(granted));
                }
            }
            order.push(waiting.remove(found.expect("a turn goes on")).0);
        }
        assert_eq!(order, ["t_a", "t_b", "t_c", "t_a", "t_b", "t_a"]);
    }

    #[test]
    fn whoever_goes_away_passes_his_turn_on() {
        let turns = Turns::new(1, 100);
        let first = granted(&mut ask(&turns, "t_a"));
        let gone = ask(&turns, "t_b");
        let mut patient = ask(&turns, "t_c");
        drop(gone);
        drop(first);
        let turn = granted(&mut patient);
        assert!(turn.is_some());
        drop(turn);
        assert_eq!(turns.state().free, 1);
    }

    #[test]
    fn more_than_may_wait_are_told_at_once() {
        let turns = Turns::new(1, 1);
        let _turn = granted(&mut ask(&turns, "t_a"));
        let _waiting = ask(&turns, "t_a");
        let refused = ask(&turns, "t_b").now_or_never();
        assert!(matches!(refused, Some(Err(EngineError::Overloaded))));
    }
}
