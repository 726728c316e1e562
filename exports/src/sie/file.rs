//! The records of the file, in the order that the format asks for.

use jiff::civil::Date;

use super::{Holding, SIE_SCALE, SieKind, SieTerms, Voucher, code_page, credits};
use crate::{ExportError, exact};

/// The series of the vouchers.
const SERIES: &str = "Q";

/// The file, in its code page.
pub(super) fn bytes(
    terms: &SieTerms,
    holdings: &[Holding],
    vouchers: &[Voucher],
) -> Result<Vec<u8>, ExportError> {
    let mut file = File(String::new());
    identification(&mut file, terms);
    accounts(&mut file, terms, holdings, vouchers);
    if terms.kind == SieKind::Export {
        balances(&mut file, holdings);
    }
    for (number, voucher) in (1..).zip(vouchers) {
        write_voucher(&mut file, terms.kind, number, voucher);
    }
    code_page::encoded(&file.0).map_err(|letter| ExportError::NotInCodePage { letter })
}

/// Lines in the making.
struct File(String);

impl File {
    /// A record: a label and its fields.
    fn record(&mut self, label: &str, fields: &[&str]) {
        let fields = fields.join(" ");
        self.0 += &format!("#{label} {fields}\r\n");
    }

    fn line(&mut self, text: &str) {
        self.0 += &format!("{text}\r\n");
    }
}

fn identification(file: &mut File, terms: &SieTerms) {
    file.record("FLAGGA", &["0"]);
    file.record("PROGRAM", &[&quoted("Quipu"), env!("CARGO_PKG_VERSION")]);
    file.record("FORMAT", &["PC8"]);
    file.record("GEN", &[&day(terms.made_on)]);
    file.record("SIETYP", &["4"]);
    let rate = format!("1 credit = {} {}", terms.rate, terms.currency);
    file.record("PROSA", &[&quoted(&format!("{} {rate}.", terms.remark))]);
    if let Some(number) = &terms.organisation_number {
        file.record("ORGNR", &[number]);
    }
    file.record("FNAMN", &[&quoted(&terms.company)]);
    file.record("RAR", &["0", &day(terms.first_day), &day(terms.last_day)]);
    file.record("KPTYP", &["EUBAS97"]);
    file.record("VALUTA", &[&terms.currency]);
}

/// All accounts that are used in the file.
fn accounts(file: &mut File, terms: &SieTerms, holdings: &[Holding], vouchers: &[Voucher]) {
    let lines = vouchers.iter().flat_map(|voucher| &voucher.lines);
    let moved = lines.map(|(account, _, _)| *account);
    let held = holdings.iter().map(|held| held.account);
    let mut used: Vec<_> = match terms.kind {
        SieKind::Export => held.chain(moved).collect(),
        SieKind::Import => moved.collect(),
    };
    used.sort_unstable();
    used.dedup();
    for account in used {
        let number = account.to_string();
        file.record("KONTO", &[&number, &quoted(terms.chart.name_of(account))]);
        file.record("KTYP", &[&number, &account.kind().to_string()]);
    }
}

/// What stands in accounts of balance at both ends of the year, and in those of result over it.
fn balances(file: &mut File, holdings: &[Holding]) {
    let mut record = |label, held: &Holding, hundredths| {
        file.record(label, &["0", &held.account.to_string(), &amount(hundredths)]);
    };
    let (of_balance, of_result): (Vec<_>, Vec<_>) =
        holdings.iter().partition(|held| held.account.is_of_balance());
    of_balance.iter().for_each(|held| record("IB", held, held.opening));
    of_balance.iter().for_each(|held| record("UB", held, held.closing));
    of_result.iter().for_each(|held| record("RES", held, held.closing));
}

fn write_voucher(file: &mut File, kind: SieKind, number: u64, voucher: &Voucher) {
    let (series, number) = match kind {
        SieKind::Export => (SERIES.to_owned(), number.to_string()),
        // The book that takes them in has series and numbers of its own.
        SieKind::Import => (quoted(""), quoted("")),
    };
    let text = quoted(&format!("Quipu {}", voucher.day));
    file.record("VER", &[&series, &number, &day(voucher.day), &text]);
    file.line("{");
    for (account, hundredths, micros) in &voucher.lines {
        let text = match micros {
            0 => quoted("rounding"),
            micros => quoted(&format!("{} credits", credits(*micros))),
        };
        let fields = [&account.to_string(), "{}", &amount(*hundredths), &day(voucher.day), &text];
        file.record("TRANS", &fields);
    }
    file.line("}");
}

fn amount(hundredths: i128) -> String {
    exact::fixed(hundredths, SIE_SCALE)
}

fn day(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

fn quoted(text: &str) -> String {
    let plain: String = text.chars().filter(|letter| !letter.is_control()).collect();
    format!("\"{}\"", plain.replace('"', "\\\""))
}
