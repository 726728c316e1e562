//! `/v1/tenants/{tenant}/balance`: what can be spent, what is held, what is owed (rules W3, M5).

use std::borrow::Cow;

use axum::response::Response;
use quipu_domain::{MeterName, Personal, Position, TenantId, Timestamp};
use quipu_views::{AsOf, BookBalance, Views, WalletBalance};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::answer::Balance;
use crate::openapi::any_of;
use crate::parameters::{KnownAtParameter, PathIds, StrictQuery};
use crate::problem::{Code, Problem};
use crate::reading::Reader;
use crate::wire::credits_of_micros;

/// Which balance.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BalanceQuery {
    /// Count only lots that this meter may burn.
    #[param(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// The books at this effective time; now where absent.
    #[param(value_type = Option<String>)]
    as_of: Option<Timestamp>,
    /// The books as they were known at this time of recording, or at this position.
    #[param(value_type = Option<String>)]
    known_at: Option<KnownAtParameter>,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

/// What a wallet has now.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "tenant": "t_acme", "available": "498.75", "held": "0", "overdraft": "0", "overdraft_limit": "0",
    "pending": "0", "frozen": false, "last_event": 3, "position": 3
}))]
pub(crate) struct BalanceAnswer {
    /// Whose.
    #[schema(value_type = String)]
    tenant: TenantId,
    #[serde(flatten)]
    balance: Balance,
    /// Why the wallet is frozen, while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    frozen_reason: Option<Personal>,
    /// The wallet's last event.
    #[schema(value_type = u64)]
    last_event: Position,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

/// What a wallet has now, or what the books said at a moment.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Shown {
    Now(BalanceAnswer),
    Then(BookBalanceAnswer),
}

/// What a wallet has now has everything that the books said, and more.
impl PartialSchema for Shown {
    fn schema() -> RefOr<Schema> {
        any_of([BalanceAnswer::name(), BookBalanceAnswer::name()]).into()
    }
}

impl ToSchema for Shown {
    fn name() -> Cow<'static, str> {
        "BalanceShown".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((BalanceAnswer::name().into(), BalanceAnswer::schema()));
        schemas.push((BookBalanceAnswer::name().into(), BookBalanceAnswer::schema()));
        BalanceAnswer::schemas(schemas);
        BookBalanceAnswer::schemas(schemas);
    }
}

/// What the books said at a moment.
#[derive(Serialize, ToSchema)]
pub(crate) struct BookBalanceAnswer {
    /// Whose.
    #[schema(value_type = String)]
    tenant: TenantId,
    #[serde(flatten)]
    balance: BookBalanceView,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

/// A wallet's three accounts in the books.
#[derive(Serialize, ToSchema)]
pub(crate) struct BookBalanceView {
    /// In lots and not held.
    available: String,
    /// What holds have reserved.
    held: String,
    /// What is owed.
    overdraft: String,
}

impl From<BookBalance> for BookBalanceView {
    fn from(book: BookBalance) -> BookBalanceView {
        let BookBalance { available, held, overdraft } = book;
        let [available, held, overdraft] = [available, held, -overdraft].map(credits_of_micros);
        BookBalanceView { available, held, overdraft }
    }
}

/// Shows what a wallet has: now, or in the books of a moment, in both times.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/balance", tag = "wallet",
    operation_id = "show_balance", params(BalanceQuery),
    responses(
        (status = 200, body = Shown, description = "The balance. With `as_of` or `known_at`: what the books said (`BookBalanceAnswer`)."),
    )
)]
pub(crate) async fn show(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<BalanceQuery>,
) -> Result<Response, Problem> {
    let BalanceQuery { meter, as_of, known_at, at_least } = query;
    if as_of.is_none() && known_at.is_none() {
        return present(reader, tenant, meter, at_least).await;
    }
    if meter.is_some() {
        return Err(Problem::new(
            Code::InvalidQuery,
            "the books of a moment are not kept by meter",
            "leave meter out, or leave as_of and known_at out",
        ));
    }
    let at = AsOf { as_of, known_at: known_at.map(|known_at| known_at.0) };
    let whose = tenant.clone();
    let read = move |views: &Views, now| views.balance_as_of(&whose, at.counting_at(now), now);
    let wire = |book: BookBalance, position| {
        Shown::Then(BookBalanceAnswer { tenant, balance: book.into(), position })
    };
    reader.answer(at_least, read, wire).await
}

async fn present(
    reader: Reader,
    tenant: TenantId,
    meter: Option<MeterName>,
    at_least: Option<Position>,
) -> Result<Response, Problem> {
    let whose = tenant.clone();
    let read = move |views: &Views, now| views.balance(&whose, meter.as_ref(), now);
    let wire = |wallet: WalletBalance, position| {
        Shown::Now(BalanceAnswer {
            tenant,
            balance: wallet.balance.into(),
            frozen_reason: wallet.frozen_reason,
            last_event: wallet.last_event,
            position,
        })
    };
    reader.answer(at_least, read, wire).await
}
