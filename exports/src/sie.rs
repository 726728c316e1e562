//! SIE 4: the file format of Swedish bookkeeping (SIE-Gruppen, utgåva 4B and 4C, <https://sie.se>).
//!
//! It is the seller's book, so every sign is turned: what a customer can still spend is a debt of
//! the seller. Credits become money at one rate. A day becomes one voucher, because SIE's amounts
//! have two decimals and credits six: each account is rounded on its running total, so that what
//! it holds is never more than half of the last decimal away from the truth, whatever the number
//! of days. What the rounding of a day's accounts leaves over is a line of its own in the voucher.

mod chart;
mod code_page;
mod file;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use quipu_domain::{Credits, Recorded};
use quipu_projections::{postings_of, wallet_event};
use rust_decimal::Decimal;

pub use chart::{AccountNumber, Chart, ChartError};

use crate::{ExportError, exact};

/// Decimals of an amount in SIE.
const SIE_SCALE: u32 = 2;
/// Decimals of a credit.
const CREDIT_SCALE: u32 = 6;

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SieKind {
    /// 4E: a year's book, with balances and vouchers, for analysis and audit.
    Export,
    /// 4I: vouchers for another book to take in, which numbers them.
    Import,
}

/// What a file says beside the events.
#[derive(Clone, Debug)]
pub struct SieTerms {
    /// Which file it is.
    pub kind: SieKind,
    /// The seller's name.
    pub company: String,
    /// Its organisation number, as in `556677-8899`.
    pub organisation_number: Option<String>,
    /// The money, by ISO 4217.
    pub currency: String,
    /// Money for one credit, at most twelve decimals.
    pub rate: Decimal,
    /// First day of the fiscal year.
    pub first_day: Date,
    /// Last day of the fiscal year.
    pub last_day: Date,
    /// Whose days are a voucher each.
    pub time_zone: TimeZone,
    /// Which accounts there are.
    pub chart: Chart,
    /// Where it comes from.
    pub remark: String,
    /// The day on which the file is made.
    pub made_on: Date,
}

/// Writes a fiscal year of a book as SIE 4.
pub struct Sie {
    terms: SieTerms,
    /// What each day added to each account, in micros, signs turned.
    days: BTreeMap<Date, BTreeMap<AccountNumber, i128>>,
}

/// One day's movements, as they are written.
struct Voucher {
    day: Date,
    /// Accounts, amounts in hundredths, and what they are exactly in micro-credits. They sum to
    /// zero.
    lines: Vec<(AccountNumber, i128, i128)>,
}

/// What an account holds, in hundredths.
struct Holding {
    account: AccountNumber,
    /// At the beginning of the year; zero for accounts of result.
    opening: i128,
    /// At its end, or over it for accounts of result.
    closing: i128,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SieSummary {
    /// Days with a voucher.
    pub vouchers: u64,
    /// Days before the fiscal year, which are its opening balances.
    pub earlier_days: u64,
    /// Days after it, which are left out.
    pub later_days: u64,
    /// What is booked as rounding at the end of the year, in hundredths.
    pub rounding: i128,
}

impl Sie {
    /// An empty book.
    #[must_use]
    pub const fn new(terms: SieTerms) -> Sie {
        Sie { terms, days: BTreeMap::new() }
    }

    /// The next event.
    pub fn event(&mut self, event: &Recorded) -> Result<(), ExportError> {
        let inconsistent = |source| ExportError::Inconsistent { position: event.position, source };
        let Some((_, wallet)) = wallet_event(event).map_err(inconsistent)? else { return Ok(()) };
        let postings = postings_of(wallet).map_err(inconsistent)?;
        let day = event.effective_at().to_jiff().to_zoned(self.terms.time_zone.clone()).date();
        for posting in postings {
            let account = self.terms.chart.number_of(&posting.account);
            let moved = self.days.entry(day).or_default().entry(account).or_default();
            *moved -= i128::from(posting.amount.micros());
        }
        Ok(())
    }

