//! An event that cannot be applied stops its own tenant's partition of one projection.

use std::time::Duration;

use quipu_domain::wallet::WalletEvent;
use quipu_domain::{Credits, Event, GrantId, Position, Recorded, TenantId};
use quipu_projections::Cell;
use quipu_views::{Location, RetryOutcome, Runner, Views, ViewsError};

use crate::history::{History, Journal, text};
use crate::stores::{Tables, assert_same, block_on, folded, on_each_engine, options, stored};

/// The first debit of a tenant, and the same as a draw from a lot that is not there.
fn poisoned(history: &History, tenant: &TenantId) -> (Position, Event) {
    let debit = history.events.iter().find_map(|event| match &event.event {
        Event::Wallet(WalletEvent::CreditsDebited(debit))
            if event.tenant.as_ref() == Some(tenant) && !debit.draws.lots.is_empty() =>
        {
            Some((event.position, debit.clone()))
        }
        _ => None,
    });
    let (position, mut debit) = debit.unwrap();
    debit.draws.lots[0].grant = GrantId(Position(999_999));
    (position, Event::Wallet(WalletEvent::CreditsDebited(debit)))
}

/// Rows of one tenant are left out.
fn without(tenant: &TenantId, tables: &Tables) -> Tables {
    let other = |cells: &Vec<Cell>| !cells.contains(&Cell::Text(tenant.as_str().into()));
    let rows = |rows: &Vec<Vec<Cell>>| rows.iter().filter(|row| other(row)).cloned().collect();
    tables.iter().map(|(name, all)| (*name, rows(all))).collect()
}

#[test]
fn poison_stops_one_tenant_of_one_projection_and_a_retry_heals_it() {
    let history = History::generated(300);
    let expected = folded(&history.events);
    let bolt: TenantId = text("t_bolt");
    let (position, poison) = poisoned(&history, &bolt);
    let original = history.events[usize::try_from(position.0).unwrap() - 1].event.clone();
    on_each_engine(|store| {
        let journal = Journal::new(&history.events);
        journal.replace(position, poison.clone());
        let views = store.open(&journal);
        views.catch_up(&options(32)).unwrap();
        assert_eq!(views.checkpoint(), history.head(), "the others went on");
        let status = views.projections(history.head()).unwrap();
        let parked: Vec<_> =
            status.iter().flat_map(|each| each.parked.iter().map(|at| (each.name, at))).collect();
        let [("balances", at)] = parked[..] else { panic!("{parked:?}") };
        assert_eq!((at.tenant.as_ref(), at.position), (Some(&bolt), position));
        assert!(at.error.contains("lot"), "{}", at.error);
        let now = history.now;
        let refused = views.balance(&bolt, None, now).unwrap_err();
        assert!(matches!(refused, ViewsError::Parked { projection: "balances", .. }));
        assert!(views.balance(&text("t_acme"), None, now).is_ok());
        assert_same(&without(&bolt, &stored(&views)), &without(&bolt, &expected));

        let again = views.retry("balances", &Some(bolt.clone())).unwrap();
        assert!(matches!(again, RetryOutcome::StillParked(at) if at.position == position));
        journal.replace(position, original.clone());
        let healed = views.retry("balances", &Some(bolt.clone())).unwrap();
        assert!(matches!(healed, RetryOutcome::Healed { events } if events > 1), "{healed:?}");
        views.catch_up(&options(32)).unwrap();
        let rows = stored(&views);
        for ((name, found), (_, wanted)) in rows.iter().zip(&expected) {
            // The poisoned debit's chunk differs; balances do not.
            if ["balance", "lot", "hold", "account"].contains(name) {
                assert_eq!(found, wanted, "{name}");
            }
        }
        let none = views.retry("balances", &Some(bolt.clone())).unwrap();
        assert_eq!(none, RetryOutcome::NotParked);
    });
}

/// The first event of a tenant that gives it a lot.
fn first_grant(history: &History, tenant: &TenantId) -> Position {
    let is_grant = |event: &&Recorded| {
        event.tenant.as_ref() == Some(tenant)
            && matches!(&event.event, Event::Wallet(event) if event.lot_terms().is_some())
    };
    history.events.iter().find(is_grant).unwrap().position
}

