//! `kill -9` at random moments while the real trace is being imported.

use std::process::Stdio;
use std::time::Duration;

use crate::cli::import_usage::{awk_cost, import_command, prepare, records, talk, trace};
use crate::support::both_stores;
use crate::support::server::{Server, assert_verifies, free_port};

const KILLS: u32 = 50;

both_stores! {
    /// Each time the server is started again on what it left, and the import goes on by itself,
    /// because it is told to be patient. At the end every record is there exactly once.
    fn fifty_kills_during_an_import_lose_nothing_and_double_nothing(store: Store) {
        let port = free_port();
        let mut server = Server::start_on(&store, port);
        prepare(&server.client());
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut kills = 0;
        while kills < KILLS {
            let mut import = import_command(&server.url(), &trace());
            import.args(["--batch", "100", "--patience", "60"]);
            let import = import.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
            // As many kills as one import lives through; then it begins again, knowing all rows.
            let mut import = Some(import);
            while kills < KILLS && import.as_mut().is_some_and(still_runs) {
                std::thread::sleep(Duration::from_millis(random.below(120)));
                server.kill();
                kills += 1;
                server = Server::start_on(&store, port);
            }
            let output = import.take().expect("it was started").wait_with_output().expect("it ends");
            assert!(output.status.success(), "{}", talk(&output));
        }
        let client = server.client();
        assert_eq!(records(&client), 8_819);
        let report = client.get("/v1/tenants/t_trace/usage?window=month").ok();
        assert_eq!(report["usage"][0]["cost"], serde_json::json!(awk_cost(&trace())));
        server.stop();
        assert_verifies(&store);
    }
}

fn still_runs(child: &mut std::process::Child) -> bool {
    child.try_wait().expect("it can be asked").is_none()
}

/// SplitMix64: the same moments in every run, as far as a scheduler allows.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// One of so many.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).expect("a length is no longer than that");
        usize::try_from(self.below(length)).expect("it is below a length")
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
