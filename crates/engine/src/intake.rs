//! What waits to be decided, in turns: one tenant's flood does not make the others wait.

use std::collections::{HashMap, VecDeque};

use crossbeam_channel::Receiver;
use quipu_domain::TenantId;

use crate::decider::Task;

/// How many tasks of one tenant go into a batch that others are in as well. A batch is durable as a
/// whole, so without this everybody would wait until a flood is written.
const SHARE_OF_BATCH: usize = 64;

/// Tasks by tenant. Each tenant's come in their order; tenants take turns.
pub(crate) struct Intake {
    tasks: Receiver<Task>,
    /// What a tenant has waiting, never empty; those of nobody, such as a meter's, share a lane.
    lanes: HashMap<Option<TenantId>, VecDeque<Task>>,
    /// Each lane once, the next one first; apart, those that have had their share of the batch.
    turns: VecDeque<Option<TenantId>>,
    resting: Vec<Option<TenantId>>,
    /// Tasks of each lane in the batch.
    taken: HashMap<Option<TenantId>, usize>,
    waiting: usize,
    most_waiting: usize,
    closing: bool,
}

impl Intake {
    /// Takes so many tasks in at most; further ones wait in the channel, in the order they came.
    pub(crate) fn new(tasks: Receiver<Task>, most_waiting: usize) -> Intake {
        Intake {
            tasks,
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            resting: Vec::new(),
            taken: HashMap::new(),
            waiting: 0,
            most_waiting,
            closing: false,
        }
    }

    /// Where tasks come from.
    pub(crate) const fn channel(&self) -> &Receiver<Task> {
        &self.tasks
    }

    /// Takes a task in.
    pub(crate) fn put(&mut self, task: Task) {
        if matches!(task, Task::Stop) {
            self.closing = true;
            return;
        }
        let tenant = task.tenant().cloned();
        self.waiting += 1;
        match self.lanes.get_mut(&tenant) {
            Some(lane) => lane.push_back(task),
            None => {
                self.turns.push_back(tenant.clone());
                self.lanes.insert(tenant, VecDeque::from([task]));
            }
        }
    }

    /// The task whose turn it is in this batch; [`Task::Stop`] once nothing waits that came before.
    pub(crate) fn next(&mut self) -> Option<Task> {
        while !self.closing
            && self.waiting < self.most_waiting
            && let Ok(task) = self.tasks.try_recv()
        {
            self.put(task);
        }
        while let Some(tenant) = self.turns.pop_front() {
            let taken = self.taken.get(&tenant).copied().unwrap_or_default();
            if taken >= SHARE_OF_BATCH && self.taken.len() > 1 {
                self.resting.push(tenant);
                continue;
            }
            self.taken.insert(tenant.clone(), taken + 1);
            return Some(self.take(tenant));
        }
        (self.resting.is_empty() && std::mem::take(&mut self.closing)).then_some(Task::Stop)
    }

    /// The batch has left: everybody has a share of the next one.
    pub(crate) fn begin_batch(&mut self) {
        self.taken.clear();
        self.turns.extend(self.resting.drain(..));
    }

    fn take(&mut self, tenant: Option<TenantId>) -> Task {
        let lane = self.lanes.get_mut(&tenant).expect("a lane has a turn as long as it is there");
        let task = lane.pop_front().expect("a lane is never empty");
        if lane.is_empty() {
            self.lanes.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        self.waiting -= 1;
        task
    }
}

impl Task {
    /// Whose turn it takes. A usage batch takes that of its first record.
    fn tenant(&self) -> Option<&TenantId> {
        match self {
            Task::Command(request, _) => request.command.tenant(),
            Task::Usage(batch, _) => batch.records.first().map(|report| &report.tenant),
            Task::CatchUp(tenant, _) => Some(tenant),
            Task::Append(..) | Task::Positions(..) | Task::Stop => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Sender, unbounded};
    use tokio::sync::oneshot;

    use super::*;

    fn task(tenant: &str) -> Task {
        Task::CatchUp(tenant.parse().expect("an id"), oneshot::channel().0)
    }

    fn intake(tenants: &[&str], most_waiting: usize) -> (Sender<Task>, Intake) {
        let (sender, tasks) = unbounded();
        for tenant in tenants {
            sender.send(task(tenant)).expect("there is a receiver");
        }
        (sender, Intake::new(tasks, most_waiting))
    }

    fn next(intake: &mut Intake) -> String {
        match intake.next() {
            Some(Task::Stop) => "stop".to_owned(),
            Some(task) => task.tenant().expect("each is somebody's").to_string(),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn whoever_floods_waits_for_himself() {
        let (_sender, mut intake) = intake(&["t_a", "t_a", "t_a", "t_b", "t_c", "t_b"], 100);
        let order: Vec<String> = (0..7).map(|_| next(&mut intake)).collect();
        assert_eq!(order, ["t_a", "t_b", "t_c", "t_a", "t_b", "t_a", "none"]);
    }

    #[test]
    fn a_flood_has_a_share_of_the_batch_unless_it_is_alone() {
        let alone = vec!["t_a"; SHARE_OF_BATCH + 10];
        let (sender, mut intake) = intake(&alone, 1_000);
        for _ in 0..SHARE_OF_BATCH + 5 {
            assert_eq!(next(&mut intake), "t_a");
        }
        sender.send(task("t_b")).expect("there is a receiver");
        assert_eq!(next(&mut intake), "t_a", "it was its turn");
        assert_eq!(next(&mut intake), "t_b");
        assert_eq!(next(&mut intake), "none", "the batch leaves without the rest");
        intake.begin_batch();
        let order: Vec<String> = (0..5).map(|_| next(&mut intake)).collect();
        assert_eq!(order, ["t_a", "t_a", "t_a", "t_a", "none"]);
    }

    #[test]
    fn it_takes_no_more_in_than_it_may() {
        let (_sender, mut intake) = intake(&["t_a", "t_a", "t_a", "t_b"], 2);
        let order: Vec<String> = (0..4).map(|_| next(&mut intake)).collect();
        assert_eq!(order, ["t_a", "t_a", "t_a", "t_b"]);
    }

    #[test]
    fn it_stops_after_what_came_before() {
        let (sender, mut intake) = intake(&["t_a", "t_b", "t_a"], 100);
        sender.send(Task::Stop).expect("there is a receiver");
        sender.send(task("t_late")).expect("there is a receiver");
        let order: Vec<String> = (0..4).map(|_| next(&mut intake)).collect();
        assert_eq!(order, ["t_a", "t_b", "t_a", "stop"]);
    }
}
