//! What an export is told in a file.

use quipu::exit_codes;

use crate::program::run;

/// Money would be booked on the account that its line does not name.
#[test]
fn a_chart_of_accounts_that_says_less_than_it_seems_to_is_malformed() {
    let folder = quipu_testkit::sqlite::folder();
    let file = folder.path().join("accounts.csv");
    let (path, data) = (file.display().to_string(), folder.path().display().to_string());
    let terms = ["--company", "Exempel AB", "--rate", "1", "--year", "2026", "--data", &data];
    for (text, why) in [
        (
            "account,number,name\nheld,2429,\"Held\nexpired,3990,Expired\n",
            "line 2: a quote is not closed",
        ),
        (
            "account,number,name\nheld,2429,\"Held\nexpired,3990,\"Expired\"\n",
            "line 2: a quote is not closed",
        ),
        (
            "account,number,name\nheld,2429,Held\nexpired,3990,Expired\nheld,2428,Held\n",
            "line 4: the account \"held\" is there twice",
        ),
        ("account,number,name\nheld,24,Held\n", "line 2: \"24\" is not an account number"),
        ("account,number,number,name\nheld,2429,2428,Held\n", "duplicate field `number`"),
    ] {
        std::fs::write(&file, text).unwrap();
        let said = run(&[&["export", "sie", "--accounts", &path], &terms[..]].concat());
        let code = i32::from(exit_codes::MALFORMED);
        assert_eq!(said.code(), code, "{text:?}: {}{}", said.out(), said.err());
        assert!(said.err().contains(why), "{text:?}: {}", said.err());
    }
}
