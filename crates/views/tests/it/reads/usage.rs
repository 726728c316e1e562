//! Usage reports.

use quipu_projections::{Account, Quantity};
use quipu_views::{AsOf, GroupBy, UsageQuery, WindowUnit};

use super::{acme, with_views};
use crate::history::History;

#[test]
fn usage_reports_add_up_to_the_consumed_accounts() {
    let history = History::generated(400);
    with_views(&history, |views| {
        let ask = |window, group_by, limit| {
            let mut query = UsageQuery {
                window,
                group_by,
                from: None,
                to: None,
                meter: None,
                agent: None,
                model: None,
                at: AsOf::default(),
                after: None,
                limit,
            };
            let mut sums = Vec::new();
            loop {
                let page = views.usage(&acme(), &query, history.now).unwrap().value;
                sums.extend(page.items);
                if page.next.is_none() {
                    return sums;
                }
                query.after = page.next;
            }
        };
        let all = ask(WindowUnit::Month, GroupBy::None, 100);
        let [month] = &all[..] else { panic!("{all:?}") };
        assert_eq!(month.group, None);
        for window in [WindowUnit::Hour, WindowUnit::Day, WindowUnit::Month] {
            for group_by in [GroupBy::None, GroupBy::Agent, GroupBy::Model, GroupBy::Meter] {
                let sums = ask(window, group_by, 2);
                let records: i64 = sums.iter().map(|sum| sum.records).sum();
                let cost: i128 = sums.iter().map(|sum| sum.cost_micros).sum();
                let quantity =
                    sums.iter().try_fold(Quantity::ZERO, |all, sum| all.plus(sum.quantity));
                assert_eq!((records, cost), (month.records, month.cost_micros));
                assert_eq!(quantity, Some(month.quantity));
            }
        }
        let by_meter = ask(WindowUnit::Month, GroupBy::Meter, 100);
        let images = by_meter.iter().find(|sum| sum.group.as_deref() == Some("images")).unwrap();
        let accounts = views.accounts(&acme()).unwrap().value;
        let consumed = accounts.iter().find(|row| row.account.to_string() == "consumed/images");
        // Only usage is metered as images; debits and settlements are not.
        assert_eq!(images.cost_micros, consumed.map_or(0, Account::balance_micros));
        assert!(month.voided > 0);
    });
}
