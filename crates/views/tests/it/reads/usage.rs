//! Usage reports.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::event::{Attribution, Usage};
use quipu_domain::{EntryId, Label};
use quipu_projections::{Account, Quantity};
use quipu_views::{AsOf, GroupBy, UsageQuery, WindowUnit};

use super::{acme, with_views};
use crate::history::{History, text};
use crate::stores::{assert_same, folded, stored};

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

/// A label of so many characters, each of four bytes. They are random: no database makes the key of
/// an index from them that is much shorter.
fn long_label(history: &mut History, chars: usize) -> String {
    let mut char = |_| char::from_u32(0x2_0000 + u32::try_from(history.below(40_000)).unwrap());
    (0..chars).map(|place| char(place).unwrap()).collect()
}

/// Records what was used by an agent on a model; the record.
fn record(history: &mut History, agent: &str, model: &str) -> EntryId {
    let number = history.head().0;
    let used = WalletCommand::RecordUsage(Usage {
        meter: text("images"),
        quantity: Some(text("1")),
        tokens: None,
        value: None,
        attribution: Attribution {
            agent: Some(text(agent)),
            model: Some(text(model)),
            ..Attribution::default()
        },
        occurred_at: history.now,
        source: text("probe"),
        id: text(&format!("usage-{number}")),
    });
    assert!(history.command(&acme(), &used));
    EntryId(history.head())
}

#[test]
fn agents_and_models_of_the_longest_texts_are_counted_each_by_itself() {
    let mut history = History::new(&["t_acme"]);
    let most = Label::MOST_CHARS;
    let (agent, model) = (long_label(&mut history, most), long_label(&mut history, most));
    let same_but_one = format!("{}!", agent.chars().take(most - 1).collect::<String>());
    let backslashes = "\\".repeat(most);
    let agents = [&agent, &same_but_one, &backslashes, &"\\".repeat(most - 1)];
    for agent in agents {
        record(&mut history, agent, &model);
        let entry = record(&mut history, agent, &model);
        let reason = text("mistaken");
        assert!(history.command(&acme(), &WalletCommand::VoidUsage { entry, reason }));
    }
    let expected = folded(&history.events);
    with_views(&history, |views| {
        assert_same(&stored(views), &expected);
        let query = UsageQuery {
            window: WindowUnit::Hour,
            group_by: GroupBy::Agent,
            from: None,
            to: None,
            meter: None,
            agent: None,
            model: Some(text(&model)),
            at: AsOf::default(),
            after: None,
            limit: 100,
        };
        let sums = views.usage(&acme(), &query, history.now).unwrap().value.items;
        let found: BTreeSet<_> = sums.iter().filter_map(|sum| sum.group.as_ref()).collect();
        assert_eq!(found, BTreeSet::from(agents));
        assert!(sums.iter().all(|sum| (sum.records, sum.voided) == (1, 1)), "{sums:?}");
        views.rebuild(None, |_| ControlFlow::Continue(())).unwrap();
        assert_same(&stored(views), &expected);
    });
}
