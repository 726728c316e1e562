//! U4, W10: a record that is refunded, voided and rated again has paid what it costs, less what was
//! refunded.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quipu_domain::EntryId;
use quipu_domain::meter::{Aggregation, Price, UnpricedPolicy};
use quipu_domain::wallet::WalletEvent;

use crate::support::{Book, after, grant, rate_usage, refund, text, usage, void_usage};

/// U4, W10: what a record has paid is what it costs, less what was refunded.
pub(crate) fn check_paid(events: &[WalletEvent]) {
    #[derive(Default)]
    struct Record {
        cost: i64,
        refunded: i64,
        paid: i64,
        void: bool,
    }
    let mut records: BTreeMap<EntryId, Record> = BTreeMap::new();
    for event in events {
        match event {
            WalletEvent::UsageRecorded(e) => {
                let cost = e.draws.total().micros();
                records.insert(e.entry, Record { cost, paid: cost, ..Record::default() });
            }
            WalletEvent::CreditsRefunded(e) => {
                let Some(record) = records.get_mut(&e.of) else { continue };
                record.refunded += e.amount.micros();
                record.paid -= e.amount.micros();
            }
            WalletEvent::UsageVoided(e) => {
                let record = records.get_mut(&e.of).unwrap();
                record.paid -= e.amount.micros();
                record.void = true;
            }
            WalletEvent::UsageRated(e) => {
                let record = records.get_mut(&e.of).unwrap();
                assert_eq!(record.cost, e.previous.micros());
                record.cost = e.amount.micros();
                record.paid += e.draws.total().micros() - e.returns.total().micros();
            }
            _ => {}
        }
    }
    for (entry, record) in records {
        let owed = if record.void { 0 } else { (record.cost - record.refunded).max(0) };
        assert_eq!(record.paid, owed, "{entry}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Rate(i64),
    Refund(u8),
    Void,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => (0_i64..9).prop_map(Step::Rate),
        5 => (1_u8..6).prop_map(Step::Refund),
        1 => Just(Step::Void),
    ];
    prop::collection::vec(step, 1..30)
}

proptest! {
    #[test]
    fn u4_a_record_has_paid_what_it_costs_less_what_was_refunded(steps in steps()) {
        let mut book = Book::new();
        book.meter("m", Aggregation::Sum, UnpricedPolicy::Refuse);
        book.price("m", after(-60), Price::Flat { unit_price: text("5") });
        book.run(grant("1000")).unwrap();
        book.run(usage("m", "1")).unwrap();
        for step in steps {
            let command = match step {
                Step::Rate(price) => {
                    book.price("m", after(-60), Price::Flat { unit_price: price.into() });
                    rate_usage(2)
                }
                Step::Refund(amount) => refund(2, Some(&amount.to_string())),
                Step::Void => void_usage(2),
            };
            let _too_much_or_void = book.run(command);
            check_paid(&book.events);
        }
    }
}
