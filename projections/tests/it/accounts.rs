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
        rows.iter().map(|row| format!("{} {}", row.account, row.balance_micros())).collect();
    assert_eq!(
        told,
        [
            "available 1000000",
            "consumed/calls 4000000",
            "held 5000000",
            "issued/purchase -10000000"
        ]
    );
    assert_eq!(rows.iter().map(Account::balance_micros).sum::<i128>(), 0);
}

#[test]
fn m3_an_account_turns_over_more_than_an_amount_may_be() {
    let mut story = Story::new();
    for _ in 0..12 {
        let grant = story.grant("1000000000000");
        story.debit("1000000000000", from_lots(&[(grant, "1000000000000")]));
    }
    let grant = story.grant("0.5");
    story.debit("0.000001", from_lots(&[(grant, "0.000001")]));
    let told: Vec<(String, i128)> = story
        .rows::<Account>(&Accounts)
        .iter()
        .map(|row| (row.account.to_string(), row.balance_micros()))
        .collect();
    let wanted = [
        ("available", 499_999),
        ("consumed/calls", 12_000_000_000_000_000_001),
        ("issued/purchase", -12_000_000_000_000_500_000),
    ];
    assert_eq!(told, wanted.map(|(name, micros)| (name.to_owned(), micros)));
}
