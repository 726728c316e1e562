//! What stood in every account, what moved it, and what stands in it now: for a period, in both
//! times.

use std::collections::BTreeMap;

use quipu_database::Connection;
use quipu_domain::postings::Account;
use quipu_domain::{TenantId, Timestamp};
use quipu_projections::{Book, BookHistory, Projection, ProjectionError, Question, Tenants, Until};

use super::history::trees;
use super::{Answer, AsOf, Scope, none_parked, none_skipped};
use crate::{Views, ViewsError};

/// What a trial balance's lines are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrialBalanceGroup {
    /// Each account, over all tenants.
    #[default]
    Account,
    /// Each account of each tenant.
    Tenant,
    /// What was consumed on each meter, over all tenants.
    Meter,
}

/// Which trial balance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialBalanceQuery {
    /// What its lines are about.
    pub group_by: TrialBalanceGroup,
    /// Only this tenant.
    pub tenant: Option<TenantId>,
    /// Movements that count from then on; all where absent.
    pub from: Option<Timestamp>,
    /// Movements that count before then; all where absent.
    pub to: Option<Timestamp>,
    /// As the books of that moment have it.
    pub at: AsOf,
}

/// A line of a trial balance: opening and movement make closing. Amounts in micros; over all
/// tenants they can be larger than any amount of credits (M3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialBalanceLine {
    /// Whose, in a trial balance by tenant.
    pub tenant: Option<TenantId>,
    /// Which account.
    pub account: Account,
    /// What stood in it when the period began.
    pub opening: i128,
    /// What moved it.
    pub movement: i128,
    /// What stood in it when the period ended.
    pub closing: i128,
}

/// A trial balance (M4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrialBalance {
    /// Its lines: by tenant, then by the account's name.
    pub lines: Vec<TrialBalanceLine>,
    /// What all accounts together closed with, whether they have a line or not. Anything but zero
    /// is an error in the books.
    pub sum: i128,
}

/// Opening and closing balance of an account.
type Balances = BTreeMap<(Option<TenantId>, Account), (i128, i128)>;

/// Who is there, and what everybody has.
const SEALED_FROM: [&dyn Projection; 2] = [&Tenants, &BookHistory];

/// Tenants that are read at once.
const TENANTS: &str = "SELECT tenant FROM tenant WHERE tenant > $1 ORDER BY tenant LIMIT 1024";

impl Views {
    /// The trial balance of all tenants, or of one.
    pub fn trial_balance(
        &self,
        query: &TrialBalanceQuery,
        now: Timestamp,
    ) -> Result<Answer<TrialBalance>, ViewsError> {
        let feed = self.feed();
        let scope = query.tenant.as_ref().map_or(Scope::All, Scope::Tenant);
        self.ask(&BookHistory, scope, |connection, checkpoint| {
            let until = query.at.until(now, checkpoint, feed)?;
            let mut balances = Balances::new();
            match &query.tenant {
                Some(tenant) => query.add(connection, tenant, &until, &mut balances)?,
                None => {
                    none_parked(connection, &BookHistory)?;
                    query.add_all(connection, &until, &mut balances)?;
                }
            }
            Ok(query.trial_balance(balances))
        })
    }

    /// The trial balance that a period is sealed with (C2), which is of all tenants: refused while
    /// an event is left out of what it is read from, for what is sealed cannot be mended.
    pub fn trial_balance_to_seal(
        &self,
        query: &TrialBalanceQuery,
        now: Timestamp,
    ) -> Result<Answer<TrialBalance>, ViewsError> {
        let feed = self.feed();
        self.ask(&BookHistory, Scope::All, |connection, checkpoint| {
            for projection in SEALED_FROM {
                none_parked(connection, projection)?;
                none_skipped(connection, projection)?;
            }
            let until = query.at.until(now, checkpoint, feed)?;
            let mut balances = Balances::new();
            query.add_all(connection, &until, &mut balances)?;
            Ok(query.trial_balance(balances))
        })
    }
}

fn each_tenant(
    connection: &mut Connection,
    mut each: impl FnMut(&mut Connection, &TenantId) -> Result<(), ViewsError>,
) -> Result<(), ViewsError> {
    let mut after = String::new();
    loop {
        let rows = connection.query(TENANTS, &[after.as_str().into()])?;
        let Some(last) = rows.last() else { return Ok(()) };
        last.text(0)?.clone_into(&mut after);
        for row in &rows {
            let tenant = row
                .text(0)?
                .parse()
                .map_err(|_| ProjectionError::MalformedRow { table: "tenant" })?;
            each(connection, &tenant)?;
        }
    }
}

impl TrialBalanceQuery {
    /// Adds everybody's accounts.
    fn add_all(
        &self,
        connection: &mut Connection,
        until: &Until,
        balances: &mut Balances,
    ) -> Result<(), ViewsError> {
        each_tenant(connection, |connection, tenant| self.add(connection, tenant, until, balances))
    }

    /// Adds a tenant's accounts at the beginning of the period and at its end.
    fn add(
        &self,
        connection: &mut Connection,
        tenant: &TenantId,
        until: &Until,
        balances: &mut Balances,
    ) -> Result<(), ViewsError> {
        let whose = (self.group_by == TrialBalanceGroup::Tenant).then(|| tenant.clone());
        let mut trees = trees::<Book>(connection, tenant);
        let mut accounts = |until: &Until| -> Result<Vec<(Account, i128)>, ViewsError> {
            Ok(trees.sums(&Question::up_to(until))?.accounts())
        };
        if let Some(from) = self.from {
            for (account, micros) in accounts(&before(from, until))? {
                balances.entry((whose.clone(), account)).or_default().0 += micros;
            }
        }
        let end = self.to.map_or(*until, |to| before(to, until));
        for (account, micros) in accounts(&end)? {
            balances.entry((whose.clone(), account)).or_default().1 += micros;
        }
        Ok(())
    }

    fn trial_balance(&self, balances: Balances) -> TrialBalance {
        let sum = balances.values().map(|(_, closing)| closing).sum();
        let lines = balances.into_iter().map(|((tenant, account), (opening, closing))| {
            TrialBalanceLine { tenant, account, opening, movement: closing - opening, closing }
        });
        let is_shown = |line: &TrialBalanceLine| {
            self.group_by != TrialBalanceGroup::Meter
                || matches!(line.account, Account::Consumed(_))
        };
        let mut lines: Vec<TrialBalanceLine> = lines.filter(is_shown).collect();
        lines.sort_by_cached_key(|line| (line.tenant.clone(), line.account.to_string()));
        TrialBalance { lines, sum }
    }
}

/// What counts before a moment, within the bounds of a question.
pub(super) fn before(moment: Timestamp, until: &Until) -> Until {
    Until { effective_at: until.effective_at.min(moment.micros() - 1), ..*until }
}
