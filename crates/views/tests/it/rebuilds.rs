//! A rebuild gives the same rows, all at once, and nobody else notices.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use quipu_database::DatabaseError;
use quipu_domain::Position;
use quipu_views::{Runner, RunnerOptions, Views, ViewsError};

use crate::history::{History, Journal};
use crate::stores::{
    Store, assert_same, block_on, folded, on_each_engine, on_postgres, options, stored,
};

/// Views that have all the journal has.
fn live(store: &Store, journal: &Arc<Journal>) -> Views {
    let views = store.open(journal);
    views.catch_up(&options(50)).unwrap();
    views
}

/// A rebuild that goes no further than its first page.
fn interrupt(views: &Views, projection: Option<&str>) {
    let interrupted = views.rebuild(projection, |_| ControlFlow::Break(()));
    assert!(matches!(interrupted, Err(ViewsError::Interrupted { .. })), "{interrupted:?}");
}

#[test]
fn rebuilt_rows_equal_live_ones() {
    let history = History::generated(300);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = live(store, &journal);
        let before = stored(&views);
        store.connection().execute("UPDATE balance SET available = 1", &[]).unwrap();
        store.connection().execute("DELETE FROM activity", &[]).unwrap();
        assert_ne!(stored(&views), before);
        let mut seen = Vec::new();
        views
            .rebuild(None, |progress| {
                seen.push(progress.position);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_same(&stored(&views), &before);
        assert_eq!(seen.last(), Some(&history.head()));
    });
}

#[test]
fn how_far_a_rebuild_is_can_be_read_while_somebody_writes() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = live(store, &journal);
        interrupt(&views, Some("balances"));
        let mut writer = store.connection();
        writer.begin().unwrap();
        writer.execute("UPDATE balance SET available = 1", &[]).unwrap();
        let statuses = views.projections(history.head()).unwrap();
        let rebuilding = statuses.iter().filter(|status| status.rebuilding.is_some());
        assert_eq!(rebuilding.count(), 1);
    });
}

#[test]
fn who_may_only_read_sees_the_rows_and_how_far_a_rebuild_is_and_changes_neither() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let missing = store.open_read_only(&journal).err();
        assert!(
            matches!(missing, Some(ViewsError::Database(DatabaseError::Missing))),
            "{missing:?}"
        );
        let views = live(store, &journal);
        let rows = stored(&views);
        interrupt(&views, Some("tenants"));
        let statuses = views.projections(history.head()).unwrap();
        assert!(statuses.iter().any(|status| status.rebuilding.is_some()));
        drop(views);
        let views = store.open_read_only(&journal).unwrap();
        assert_eq!(views.projections(history.head()).unwrap(), statuses);
        assert_same(&stored(&views), &rows);
        let refused = views.rebuild(None, |_| ControlFlow::Continue(()));
        assert!(
            matches!(refused, Err(ViewsError::Database(DatabaseError::Refused(_)))),
            "{refused:?}"
        );
        assert!(views.cancel_rebuild().is_err());
        assert_eq!(views.projections(history.head()).unwrap(), statuses);
    });
}

#[test]
fn a_rebuild_of_one_projection_leaves_the_others_alone() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = live(store, &journal);
        store.connection().execute("DELETE FROM tenant", &[]).unwrap();
        store.connection().execute("DELETE FROM lot", &[]).unwrap();
        views.rebuild(Some("tenants"), |_| ControlFlow::Continue(())).unwrap();
        let count = |table| {
            let rows = stored(&views);
            rows.iter().find(|(name, _)| *name == table).unwrap().1.len()
        };
        assert_eq!((count("tenant"), count("lot")), (3, 0));
        let unknown = views.rebuild(Some("fortunes"), |_| ControlFlow::Continue(()));
        assert!(matches!(unknown, Err(ViewsError::UnknownProjection(_))));
    });
}

#[test]
fn an_interrupted_rebuild_changes_nothing_and_is_taken_up() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = live(store, &journal);
        store.connection().execute("DELETE FROM tenant", &[]).unwrap();
        let before = stored(&views);
        interrupt(&views, None);
        assert_same(&stored(&views), &before);
        let shown = |views: &quipu_views::Views| {
            let statuses = views.projections(history.head()).unwrap();
            statuses.into_iter().filter_map(|status| status.rebuilding).collect::<Vec<_>>()
        };
        let left = shown(&views);
        assert_eq!(left.len(), quipu_projections::all().len());
        assert!(left.iter().all(|rebuilding| rebuilding.position == history.head()), "{left:?}");
        // Nothing is read again: the journal is away.
        journal.fail(1);
        views.rebuild(None, |_| ControlFlow::Continue(())).unwrap();
        journal.fail(0);
        assert_same(&stored(&views), &folded(&history.events));
        assert_eq!(shown(&views), []);
    });
}

