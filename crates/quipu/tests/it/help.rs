//! What the command line says of itself.

use crate::program::run;

fn help(verb: &[&str]) -> String {
    let arguments: Vec<&str> = verb.iter().copied().chain(["--help"]).collect();
    run(&arguments).out()
}

#[test]
fn the_verbs_explain_themselves() {
    insta::assert_snapshot!("help", help(&[]));
    let verbs = [
        "serve",
        "demo",
        "balance",
        "entries",
        "explain",
        "trial-balance",
        "close",
        "assert",
        "erase",
        "verify",
        "replay",
        "diff",
        "checkpoint",
        "prove",
        "witness",
        "keys",
        "projections",
        "bench",
    ];
    for verb in verbs {
        insta::assert_snapshot!(format!("help_{verb}"), help(&[verb]));
    }
    insta::assert_snapshot!("help_import_usage", help(&["import", "usage"]));
    insta::assert_snapshot!("help_import_postgres_es", help(&["import", "postgres-es"]));
    insta::assert_snapshot!("help_import_journal", help(&["import", "journal"]));
    for verb in ["rebuild", "cancel", "retry", "skip"] {
        insta::assert_snapshot!(format!("help_projections_{verb}"), help(&["projections", verb]));
    }
    for format in ["journal", "hledger", "beancount", "sie", "focus", "parquet"] {
        insta::assert_snapshot!(format!("help_export_{format}"), help(&["export", format]));
    }
}

#[test]
fn an_unknown_verb_is_malformed() {
    let run = run(&["spend"]);
    assert_eq!(run.code(), i32::from(quipu::exit_codes::MALFORMED));
    assert!(run.err().contains("unrecognized subcommand"), "{}", run.err());
}
