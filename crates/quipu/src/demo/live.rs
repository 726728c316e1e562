//! The line that shows what the demo is doing.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use quipu_domain::Credits;

use crate::output::{self, count};

/// Where nobody watches, a line is written only so often.
const QUIET: Duration = Duration::from_secs(10);

/// What there is to show.
pub(super) struct Scene<'a> {
    pub(super) records: u64,
    pub(super) elapsed: Duration,
    pub(super) consumed: Credits,
    pub(super) refused: u64,
    pub(super) refusal: Option<&'a str>,
    pub(super) balances: &'a [(&'static str, String)],
}

/// A line on standard error: drawn over and over on a terminal, written now and then elsewhere.
pub(super) struct Live {
    bar: ProgressBar,
    docs: String,
    written: Mutex<Option<Instant>>,
}

impl Live {
    /// A line that ends with where to look further.
    pub(super) fn new(docs: String) -> Live {
        let style = ProgressStyle::with_template("{spinner} {wide_msg}")
            .expect("the template is a constant");
        Live { bar: ProgressBar::new_spinner().with_style(style), docs, written: Mutex::default() }
    }

    /// Shows the scene.
    pub(super) fn draw(&self, scene: &Scene<'_>) {
        let line = scene.line(&self.docs);
        if std::io::stderr().is_terminal() {
            self.bar.set_message(line);
            self.bar.tick();
            return;
        }
        let Ok(mut written) = self.written.lock() else { return };
        if written.is_none_or(|at| at.elapsed() >= QUIET) {
            *written = Some(Instant::now());
            output::tell(line);
        }
    }

    /// Says something that stays.
    pub(super) fn say(&self, what: &str) {
        self.bar.suspend(|| output::tell(what));
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Scene<'_> {
    fn line(&self, docs: &str) -> String {
        let per_second = self.records / self.elapsed.as_secs().max(1);
        let mut parts = vec![
            format!("{} ({per_second}/s)", count(self.records, "record")),
            format!("{} credits used", self.consumed),
        ];
        parts.extend(self.balances.iter().map(|(tenant, available)| {
            let (whole, _) = available.split_once('.').unwrap_or((available, ""));
            format!("{tenant} {whole}")
        }));
        if self.refused > 0 {
            parts.push(format!("{} refused", self.refused));
        }
        parts.push(docs.to_owned());
        parts.extend(self.refusal.map(str::to_owned));
        parts.join("  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_rate_credits_balances_and_the_last_refusal() {
        let scene = Scene {
            records: 1_470,
            elapsed: Duration::from_secs(10),
            consumed: "5.25".parse().unwrap(),
            refused: 2,
            refusal: Some("t_delta insufficient_credits: 1 needed, 0.5 available"),
            balances: &[("t_aurora", "1994.75".to_owned())],
        };
        insta::assert_snapshot!(scene.line("http://127.0.0.1:7171/docs"), @"1470 records (147/s)  5.25 credits used  t_aurora 1994  2 refused  http://127.0.0.1:7171/docs  t_delta insufficient_credits: 1 needed, 0.5 available");
    }
}
