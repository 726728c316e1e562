//! Asks a witness to cosign what was published (c2sp.org/tlog-witness).

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quipu_proofs::{Algorithm, ProofError, Proofs, Published, Publisher, SignedNote, VerifierKey};

/// How long a witness may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Which witness, as the command line says it: `URL=VKEY`.
#[derive(Clone, Debug)]
pub(crate) struct WitnessAddress {
    url: String,
    key: VerifierKey,
}

impl FromStr for WitnessAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<WitnessAddress, String> {
        let (url, key) = text.split_once('=').ok_or("write URL=VKEY, as the witness says it")?;
        // What travels is signed both ways, so it needs no encryption.
        if !url.starts_with("http://") {
            return Err(format!("{url:?} is not a witness's address; write http://HOST:PORT"));
        }
        let key: VerifierKey = key.parse().map_err(|error| format!("{error}"))?;
        if key.algorithm() != Algorithm::Witness {
            return Err(format!("{} is the key of a log, not of a witness", key.name()));
        }
        Ok(WitnessAddress { url: url.trim_end_matches('/').to_owned(), key })
    }
}

/// One witness.
pub(super) struct WitnessClient {
    address: WitnessAddress,
    agent: ureq::Agent,
    seen: Mutex<Seen>,
}

/// What is known of a witness.
#[derive(Default)]
struct Seen {
    /// The origin that the size below is of.
    origin: String,
    /// The size of the last checkpoint that it cosigned.
    size: u64,
    /// The number of the last checkpoint that it was asked about.
    asked: u64,
    complaint: String,
}

impl WitnessClient {
    pub(super) fn new(address: WitnessAddress) -> WitnessClient {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(TIMEOUT));
        WitnessClient { address, agent: config.build().into(), seen: Mutex::default() }
    }

    /// Has the newest checkpoint cosigned, unless it is, and keeps the cosignature on it. What goes
    /// wrong is said once, and tried again with the next call.
    pub(super) fn cosign_newest(&self, proofs: &Proofs, publisher: &Publisher) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let done = match proofs.newest() {
            Ok(Some(newest)) if self.is_wanted(&newest, &seen, publisher) => {
                self.cosign(&mut seen, proofs, publisher, &newest)
            }
            Ok(_) => return,
            Err(error) => Err(error.to_string()),
        };
        let complaint = done.err().unwrap_or_default();
        if seen.complaint != complaint && !complaint.is_empty() {
            tracing::warn!("witness {} does not cosign: {complaint}", self.address.key.name());
        }
        seen.complaint = complaint;
    }

    /// Only what is signed now, and not yet by this witness.
    fn is_wanted(&self, newest: &Published, seen: &Seen, publisher: &Publisher) -> bool {
        let is_cosigned = || {
            let note = SignedNote::parse(&newest.note);
            note.is_ok_and(|note| self.address.key.has_signed(&note) == Ok(true))
        };
        newest.number != seen.asked
            && newest.origin.as_str() == publisher.origin()
            && !is_cosigned()
    }

    fn cosign(
        &self,
        seen: &mut Seen,
        proofs: &Proofs,
        publisher: &Publisher,
        newest: &Published,
    ) -> Result<(), String> {
        if seen.origin != newest.origin.as_str() {
            (seen.origin, seen.size) = (newest.origin.to_string(), 0);
        }
        let failed = |error: ProofError| error.to_string();
        // A second time where it has seen more than is known here, as after a restart.
        for _ in 0..2 {
            let body = proofs.consistency(seen.size, Some(newest.size)).map_err(failed)?;
            match self.ask(body)? {
                Reply::Cosigned(lines) => {
                    let key = &self.address.key;
                    if !publisher.keep_cosignatures(newest, key, &lines).map_err(failed)? {
                        return Err("its answer is not signed by the key that was named".into());
                    }
                    (seen.size, seen.asked) = (newest.size, newest.number);
                    return Ok(());
                }
                Reply::HasSeen(size) if size > newest.size => {
                    return Err(format!(
                        "it has seen {size} events of {}, and the book has signed only {}: was an \
                         older copy of book and keys restored?",
                        newest.origin, newest.size
                    ));
                }
                Reply::HasSeen(size) => seen.size = size,
            }
        }
        Err("it has seen another history of this size".into())
    }

    fn ask(&self, body: String) -> Result<Reply, String> {
        let sent = self.agent.post(format!("{}/add-checkpoint", self.address.url)).send(body);
        let mut answer = sent.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(65_536).read_to_string();
        let text = text.map_err(|error| error.to_string())?;
        match (status, text.trim_end().parse()) {
            (200, _) => Ok(Reply::Cosigned(text)),
            (409, Ok(size)) => Ok(Reply::HasSeen(size)),
            _ => Err(format!("status {status}: {}", text.trim_end())),
        }
    }
}

enum Reply {
    Cosigned(String),
    HasSeen(u64),
}
