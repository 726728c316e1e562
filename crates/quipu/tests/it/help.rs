//! What the command line says of itself.

use crate::program::run;

fn help(verb: &[&str]) -> String {
    let arguments: Vec<&str> = verb.iter().copied().chain(["--help"]).collect();
    run(&arguments).out()
}

#[test]
fn the_verbs_explain_themselves() {
    insta::assert_snapshot!("help", help(&[]));
    for verb in ["serve", "demo", "balance", "entries", "erase", "verify", "projections", "bench"] {
        insta::assert_snapshot!(format!("help_{verb}"), help(&[verb]));
    }
    insta::assert_snapshot!("help_import_usage", help(&["import", "usage"]));
    insta::assert_snapshot!("help_import_postgres_es", help(&["import", "postgres-es"]));
}

#[test]
fn an_unknown_verb_is_malformed() {
    let run = run(&["spend"]);
    assert_eq!(run.code(), i32::from(quipu::exit_codes::MALFORMED));
    assert!(run.err().contains("unrecognized subcommand"), "{}", run.err());
}
