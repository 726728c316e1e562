//! A strict reader of SIE 4, from the format's description alone (SIE filformat, utgåva 4C):
//! whatever the format does not allow is a panic that says so.

use std::collections::{BTreeMap, BTreeSet};

/// A file that was read.
#[derive(Debug, Default)]
pub(crate) struct SieFile {
    /// Records that are neither accounts, balances nor vouchers, by label.
    pub(crate) identification: BTreeMap<String, Vec<String>>,
    /// Accounts' names, by number.
    pub(crate) accounts: BTreeMap<u16, String>,
    /// Balances in hundredths, by label and account.
    pub(crate) balances: BTreeMap<(String, u16), i128>,
    pub(crate) vouchers: Vec<Voucher>,
}

#[derive(Debug, Default)]
pub(crate) struct Voucher {
    pub(crate) series: String,
    pub(crate) number: String,
    pub(crate) date: String,
    /// Account, hundredths, text.
    pub(crate) lines: Vec<(u16, i128, String)>,
}

/// In which part of the file a label belongs; they come in this order.
const PARTS: [(&str, u8); 17] = [
    ("FLAGGA", 0),
    ("PROGRAM", 1),
    ("FORMAT", 1),
    ("GEN", 1),
    ("SIETYP", 1),
    ("PROSA", 1),
    ("ORGNR", 1),
    ("FNAMN", 1),
    ("RAR", 1),
    ("KPTYP", 1),
    ("VALUTA", 1),
    ("KONTO", 2),
    ("KTYP", 2),
    ("IB", 3),
    ("UB", 3),
    ("RES", 3),
    ("VER", 3),
];

impl SieFile {
    /// Reads a file of type 4, and checks all that the format asks for.
    pub(crate) fn read(bytes: &[u8]) -> SieFile {
        let text = decoded(bytes);
        assert!(text.ends_with("\r\n"), "the last line is ended");
        let mut file = SieFile::default();
        let mut part = 0;
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        while let Some(line) = lines.next() {
            let fields = fields(line);
            let label =
                fields[0].strip_prefix('#').unwrap_or_else(|| panic!("{line} has no label"));
            let found = PARTS.iter().find(|(known, _)| *known == label);
            let (_, this) = found.unwrap_or_else(|| panic!("{line} is not of this format"));
            assert!(*this >= part, "{line} comes too late");
            part = *this;
            match label {
                "VER" => file.vouchers.push(voucher(&fields, &mut lines)),
                "IB" | "UB" | "RES" => file.balance(label, &fields),
                "KONTO" => file.account(&fields),
                "KTYP" => file.kind(&fields),
                _ => {
                    let before = file.identification.insert(label.to_owned(), fields[1..].to_vec());
                    assert!(before.is_none(), "{label} is there twice");
                }
            }
        }
        file.check();
        file
    }

    /// Whether it is a file of vouchers for another book to take in.
    fn is_import(&self) -> bool {
        self.vouchers.iter().any(|voucher| voucher.number.is_empty())
    }

    fn account(&mut self, fields: &[String]) {
        assert_eq!(fields.len(), 3, "{fields:?}");
        let before = self.accounts.insert(number(&fields[1]), fields[2].clone());
        assert!(before.is_none(), "account {} is there twice", fields[1]);
    }

    fn kind(&self, fields: &[String]) {
        let account = number(&fields[1]);
        assert!(self.accounts.contains_key(&account), "{fields:?} is of no account");
        let of_balance = matches!(fields[2].as_str(), "T" | "S");
        assert!(of_balance || matches!(fields[2].as_str(), "K" | "I"), "{fields:?}");
        assert_eq!(of_balance, account < 3000, "{fields:?}: class 1 and 2 are of balance");
    }

    fn balance(&mut self, label: &str, fields: &[String]) {
        assert_eq!((fields.len(), fields[1].as_str()), (4, "0"), "{fields:?}");
        let account = number(&fields[2]);
        assert_eq!(label == "RES", account >= 3000, "{fields:?}: of balance or of result");
        let before = self.balances.insert((label.to_owned(), account), amount(&fields[3]));
        assert!(before.is_none(), "{fields:?} is there twice");
    }

