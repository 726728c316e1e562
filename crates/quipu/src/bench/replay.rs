//! `replay`: the whole journal into fresh views, as `quipu projections rebuild` does it.

use std::ops::ControlFlow;
use std::time::Instant;

use quipu_load::{per_second, seconds};
use serde::Serialize;

use super::BenchArgs;
use super::books::{self, Books};
use super::fill::fill;
use super::report::Report;
use super::run_id::RunId;
use super::setup;
use crate::error::CliError;

#[derive(Serialize)]
struct Figures {
    events: u64,
    replay_seconds: f64,
    events_per_second: u64,
    books: Books,
}

/// Fills a book, closes it, and builds its views anew.
pub(super) fn run(args: &BenchArgs, wallets: usize) -> Result<Report, CliError> {
    let stage = args.target.open_own()?;
    let run = RunId::new();
    let mut report = Report::new(args, &stage, wallets)?;
    let acks = stage.drive(async {
        setup::set_up(stage.address, &run, wallets, &stage.stopping).await?;
        let acks = fill(&stage, &run, 0..wallets, 0, args.events()).await?;
        books::caught_up(stage.address).await?;
        books::check_accounts(stage.address, &run, &acks).await?;
        Ok(acks)
    })?;
    let Some(closed) = stage.close()? else { return Ok(report) };
    let open = closed.book()?;
    let began = Instant::now();
    open.views.rebuild(None, |_| ControlFlow::Continue(()))?;
    let took = began.elapsed();
    let events = open.views.checkpoint().0;
    let began = Instant::now();
    books::check_journal(&open, &acks)?;
    drop(open);
    books::verify(&closed.place)?;
    report.figures(&Figures {
        events,
        replay_seconds: seconds(took),
        events_per_second: per_second(events, took),
        books: Books::checked(true, &acks, began.elapsed()),
    })?;
    Ok(report)
}