#[test]
fn rows_that_the_database_refuses_stop_one_tenant_of_one_projection() {
    let history = History::generated(300);
    let expected = folded(&history.events);
    let (acme, bolt): (TenantId, TenantId) = (text("t_acme"), text("t_bolt"));
    let server = quipu_testkit::postgres::Server::start();
    for page_events in [1, 64, 4096] {
        let journal = Journal::new(&history.events);
        let url = server.database();
        let location = Location::Postgres { url: url.clone() };
        let views = Views::open(location, journal.clone()).unwrap();
        server.psql(&url, REFUSE_BOLTS_LOTS).unwrap();
        let runner = Runner::start(&views, options(page_events)).unwrap();
        block_on(views.wait_for(history.head(), Duration::from_secs(30))).unwrap();
        runner.stop();
        let status = views.projections(history.head()).unwrap();
        let parked: Vec<_> =
            status.iter().flat_map(|each| each.parked.iter().map(|at| (each.name, at))).collect();
        let [("balances", at)] = parked[..] else { panic!("{parked:?}") };
        assert_eq!((at.tenant.as_ref(), at.position), (Some(&bolt), first_grant(&history, &bolt)));
        assert!(at.error.contains("no lot of bolt's"), "{}", at.error);
        assert!(views.balance(&acme, None, history.now).is_ok());
        assert_same(&without(&bolt, &stored(&views)), &without(&bolt, &expected));

        assert!(views.retry("balances", &Some(bolt.clone())).is_err());
        server.psql(&url, "DROP TRIGGER refuse ON quipu_views.lot").unwrap();
        let healed = views.retry("balances", &Some(bolt.clone())).unwrap();
        assert!(matches!(healed, RetryOutcome::Healed { .. }), "{healed:?}");
        assert_same(&stored(&views), &expected);
    }
}

const REFUSE_BOLTS_LOTS: &str = "\
    CREATE FUNCTION quipu_views.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        RAISE EXCEPTION 'no lot of bolt''s' USING ERRCODE = '22000'; END $$; \
    CREATE TRIGGER refuse BEFORE INSERT ON quipu_views.lot \
        FOR EACH ROW WHEN (NEW.tenant = 't_bolt') EXECUTE FUNCTION quipu_views.refuse()";

#[test]
fn a_rebuild_lets_go_on_what_is_mended_and_tells_what_stops_by_now() {
    let history = History::generated(300);
    let bolt: TenantId = text("t_bolt");
    let (position, poison) = poisoned(&history, &bolt);
    let original = history.events[usize::try_from(position.0).unwrap() - 1].event.clone();
    on_each_engine(|store| {
        let journal = Journal::new(&history.events);
        let views = store.open(&journal);
        views.catch_up(&options(64)).unwrap();
        let parked = || {
            views.rebuild(None, |_| std::ops::ControlFlow::Continue(())).unwrap();
            let statuses = views.projections(history.head()).unwrap();
            let parked = statuses.into_iter().flat_map(|status| status.parked);
            parked.map(|at| (at.tenant, at.position)).collect::<Vec<_>>()
        };
        journal.replace(position, poison.clone());
        assert_eq!(parked(), [(Some(bolt.clone()), position)]);
        assert!(matches!(views.balance(&bolt, None, history.now), Err(ViewsError::Parked { .. })));
        journal.replace(position, original.clone());
        assert_eq!(parked(), []);
        assert_same(&stored(&views), &folded(&history.events));
    });
}

#[test]
fn rows_of_a_parked_tenant_stay_as_they_were_before_the_poison() {
    let history = History::generated(300);
    let bolt: TenantId = text("t_bolt");
    let (position, poison) = poisoned(&history, &bolt);
    let before = usize::try_from(position.0).unwrap() - 1;
    let wanted = folded(&history.events[..before]);
    on_each_engine(|store| {
        let journal = Journal::new(&history.events);
        journal.replace(position, poison.clone());
        let views = store.open(&journal);
        views.catch_up(&options(4096)).unwrap();
        let bolts = |tables: &Tables, table: &str| -> Vec<Vec<Cell>> {
            let (_, rows) = tables.iter().find(|(name, _)| *name == table).unwrap();
            rows.iter().filter(|row| row[0] == Cell::Text("t_bolt".into())).cloned().collect()
        };
        let rows = stored(&views);
        assert_eq!(bolts(&rows, "lot"), bolts(&wanted, "lot"));
        assert_eq!(bolts(&rows, "balance"), bolts(&wanted, "balance"));
    });
}

