//! SIE 4: written, and read back by a strict reader.

mod reader;

use jiff::civil::date;
use jiff::tz::TimeZone;
use quipu_exports::{Chart, ExportError, Sie, SieKind, SieSummary, SieTerms};

use crate::golden;
use reader::SieFile;

fn terms(kind: SieKind, rate: &str, year: i16) -> SieTerms {
    SieTerms {
        kind,
        company: "Exempel \"Åkeri\" & Söner AB".to_owned(),
        organisation_number: Some("556677-8899".to_owned()),
        currency: "SEK".to_owned(),
        rate: rate.parse().unwrap(),
        first_day: date(year, 1, 1),
        last_day: date(year, 12, 31),
        time_zone: TimeZone::UTC,
        chart: Chart::default(),
        remark: "The golden journal.".to_owned(),
        made_on: date(2026, 11, 21),
    }
}

fn written(terms: SieTerms) -> (Vec<u8>, SieSummary) {
    let mut sie = Sie::new(terms);
    golden().iter().for_each(|event| sie.event(event).unwrap());
    sie.file().unwrap()
}

/// As text, with the letters that the golden file has beyond ASCII.
fn shown(bytes: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        0x84 => 'ä',
        0x86 => 'å',
        0x8f => 'Å',
        0x94 => 'ö',
        0x99 => 'Ö',
        byte => char::from(*byte),
    };
    bytes.iter().map(letter).filter(|letter| *letter != '\r').collect()
}

#[test]
fn a_years_book_with_vouchers_and_balances() {
    let (bytes, summary) = written(terms(SieKind::Export, "0.1", 2026));
    insta::assert_snapshot!(shown(&bytes));
    let file = SieFile::read(&bytes);
    assert_eq!(file.identification["FNAMN"], ["Exempel \"Åkeri\" & Söner AB"]);
    assert_eq!(file.vouchers.len() as u64, summary.vouchers);
    assert_eq!(
        (summary.earlier_days, summary.later_days),
        (3, 1),
        "three days of before, a grant of later"
    );
}

#[test]
fn vouchers_for_another_book_have_no_numbers_and_no_balances() {
    let (bytes, _) = written(terms(SieKind::Import, "0.1", 2026));
    let file = SieFile::read(&bytes);
    assert!(file.vouchers.iter().all(|voucher| voucher.number.is_empty()));
    assert!(!file.vouchers.is_empty());
}

/// What one year closes with, the next one opens with, and the result goes to the equity.
#[test]
fn the_next_year_goes_on_where_the_last_one_ended() {
    let (before, _) = written(terms(SieKind::Export, "0.03", 2026));
    let (after, summary) = written(terms(SieKind::Export, "0.03", 2036));
    let (before, after) = (SieFile::read(&before), SieFile::read(&after));
    let of = |file: &SieFile, label: &str, account: u16| {
        file.balances.get(&(label.to_owned(), account)).copied().unwrap_or_default()
    };
    let results = before.balances.iter().filter(|((label, _), _)| label == "RES");
    let result: i128 = results.map(|(_, sum)| sum).sum();
    assert_ne!(result, 0);
    for account in [1510, 1790, 2420, 2429] {
        assert_eq!(of(&after, "IB", account), of(&before, "UB", account), "account {account}");
    }
    assert_eq!(of(&after, "IB", 2091), of(&before, "UB", 2091) + result);
    assert_eq!((summary.vouchers, summary.later_days), (1, 0));
}

/// Rounding shows, on an account of its own, and no account is off by more than half of 0.01.
#[test]
fn rounding_is_booked_and_never_adds_up() {
    for rate in ["1", "0.1", "0.07", "0.001", "0.333333333333", "10.5"] {
        let (bytes, summary) = written(terms(SieKind::Export, rate, 2026));
        let file = SieFile::read(&bytes);
        let rounding = file.balances.get(&("RES".to_owned(), 3740)).copied().unwrap_or_default();
        assert_eq!(rounding, summary.rounding, "{rate}");
        // Ten accounts, each at most half a hundredth off.
        assert!(rounding.abs() <= 5, "{rate}: {rounding}");
    }
}

#[test]
fn a_letter_that_the_code_page_lacks_is_named() {
    let company = "Zażółć sp. z o.o.".to_owned();
    let sie = Sie::new(SieTerms { company, ..terms(SieKind::Export, "1", 2026) });
    assert_eq!(sie.file().unwrap_err(), ExportError::NotInCodePage { letter: 'ż' });
}
