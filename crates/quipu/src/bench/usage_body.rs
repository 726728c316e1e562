//! The body of a usage batch: written once, and then only its wallets and ids are changed.

use std::io::Write as _;

use quipu_load::{Choice, Random};

use super::run_id::{RunId, WALLET_DIGITS};

/// Digits of a record's id.
const ID_DIGITS: usize = 12;
/// Agents that work for each wallet. Each has lines of its own in the usage reports, so two of
/// them are twice as many rows in the views.
const AGENTS: u64 = 1;
/// Model, and its price in millionths of a credit per token: input, cached input, output. Cached
/// tokens come by tens, so that a fifth of one is never rounded.
pub(super) const MODEL: &str = "large";
const INPUT_MICROS: u64 = 2;
const CACHED_TOKENS_PER_MICRO: u64 = 5;
const OUTPUT_MICROS: u64 = 8;

/// An array of usage records, and where in it the wallets and ids stand.
pub(super) struct UsageBody {
    bytes: Vec<u8>,
    records: Vec<Places>,
    /// What all records cost, in millionths of a credit: computed here, apart from the server.
    pub(super) cost_micros: i64,
}

struct Places {
    wallet: usize,
    id: usize,
}

impl UsageBody {
    /// A body of so many records of one session.
    pub(super) fn new(run: &RunId, session: usize, records: usize, occurred_at: &str) -> UsageBody {
        let mut body = UsageBody { bytes: vec![b'['], records: Vec::new(), cost_micros: 0 };
        let mut random = Random::new(session as u64);
        for record in 0..records {
            if record > 0 {
                body.bytes.push(b',');
            }
            body.record(run, session, &mut random, occurred_at);
        }
        body.bytes.push(b']');
        body
    }

    /// Tokens as a trace of real requests has them: some 2,000 in, a third of them cached, 200 out.
    fn record(&mut self, run: &RunId, session: usize, random: &mut Random, occurred_at: &str) {
        let (input, output) = (500 + random.below(3_000), 20 + random.below(400));
        let cached = 10 * random.below(100);
        let agent = random.below(AGENTS);
        let cost = input * INPUT_MICROS + cached / CACHED_TOKENS_PER_MICRO + output * OUTPUT_MICROS;
        self.cost_micros += i64::try_from(cost).expect("a few thousand tokens cost little");
        let tenant = run.tenant(0).to_string();
        let wallet = self.bytes.len() + "{\"tenant\":\"".len() + tenant.len() - WALLET_DIGITS;
        write!(
            self.bytes,
            "{{\"tenant\":\"{tenant}\",\"meter\":\"{meter}\",\"input\":{input},\
             \"cached_input\":{cached},\"output\":{output},\"model\":\"{MODEL}\",\
             \"agent\":\"agent-{agent}\",\"occurred_at\":\"{occurred_at}\",\
             \"source\":\"bench-{session}\",\"id\":\"",
            meter = run.meter(),
        )
        .expect("writing to memory does not fail");
        let id = self.bytes.len();
        self.bytes.resize(id + ID_DIGITS, b'0');
        self.bytes.extend_from_slice(b"\"}");
        self.records.push(Places { wallet, id });
    }

    /// How many records it has.
    pub(super) fn records(&self) -> u64 {
        self.records.len() as u64
    }

    /// The next batch: new ids from `first_id` on, each record for a wallet of choice.
    pub(super) fn renew(
        &mut self,
        first_id: u64,
        first_wallet: usize,
        choice: &mut Choice,
    ) -> &[u8] {
        for (places, id) in self.records.iter().zip(first_id..) {
            let wallet = (first_wallet + choice.pick()) as u64;
            digits(&mut self.bytes[places.wallet..places.wallet + WALLET_DIGITS], wallet);
            digits(&mut self.bytes[places.id..places.id + ID_DIGITS], id);
        }
        &self.bytes
    }
}

/// Writes a number over digits, with leading zeros.
fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use quipu_load::Distribution;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_renewed_body_is_json_with_new_ids_and_the_cost_that_was_computed() {
        let run = RunId::of("k3f");
        let mut body = UsageBody::new(&run, 7, 3, "2026-01-01T00:00:00Z");
        let mut choice = Choice::new(Distribution::Uniform, 1, 1);
        let records: Value = serde_json::from_slice(body.renew(40, 12, &mut choice)).unwrap();
        let records = records.as_array().unwrap();
        assert_eq!(records.len(), 3);
        assert_eq!(records[0]["tenant"], run.tenant(12).to_string());
        assert_eq!(records[2]["id"], "000000000042");
        let cost = |record: &Value| {
            let tokens = |name: &str| record[name].as_i64().unwrap();
            assert_eq!(tokens("cached_input") % 5, 0, "it is never rounded");
            2 * tokens("input") + tokens("cached_input") / 5 + 8 * tokens("output")
        };
        assert_eq!(records.iter().map(cost).sum::<i64>(), body.cost_micros);
    }
}
