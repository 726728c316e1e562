//! Which events concern a tenant.

use quipu_domain::Position;
use quipu_projections::{Activity, ActivityChunk, ActivityKey};

use crate::support::{Story, from_lots};

#[test]
fn chunks_hold_every_event_of_the_tenant_and_go_on_from_each_others_balances() {
    let mut story = Story::new();
    story.tenant("t_bolt");
    let grant = story.grant("100");
    for _ in 0..150 {
        story.grant_to("t_bolt", "1");
        story.debit("0.5", from_lots(&[(grant, "0.5")]));
    }
    let chunks = story.fold_whole::<ActivityChunk>(&Activity);
    for tenant in ["t_acme", "t_bolt"] {
        let chunks: Vec<&ActivityChunk> =
            chunks.iter().filter(|chunk| chunk.tenant.as_str() == tenant).collect();
        let found: Vec<Position> = chunks.iter().flat_map(|chunk| chunk.positions()).collect();
        let own = |event: &&quipu_domain::Recorded| {
            event.tenant.as_ref().is_some_and(|owner| owner.as_str() == tenant)
        };
        let wanted: Vec<Position> =
            story.events.iter().filter(own).map(|event| event.position).collect();
        assert_eq!(found, wanted);
        assert_eq!(chunks.iter().map(|chunk| chunk.events).max(), Some(64));
        for pair in chunks.windows(2) {
            assert_eq!(pair[0].until, pair[0].last_position);
            assert_eq!(pair[0].available_after, pair[1].available_before);
        }
        assert_eq!(chunks[chunks.len() - 1].until, ActivityKey::OPEN);
    }
}
