//! `quipu demo`: a server, and made-up customers whose agents replay real requests.

mod customers;
mod live;
mod player;
mod stage;
mod trace;

use std::thread::JoinHandle;

use clap::Args;

use crate::client::{Client, ServerArgs};
use crate::error::CliError;
use crate::output;
use crate::server::{self, Ready, ServingArgs};
use live::Live;
use player::Player;

/// Serve a book and fill it: four customers whose agents replay one real hour of requests
///
/// Does everything over HTTP, like anybody. Ctrl-C ends it; started again, it goes on where it
/// stopped.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    serving: ServingArgs,
    /// How many times faster than the requests really came
    #[arg(long, value_name = "TIMES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    speed: u32,
}

/// Serves and plays until a signal comes.
pub(crate) fn run(args: &DemoArgs, json: bool) -> Result<u8, CliError> {
    let rows = trace::rows()?;
    let speed = args.speed;
    server::run(&args.serving, json, move |ready| Ok(vec![play(ready, rows, speed)?]))
}

fn play(ready: &Ready, rows: Vec<trace::Row>, speed: u32) -> Result<JoinHandle<()>, CliError> {
    let client = Client::new(&ServerArgs { server: ready.url.clone() })?;
    let live = Live::new(format!("{}/docs", ready.url));
    let stopping = ready.stopping.clone();
    let mut player = Player { client, rows, speed, stopping, live };
    Ok(std::thread::spawn(move || {
        let played = player.play();
        player.live.end();
        // What fails while the server goes down is no news.
        if let Err(error) = played
            && !player.stopping.load(std::sync::atomic::Ordering::Relaxed)
        {
            output::tell(format_args!(
                "quipu: the demo's customers stopped: {error}\n       {}",
                error.hint()
            ));
        }
    }))
}