#[test]
fn a_retry_keeps_what_it_gained_when_it_meets_the_next_poison() {
    let history = History::generated(300);
    let bolt: TenantId = text("t_bolt");
    let (position, poison) = poisoned(&history, &bolt);
    let index = usize::try_from(position.0).unwrap();
    let original = history.events[index - 1].event.clone();
    let is_later = |event: &&quipu_domain::Recorded| {
        event.tenant.as_ref() == Some(&bolt)
            && matches!(&event.event, Event::Wallet(WalletEvent::CreditsDebited(_)))
    };
    let later = history.events[index..].iter().find(is_later).unwrap();
    let Event::Wallet(WalletEvent::CreditsDebited(debit)) = &later.event else { panic!() };
    let mut huge = debit.clone();
    huge.draws.overdraft = Credits::from_micros(999_999_999_999_999_999).unwrap();
    let huge = Event::Wallet(WalletEvent::CreditsDebited(huge));
    on_each_engine(|store| {
        let journal = Journal::new(&history.events);
        journal.replace(position, poison.clone());
        let views = store.open(&journal);
        views.catch_up(&options(64)).unwrap();
        journal.replace(position, original.clone());
        journal.replace(later.position, huge.clone());
        let outcome = views.retry("balances", &Some(bolt.clone())).unwrap();
        let RetryOutcome::StillParked(at) = outcome else { panic!("{outcome:?}") };
        assert_eq!(at.position, later.position);
    });
}

#[test]
fn a_retry_of_an_unknown_projection_is_refused() {
    on_each_engine(|store| {
        let views = store.open(&Journal::new(&[]));
        let refused = views.retry("fortunes", &None).unwrap_err();
        assert!(matches!(refused, ViewsError::UnknownProjection(_)));
    });
}

#[test]
fn a_skipped_event_is_left_out_with_its_reason_until_the_version_changes() {
    let history = History::generated(300);
    let bolt: TenantId = text("t_bolt");
    let (position, poison) = poisoned(&history, &bolt);
    let is_wallets = |event: &&Recorded| event.tenant.as_ref() == Some(&bolt);
    let last = history.events.iter().rev().find(is_wallets).unwrap().position;
    on_each_engine(|store| {
        let journal = Journal::new(&history.events);
        journal.replace(position, poison.clone());
        let views = store.open(&journal);
        views.catch_up(&options(32)).unwrap();
        // A rebuild that is broken off has the stop in its rows.
        let broken_off = views.rebuild(None, |_| std::ops::ControlFlow::Break(()));
        assert!(matches!(broken_off, Err(ViewsError::Interrupted { .. })), "{broken_off:?}");
        let none = views.skip("holds", &Some(bolt.clone()), &text("no need")).unwrap();
        assert_eq!(none, RetryOutcome::NotParked);
        let reason = text("it was sent by mistake, see ticket 12");
        let mut stops = vec![position];
        // What follows may stop on what the skipped event would have done: one after the other.
        let mut outcome = views.skip("balances", &Some(bolt.clone()), &reason).unwrap();
        while let RetryOutcome::StillParked(at) = &outcome {
            assert!(at.position > *stops.last().unwrap() && at.position <= last);
            stops.push(at.position);
            outcome = views.skip("balances", &Some(bolt.clone()), &reason).unwrap();
        }
        let told = |views: &quipu_views::Views| {
            let statuses = views.projections(history.head()).unwrap();
            let balances = statuses.into_iter().find(|each| each.name == "balances").unwrap();
            assert_eq!(balances.parked, []);
            balances.skipped
        };
        let skipped = told(&views);
        assert_eq!(skipped.iter().map(|each| each.position).collect::<Vec<_>>(), stops);
        assert!(skipped.iter().all(|each| each.reason == reason.as_str()), "{skipped:?}");
        assert!(views.balance(&bolt, None, history.now).is_ok());

        let rows = stored(&views);
        views.catch_up(&options(32)).unwrap();
        views.rebuild(None, |_| std::ops::ControlFlow::Continue(())).unwrap();
        assert_same(&stored(&views), &rows);
        assert_eq!(told(&views).len(), stops.len(), "a rebuild leaves it out too");

        let mut connection = store.connection();
        let older = "UPDATE projection_skipped SET version = 99";
        connection.execute(older, &[]).unwrap();
        views.rebuild(Some("balances"), |_| std::ops::ControlFlow::Continue(())).unwrap();
        let statuses = views.projections(history.head()).unwrap();
        let balances = statuses.into_iter().find(|each| each.name == "balances").unwrap();
        assert_eq!(balances.skipped, [], "another version sees it again");
        assert!(connection.query("SELECT 1 FROM projection_skipped", &[]).unwrap().is_empty());
        assert_eq!(balances.parked.first().map(|at| at.position), Some(position));
    });
}
