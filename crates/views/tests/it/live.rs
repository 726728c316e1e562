//! Rows follow the journal exactly once, whatever happens in between.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quipu_database::Engine;
use quipu_domain::Position;
use quipu_views::{Feed, Runner, RunnerOptions, Views, ViewsError};

use crate::history::{History, Journal};
use crate::stores::{
    assert_same, block_on, folded, folded_of, on_each_engine, on_server, options, stored,
};

#[test]
fn live_rows_equal_the_fold_in_memory_whatever_the_page_size() {
    let history = History::generated(400);
    let expected = folded(&history.events);
    let journal = Journal::new(&history.events);
    for page_events in [1, 7, 4096] {
        on_each_engine(|store| {
            let views = store.open(&journal);
            let reached = views.catch_up(&options(page_events)).unwrap();
            assert_eq!(reached, history.head());
            assert_eq!(views.checkpoint(), history.head());
            assert_same(&stored(&views), &expected);
        });
    }
}

/// Threads share the tenants out among them, and each has rows of its own.
#[test]
fn no_event_of_a_partition_touches_a_row_of_another_one() {
    let history = History::generated(400);
    let partitions: BTreeSet<_> = history.events.iter().map(|event| &event.tenant).collect();
    assert_eq!(partitions.len(), 4);
    let mut apart = folded(&[]);
    for partition in partitions {
        let own = folded_of(&history.events, |event| event.tenant == *partition);
        for ((_, all), (_, own)) in apart.iter_mut().zip(own) {
            all.extend(own);
        }
    }
    apart.iter_mut().for_each(|(_, rows)| rows.sort());
    let mut together = folded(&history.events);
    together.iter_mut().for_each(|(_, rows)| rows.sort());
    assert_same(&apart, &together);
}

#[test]
fn a_transaction_takes_in_what_comes_by_pages_while_it_runs() {
    let history = History::generated(120);
    on_each_engine(|store| {
        let (early, late) = history.events.split_at(30);
        let journal = Journal::new(early);
        let views = store.open(&journal);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (growing, late, note) = (Arc::clone(&journal), late.to_vec(), Arc::clone(&seen));
        let observed = views.clone();
        // It asks where the journal ends when it begins, and whenever it has folded all of that.
        journal.after_head(move || {
            growing.extend(&late);
            let again = Arc::clone(&growing);
            growing.after_head(move || {
                note.lock().unwrap().push(progress(&observed));
                again.after_head(move || note.lock().unwrap().push(progress(&observed)));
            });
        });
        views.catch_up(&RunnerOptions { transaction_events: 1_000, ..options(10) }).unwrap();
        let at = |folded| (Position::ZERO, folded);
        assert_eq!(*seen.lock().unwrap(), [at(Position(30)), at(history.head())]);
        assert_eq!(progress(&views), (history.head(), history.head()));
        assert_same(&stored(&views), &folded(&history.events));
    });
}

/// What is in the views, and what they have folded.
fn progress(views: &Views) -> (Position, Position) {
    (views.checkpoint(), *views.subscribe_folded().borrow())
}

#[test]
fn the_next_events_are_folded_while_those_before_them_are_saved() {
    let history = History::generated(120);
    on_each_engine(|store| {
        let (early, late) = history.events.split_at(10);
        let journal = Journal::new(early);
        let views = store.open(&journal);
        let no_rest = RunnerOptions { gather: Duration::ZERO, ..options(5) };
        let no_rest = RunnerOptions { transaction_events: 5, cache_rows: 1, ..no_rest };
        let runner = Runner::start(&views, no_rest).unwrap();
        block_on(views.wait_for(Position(10), Duration::from_secs(60))).unwrap();
        // From here on nothing can be saved. No row is in memory but those on their way.
        let mut lock = store.connection();
        lock.begin().unwrap();
        lock.execute("UPDATE projection SET generation = generation", &[]).unwrap();
        journal.extend(late);
        runner.waker().wake();
        let mut progress = views.subscribe_folded();
        let reached = progress.wait_for(|position| *position >= Position(20));
        block_on(async { tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap() })
            .unwrap();
        assert_eq!(views.checkpoint(), Position(10));
        lock.rollback().unwrap();
        block_on(views.wait_for(history.head(), Duration::from_secs(60))).unwrap();
        runner.stop();
        assert_same(&stored(&views), &folded(&history.events));
    });
}

