//! The first signal ends the work in good order, the second one at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::CliError;
use crate::{exit_codes, output};

/// Whether a signal has come.
pub(crate) struct Signals {
    stopping: Arc<AtomicBool>,
    stopped: watch::Receiver<bool>,
}

/// From now on the first SIGINT or SIGTERM ends the program, after `work`.
pub(crate) fn end_after(
    runtime: &Handle,
    work: impl FnOnce() + Send + 'static,
) -> Result<(), CliError> {
    let _inside = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    runtime.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        work();
        std::process::exit(exit_codes::INTERRUPTED.into());
    });
    Ok(())
}

impl Signals {
    /// Watches for SIGINT and SIGTERM from now on; says `what_now` with the first.
    pub(crate) fn watch(runtime: &Handle, what_now: &'static str) -> Result<Signals, CliError> {
        Signals::watch_and_say(runtime, what_now, |text| output::tell(text))
    }

    /// The same for a server, which says it in its log: each line of that may be JSON.
    pub(crate) fn watch_of_server(
        runtime: &Handle,
        what_now: &'static str,
    ) -> Result<Signals, CliError> {
        Signals::watch_and_say(runtime, what_now, |text| tracing::info!("{text}"))
    }

    fn watch_and_say(
        runtime: &Handle,
        what_now: &'static str,
        say: fn(&str),
    ) -> Result<Signals, CliError> {
        let _inside = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stopping = Arc::new(AtomicBool::new(false));
        let (sender, stopped) = watch::channel(false);
        let first = Arc::clone(&stopping);
        runtime.spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if first.swap(true, Ordering::SeqCst) {
                    say("stopped at once; what was acknowledged is in the book all the same");
                    std::process::exit(exit_codes::INTERRUPTED.into());
                }
                say(&format!("{what_now}; again to stop at once"));
                sender.send_replace(true);
            }
        });
        Ok(Signals { stopping, stopped })
    }

    /// Becomes true with the first signal.
    pub(crate) fn stopping(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stopping)
    }

    /// Whether one has come.
    pub(crate) fn have_come(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Done with the first signal.
    pub(crate) fn first(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopped = self.stopped.clone();
        async move {
            // An error means that the watching task is gone, with the whole runtime.
            let _gone = stopped.wait_for(|stopped| *stopped).await;
        }
    }
}
