//! Rows of a file become usage: once, however often they are sent.

use std::path::PathBuf;
use std::process::Stdio;

use quipu::exit_codes;

use crate::program::{Run, Server, quipu, run};

struct Import {
    server: Server,
    file: PathBuf,
}

impl Import {
    fn new() -> Import {
        let server = Server::start().with_tenant();
        let file = PathBuf::from(server.data()).join("trace.csv");
        Import { server, file }
    }

    fn file(&self, rows: &[&str]) {
        let text = format!("TIMESTAMP,ContextTokens,GeneratedTokens\n{}\n", rows.join("\n"));
        std::fs::write(&self.file, text).unwrap();
    }

    fn run(&self, more: &[&str]) -> Run {
        self.run_from(Stdio::null(), more)
    }

    fn run_from(&self, input: Stdio, more: &[&str]) -> Run {
        let file = self.file.display().to_string();
        let columns =
            ["--at", "TIMESTAMP", "--input", "ContextTokens", "--output", "GeneratedTokens"];
        let known = ["--tenant", "t_acme", "--meter", "llm_tokens", "--model", "small"];
        let start = ["import", "usage", &file, "--server", &self.server.url];
        let arguments: Vec<&str> =
            start.into_iter().chain(columns).chain(known).chain(more.iter().copied()).collect();
        Run::of(quipu(&arguments).stdin(input))
    }

    fn shown(&self, run: &Run) -> String {
        run.redacted(&self.server)
    }
}

const ROWS: [&str; 3] = [
    "2023-11-16 18:17:03.9799600,4808,10",
    "2023-11-16 18:17:04.0319600,3180,8",
    "2023-11-16 18:17:04.0781490,110,27",
];

