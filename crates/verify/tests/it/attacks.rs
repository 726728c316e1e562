//! Somebody who owns the book and knows the format: what he can do, and who notices.

use quipu_verify::Checkpoint;

use crate::support::{
    BOOK, Signer, audit, checkpoint_text, commits, old_checkpoint, signed, trust, verify, written,
};

fn what(export: &str) -> (u64, String) {
    let finding = audit(export.as_bytes()).finding.expect("it does not hold");
    (finding.position, finding.what)
}

#[test]
fn the_book_holds_and_says_how_far_it_was_signed() {
    let report = audit(BOOK.as_bytes());
    assert_eq!(report.finding, None);
    assert_eq!((report.position, report.vouched_to()), (200, 150));
    assert_eq!(report.commits, commits().len() as u64);
    assert_eq!(written(&commits()), BOOK, "an export has one way to be written");
}

#[test]
fn an_empty_book_holds_and_promises_nothing() {
    let empty = written(&[]);
    let report = verify(empty.as_bytes(), Vec::new());
    assert!(report.holds && report.position == 0, "{report:?}");
    let (position, what) = what(&empty);
    assert_eq!(position, 1);
    assert!(what.contains("the end is missing"), "{what}");
}

#[test]
fn a_truncated_export_is_caught_wherever_it_ends() {
    for (at, _) in BOOK.match_indices('\n') {
        for end in [at, at + 1] {
            if end < BOOK.len() {
                assert!(!audit(&BOOK.as_bytes()[..end]).holds, "cut at byte {end}");
            }
        }
    }
    let (_, said) = what(&BOOK[..BOOK.len() / 2]);
    assert!(said.contains("its end is missing"), "{said}");
}

#[test]
fn a_book_whose_end_was_cut_off_and_that_was_closed_again_is_caught_by_the_checkpoint() {
    let mut shorter = commits();
    while shorter.iter().map(Vec::len).sum::<usize>() >= 150 {
        shorter.pop();
    }
    let shorter = written(&shorter);
    assert!(verify(shorter.as_bytes(), Vec::new()).holds, "by itself it cannot know");
    let (_, said) = what(&shorter);
    assert!(said.contains("was signed over 150 events: the end is missing"), "{said}");
}

#[test]
fn swapped_neighbours_are_caught_with_and_without_new_hashes() {
    let lines: Vec<&str> = BOOK.lines().collect();
    for index in 1..lines.len() {
        let mut swapped = lines.clone();
        swapped.swap(index - 1, index);
        assert!(!audit(format!("{}\n", swapped.join("\n")).as_bytes()).holds, "line {index}");
    }
    for index in 1..commits().len() {
        let mut swapped = commits();
        swapped.swap(index - 1, index);
        let (_, said) = what(&written(&swapped));
        assert!(said.contains("it says it is number"), "{said}");
    }
}

#[test]
fn a_left_out_or_repeated_event_is_caught_though_all_hashes_fit() {
    let last = commits().len() - 1;
    for index in 0..=last {
        let mut less = commits();
        less.remove(index);
        let holds = audit(written(&less).as_bytes()).holds;
        assert_eq!(holds, index == last, "the end, after what was signed, can be missing: {index}");
        let mut more = commits();
        more.insert(index, more[index].clone());
        assert!(!audit(written(&more).as_bytes()).holds, "commit {index} twice");
    }
}

/// An event rewritten, and the whole book hashed again after it.
fn forked(position: usize) -> String {
    let mut commits = commits();
    let event = commits.iter_mut().flatten().nth(position - 1).unwrap();
    *event = event.replacen("\"actor\":\"", "\"actor\":\"not ", 1);
    written(&commits)
}