    /// The whole file, and what is in it.
    pub fn file(&self) -> Result<(Vec<u8>, SieSummary), ExportError> {
        let vouchers = self.vouchers()?;
        let holdings = self.holdings(&vouchers)?;
        let rounding = self.terms.chart.rounding();
        let summary = SieSummary {
            vouchers: vouchers.len() as u64,
            earlier_days: self.days.range(..self.terms.first_day).count() as u64,
            later_days: self.days.range((Excluded(self.terms.last_day), Unbounded)).count() as u64,
            rounding: holdings
                .iter()
                .find(|holding| holding.account == rounding)
                .map_or(0, |holding| holding.closing),
        };
        Ok((file::bytes(&self.terms, &holdings, &vouchers)?, summary))
    }

    /// What each account of balance holds before a day: micro-credits.
    fn held_before(&self, day: Date) -> BTreeMap<AccountNumber, i128> {
        let mut held = BTreeMap::new();
        for (account, micros) in self.days.range(..day).flat_map(|(_, moved)| moved) {
            if account.is_of_balance() {
                *held.entry(*account).or_default() += micros;
            }
        }
        held
    }

    /// A voucher for each day of the year on which anything reaches two decimals.
    fn vouchers(&self) -> Result<Vec<Voucher>, ExportError> {
        let mut running = self.held_before(self.terms.first_day);
        let mut vouchers = Vec::new();
        for (day, moved) in self.days.range(self.terms.first_day..=self.terms.last_day) {
            let mut lines = Vec::new();
            for (account, micros) in moved {
                let total = running.entry(*account).or_default();
                let before = self.money(*total)?;
                *total += micros;
                let amount = self.money(*total)? - before;
                if amount != 0 {
                    lines.push((*account, amount, *micros));
                }
            }
            let left_over: i128 = -lines.iter().map(|(_, amount, _)| amount).sum::<i128>();
            if left_over != 0 {
                lines.push((self.terms.chart.rounding(), left_over, 0));
            }
            if !lines.is_empty() {
                vouchers.push(Voucher { day: *day, lines });
            }
        }
        Ok(vouchers)
    }

    /// Every account with anything in it. What earlier years brought stands in the equity.
    fn holdings(&self, vouchers: &[Voucher]) -> Result<Vec<Holding>, ExportError> {
        let mut openings: BTreeMap<AccountNumber, i128> = BTreeMap::new();
        for (account, micros) in self.held_before(self.terms.first_day) {
            openings.insert(account, self.money(micros)?);
        }
        let equity: i128 = -openings.values().sum::<i128>();
        *openings.entry(self.terms.chart.equity()).or_default() += equity;
        let mut closings = openings.clone();
        for (account, amount, _) in vouchers.iter().flat_map(|voucher| &voucher.lines) {
            *closings.entry(*account).or_default() += amount;
        }
        let holding = |(account, closing)| Holding {
            account,
            opening: openings.get(&account).copied().unwrap_or_default(),
            closing,
        };
        let all = closings.into_iter().map(holding);
        Ok(all.filter(|held| held.opening != 0 || held.closing != 0).collect())
    }

    /// Micro-credits as hundredths of money, half to even.
    fn money(&self, micros: i128) -> Result<i128, ExportError> {
        let rate = self.terms.rate;
        let exact = micros.checked_mul(rate.mantissa()).ok_or(ExportError::TooLarge)?;
        Ok(exact::rounded(exact, CREDIT_SCALE + rate.scale(), SIE_SCALE))
    }
}

/// Credits as people read them.
fn credits(micros: i128) -> String {
    i64::try_from(micros)
        .ok()
        .and_then(|micros| Credits::from_micros(micros).ok())
        .map_or_else(|| exact::fixed(micros, CREDIT_SCALE), |credits| credits.to_string())
}
