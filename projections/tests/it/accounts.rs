//! What is the balance of each account, and do they all sum up to zero?

use quipu_projections::{Account, Accounts};

use crate::support::{Story, from_lots};

#[test]
fn accounts_of_a_book_sum_up_to_zero() {
    let mut story = Story::new();
    let grant = story.grant("10");
    story.debit("4", from_lots(&[(grant, "4")]));
    story.hold("5", from_lots(&[(grant, "5")]));
    let rows = story.rows::<Account>(&Accounts);
    let told: Vec<String> =
        rows.iter().map(|row| format!("{} {}", row.account, row.balance)).collect();
    assert_eq!(
        told,
        [
            "available 1000000",
            "consumed/calls 4000000",
            "held 5000000",
            "issued/purchase -10000000"
        ]
    );
    assert_eq!(rows.iter().map(|row| row.balance).sum::<i64>(), 0);
}