#[test]
fn a_fork_is_caught_by_the_checkpoint_and_by_nothing_else() {
    for position in 1..=200 {
        let fork = forked(position);
        assert!(verify(fork.as_bytes(), Vec::new()).holds, "{position}: by itself it cannot know");
        let report = audit(fork.as_bytes());
        assert_eq!(report.holds, position > 150, "an old checkpoint vouches up to its own size");
        if let Some(finding) = report.finding {
            assert!(finding.what.contains("has been rewritten"), "{}", finding.what);
            assert_eq!(finding.position, 150);
            assert!(report.position < 150 && report.held_to.is_empty());
        }
    }
}

#[test]
fn a_fork_that_was_signed_again_is_caught_by_either_signature() {
    let fork = forked(17);
    let root = verify(fork.as_bytes(), Vec::new()).root;
    let text = checkpoint_text(200, root);
    // With another key: nobody believes it.
    let stranger = signed(&text, &[Signer::new("quipu.example/t/acme", 1, 9)]);
    assert!(Checkpoint::open(stranger.as_bytes(), &trust()).is_err());
    // With the log's own key: the fork has its checkpoint, but both cannot be true.
    let own = Checkpoint::open(signed(&text, &[Signer::log()]).as_bytes(), &trust()).unwrap();
    assert!(verify(fork.as_bytes(), vec![own.clone()]).holds);
    let report = verify(fork.as_bytes(), vec![own, old_checkpoint()]);
    assert!(report.finding.unwrap().what.contains("has been rewritten"));
}

#[test]
fn every_size_can_be_held_to() {
    let mut tree = quipu_verify::Tree::default();
    let mut checkpoints = Vec::new();
    let base = old_checkpoint();
    for event in std::iter::once(None).chain(commits().iter().flatten().map(Some)) {
        if let Some(event) = event {
            tree.push(event.as_bytes());
        }
        checkpoints.push(Checkpoint { size: tree.size(), root: tree.root(), ..base.clone() });
    }
    let report = verify(BOOK.as_bytes(), checkpoints.clone());
    assert_eq!(report.finding, None);
    assert_eq!(report.held_to.len(), 201);
    for (size, checkpoint) in (0..).zip(checkpoints) {
        let mut root = checkpoint.root;
        root.0[31] ^= 1;
        let report = verify(BOOK.as_bytes(), vec![Checkpoint { root, ..checkpoint }]);
        assert_eq!(report.finding.map(|finding| finding.position), Some(size));
    }
}

/// One event of the second stream is changed; the rest is the same.
fn with_event(change: impl Fn(&str) -> String) -> String {
    let mut commits = commits();
    let event = commits.iter_mut().flatten().nth(99).unwrap();
    let changed = change(event);
    assert_ne!(*event, changed, "the change changes something");
    *event = changed;
    written(&commits)
}

fn field<'a>(event: &'a str, name: &str) -> &'a str {
    let after = event.split_once(&format!("\"{name}\":")).unwrap().1;
    after.split_once(',').unwrap().0
}

#[test]
fn what_every_event_must_keep_is_checked_though_all_hashes_fit() {
    let first = commits()[0][0].clone();
    let replaced = |name: &str, by: &str| {
        let (name, by) = (name.to_owned(), by.to_owned());
        what(&with_event(move |event| event.replacen(field(event, &name), &by, 1)))
    };
    for (name, by, said) in [
        ("version", "4711", "it is version 4711 of"),
        ("id", field(&first, "id"), "is there twice"),
        ("id", "\"01A1F92C-85FE-7FB0-BFC8-FA8100000001\"", "is not a UUID"),
        ("recorded_at", "\"2001-01-01T00:00:00Z\"", "before the one before it"),
        ("recorded_at", "\"2031-01-01 00:00:00Z\"", "is not of the form"),
        ("position", "\"100\"", "not an event"),
    ] {
        let (position, what) = replaced(name, by);
        assert_eq!(position, 100, "{what}");
        assert!(what.contains(said), "{what}");
    }
}