#[test]
fn importing_again_changes_nothing_and_says_so() {
    let import = Import::new();
    import.file(&ROWS);
    let first = import.run(&["--batch", "2"]);
    assert_eq!(first.code(), i32::from(exit_codes::OK), "{}", first.err());
    // 8,098 input tokens at 1 and 45 output tokens at 5 credits per million.
    insta::assert_snapshot!(import.shown(&first), @r"
    DATA/trace.csv: 3 rows recorded for 0.008323 credits, 0 already recorded, 0 refused
    exit code 0
    ");
    insta::assert_snapshot!(import.shown(&import.run(&[])), @r"
    DATA/trace.csv: 0 rows recorded for 0 credits, 3 already recorded, 0 refused
    exit code 0
    ");
    let json = import.run(&["--json"]).json();
    assert_eq!((&json["recorded"], &json["already_recorded"]), (&0.into(), &3.into()));
}

#[test]
fn a_malformed_line_keeps_what_came_before_and_the_mended_file_goes_on() {
    let import = Import::new();
    import.file(&[ROWS[0], "2023-11-16 18:17:04.0319600,many,8", ROWS[2]]);
    let stopped = import.run(&[]);
    assert_eq!(stopped.code(), i32::from(exit_codes::MALFORMED));
    insta::assert_snapshot!(import.shown(&stopped), @r#"
    DATA/trace.csv: 1 row recorded for 0.004858 credits, 0 already recorded, 0 refused
    quipu: DATA/trace.csv:3: column ContextTokens: "many" is not a whole number of tokens
          the rows before it are in the book; mend the line and run the same command again to go on
    exit code 2
    "#);

    import.file(&ROWS);
    let mended = import.run(&[]);
    assert_eq!(mended.code(), i32::from(exit_codes::OK), "{}", mended.err());
    insta::assert_snapshot!(import.shown(&mended), @r"
    DATA/trace.csv: 2 rows recorded for 0.003465 credits, 1 already recorded, 0 refused
    exit code 0
    ");
}

/// One text that no record can have is named, and keeps no other row out of the book.
#[test]
fn a_row_that_makes_its_request_malformed_is_named_alone() {
    let import = Import::new();
    let mut text = "TIMESTAMP,ContextTokens,GeneratedTokens,Agent\n".to_owned();
    for (row, agent) in ROWS.iter().cycle().take(9).zip(["a", "b", "\"x\ny\""].iter().cycle()) {
        text.push_str(&format!("{row},{agent}\n"));
    }
    std::fs::write(&import.file, &text).unwrap();
    let stopped = import.run(&["--agent-column", "Agent"]);
    assert_eq!(stopped.code(), i32::from(exit_codes::MALFORMED), "{}", stopped.out());
    assert!(stopped.out().contains("2 rows recorded"), "{}", stopped.out());
    assert!(stopped.err().contains("trace.csv:4: invalid_value"), "{}", stopped.err());
}

/// M1: refused, never rounded, as the API does.
#[test]
fn a_quantity_is_taken_as_it_stands() {
    let import = Import::new();
    let meter = serde_json::json!({ "name": "calls", "aggregation": "sum", "unit": "call" });
    import.server.post("/v1/meters", "calls", &meter);
    for quantity in ["1.00000000000000000000000000000000000001", "1_000", "7e2", "+5", "", "."] {
        let text = format!("at,n\n2026-11-20T12:00:00Z,{quantity}\n");
        std::fs::write(&import.file, text).unwrap();
        let file = import.file.display().to_string();
        let start = ["import", "usage", &file, "--server", &import.server.url];
        let known = ["--tenant", "t_acme", "--meter", "calls", "--at", "at", "--quantity", "n"];
        let refused = run(&[&start[..], &known[..]].concat());
        let code = i32::from(exit_codes::MALFORMED);
        assert_eq!(refused.code(), code, "{quantity:?}: {}", refused.err());
        assert!(refused.err().contains("column n: "), "{}", refused.err());
    }
}

#[test]
fn a_row_that_was_changed_after_it_was_recorded_is_refused_by_its_line() {
    let import = Import::new();
    import.file(&ROWS);
    import.run(&[]);
    import.file(&[ROWS[0], "2023-11-16 18:17:04.0319600,1,8", ROWS[2]]);
    let changed = import.run(&[]);
    assert_eq!(changed.code(), i32::from(exit_codes::REFUSED));
    insta::assert_snapshot!(import.shown(&changed), @r"
    DATA/trace.csv: 0 rows recorded for 0 credits, 2 already recorded, 1 refused
      usage_id_reused: 1 row (line 3): the record with this source and id at position 7 has other content
      Rows of this name were imported before with other content: from another file, or before these lines were changed.
      If this is another file, it needs a name of its own: --source NAME, without the 2 rows of it in the book under this name.
    exit code 3
    ");
}

#[test]
fn a_file_of_the_same_name_in_another_folder_needs_a_source_of_its_own() {
    let mut import = Import::new();
    import.file(&ROWS);
    import.run(&[]);
    import.file = PathBuf::from(import.server.data()).join("october/trace.csv");
    std::fs::create_dir(import.file.parent().unwrap()).unwrap();
    import.file(&["2023-10-16 18:17:03.0000000,1,2"]);
    let refused = import.run(&[]);
    assert_eq!(refused.code(), i32::from(exit_codes::REFUSED));
    insta::assert_snapshot!(import.shown(&refused), @r"
    DATA/october/trace.csv: 0 rows recorded for 0 credits, 0 already recorded, 1 refused
      usage_id_reused: 1 row (line 2): the record with this source and id at position 6 has other content
      Rows of this name were imported before with other content: from another file, or before these lines were changed.
      If this is another file, it needs a name of its own: --source NAME.
    exit code 3
    ");
    assert_eq!(import.run(&["--source", ""]).code(), i32::from(exit_codes::MALFORMED));
    let own = import.run(&["--source", "october"]);
    assert_eq!(own.code(), i32::from(exit_codes::OK), "{}", own.err());
}

#[test]
fn what_is_no_file_by_name_needs_a_source() {
    let mut import = Import::new();
    import.file(&ROWS);
    let file = std::mem::replace(&mut import.file, "/dev/stdin".into());
    for input in [Stdio::null(), std::fs::File::open(&file).unwrap().into()] {
        let refused = import.run_from(input, &[]);
        assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED), "{}", refused.err());
        assert!(refused.err().contains("--source NAME"), "{}", refused.err());
    }
    let again = std::fs::File::open(&file).unwrap().into();
    let recorded = import.run_from(again, &["--source", "november"]);
    assert_eq!(recorded.code(), i32::from(exit_codes::OK), "{}", recorded.err());
    assert!(recorded.out().contains("3 rows recorded"), "{}", recorded.out());
}

#[test]
fn a_missing_column_is_named_with_those_there_are() {
    let import = Import::new();
    import.file(&ROWS);
    let missing = import.run(&["--cached-input", "Cached"]);
    assert_eq!(missing.code(), i32::from(exit_codes::MALFORMED));
    insta::assert_snapshot!(import.shown(&missing), @r#"
    quipu: DATA/trace.csv:1: there is no column "Cached"
          the columns are: TIMESTAMP, ContextTokens, GeneratedTokens
    exit code 2
    "#);
}

#[test]
fn rows_of_unequal_length_are_named_by_line() {
    let import = Import::new();
    import.file(&[ROWS[0], "2023-11-16 18:17:04.0319600,3180"]);
    let stopped = import.run(&[]);
    assert_eq!(stopped.code(), i32::from(exit_codes::MALFORMED));
    insta::assert_snapshot!(import.shown(&stopped), @r"
    DATA/trace.csv: 1 row recorded for 0.004858 credits, 0 already recorded, 0 refused
    quipu: DATA/trace.csv:3: has 2 columns where the first line has 3
          the rows before it are in the book; mend the line and run the same command again to go on
    exit code 2
    ");
}

#[test]
fn a_file_with_carriage_returns_has_the_same_lines() {
    let import = Import::new();
    import.file(&[&format!("{}\r", ROWS[0]), "2023-11-16 18:17:04.0319600,3180,x\r"]);
    let stopped = import.run(&[]);
    assert!(stopped.err().contains("trace.csv:3: column GeneratedTokens"), "{}", stopped.err());
}

#[test]
fn a_server_that_is_away_is_waited_for_and_then_given_up() {
    let mut import = Import::new();
    import.file(&ROWS);
    import.server.terminate();
    let away = import.run(&["--patience", "0"]);
    assert_eq!(away.code(), i32::from(exit_codes::UNAVAILABLE));
    import.server.restart();
    assert_eq!(import.run(&[]).code(), i32::from(exit_codes::OK));
}

/// What follows a quote that is left open would count as a part of its field, and never be billed.
#[test]
fn a_quote_that_is_left_open_is_named_by_its_line_and_no_row_is_lost_to_it() {
    let import = Import::new();
    let import_of = |rows: &[&str]| {
        let text = format!("TIMESTAMP,ContextTokens,GeneratedTokens,note\n{}\n", rows.join("\n"));
        std::fs::write(&import.file, text).unwrap();
        import.run(&[])
    };
    let noted = |row: &str, note: &str| format!("{row},{note}");
    let open = noted(ROWS[1], "\"a quote that is left open");
    let last = noted(ROWS[2], "");
    let stopped = import_of(&[&noted(ROWS[0], ""), &open, &last]);
    assert_eq!(stopped.code(), i32::from(exit_codes::MALFORMED), "{}", stopped.out());
    insta::assert_snapshot!(import.shown(&stopped), @r"
    DATA/trace.csv: 1 row recorded for 0.004858 credits, 0 already recorded, 0 refused
    quipu: DATA/trace.csv: line 3: a quote is not closed where its field ends
          the rows before it are in the book; mend the line and run the same command again to go on
    exit code 2
    ");

    // The next quote does not close it, whether their count is even or not.
    for next in ["\"another one", "\"a whole one\""] {
        let stopped = import_of(&[&noted(ROWS[0], ""), &open, &noted(ROWS[2], next), &last]);
        assert_eq!(stopped.code(), i32::from(exit_codes::MALFORMED), "{}", stopped.out());
        assert!(stopped.err().contains("line 3: a quote is not closed"), "{}", stopped.err());
    }
    let whole = noted(ROWS[1], "\"a \"\"quote\"\", and\nanother line\"");
    let mended = import_of(&[&noted(ROWS[0], "12\" of paper"), &whole, &last]);
    insta::assert_snapshot!(import.shown(&mended), @r"
    DATA/trace.csv: 2 rows recorded for 0.003465 credits, 1 already recorded, 0 refused
    exit code 0
    ");
}

#[test]
fn a_column_that_is_asked_for_and_there_twice_is_malformed() {
    let import = Import::new();
    let twice = "TIMESTAMP,ContextTokens,GeneratedTokens,ContextTokens,,\n";
    std::fs::write(&import.file, format!("{twice}{},0,,\n", ROWS[0])).unwrap();
    let refused = import.run(&[]);
    assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED), "{}", refused.out());
    insta::assert_snapshot!(import.shown(&refused), @r#"
    quipu: DATA/trace.csv:1: the column "ContextTokens" is there twice
          the columns are: TIMESTAMP, ContextTokens, GeneratedTokens, ContextTokens, ,
    exit code 2
    "#);
}