#[test]
fn the_trial_balance_of_a_generated_history_is_zero() {
    let history = History::generated(200);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(64)).unwrap();
        let trial = views.all_accounts().unwrap();
        assert_eq!(trial.value.sum_micros, 0);
        assert!(trial.value.accounts.len() > 5);
        assert_eq!(trial.position, history.head());
    });
}

#[test]
fn a_page_that_fails_to_commit_leaves_nothing_and_is_applied_once() {
    let history = History::generated(120);
    let expected = folded(&history.events);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = store.open(&journal);
        let mut connection = store.connection();
        let (fail, mend) = fail_and_mend(connection.engine());
        connection.execute(fail, &[]).unwrap();
        assert!(views.catch_up(&options(16)).is_err());
        assert_eq!(views.checkpoint(), Position::ZERO);
        assert!(stored(&views).iter().all(|(_, rows)| rows.is_empty()));
        connection.execute(mend, &[]).unwrap();
        views.catch_up(&options(16)).unwrap();
        assert_same(&stored(&views), &expected);
    });
}

/// A disk that is full stays so for a while: neither the log nor the processors are filled, too.
#[test]
fn pauses_get_longer_while_nothing_can_be_saved_whoever_wakes_the_runner() {
    let history = History::generated(40);
    on_each_engine(|store| {
        let journal = Journal::new(&history.events);
        let views = store.open(&journal);
        let mut connection = store.connection();
        let (fail, mend) = fail_and_mend(connection.engine());
        connection.execute(fail, &[]).unwrap();
        let first_pause = Duration::from_millis(20);
        let (began, before) = (Instant::now(), journal.readings());
        let runner = Runner::start(&views, RunnerOptions { first_pause, ..options(64) }).unwrap();
        while journal.readings() < before + 5 {
            runner.waker().wake();
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(began.elapsed() >= first_pause * (1 + 2 + 4 + 8), "{:?}", began.elapsed());
        assert!(views.standstill().is_some(), "whoever asks is told why");
        connection.execute(mend, &[]).unwrap();
        block_on(views.wait_for(history.head(), Duration::from_secs(60))).unwrap();
        let mended = Instant::now() + Duration::from_secs(60);
        while views.standstill().is_some() {
            assert!(Instant::now() < mended, "it goes on");
            std::thread::sleep(Duration::from_millis(1));
        }
        runner.stop();
        assert_same(&stored(&views), &folded(&history.events));
    });
}

/// Statements after which the last projection to be written fails, after rows of all the others
/// are, and after which it does not any more.
fn fail_and_mend(engine: Engine) -> (&'static str, &'static str) {
    match engine {
        Engine::Sqlite => (
            "CREATE TRIGGER fail BEFORE UPDATE OF position ON projection \
             WHEN new.name = 'price_tables' BEGIN SELECT RAISE(ABORT, 'disk on fire'); END",
            "DROP TRIGGER fail",
        ),
        Engine::Postgres => (
            "ALTER TABLE projection ADD CONSTRAINT fail \
             CHECK (name <> 'price_tables' OR position = 0)",
            "ALTER TABLE projection DROP CONSTRAINT fail",
        ),
    }
}

#[test]
fn whoever_finds_the_checkpoint_moved_writes_nothing_and_starts_over() {
    let history = History::generated(150);
    let expected = folded(&history.events);
    on_each_engine(|store| {
        let (early, late) = history.events.split_at(60);
        let journal = Journal::new(early);
        let quick = RunnerOptions { poll: Duration::from_millis(5), ..options(10) };
        let first = store.open(&journal);
        let runner = Runner::start(&first, quick).unwrap();
        block_on(first.wait_for(Position(60), Duration::from_secs(60))).unwrap();
        journal.extend(late);
        let second = store.open(&journal);
        // Both apply the rest now; each commit lets only one of them go on.
        while second.checkpoint() < history.head() {
            match second.catch_up(&options(3)) {
                Ok(_) | Err(ViewsError::CheckpointMoved | ViewsError::Database(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        block_on(first.wait_for(history.head(), Duration::from_secs(60))).unwrap();
        runner.stop();
        assert_same(&stored(&first), &expected);
    });
}

#[test]
fn the_runner_waits_out_a_journal_that_is_away() {
    let history = History::generated(40);
    on_each_engine(|store| {
        let journal = Journal::new(&history.events);
        journal.fail(3);
        let views = store.open(&journal);
        let patient = RunnerOptions { first_pause: Duration::from_millis(1), ..options(16) };
        let runner = Runner::start(&views, patient).unwrap();
        block_on(views.wait_for(history.head(), Duration::from_secs(60))).unwrap();
        runner.stop();
        assert_same(&stored(&views), &folded(&history.events));
    });
}

#[test]
fn the_runner_goes_on_when_it_is_woken_and_gathers_nothing_while_somebody_waits() {
    let history = History::generated(40);
    on_each_engine(|store| {
        let (early, late) = history.events.split_at(20);
        let journal = Journal::new(early);
        let views = store.open(&journal);
        let hour = Duration::from_secs(3600);
        let asleep =
            RunnerOptions { poll: hour, gather: hour, gather_from_events: 1, ..options(16) };
        let runner = Runner::start(&views, asleep).unwrap();
        block_on(views.wait_for(Position(20), Duration::from_secs(60))).unwrap();
        journal.extend(late);
        runner.waker().wake();
        block_on(views.wait_for(history.head(), Duration::from_secs(60))).unwrap();
        runner.stop();
    });
}

#[test]
fn waiting_for_what_does_not_come_ends_with_an_error() {
    on_each_engine(|store| {
        let views = store.open(&Journal::new(&[]));
        let waited = block_on(views.wait_for(Position(1), Duration::ZERO));
        assert!(matches!(waited, Err(ViewsError::NotYet { wanted: Position(1), .. })));
    });
}

#[test]
fn deleted_views_come_back_equal() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    on_each_engine(|store| {
        let views = store.open(&journal);
        views.catch_up(&options(32)).unwrap();
        let before = stored(&views);
        drop(views);
        store.delete();
        let views = store.open(&journal);
        assert_eq!(views.checkpoint(), Position::ZERO);
        views.catch_up(&options(4096)).unwrap();
        assert_same(&stored(&views), &before);
        assert_eq!(journal.head().unwrap(), views.checkpoint());
    });
}

#[test]
fn the_runner_waits_out_a_database_that_is_away() {
    let history = History::generated(60);
    let (early, late) = history.events.split_at(30);
    let server = quipu_testkit::postgres::Server::own();
    let journal = Journal::new(early);
    let views = on_server(&server, &journal);
    let patient = RunnerOptions { first_pause: Duration::from_millis(1), ..options(4) };
    let runner = Runner::start(&views, patient).unwrap();
    block_on(views.wait_for(Position(30), Duration::from_secs(60))).unwrap();
    server.stop_immediate();
    journal.extend(late);
    runner.waker().wake();
    assert!(views.tenants(None, 1).is_err());
    server.start_again();
    block_on(views.wait_for(history.head(), Duration::from_secs(60))).unwrap();
    runner.stop();
    assert_same(&stored(&views), &folded(&history.events));
}
