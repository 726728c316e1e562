//! Who may hand a command in: tenants take turns, so that one's flood is not felt by the others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quipu_domain::TenantId;
use tokio::sync::oneshot;

use crate::EngineError;

/// However many tenants have commands under way, each may have a part of this size of all turns:
/// with one at a time, a tenant would have one command in each commit.
const MOST_SHARES: usize = 32;

/// A number of turns, given out in order while there are any, and then to one tenant after the
/// other. Who waits costs nothing but memory. Commands that are under way side by side have no order.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// How many each tenant has, never zero.
    under_way: HashMap<Lane, usize>,
    at_a_time: usize,
    /// What each tenant has waiting, never empty.
    waiting: HashMap<Lane, VecDeque<oneshot::Sender<Turn>>>,
    /// Each of those once, the next one first.
    order: VecDeque<Lane>,
    waiting_count: usize,
    most_waiting: usize,
}

/// A tenant's commands; those of nobody, such as a meter's, share a lane.
type Lane = Option<TenantId>;

/// The right to have one command under way; it goes to the next when dropped, also by somebody who
/// does not wait any more.
pub(crate) struct Turn {
    turns: Turns,
    lane: Lane,
}

impl Turns {
    /// So many at a time; so many more may wait.
    pub(crate) fn new(at_a_time: usize, most_waiting: usize) -> Turns {
        Turns(Arc::new(Mutex::new(State {
            free: at_a_time,
            under_way: HashMap::new(),
            at_a_time,
            waiting: HashMap::new(),
            order: VecDeque::new(),
            waiting_count: 0,
            most_waiting,
        })))
    }

    /// Waits for a turn. [`EngineError::Overloaded`] where too many wait already.
    pub(crate) async fn take(&self, tenant: Option<&TenantId>) -> Result<Turn, EngineError> {
        let lane = tenant.cloned();
        let granted = {
            let mut state = self.state();
            if state.free > 0 && state.may_have_more(&lane) {
                state.start(&lane);
                return Ok(Turn { turns: self.clone(), lane });
            }
            if state.waiting_count >= state.most_waiting {
                return Err(EngineError::Overloaded);
            }
            state.wait(lane)
        };
        granted.await.map_err(|_| EngineError::Stopped)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the lock is given back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Those that have commands under way share the turns evenly. With all that are left, a flood
    /// made each answer to others wait for a hundred of its own; with a fourth, for thirty.
    fn may_have_more(&self, lane: &Lane) -> bool {
        let Some(count) = self.under_way.get(lane) else { return true };
        let others_wait = self.waiting.len() > usize::from(self.waiting.contains_key(lane));
        let shares = self.under_way.len() + usize::from(others_wait);
        *count < self.at_a_time.div_ceil(shares.min(MOST_SHARES))
    }

    fn start(&mut self, lane: &Lane) {
        self.free -= 1;
        match self.under_way.get_mut(lane) {
            Some(count) => *count += 1,
            None => {
                self.under_way.insert(lane.clone(), 1);
            }
        }
    }

    fn end(&mut self, lane: &Lane) {
        self.free += 1;
        let count = self.under_way.get_mut(lane).expect("a turn is counted until it ends");
        *count -= 1;
        if *count == 0 {
            self.under_way.remove(lane);
        }
    }

    fn wait(&mut self, lane: Lane) -> oneshot::Receiver<Turn> {
        let (sender, granted) = oneshot::channel();
        self.waiting_count += 1;
        match self.waiting.get_mut(&lane) {
            Some(waiting) => waiting.push_back(sender),
            None => {
                self.order.push_back(lane.clone());
                self.waiting.insert(lane, VecDeque::from([sender]));
            }
        }
        granted
    }

    /// Starts the next one that waits, if one may start.
    fn next(&mut self) -> Option<(Lane, oneshot::Sender<Turn>)> {
        if self.free == 0 {
            return None;
        }
        let at = self.order.iter().position(|lane| self.may_have_more(lane))?;
        let lane = self.order.remove(at).expect("the lane was just found there");
        let waiting = self.waiting.get_mut(&lane).expect("a lane with a place has some waiting");
        let next = waiting.pop_front().expect("a lane is never empty");
        if waiting.is_empty() {
            self.waiting.remove(&lane);
        } else {
            self.order.push_back(lane.clone());
        }
        self.waiting_count -= 1;
        self.start(&lane);
        Some((lane, next))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.state().end(&self.lane);
        loop {
            let next = self.turns.state().next();
            let Some((lane, next)) = next else { return };
            // Whoever has gone away meanwhile gives it back here, and so to the next after him.
            drop(next.send(Turn { turns: self.turns.clone(), lane }));
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
    fn a_flood_has_all_turns_only_while_nobody_else_has_any() {
        let turns = Turns::new(8, 100);
        let mut flood: Vec<Waiting> = (0..12).map(|_| ask(&turns, "t_a")).collect();
        let mut under_way: Vec<Turn> = flood.iter_mut().filter_map(granted).collect();
        assert_eq!(under_way.len(), 8);
        let mut flood = flood.split_off(8);
        let mut other = ask(&turns, "t_b");
        // One ends, and the other tenant comes first.
        under_way.pop();
        let other = granted(&mut other);
        assert!(other.is_some());
        // Each has half of them from then on, although turns are free.
        under_way.truncate(4);
        assert!(flood.iter_mut().all(|one| granted(one).is_none()));
        assert_eq!(turns.state().free, 3);
        under_way.pop();
        under_way.extend(granted(&mut flood[0]));
        assert_eq!(under_way.len(), 4);
        assert!(granted(&mut flood[1]).is_none());
        // Alone again, it has them all.
        drop(other);
        assert!(flood[1..].iter_mut().all(|one| granted(one).is_some()));
    }

    #[test]
    fn one_among_many_has_a_part_and_not_only_one_turn() {
        let turns = Turns::new(128, 100);
        let others: Vec<Turn> = (0..100)
            .map(|number| granted(&mut ask(&turns, &format!("t_{number}"))).expect("a turn"))
            .collect();
        let mut flood: Vec<Waiting> = (0..10).map(|_| ask(&turns, "t_a")).collect();
        assert_eq!(flood.iter_mut().filter_map(granted).collect::<Vec<_>>().len(), 4);
        drop(others);
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