#[test]
fn the_lines_around_events_are_held_to_the_byte() {
    let one = |from: &str, to: &str| what(&BOOK.replacen(from, to, 1)).1;
    for (from, to, said) in [
        ("{\"quipu_journal\":1,", "{\"quipu_journal\":2,", "format 2; this program knows format 1"),
        ("{\"quipu_journal\":1,", "{\"quipu_journal\": 1,", "is not written as"),
        ("{\"quipu_journal\":1,", "{\"version\":1,", "is not that of a journal export"),
        ("\"position\":200,", "\"position\":201,", "promises 201"),
        (
            "{\"commit\":{\"first_position\":1,",
            "{\"commit\":{\"first_position\":2,",
            "says it holds positions 2",
        ),
        ("\"prev_root\":\"e3", "\"prev_root\":\"e4", "follows root e4"),
        ("\"prev_root\":\"e3", "\"prev_root\":\"E3", "follows root E3"),
        ("{\"end\":{", "{\"end\": {", "the last line is not"),
    ] {
        let what = one(from, to);
        assert!(what.contains(said), "{what}");
    }
    let long = format!("{{\"position\":1,\"data\":\"{}\"}}\n", "x".repeat(1 << 16));
    assert!(
        what(&BOOK.replacen("{\"position\":1,", &format!("{long}{{\"position\":1,"), 1))
            .1
            .contains("longer than any event")
    );
    let twice = format!("{BOOK}{BOOK}");
    assert!(what(&twice).1.contains("something follows"));
}

#[test]
fn events_that_no_commit_closes_are_not_passed_over() {
    let mut commits = commits();
    let open = commits.pop().unwrap().join("\n");
    let (_, said) = what(&written(&commits).replace("{\"end\":", &format!("{open}\n{{\"end\":")));
    assert!(said.contains("ends in the middle of a commit"), "{said}");
}

/// A book that was restored to about 120 events and went on; how many they were.
fn restored_book() -> (String, u64) {
    let mut commits = commits();
    let kept: usize = 120;
    while commits.iter().map(Vec::len).sum::<usize>() > kept {
        commits.pop();
    }
    let restored = commits.iter().map(Vec::len).sum::<usize>();
    let position = restored + 1;
    let event = format!(
        "{{\"position\":{position},\"stream\":\"epoch/main\",\"version\":1,\
         \"id\":\"01a1f92c-85fe-7fb0-bfc8-fa8100000001\",\"type\":\"EpochStarted\",\"schema\":1,\
         \"recorded_at\":\"2031-01-01T00:00:00Z\",\"actor\":\"local\",\"data\":{{\"epoch\":2,\
         \"origin\":\"quipu.example/t/acme/e2\",\"prev_origin\":\"quipu.example/t/acme\",\
         \"prev_size\":150,\"prev_root\":\"\",\"restored_size\":{restored},\"reason\":\"disk\"}}}}"
    );
    commits.push(vec![event]);
    (written(&commits), restored as u64)
}

#[test]
fn a_restore_that_lost_what_was_signed_does_not_hold_and_what_the_journal_says_of_it_is_told() {
    let (export, restored) = restored_book();
    let (_, said) = what(&export);
    assert!(said.contains("the end is missing"), "{said}");
    let position = restored + 1;
    let told =
        format!("says at position {position} that epoch 2 began after a restore to {restored}");
    assert!(said.contains(&told), "{said}");
}

#[test]
fn a_restore_explains_no_checkpoint_but_those_that_it_lost() {
    let (export, restored) = restored_book();
    let old = old_checkpoint();
    for checkpoint in [
        Checkpoint { size: restored, ..old.clone() },
        Checkpoint { size: 151, ..old.clone() },
        Checkpoint { origin: "quipu.example/t/birch".to_owned(), ..old.clone() },
    ] {
        let said = verify(export.as_bytes(), vec![checkpoint]).finding.unwrap().what;
        assert!(!said.contains("restore"), "{said}");
    }
    let lost = Checkpoint { size: restored + 1, ..old };
    let said = verify(export.as_bytes(), vec![lost]).finding.unwrap().what;
    assert!(said.contains("restore"), "{said}");
}
