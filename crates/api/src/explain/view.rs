//! An explanation on the wire.

use std::collections::BTreeMap;

use quipu_domain::rating::Working;
use quipu_domain::{Credits, Label, Personal, Position, TenantId, Timestamp};
use quipu_projections::explain::{
    Cause, Cost, Evidence, Explanation, Figures, Gap, Line, Part, PostedAmount, Rest,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Decimal strings by what they are called: `amount`, `cost`, `records` ...
type Amounts = BTreeMap<&'static str, String>;

/// A number, and what it is made of: parts, lines and rest come to the figures.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplanationAnswer {
    /// Which number, in words.
    what: String,
    /// The number, as it is shown elsewhere; or several that belong together.
    #[schema(value_type = BTreeMap<String, String>)]
    figures: Amounts,
    /// Whether parts, lines and rest come to exactly that, every event's postings sum to zero, and
    /// its arithmetic comes to its amount.
    adds_up: bool,
    /// Where it does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<GapView>,
    /// What belongs to the number and is not among the events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartView>,
    /// The last events, oldest first.
    lines: Vec<LineView>,
    /// The events before those.
    #[serde(skip_serializing_if = "Option::is_none")]
    rest: Option<RestView>,
    /// Up to where the view knew the journal when the number was read.
    #[schema(value_type = u64)]
    position: Position,
}

/// A number that its parts do not come to.
#[derive(Serialize, ToSchema)]
pub(crate) struct GapView {
    /// Which.
    figure: String,
    /// The number.
    number: String,
    /// What its parts come to.
    sum: String,
}

/// Something that belongs to a number, and is no event.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartView {
    /// What it is.
    what: String,
    /// What it adds.
    #[schema(value_type = BTreeMap<String, String>)]
    figures: Amounts,
}

/// An event, and what it adds to the number.
#[derive(Serialize, ToSchema)]
#[schema(as = ExplanationLine)]
pub(crate) struct LineView {
    /// What it adds.
    #[schema(value_type = BTreeMap<String, String>)]
    figures: Amounts,
    event: EvidenceView,
}

/// Events that are not told one by one.
#[derive(Serialize, ToSchema)]
pub(crate) struct RestView {
    /// How many; absent before the entries of a balance, of which only the sum is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
    /// What they add together.
    #[schema(value_type = BTreeMap<String, String>)]
    figures: Amounts,
}

/// An event and what it rests on.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvidenceView {
    /// Where it stands in the journal.
    #[schema(value_type = u64)]
    position: Position,
    /// Its id.
    id: String,
    /// Its leaf in the journal's hash tree (RFC 6962): SHA-256 of a zero byte and its stored text.
    hash: String,
    /// Its type.
    #[serde(rename = "type")]
    event_type: String,
    /// What happened, in a few words.
    summary: String,
    /// The aggregate's stream.
    stream: String,
    /// Where it stands in its stream.
    version: u64,
    /// Whose it is; the catalogue's events belong to nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// When the journal took it.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// When it counts.
    #[schema(value_type = String, format = DateTime)]
    effective_at: Timestamp,
    /// Who.
    #[schema(value_type = String)]
    actor: Label,
    /// The idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    command: Option<Label>,
    /// A digest of the request that the key was bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    fingerprint: Option<Label>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    correlation: Option<Label>,
    /// Who reported usage, or what a grant refers to outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Option<Personal>,
    /// The reporter's id for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source_id: Option<Label>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Personal>,
    /// What it moved between accounts; together zero.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    postings: Vec<PostingView>,
    /// How usage was rated: `rated` is `alone`, with its `cost`, or `running_total`, with the total's
    /// cost `before` and `after`. Each has `terms` (quantity times price, per so many), their
    /// `exact` sum with `markup_percent`, and that `rounded` half to even to six decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    working: Option<Working>,
    /// What it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostView>,
    /// The events that it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    causes: Vec<CauseView>,
}

/// What an account got (above zero) or gave.
#[derive(Serialize, ToSchema)]
pub(crate) struct PostingView {
    /// The account.
    account: String,
    /// How much.
    #[schema(value_type = String)]
    amount: Credits,
}