#[test]
fn a_rebuild_that_somebody_cancels_ends_and_changes_nothing() {
    let history = History::generated(100);
    let (early, late) = history.events.split_at(60);
    on_each_engine(|store| {
        let journal = Journal::new(early);
        let views = live(store, &journal);
        store.connection().execute("DELETE FROM tenant", &[]).unwrap();
        let before = stored(&views);
        let elsewhere = store.open(&journal);
        let mut stopped = None;
        let cancelled = views.rebuild(None, |_| {
            stopped.get_or_insert_with(|| {
                journal.extend(late);
                elsewhere.cancel_rebuild().unwrap()
            });
            ControlFlow::Continue(())
        });
        assert_eq!(stopped.map(|stopped| stopped.len()), Some(quipu_projections::all().len()));
        assert!(matches!(cancelled, Err(ViewsError::Cancelled)), "{cancelled:?}");
        assert_same(&stored(&views), &before);
        assert_eq!(elsewhere.cancel_rebuild().unwrap(), [], "there is none any more");
    });
}

#[test]
fn what_another_version_or_another_selection_left_is_not_taken_up() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = live(store, &journal);
        let expected = stored(&views);
        let begins_anew = |projection| {
            let mut pages = 0;
            let rebuilt = views.rebuild(projection, |_| {
                pages += 1;
                ControlFlow::Continue(())
            });
            rebuilt.unwrap();
            assert_eq!(pages, 1, "it began anew");
            assert_same(&stored(&views), &expected);
        };
        interrupt(&views, Some("balances"));
        begins_anew(Some("tenants"));
        interrupt(&views, None);
        begins_anew(Some("tenants"));
        interrupt(&views, None);
        let older = "UPDATE projection SET version = 99 WHERE name = 'balances'";
        store.scratch().execute(older, &[]).unwrap();
        begins_anew(None);
    });
}

#[test]
fn what_was_built_of_a_journal_that_went_further_is_not_taken_up() {
    let history = History::generated(100);
    on_each_engine(|store| {
        let views = live(store, &Journal::new(&history.events));
        interrupt(&views, None);
        drop(views);
        store.delete();
        let restored = &history.events[..60];
        let views = live(store, &Journal::new(restored));
        views.rebuild(None, |_| ControlFlow::Continue(())).unwrap();
        assert_same(&stored(&views), &folded(restored));
    });
}

/// A journal that was restored goes on otherwise, past where the rebuild had come.
#[test]
fn what_was_built_of_another_history_is_not_taken_up() {
    let lost = History::generated(100);
    let other = &History::generated(130).events[..lost.events.len()];
    on_each_engine(|store| {
        let views = live(store, &Journal::new(&lost.events));
        interrupt(&views, None);
        drop(views);
        let views = store.open(&Journal::new(other));
        views.rebuild(None, |_| ControlFlow::Continue(())).unwrap();
        assert_same(&stored(&views), &folded(other));
    });
}

