//! `restart`: how long a new process takes until `/readyz` answers that it is ready.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quipu_load::{Choice, Distribution, Step};
use serde::Serialize;

use super::BenchArgs;
use super::actor::Actor;
use super::books::{self, Books};
use super::connection::Connection;
use super::fill::fill;
use super::report::Report;
use super::run_id::RunId;
use super::setup;
use super::stage::{self, Closed};
use crate::error::CliError;

/// Starts that are measured: the first after the server was stopped, the others after a kill.
const STARTS: usize = 4;
/// Who is not ready after so long never is.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Serialize)]
struct Figures {
    events: u64,
    starts: Vec<Start>,
    books: Books,
}

#[derive(Serialize)]
struct Start {
    after: &'static str,
    /// From starting the process to a 200 of `/readyz`.
    ready_ms: u64,
    /// A debit of a wallet that is not in memory yet, its answer included.
    first_debit_ms: u64,
}

/// Fills a book, closes it, and starts servers of it.
pub(super) fn run(args: &BenchArgs, wallets: usize) -> Result<Report, CliError> {
    let stage = args.target.open_own()?;
    let run = RunId::new();
    let mut report = Report::new(args, &stage, wallets)?;
    let mut acks = stage.drive(async {
        setup::set_up(stage.address, &run, wallets, &stage.stopping).await?;
        let acks = fill(&stage, &run, 0..wallets, 0, args.events()).await?;
        books::caught_up(stage.address).await?;
        books::check_accounts(stage.address, &run, &acks).await?;
        Ok(acks)
    })?;
    let Some(closed) = stage.close()? else { return Ok(report) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut starts = Vec::new();
    for number in 0..STARTS {
        let began = Instant::now();
        let server = Server::start(&closed)?;
        runtime.block_on(ready(server.address))?;
        let ready_ms = millis(began.elapsed());
        let choice = Choice::new(Distribution::Uniform, wallets, 0);
        // Numbers of clients that have not sent anything yet.
        let number_of_client = 1_000 + number;
        let connection = Connection::new(server.address);
        let mut actor = Actor::new(connection, &run, number_of_client, 0, &choice);
        let began = Instant::now();
        let step = runtime.block_on(actor.debit());
        if !matches!(step, Step::Done { .. }) {
            return Err(unready(&format!("the first debit was not done: {step:?}")));
        }
        let first_debit_ms = millis(began.elapsed());
        acks += actor.acks();
        let after = if number == 0 { "stop" } else { "kill" };
        starts.push(Start { after, ready_ms, first_debit_ms });
    }
    let book = closed.book()?;
    let head = book.store().head()?;
    let began = Instant::now();
    books::check_journal(&book, &acks)?;
    drop(book);
    books::verify(&closed.place)?;
    let books = Books::checked(true, &acks, began.elapsed());
    report.figures(&Figures { events: head.position.0, starts, books })?;
    Ok(report)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Asks until the answer is 200.
async fn ready(server: SocketAddr) -> Result<(), CliError> {
    let began = Instant::now();
    let mut connection = Connection::new(server);
    while began.elapsed() < PATIENCE {
        if connection.get(format_args!("/readyz")).await.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(unready("it has not become ready"))
}

fn unready(what: &str) -> CliError {
    CliError::Unavailable {
        what: format!("the server that was started again is of no use: {what}"),
        hint: "look at what it wrote, and run it again".into(),
    }
}

/// A process that serves the book, until it is dropped: then it is killed.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(closed: &Closed) -> Result<Server, CliError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.env("QUIPU_LOG", "warn,quipu=info").stdin(Stdio::null()).stdout(Stdio::null());
        stage::name(&closed.place, &mut command);
        command.env("QUIPU_SUBJECT_KEYS", closed.subject_keys.path());
        let mut process = command.stderr(Stdio::piped()).spawn()?;
        let stderr = process.stderr.take();
        let mut server = Server { process, address: SocketAddr::from(([0, 0, 0, 0], 0)) };
        let mut lines = BufReader::new(stderr.ok_or_else(|| unready("it has no output"))?).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("listening on http://")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        server.address = address.ok_or_else(|| unready("it does not say where it listens"))?;
        // A full pipe would stop the server.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