    fn check(&self) {
        let one = |label: &str| &self.identification[label][0];
        assert!(matches!(one("FLAGGA").as_str(), "0" | "1"));
        assert_eq!((one("FORMAT").as_str(), one("SIETYP").as_str()), ("PC8", "4"));
        assert_eq!(self.identification["PROGRAM"].len(), 2, "a name and a version");
        assert!(!one("FNAMN").is_empty());
        date(one("GEN"));
        let [year, first, last] = &self.identification["RAR"][..] else { panic!("a year's days") };
        assert_eq!((year.as_str(), date(first) <= date(last)), ("0", true));
        let mut used: BTreeSet<u16> = self.balances.keys().map(|(_, account)| *account).collect();
        let mut before = 0;
        for voucher in &self.vouchers {
            assert!((first..=last).contains(&&voucher.date), "{voucher:?} is of another year");
            if !self.is_import() {
                let number: u64 = voucher.number.parse().expect("a number");
                assert!(number > before && !voucher.series.is_empty(), "{voucher:?}");
                before = number;
            }
            let sum: i128 = voucher.lines.iter().map(|(_, amount, _)| amount).sum();
            assert_eq!(sum, 0, "{voucher:?} does not balance");
            used.extend(voucher.lines.iter().map(|(account, _, _)| *account));
        }
        let declared: BTreeSet<u16> = self.accounts.keys().copied().collect();
        assert_eq!(used, declared, "the accounts that are used are declared, and no others");
        self.check_balances();
    }

    /// Opening balance and vouchers make the closing one, and both sides are equal.
    fn check_balances(&self) {
        if self.is_import() {
            assert!(self.balances.is_empty(), "4I has no balances");
            return;
        }
        let of = |label: &str, account| {
            self.balances.get(&(label.to_owned(), account)).copied().unwrap_or_default()
        };
        for account in self.accounts.keys().copied() {
            let lines = self.vouchers.iter().flat_map(|voucher| &voucher.lines);
            let moved: i128 =
                lines.filter(|(of, _, _)| *of == account).map(|(_, amount, _)| amount).sum();
            let closing = of("UB", account) + of("RES", account);
            assert_eq!(of("IB", account) + moved, closing, "account {account}");
        }
        let sum = |labels: &[&str]| -> i128 {
            let balances = self.balances.iter();
            balances.filter(|((label, _), _)| labels.contains(&&**label)).map(|(_, sum)| sum).sum()
        };
        assert_eq!((sum(&["IB"]), sum(&["UB", "RES"])), (0, 0), "both sides are equal");
    }
}

fn voucher<'a>(head: &[String], lines: &mut impl Iterator<Item = &'a str>) -> Voucher {
    let [_, series, number_in_series, day, _text] = head else { panic!("{head:?}") };
    assert_eq!(lines.next(), Some("{"), "after {head:?}");
    let mut voucher = Voucher {
        series: series.clone(),
        number: number_in_series.clone(),
        date: date(day).to_owned(),
        lines: Vec::new(),
    };
    loop {
        match lines.next() {
            Some("}") => break,
            Some(line) => {
                let fields = fields(line);
                let [label, account, objects, sum, day, text] = &fields[..] else {
                    panic!("{line}")
                };
                assert_eq!((label.as_str(), objects.as_str()), ("#TRANS", "{}"), "{line}");
                date(day);
                voucher.lines.push((number(account), amount(sum), text.clone()));
            }
            None => panic!("{head:?} is not ended"),
        }
    }
    assert!(!voucher.lines.is_empty(), "{head:?} is empty");
    voucher
}

/// Fields are apart by spaces; one with spaces or none at all is in quotes, and quotes in it are
/// escaped.
fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut field = String::new();
        match letter {
            ' ' => continue,
            '"' => loop {
                match letters.next().unwrap_or_else(|| panic!("{line}: a quote is open")) {
                    '"' => break,
                    '\\' => field.extend(letters.next()),
                    letter => field.push(letter),
                }
            },
            letter => {
                field.push(letter);
                while let Some(letter) = letters.next_if(|letter| *letter != ' ') {
                    assert_ne!(letter, '"', "{line}: a quote inside of a field");
                    field.push(letter);
                }
            }
        }
        fields.push(field);
    }
    fields
}

/// At most two decimals after a point, a minus and no plus, no thousands apart.
fn amount(text: &str) -> i128 {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    assert!(!whole.is_empty() && plain(whole) && plain(decimals) && decimals.len() <= 2, "{text}");
    let hundredths: i128 = format!("{whole}{decimals:0<2}").parse().expect("digits");
    if text.starts_with('-') { -hundredths } else { hundredths }
}

fn number(text: &str) -> u16 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no account number"))
}

/// A real day, YYYYMMDD.
fn date(text: &str) -> &str {
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    assert!(digits, "{text} is no day");
    let day = format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]);
    day.parse::<jiff::civil::Date>().unwrap_or_else(|error| panic!("{text}: {error}"));
    text
}

/// Code page 437, as far as Swedish goes: any other letter is a panic.
fn decoded(bytes: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        b'\r' => '\r',
        b'\n' => '\n',
        0x20..=0x7e => char::from(*byte),
        0x84 => 'ä',
        0x86 => 'å',
        0x8e => 'Ä',
        0x8f => 'Å',
        0x94 => 'ö',
        0x99 => 'Ö',
        0x82 => 'é',
        other => panic!("byte {other:#x} has no place in this file"),
    };
    bytes.iter().map(letter).collect()
}
