//! `/v1/accounts`: what stands in every account, with what is dated ahead (rule M4).

use axum::response::Response;
use quipu_domain::{Position, TenantId};
use quipu_projections::Account;
use quipu_views::{AllAccounts, Views};
use serde::Serialize;
use utoipa::ToSchema;

use crate::parameters::{PathIds, ReadQuery, StrictQuery};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::wire::credits_of_micros;

/// An account and the sum of its postings.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// Its name.
    #[schema(example = "consumed/llm_tokens")]
    account: String,
    /// Above zero: it got more than it gave.
    #[schema(example = "12.5")]
    balance: String,
}

/// Accounts by name, and what they sum up to.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountsAnswer {
    accounts: Vec<AccountView>,
    /// What all accounts together come to: anything but zero is an error in the books.
    #[schema(example = "0")]
    sum: String,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl AccountView {
    fn new(account: String, balance_micros: i128) -> AccountView {
        AccountView { account, balance: credits_of_micros(balance_micros) }
    }
}

/// Shows all accounts over all tenants. Their sum is zero.
///
/// Grants that are dated ahead are in them, as `available`; `/v1/trial-balance` with `as_of` leaves
/// out what does not count yet.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "journal",
    operation_id = "list_accounts", params(ReadQuery),
    responses((status = 200, body = AccountsAnswer, description = "All accounts."))
)]
pub(crate) async fn list(
    reader: Reader,
    StrictQuery(query): StrictQuery<ReadQuery>,
) -> Result<Response, Problem> {
    let wire = |all: AllAccounts, position| AccountsAnswer {
        accounts: all
            .accounts
            .into_iter()
            .map(|account| AccountView::new(account.account, account.balance_micros))
            .collect(),
        sum: credits_of_micros(all.sum_micros),
        position,
    };
    let read = |views: &Views, _| views.all_accounts();
    reader.answer(query.at_least, read, wire).await
}

/// Shows the accounts of one tenant. Their sum is zero.
///
/// Grants that are dated ahead are in them, as `available`; the balance has them as `pending`.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/accounts", tag = "wallet",
    operation_id = "list_tenant_accounts", params(ReadQuery),
    responses((status = 200, body = AccountsAnswer, description = "The tenant's accounts."))
)]
pub(crate) async fn of_tenant(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<ReadQuery>,
) -> Result<Response, Problem> {
    let read = move |views: &Views, _| views.accounts(&tenant);
    let wire = |accounts: Vec<Account>, position| AccountsAnswer {
        sum: credits_of_micros(accounts.iter().map(Account::balance_micros).sum()),
        accounts: accounts
            .into_iter()
            .map(|row| AccountView::new(row.account.to_string(), row.balance_micros()))
            .collect(),
        position,
    };
    reader.answer(query.at_least, read, wire).await
}
