//! How often events ask for their rows: not once per event, where nothing is missing, and not once
//! per event for each one before it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use quipu_domain::Recorded;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::Rating;
use quipu_projections::{Projection, ProjectionError, Rows, Usage, apply_page};

use crate::support::{Story, credits, text};
use crate::usage::recorded;

/// Counts how many events were prepared.
struct Counting(AtomicUsize);

impl Projection for Counting {
    fn name(&self) -> &'static str {
        Usage.name()
    }

    fn version(&self) -> u32 {
        Usage.version()
    }

    fn question(&self) -> &'static str {
        Usage.question()
    }

    fn rows(&self) -> Rows {
        Usage.rows()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        self.0.fetch_add(1, Ordering::Relaxed);
        Usage.prepare(event, rows);
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        Usage.apply(event, rows)
    }
}

fn use_once(story: &mut Story, number: usize) {
    let rating = Rating::Rated { amount: credits("0"), price: text("meter calls") };
    let record = recorded(story, "1", rating);
    story.wallet_of(&format!("t_{number}"), WalletEvent::UsageRecorded(record));
}

#[test]
fn tenants_that_begin_and_use_in_one_page_cost_each_event_a_few_times() {
    let mut story = Story::default();
    for number in 0..300 {
        story.tenant(&format!("t_{number}"));
        use_once(&mut story, number);
    }
    let counting = Counting(AtomicUsize::new(0));
    let mut rows = Usage.rows();
    let mut parked = HashMap::new();
    apply_page(&counting, &story.events, &mut rows, &mut parked, &mut &story).unwrap();
    assert!(parked.is_empty(), "{parked:?}");
    let prepared = counting.0.load(Ordering::Relaxed);
    assert!(prepared <= 6 * story.events.len(), "{prepared} for {}", story.events.len());
    // Everything is in memory now: the next events ask for nothing.
    (0..300).for_each(|number| use_once(&mut story, number));
    apply_page(&counting, &story.events[600..], &mut rows, &mut parked, &mut &story).unwrap();
    assert_eq!((counting.0.load(Ordering::Relaxed), parked.len()), (prepared, 0));
}