#[test]
fn rows_of_another_history_are_told_from_those_of_the_journal() {
    let history = History::generated(100);
    let (early, head) = (&history.events[..60], history.head());
    let other = &History::generated(130).events[..history.events.len() + 5];
    on_each_engine(|store| {
        drop(live(store, &Journal::new(&history.events)));
        let strange = |events| {
            let strange = store.open(&Journal::new(events)).made_from_another_history();
            strange.unwrap().map(|(_, position)| position)
        };
        assert_eq!(strange(&history.events), None);
        assert_eq!((strange(early), strange(other)), (Some(head), Some(head)));
        // One of them that fits does not speak for the rest.
        let views = store.open(&Journal::new(early));
        views.rebuild(Some("balances"), |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(strange(early), Some(head));
        views.rebuild(None, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!((strange(early), strange(other)), (None, Some(Position(60))));
        // Rows of an older version: nobody noted which event they end with.
        store.connection().execute("UPDATE projection SET last_event = NULL", &[]).unwrap();
        assert_eq!((strange(early), strange(&early[..50])), (None, Some(Position(60))));
    });
}

#[test]
fn what_the_live_rows_get_at_the_last_moment_the_new_ones_have_too() {
    let history = History::generated(100);
    let (early, late) = history.events.split_at(60);
    on_each_engine(|store| {
        let journal = Journal::new(early);
        let views = live(store, &journal);
        let (elsewhere, later) = (store.open(&journal), late.to_vec());
        let mut others_move = Some({
            let journal = journal.clone();
            move || {
                journal.extend(&later);
                elsewhere.catch_up(&options(50)).unwrap();
            }
        });
        let rebuilt = views.rebuild(None, |progress| {
            // Only after the rebuild has asked for the last time where the journal ends.
            assert_eq!(progress.position, Position(60));
            others_move.take().into_iter().for_each(|deed| journal.after_head(deed));
            ControlFlow::Continue(())
        });
        rebuilt.unwrap();
        let statuses = views.projections(history.head()).unwrap();
        assert!(statuses.iter().all(|status| status.lag == 0), "{statuses:?}");
        assert_same(&stored(&views), &folded(&history.events));
    });
}

#[test]
fn rows_that_another_rebuild_has_taken_over_do_not_become_the_live_ones() {
    let history = History::generated(100);
    let (early, late) = history.events.split_at(60);
    let of_the_same_and_of_more = |store: &Store, projection: Option<&str>| {
        let journal = Journal::new(early);
        let views = live(store, &journal);
        let before = stored(&views);
        let (elsewhere, later) = (store.open(&journal), late.to_vec());
        let mut other_begins = Some({
            let journal = journal.clone();
            move || {
                journal.extend(&later);
                interrupt(&elsewhere, None);
            }
        });
        let cancelled = views.rebuild(projection, |_| {
            other_begins.take().into_iter().for_each(|deed| journal.after_head(deed));
            ControlFlow::Continue(())
        });
        let cancelled = cancelled.unwrap_err();
        assert!(matches!(cancelled, ViewsError::Cancelled), "{cancelled:?}");
        assert!(cancelled.to_string().contains("another rebuild"), "nobody cancelled: {cancelled}");
        assert_same(&stored(&views), &before);
        // What the other one has begun is left to it.
        let statuses = views.projections(history.head()).unwrap();
        assert!(statuses.iter().all(|status| status.rebuilding.is_some()), "{statuses:?}");
    };
    on_each_engine(|store| of_the_same_and_of_more(store, None));
    on_each_engine(|store| of_the_same_and_of_more(store, Some("balances")));
}

/// On PostgreSQL each statement sees what was committed before it: the rows of a rebuild that begins
/// while another one puts its rows live do not come in between.
#[test]
fn a_rebuild_that_goes_live_keeps_the_next_one_out() {
    const WAITING: &str = "SELECT pid::text FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let history = History::generated(200);
    let (early, late) = history.events.split_at(100);
    on_postgres(|store| {
        let journal = Journal::new(early);
        let views = live(store, &journal);
        let elsewhere = store.open(&journal);
        let (mut lock, mut watch) = (store.connection(), store.connection());
        let mut wait_for = |waiting: usize, is_over: &dyn Fn() -> bool| {
            while watch.query(WAITING, &[]).unwrap().len() < waiting && !is_over() {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        // So that the first one copies some tables, and waits before the others.
        lock.begin().unwrap();
        lock.execute("LOCK TABLE usage_total IN SHARE MODE", &[]).unwrap();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| views.rebuild(None, |_| ControlFlow::Continue(())));
            wait_for(1, &|| first.is_finished());
            journal.extend(late);
            let second = scope.spawn(|| elsewhere.rebuild(None, |_| ControlFlow::Break(())));
            wait_for(2, &|| second.is_finished());
            lock.rollback().unwrap();
            first.join().unwrap().unwrap();
            assert!(second.join().unwrap().is_err());
        });
        views.catch_up(&options(50)).unwrap();
        assert_same(&stored(&views), &folded(&history.events));
    });
}

/// Views whose journal lost its end are made anew from what there is of it.
#[test]
fn a_rebuild_of_a_journal_that_lost_its_end_has_what_is_left() {
    let history = History::generated(100);
    let restored = &history.events[..60];
    on_each_engine(|store| {
        drop(live(store, &Journal::new(&history.events)));
        let views = store.open(&Journal::new(restored));
        views.rebuild(None, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(store.open(&Journal::new(restored)).checkpoint(), Position(60));
        assert_same(&stored(&views), &folded(restored));
    });
}

#[test]
fn a_live_runner_notices_that_its_rows_were_replaced() {
    let history = History::generated(300);
    on_each_engine(|store| {
        let (early, late) = history.events.split_at(150);
        let journal = Journal::new(early);
        let views = store.open(&journal);
        let quick = RunnerOptions { first_pause: Duration::from_millis(1), ..options(20) };
        let runner = Runner::start(&views, quick).unwrap();
        block_on(views.wait_for(Position(150), Duration::from_secs(60))).unwrap();
        views.rebuild(None, |_| ControlFlow::Continue(())).unwrap();
        journal.extend(late);
        runner.waker().wake();
        block_on(views.wait_for(history.head(), Duration::from_secs(60))).unwrap();
        runner.stop();
        assert_same(&stored(&views), &folded(&history.events));
    });
}

#[test]
fn rows_of_another_version_are_built_anew_at_the_start() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = live(store, &journal);
        let before = stored(&views);
        let mut connection = store.connection();
        connection.execute("UPDATE balance SET available = 1", &[]).unwrap();
        connection
            .execute("UPDATE projection SET version = 99 WHERE name = 'balances'", &[])
            .unwrap();
        connection.execute("DELETE FROM projection WHERE name = 'agents'", &[]).unwrap();
        connection.execute("DELETE FROM agent", &[]).unwrap();
        views.catch_up(&options(50)).unwrap();
        assert_same(&stored(&views), &before);
    });
}
