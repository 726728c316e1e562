//! What can be asked of the engine, and what it answers.

use std::sync::Arc;

use quipu_domain::agent::AgentCommand;
use quipu_domain::epoch::EpochCommand;
use quipu_domain::meter::MeterCommand;
use quipu_domain::period::PeriodCommand;
use quipu_domain::price_table::PriceTableCommand;
use quipu_domain::subject::SubjectCommand;
use quipu_domain::tenant::TenantCommand;
use quipu_domain::wallet::event::Usage;
use quipu_domain::wallet::{Balance, WalletCommand};
use quipu_domain::{
    AgentId, Label, Metadata, MeterName, Position, PriceTableName, Recorded, Refusal, Stream,
    TenantId, Timestamp, Version,
};

/// A command and who sends it.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// Who asks, under which idempotency key, bound to which request.
    pub metadata: Metadata,
    /// Other fingerprints of the same request: the key may have been bound to one of these before.
    pub also_bound_to: Vec<Label>,
}

impl Request {
    /// Whether an event under its idempotency key is of the same request.
    pub(crate) fn is_of(&self, event: &Recorded) -> bool {
        let (theirs, ours) = (&event.metadata.fingerprint, &self.metadata.fingerprint);
        theirs == ours || theirs.as_ref().is_some_and(|theirs| self.also_bound_to.contains(theirs))
    }
}

/// A command to one aggregate.
#[derive(Clone, Debug)]
pub enum Command {
    /// To a tenant.
    Tenant {
        /// Which.
        tenant: TenantId,
        /// What.
        command: TenantCommand,
    },
    /// To a tenant's wallet.
    Wallet {
        /// Whose.
        tenant: TenantId,
        /// What.
        command: WalletCommand,
    },
    /// To an agent.
    Agent {
        /// Whose.
        tenant: TenantId,
        /// Which.
        agent: AgentId,
        /// What.
        command: AgentCommand,
    },
    /// To a meter.
    Meter {
        /// Which.
        meter: MeterName,
        /// What.
        command: MeterCommand,
    },
    /// To a price table.
    PriceTable {
        /// Which.
        table: PriceTableName,
        /// What.
        command: PriceTableCommand,
    },
    /// To the periods.
    Period(PeriodCommand),
    /// To the register of erased subjects.
    Subject(SubjectCommand),
    /// To the epochs of the journal's signed checkpoints.
    Epoch(EpochCommand),
}

impl Command {
    /// The tenant it concerns; its idempotency key is unique within it. The catalogue has none.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Command::Tenant { tenant, .. }
            | Command::Wallet { tenant, .. }
            | Command::Agent { tenant, .. } => Some(tenant),
            Command::Subject(SubjectCommand::Erase { subject, .. }) => Some(subject),
            Command::Meter { .. }
            | Command::PriceTable { .. }
            | Command::Period(_)
            | Command::Epoch(_) => None,
        }
    }
}

/// What a command did. Two receipts for the same key are equal but for `replayed`.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The command's own events, in order; they are durable. Empty when it had nothing to change.
    pub events: Vec<Arc<Recorded>>,
    /// The wallet's balance right after the last of them, at its `recorded_at`.
    pub balance: Option<Balance>,
    /// Whether an earlier command with the same key did it.
    pub replayed: bool,
}

/// Usage records to be recorded, rated and paid for, in order (U5).
#[derive(Clone, Debug)]
pub struct UsageBatch {
    /// The records and whose they are.
    pub records: Vec<UsageReport>,
    /// All or nothing, or each by itself.
    pub atomic: bool,
    /// Who reports them, and under which idempotency key, if the records' ids follow from one. It
    /// is bound to the request as a command's is; keys of different tenants never meet.
    pub metadata: Metadata,
}

/// One usage record and whose it is.
#[derive(Clone, Debug)]
pub struct UsageReport {
    /// Whose.
    pub tenant: TenantId,
    /// What was used.
    pub usage: Usage,
    /// Whether the caller said when it occurred. Where not, it occurred when the engine takes it,
    /// and `usage.occurred_at` means nothing: neither for the record nor when it comes again.
    pub dated: bool,
}

/// What became of one usage record.
#[derive(Clone, Debug, PartialEq)]
pub enum UsageOutcome {
    /// It stands in the journal.
    Recorded {
        /// Its `UsageRecorded` event.
        event: Arc<Recorded>,
        /// Whether it stood there already (U1): this is the first answer again.
        duplicate: bool,
    },
    /// A rule refused it.
    Refused(Refusal),
    /// U1: its (source, id) belongs to a record with other content.
    IdReused {
        /// Where that one stands; none where it was refused together with this one.
        position: Option<Position>,
    },
    /// The batch is atomic, and another record of it could not be recorded.
    NotAttempted,
}

/// Events of somebody's own aggregate, to be appended to its stream.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream; see [`Stream::application`].
    pub stream: Stream,
    /// The version it must be at.
    pub expected: Version,
    /// When they count, if that is another moment than when they are recorded.
    pub effective_at: Option<Timestamp>,
    /// The events.
    pub events: Vec<quipu_domain::event::ApplicationEvent>,
    /// Who sends them.
    pub metadata: Metadata,
}

/// Why the engine did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// A rule refused the command. No event, and the key is still free.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The idempotency key belongs to another request.
    #[error("the idempotency key was used at position {position} for another request")]
    KeyReused {
        /// The first event of that request.
        position: Position,
    },
    /// A request with the same idempotency key is under way.
    #[error("a request with the same idempotency key is still under way")]
    KeyInFlight,
    /// The queue is full. Nothing happened.
    #[error("too many requests are waiting")]
    Overloaded,
    /// The journal cannot be written to now. Whether the command took effect is not known;
    /// sending it again with the same key finds out, and never does it twice.
    #[error("the journal cannot be written to now: {why}")]
    Unavailable {
        /// What is wrong.
        why: Label,
    },
    /// The event would be larger than the journal takes.
    #[error("the event would be larger than {most_bytes} bytes")]
    EventTooLarge {
        /// The most there is.
        most_bytes: usize,
    },
    /// The stream is not at the expected version.
    #[error("the stream is at version {actual}, not {expected}")]
    VersionConflict {
        /// Where it is.
        actual: Version,
        /// Where it was expected.
        expected: Version,
    },
    /// The engine has been shut down.
    #[error("the engine has been shut down")]
    Stopped,
    /// What the command rests on was written by a newer program; the text says what to do.
    #[error("{why}")]
    Newer {
        /// Which event, and what to do.
        why: String,
    },
    /// The journal or this program is inconsistent; the detail says where.
    #[error("{0}")]
    Inconsistent(String),
}

impl EngineError {
    /// Whether it says something about one command, and nothing about the others beside it.
    pub(crate) const fn concerns_one_command(&self) -> bool {
        match self {
            EngineError::Refused(_)
            | EngineError::KeyReused { .. }
            | EngineError::KeyInFlight
            | EngineError::EventTooLarge { .. }
            | EngineError::VersionConflict { .. } => true,
            EngineError::Overloaded
            | EngineError::Unavailable { .. }
            | EngineError::Stopped
            | EngineError::Newer { .. }
            | EngineError::Inconsistent(_) => false,
        }
    }
}
