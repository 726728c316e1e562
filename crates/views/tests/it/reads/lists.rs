//! Pages, filters and order of lists.

use quipu_domain::period::{PeriodClosed, PeriodEvent, PeriodName, SealedBalance};
use quipu_domain::{Event, Position, Stream};
use quipu_views::{AuditQuery, EntryQuery, HoldQuery, HoldStatus, LotQuery, Order};

use super::{acme, with_views};
use crate::history::{History, text};

#[test]
fn pages_of_a_list_put_together_are_the_list() {
    let history = History::generated(300);
    with_views(&history, |views| {
        let lines = |order: Order, limit: usize| {
            let mut query = EntryQuery { order, limit, ..EntryQuery::default() };
            let mut positions = Vec::new();
            loop {
                let page = views.entries(&acme(), &query, history.now).unwrap().value.entries;
                positions.extend(page.items.iter().map(|entry| entry.position));
                if page.next.is_none() {
                    return positions;
                }
                query.after = page.next;
            }
        };
        let all = lines(Order::OldestFirst, 10_000);
        assert!(all.len() > 20);
        assert_eq!(lines(Order::OldestFirst, 7), all);
        let mut newest_first = lines(Order::NewestFirst, 7);
        newest_first.reverse();
        assert_eq!(newest_first, all);

        let first = views.tenants(None, 2).unwrap().value;
        let second = views.tenants(first.next.as_ref(), 2).unwrap().value;
        let ids: Vec<String> = first
            .items
            .iter()
            .chain(&second.items)
            .map(|tenant| tenant.tenant.to_string())
            .collect();
        assert_eq!(ids, ["t_acme", "t_bolt", "t_cord"]);
        assert_eq!(second.next, None);
    });
}

#[test]
fn filters_choose_lines_of_the_statement() {
    let history = History::generated(300);
    with_views(&history, |views| {
        let all = EntryQuery { limit: 10_000, ..EntryQuery::default() };
        let ask = |query: &EntryQuery| {
            views.entries(&acme(), query, history.now).unwrap().value.entries.items
        };
        let debits = ask(&EntryQuery { event_type: Some("CreditsDebited".into()), ..all.clone() });
        assert!(!debits.is_empty());
        assert!(debits.iter().all(|entry| &*entry.event_type == "CreditsDebited"));
        let robots = ask(&EntryQuery { agent: Some(text("robot")), ..all.clone() });
        assert!(robots.iter().all(|entry| entry.agent == Some(text("robot"))));
        assert!(!robots.is_empty() && robots.len() < ask(&all).len());
        let middle = ask(&all)[10].effective_at;
        let late = ask(&EntryQuery { from: Some(middle), ..all.clone() });
        let early = ask(&EntryQuery { to: Some(middle), ..all.clone() });
        assert_eq!(late.len() + early.len(), ask(&all).len());
        let calls = ask(&EntryQuery { meter: Some(text("calls")), ..all });
        assert!(!calls.is_empty() && calls.iter().all(|entry| entry.meter == Some(text("calls"))));
    });
}

#[test]
fn lots_and_holds_are_listed_open_or_all() {
    let history = History::generated(300);
    with_views(&history, |views| {
        let wallet = &history.wallets[&acme()];
        let lots = |with_ended| {
            let query = LotQuery { with_ended, limit: 1_000, ..LotQuery::default() };
            views.lots(&acme(), &query, history.now).unwrap().value.items
        };
        let open = lots(false);
        assert_eq!(open.len(), wallet.lots().count());
        assert!(lots(true).len() > open.len());
        let holds = |status| {
            let query = HoldQuery { status, limit: 1_000, ..HoldQuery::default() };
            views.holds(&acme(), &query, history.now).unwrap().value.items
        };
        assert_eq!(holds(Some(HoldStatus::Open)).len(), wallet.holds().count());
        let sum: usize =
            [HoldStatus::Open, HoldStatus::Settled, HoldStatus::Released, HoldStatus::Expired]
                .map(|status| holds(Some(status)).len())
                .iter()
                .sum();
        assert_eq!(holds(None).len(), sum);
        let first = holds(None)[0].clone();
        let hold = views.hold(&acme(), first.hold_position).unwrap().value;
        assert_eq!(hold, Some(first));
    });
}

#[test]
fn the_audit_log_has_every_event_and_its_filters() {
    let history = History::generated(200);
    with_views(&history, |views| {
        let all = AuditQuery { limit: 10_000, ..AuditQuery::default() };
        let ask = |query: &AuditQuery| views.audit_log(query).unwrap().value.items;
        let lines = ask(&all);
        assert_eq!(lines.len(), history.events.len());
        let acmes = ask(&AuditQuery { tenant: Some(acme()), ..all.clone() });
        assert!(acmes.iter().all(|line| line.tenant == Some(acme())));
        assert!(!acmes.is_empty() && acmes.len() < lines.len());
        let newest = AuditQuery { order: Order::NewestFirst, limit: 1, ..all.clone() };
        assert_eq!(ask(&newest)[0].position, history.head());
        let nobody = AuditQuery { actor: Some(text("nobody")), ..all.clone() };
        assert!(ask(&nobody).is_empty());
        let tenants = AuditQuery { event_type: Some("TenantCreated".into()), ..all };
        assert_eq!(ask(&tenants).len(), 3);
    });
}

#[test]
fn the_catalogue_lists_meters_with_their_prices() {
    let history = History::generated(10);
    with_views(&history, |views| {
        let meters = views.meters(None, 10).unwrap().value;
        let names: Vec<String> = meters.items.iter().map(|meter| meter.meter.to_string()).collect();
        assert_eq!(names, ["calls", "images"]);
        let calls = views.meter(&text("calls")).unwrap().value;
        assert!(calls.prices.contains("\"0.25\""), "{}", calls.prices);
        assert_eq!(views.price_tables(None, 10).unwrap().value.items, []);
        let agents = views.agents(&acme(), None, 10).unwrap().value.items;
        assert_eq!(agents[0].agent, text("robot"));
    });
}

/// C2: a period has as many balances as the book has accounts, and a page as many as fit.
#[test]
fn a_page_of_periods_ends_before_it_is_too_large() {
    let mut history = History::new(&[]);
    let balance = |n: usize| SealedBalance {
        account: text(&format!("consumed/{n:0>64}")),
        opening: 0.into(),
        late: 0.into(),
        movement: 0.into(),
        closing: 0.into(),
    };
    let large: Vec<SealedBalance> = (0..12_000).map(balance).collect();
    let days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"];
    for (day, balances) in days.iter().zip([12_000, 12_000, 12_000, 0, 1]) {
        let period: PeriodName = text(day);
        let closed = PeriodEvent::PeriodClosed(PeriodClosed {
            period,
            from: period.begins_at(),
            to: period.ends_at(),
            known_at: Position(0),
            root: text("c0ffee"),
            balances: large[..balances].to_vec(),
        });
        history.record(Stream::periods(), None, None, Event::Period(closed));
    }
    with_views(&history, |views| {
        let pages = |limit: usize| {
            let (mut after, mut pages) = (None, Vec::new());
            loop {
                let page = views.periods(after, limit).unwrap().value;
                let names = page.items.iter().map(|closed| closed.period.to_string());
                pages.push(names.collect::<Vec<_>>());
                after = page.next;
                if after.is_none() {
                    return pages;
                }
            }
        };
        assert_eq!(pages(100), [&days[..2], &days[2..]]);
        assert_eq!(pages(1), days.map(|day| [day]));
        assert_eq!(pages(4), [&days[..2], &days[2..]]);
    });
}
