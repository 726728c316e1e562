//! The load generator: its figures come from a book that was checked.

use quipu::exit_codes;

use crate::program::run;

#[test]
fn figures_come_with_a_verified_book_and_what_they_depend_on() {
    let parent = quipu_testkit::sqlite::folder();
    let folder = parent.path().join("book");
    let data = folder.display().to_string();
    let quick = ["--seconds", "1", "--warm-up", "0", "--connections", "4", "--json"];
    let measured = run(&[&["bench", "hot", "--data", &data], &quick[..]].concat());
    assert_eq!(measured.code(), i32::from(exit_codes::OK), "{}", measured.err());
    let figures = measured.json();
    let books = &figures["books"];
    assert_eq!((&books["verified"], &books["sum_is_zero"]), (&true.into(), &true.into()));
    let acknowledged = books["acknowledged_events"].as_u64().unwrap();
    assert!(acknowledged > 0, "{figures}");
    assert!(figures["disk"]["events"].as_u64().unwrap() >= acknowledged, "{figures}");
    assert_eq!(figures["settings"]["synchronous"], "2", "acknowledged means durable");
    for path in ["/operations_per_second", "/latency/p999_us", "/lag/p99_us", "/machine/kernel"] {
        assert!(figures.pointer(path).is_some(), "{path} is missing: {figures}");
    }

    let again = run(&["bench", "hot", "--data", &data]);
    assert_eq!(again.code(), i32::from(exit_codes::MALFORMED));
    assert!(again.err().contains("is not empty"), "{}", again.err());
}

#[test]
fn a_workload_on_the_store_itself_takes_no_server() {
    let refused = run(&["bench", "replay", "--server", "http://127.0.0.1:1"]);
    assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED));
    assert!(refused.err().contains("works on the store itself"), "{}", refused.err());
    let elsewhere = run(&["bench", "hot", "--server", "http://192.0.2.1:80"]);
    assert_eq!(elsewhere.code(), i32::from(exit_codes::MALFORMED));
    assert!(elsewhere.err().contains("is not on this machine"), "{}", elsewhere.err());
    let unknown = run(&["bench", "fast"]);
    assert_eq!(unknown.code(), i32::from(exit_codes::MALFORMED));
    assert!(unknown.err().contains("possible values: hot, spread"), "{}", unknown.err());
}

#[test]
fn many_commands_to_a_request_are_counted_one_by_one() {
    for workload in ["spread", "holds"] {
        let parent = quipu_testkit::sqlite::folder();
        let data = parent.path().join("book").display().to_string();
        let quick = ["--seconds", "1", "--warm-up", "0", "--wallets", "5", "--json"];
        let many = ["bench", workload, "--commands-per-request", "10", "--data", &data];
        let measured = run(&[&many, &quick[..]].concat());
        assert_eq!(measured.code(), i32::from(exit_codes::OK), "{}", measured.err());
        let figures = measured.json();
        let depends_on = (&figures["commands_per_request"], &figures["connections"]);
        assert_eq!(depends_on, (&10.into(), &16.into()));
        // What was acknowledged was found in the book, or there would be no figures.
        let acknowledged = figures["books"]["acknowledged_events"].as_u64().unwrap();
        assert!(acknowledged > 0 && acknowledged.is_multiple_of(10), "{figures}");
        assert_eq!(figures["failed"], serde_json::json!({}));
    }
    let refused = run(&["bench", "batch", "--commands-per-request", "10"]);
    assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED));
    assert!(refused.err().contains("only hot, spread and holds"), "{}", refused.err());
}
