//! Usage records as the server takes and answers them; for everybody here who sends some.

use quipu_domain::Credits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{Client, Patience};
use crate::error::CliError;

/// A usage record.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct UsageRecord {
    pub(crate) tenant: String,
    pub(crate) meter: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quantity: Option<String>,
    #[serde(flatten)]
    pub(crate) tokens: Option<Tokens>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<String>,
    pub(crate) occurred_at: String,
    pub(crate) source: String,
    pub(crate) id: String,
}

/// Tokens by kind.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) cached_input: u64,
    pub(crate) output: u64,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is in the book now.
    Recorded {
        /// What it cost; zero where it has no price yet.
        amount: Credits,
    },
    /// The book had it already.
    Known,
    /// It was refused.
    Refused {
        /// The stable code.
        code: String,
        /// What the server said.
        detail: String,
    },
}

/// What the server answers for one record.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Answered {
    Recorded {
        position: u64,
        #[serde(default)]
        amount: Credits,
    },
    Refused {
        problem: Problem,
    },
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
}

/// Sends records until they are answered: an outcome for each, in order. A record is known by
/// its source and id, so sending it again is safe. `began_at` is the journal's last position when
/// the sender began.
pub(crate) fn send(
    client: &Client,
    patience: &mut Patience<'_>,
    records: &[&UsageRecord],
    began_at: u64,
) -> Result<Vec<Outcome>, CliError> {
    let answer = patience.send(|| client.post("/v1/usage", None, &records))?;
    // What an attempt recorded whose answer was lost is this sender's doing all the same.
    let most_known = if answer.is_retry { began_at } else { u64::MAX };
    let duplicates = answer.duplicates;
    let mut body = answer.success()?;
    read(body["results"].take(), duplicates, most_known)
        .filter(|outcomes| outcomes.len() == records.len())
        .ok_or_else(|| client.not_understood())
}

/// Reads an answer. It does not say which records were known already, but how many; those stood
/// in the journal before the others, so they have the lowest positions, none above `most_known`.
fn read(results: Value, duplicates: usize, most_known: u64) -> Option<Vec<Outcome>> {
    let answered: Vec<Answered> = serde_json::from_value(results).ok()?;
    let positions = answered.iter().filter_map(|answered| match answered {
        Answered::Recorded { position, .. } => Some(*position),
        Answered::Refused { .. } => None,
    });
    let mut positions: Vec<u64> = positions.collect();
    positions.sort_unstable();
    let last = duplicates.checked_sub(1).and_then(|last| positions.get(last));
    let last_known = last.map(|last| most_known.min(*last));
    let outcome = |answered| match answered {
        Answered::Recorded { position, .. } if Some(position) <= last_known => Outcome::Known,
        Answered::Recorded { amount, .. } => Outcome::Recorded { amount },
        Answered::Refused { problem: Problem { code, detail } } => {
            Outcome::Refused { code, detail }
        }
    };
    Some(answered.into_iter().map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_known_records_are_those_that_stood_there_first() {
        let recorded = |position: u64| json!({ "status": "recorded", "entry": format!("entry_{position}"), "position": position, "amount": "2" });
        let problem =
            json!({ "status": "refused", "problem": { "code": "c", "detail": "d", "title": "t" } });
        let results = json!([recorded(9), problem, recorded(4), recorded(8)]);
        let new = Outcome::Recorded { amount: "2".parse().unwrap() };
        let refused = Outcome::Refused { code: "c".into(), detail: "d".into() };
        let read = |duplicates, most_known| read(results.clone(), duplicates, most_known).unwrap();
        let one_known = [new.clone(), refused.clone(), Outcome::Known, new.clone()];
        assert_eq!(read(1, u64::MAX), one_known);
        assert_eq!(read(0, u64::MAX), [new.clone(), refused, new.clone(), new]);
        // All three were known, but two of them came after this sender began.
        assert_eq!(read(3, 5), one_known);
    }
}
