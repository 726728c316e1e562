//! A replay into a file gives what the views were at a moment.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use quipu_database::{Database, Durability};
use quipu_domain::Position;
use quipu_projections::Projection;
use quipu_views::{Location, MIGRATIONS, Moment, ReplayFile, Views, ViewsError};

use crate::history::{History, Journal};
use crate::stores::{assert_same, folded, options, stored};

/// Up to an event in the middle of its row.
fn moment(until: u64) -> Moment {
    let until = Position(until);
    Moment { until, root_position: until.plus(1), root: "ab".repeat(32) }
}

fn replay(file: &Path, journal: &Arc<Journal>, until: u64) -> Result<ReplayFile, ViewsError> {
    let replay = ReplayFile::open(file, journal.clone())?;
    replay.run(quipu_projections::all(), &moment(until), |_| ControlFlow::Continue(()))?;
    Ok(replay)
}

/// A replay that goes up to event 40 and ends before it is marked as finished.
fn interrupted(
    file: &Path,
    journal: &Arc<Journal>,
    projections: &[&'static dyn Projection],
) -> ReplayFile {
    let begun = ReplayFile::open(file, journal.clone()).unwrap();
    let interrupted = begun.run(projections, &moment(40), |_| ControlFlow::Break(()));
    assert!(matches!(interrupted, Err(ViewsError::Interrupted { position: Position(40) })));
    begun
}

fn refused(result: Result<ReplayFile, ViewsError>) -> String {
    match result {
        Err(ViewsError::ReplayFile { why, .. }) => why,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[test]
fn a_replay_equals_the_fold_up_to_its_position() {
    let history = History::generated(60);
    let journal = Journal::new(&history.events);
    let folder = quipu_testkit::sqlite::folder();
    for until in (0..=history.events.len()).step_by(7) {
        let file = folder.path().join(format!("{until}.db"));
        let replay = replay(&file, &journal, until as u64).unwrap();
        assert_same(&stored(replay.views()), &folded(&history.events[..until]));
        assert_eq!(replay.moment().unwrap(), Some((moment(until as u64), true)));
    }
}

#[test]
fn an_interrupted_replay_is_taken_up_and_a_finished_one_is_left_alone() {
    let history = History::generated(200);
    let journal = Journal::new(&history.events);
    let folder = quipu_testkit::sqlite::folder();
    let file = folder.path().join("replay.db");
    let begun = interrupted(&file, &journal, quipu_projections::all());
    assert_eq!(begun.moment().unwrap(), Some((moment(40), false)));
    drop(begun);

    let one = [quipu_projections::named("balances").unwrap()];
    let again = ReplayFile::open(&file, journal.clone()).unwrap();
    let other = again.run(&one, &moment(70), |_| ControlFlow::Continue(()));
    assert!(matches!(other, Err(ViewsError::ReplayFile { .. })), "{other:?}");
    assert!(refused(replay(&file, &journal, 39)).contains("went further"));

    let finished = replay(&file, &journal, 70).unwrap();
    assert_same(&stored(finished.views()), &folded(&history.events[..70]));
    assert!(refused(replay(&file, &journal, 70)).contains("finished replay up to 70"));
}

#[test]
fn a_replay_that_was_interrupted_at_its_very_end_is_finished() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    let folder = quipu_testkit::sqlite::folder();
    let file = folder.path().join("replay.db");
    drop(interrupted(&file, &journal, quipu_projections::all()));
    let finished = replay(&file, &journal, 40).unwrap();
    assert_eq!(finished.moment().unwrap(), Some((moment(40), true)));
    assert_same(&stored(finished.views()), &folded(&history.events[..40]));
}

/// Whether what is there was made by another version of a projection, or has older tables.
#[test]
fn a_replay_of_another_version_is_neither_gone_on_with_nor_changed() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    for older in [
        "UPDATE projection SET version = version + 1 WHERE name = 'usage'",
        "DELETE FROM refinery_schema_history WHERE version = \
         (SELECT MAX(version) FROM refinery_schema_history)",
    ] {
        let folder = quipu_testkit::sqlite::folder();
        let file = folder.path().join("replay.db");
        drop(interrupted(&file, &journal, quipu_projections::all()));
        let database = Database::open_sqlite(&file, Durability::Derived, &MIGRATIONS).unwrap();
        assert_eq!(database.writer().unwrap().execute(older, &[]).unwrap(), 1);
        drop(database);
        let before = std::fs::read(&file).unwrap();
        let why = refused(replay(&file, &journal, 70));
        assert!(why.contains("another version of quipu"), "{older}: {why}");
        assert!(std::fs::read(&file).unwrap() == before, "{older}: it is left as it is");
    }
}

#[test]
fn an_unfinished_replay_of_some_views_is_no_beginning_of_one_of_all() {
    let history = History::generated(100);
    let journal = Journal::new(&history.events);
    let folder = quipu_testkit::sqlite::folder();
    let file = folder.path().join("replay.db");
    drop(interrupted(&file, &journal, &[quipu_projections::named("balances").unwrap()]));
    let why = refused(replay(&file, &journal, 40));
    assert!(why.contains("an unfinished replay of balances is there"), "{why}");
}

#[test]
fn some_views_alone_are_replayed() {
    let history = History::generated(200);
    let journal = Journal::new(&history.events);
    let folder = quipu_testkit::sqlite::folder();
    let replay = ReplayFile::open(&folder.path().join("some.db"), journal).unwrap();
    let some = ["accounts", "holds"].map(|name| quipu_projections::named(name).unwrap());
    replay.run(&some, &moment(50), |_| ControlFlow::Continue(())).unwrap();
    let statuses = replay.views().projections(Position(50)).unwrap();
    for status in statuses {
        let is_wanted = ["accounts", "holds"].contains(&status.name);
        assert_eq!((status.version > 0, status.position.0), (is_wanted, 50 * u64::from(is_wanted)));
    }
}

#[test]
fn no_other_file_is_written_to() {
    let history = History::generated(20);
    let journal = Journal::new(&history.events);
    let folder = quipu_testkit::sqlite::folder();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database").unwrap();
    assert!(refused(replay(&text, &journal, 20)).contains("something else"));
    assert_eq!(std::fs::read(&text).unwrap(), b"not a database");
    let others = folder.path().join("others.db");
    let header = [&b"SQLite format 3\0"[..], &[0; 84]].concat();
    std::fs::write(&others, &header).unwrap();
    assert!(refused(replay(&others, &journal, 20)).contains("something else"));
    assert_eq!(std::fs::read(&others).unwrap(), header);
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    replay(&empty, &journal, 10).unwrap();

    let file = folder.path().join("views.db");
    let live = Views::open(Location::Sqlite { file: file.clone() }, journal.clone()).unwrap();
    live.catch_up(&options(64)).unwrap();
    let before = stored(&live);
    assert!(refused(replay(&file, &journal, 10)).contains("live views"));
    assert_same(&stored(&live), &before);
    let beyond = folder.path().join("beyond.db");
    assert!(
        matches!(replay(&beyond, &journal, 10_000), Err(ViewsError::Feed(_))),
        "it ends before"
    );
    let elsewhere = folder.path().join("nowhere").join("replay.db");
    assert!(replay(&elsewhere, &journal, 10).is_err());
}
