//! An event that cannot be applied stops its own partition, and leaves no trace.

use quipu_domain::wallet::event::Draws;
use quipu_domain::{GrantId, Position};
use quipu_projections::{Balance, Balances, Lot};

use crate::support::{Story, credits, from_lots, rows_of, text};

#[test]
fn a_draw_from_a_lot_that_is_not_there_stops_the_tenant_before_it() {
    let mut story = Story::new();
    story.tenant("t_bolt");
    let own = story.grant("10");
    let others = story.grant_to("t_bolt", "20");
    // The first lot has been drawn when the second turns out to be missing.
    let missing = GrantId(Position(99));
    let poison = story.debit("5", from_lots(&[(own, "2"), (missing, "3")]));
    story.debit("1", from_lots(&[(own, "1")]));
    story.debit_of("t_bolt", "5", from_lots(&[(others, "5")]));
    let fold = story.fold(&Balances);
    let parked = &fold.projections()[0].parked;
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[&Some(text("t_acme"))].position, poison.position());
    let lots: Vec<String> =
        rows_of::<Lot>(&fold).iter().map(|lot| lot.remaining.to_string()).collect();
    assert_eq!(lots, ["10", "15"]);
    let balances: Vec<String> =
        rows_of::<Balance>(&fold).iter().map(|row| row.available.to_string()).collect();
    assert_eq!(balances, ["10", "15"]);
}

#[test]
fn more_than_a_lot_has_left_is_poison() {
    let mut story = Story::new();
    let grant = story.grant("10");
    story.debit("11", from_lots(&[(grant, "11")]));
    let fold = story.fold(&Balances);
    let error = &fold.projections()[0].parked[&Some(text("t_acme"))].error;
    assert_eq!(error, "what remains of grant_2 would fall below zero");
}

#[test]
fn parts_beyond_the_largest_amount_are_poison_and_no_panic() {
    for projection in quipu_projections::all() {
        let mut story = Story::new();
        let grant = story.grant("1000000000000");
        let draws =
            Draws { overdraft: credits("1000000000000"), ..from_lots(&[(grant, "1000000000000")]) };
        story.debit("1000000000000", draws);
        let fold = story.fold(*projection);
        let needs_sums = ["balances", "book_history", "activity", "accounts"];
        let needs_sums = needs_sums.contains(&projection.name());
        let parked = &fold.projections()[0].parked;
        assert_eq!(parked.len(), usize::from(needs_sums), "{}", projection.name());
    }
}