/// What a usage record cost.
#[derive(Serialize, ToSchema)]
pub(crate) struct CostView {
    /// How much.
    #[schema(value_type = String)]
    amount: Credits,
    /// By which price.
    #[schema(value_type = String)]
    price: Label,
    /// What earlier records had left over, which was set against it: below zero where their total
    /// had fallen.
    #[serde(skip_serializing_if = "Credits::is_zero")]
    #[schema(value_type = String)]
    carried: Credits,
}

/// An event that another one rests on.
#[derive(Serialize, ToSchema)]
pub(crate) struct CauseView {
    /// In which way.
    relation: &'static str,
    /// With how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    amount: Option<Credits>,
    /// The event.
    event: EvidenceView,
}

impl ExplanationAnswer {
    /// The answer. What does not add up goes to the log too.
    pub(super) fn of(explanation: Explanation, position: Position) -> ExplanationAnswer {
        let gaps = explanation.gaps();
        for gap in &gaps {
            tracing::error!(
                what = explanation.what,
                figure = gap.figure,
                number = gap.number,
                sum = gap.sum,
                "a number is not the sum of what it is made of; run `quipu verify`"
            );
        }
        ExplanationAnswer {
            what: explanation.what,
            figures: amounts(&explanation.figures),
            adds_up: gaps.is_empty(),
            gaps: gaps.into_iter().map(GapView::from).collect(),
            parts: explanation.parts.into_iter().map(PartView::from).collect(),
            lines: explanation.lines.into_iter().map(LineView::from).collect(),
            rest: explanation.rest.map(RestView::from),
            position,
        }
    }
}

fn amounts(figures: &Figures) -> Amounts {
    figures.iter().map(|(name, figure)| (*name, figure.to_string())).collect()
}

impl From<Gap> for GapView {
    fn from(gap: Gap) -> GapView {
        GapView { figure: gap.figure, number: gap.number, sum: gap.sum }
    }
}

impl From<Part> for PartView {
    fn from(part: Part) -> PartView {
        PartView { what: part.what, figures: amounts(&part.figures) }
    }
}

impl From<Line> for LineView {
    fn from(line: Line) -> LineView {
        LineView { figures: amounts(&line.figures), event: line.event.into() }
    }
}

impl From<Rest> for RestView {
    fn from(rest: Rest) -> RestView {
        RestView { events: rest.events, figures: amounts(&rest.figures) }
    }
}

impl From<Evidence> for EvidenceView {
    fn from(evidence: Evidence) -> EvidenceView {
        EvidenceView {
            position: evidence.position,
            id: evidence.id,
            hash: evidence.hash,
            event_type: evidence.event_type,
            summary: evidence.summary,
            stream: evidence.stream,
            version: evidence.version,
            tenant: evidence.tenant,
            recorded_at: evidence.recorded_at,
            effective_at: evidence.effective_at,
            actor: evidence.actor,
            command: evidence.command,
            fingerprint: evidence.fingerprint,
            correlation: evidence.correlation,
            source: evidence.source,
            source_id: evidence.source_id,
            reason: evidence.reason,
            postings: evidence.postings.into_iter().map(PostingView::from).collect(),
            working: evidence.working,
            cost: evidence.cost.map(CostView::from),
            causes: evidence.causes.into_iter().map(CauseView::from).collect(),
        }
    }
}

impl From<PostedAmount> for PostingView {
    fn from(posted: PostedAmount) -> PostingView {
        PostingView { account: posted.account, amount: posted.amount }
    }
}

impl From<Cost> for CostView {
    fn from(cost: Cost) -> CostView {
        CostView { amount: cost.amount, price: cost.price, carried: cost.carried }
    }
}

impl From<Cause> for CauseView {
    fn from(cause: Cause) -> CauseView {
        let (relation, amount) = (cause.relation, cause.amount);
        CauseView { relation, amount, event: (*cause.event).into() }
    }
}
