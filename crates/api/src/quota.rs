//! How much one caller may ask for at a time, so that one tenant's flood does not take the whole
//! server, and bodies in memory stay bounded.
//!
//! The quota counts requests under way, not requests per time: a server that keeps up refuses
//! nobody. It is announced in the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use crate::problem::{Code, Problem};
use crate::state::Limits;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit");

/// The quotas, and what is under way of each.
#[derive(Clone, Debug)]
pub(crate) struct Quotas(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tenant: Policy,
    usage: Policy,
    commands: Policy,
    /// Requests under way, by whose they are.
    under_way: Mutex<HashMap<Whose, usize>>,
}

/// A quota as callers know it.
#[derive(Clone, Debug)]
struct Policy {
    name: &'static str,
    most: usize,
    /// How it is announced: the same with every answer.
    announced: HeaderValue,
}

/// Who shares a quota.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    /// All that a tenant is asked about.
    Tenant(Arc<str>),
    /// All batches, whatever is in them.
    Batches,
}

impl Quotas {
    pub(crate) fn new(limits: &Limits) -> Quotas {
        Quotas(Arc::new(Shared {
            tenant: Policy::new("tenant", limits.tenant_requests_under_way),
            usage: Policy::new("usage", limits.batches_under_way),
            commands: Policy::new("commands", limits.batches_under_way),
            under_way: Mutex::default(),
        }))
    }

    /// Takes a place in the quota that a request falls under, if it falls under one.
    pub(crate) fn enter(&self, request: &Request) -> Result<Option<Place>, Full<'_>> {
        let Some((policy, whose)) = self.quota_of(request) else { return Ok(None) };
        self.take(policy, whose).map(Some).ok_or(Full(policy))
    }

    fn quota_of(&self, request: &Request) -> Option<(&Policy, Whose)> {
        let path = request.uri().path();
        let batch = match path {
            "/v1/usage" => Some(&self.0.usage),
            "/v1/commands" => Some(&self.0.commands),
            _ => None,
        };
        if let Some(policy) = batch.filter(|_| request.method() == Method::POST) {
            return Some((policy, Whose::Batches));
        }
        let rest = path.strip_prefix("/v1/tenants/")?;
        let tenant = rest.split('/').next().filter(|tenant| !tenant.is_empty())?;
        // One tenant has one quota, however its id is written: the router decodes it, too.
        let tenant = percent_decode_str(tenant).decode_utf8_lossy();
        Some((&self.0.tenant, Whose::Tenant(tenant.as_ref().into())))
    }

    fn take(&self, policy: &Policy, whose: Whose) -> Option<Place> {
        let mut under_way = self.under_way();
        let used = under_way.get(&whose).copied().unwrap_or_default() + 1;
        let remaining = policy.most.checked_sub(used)?;
        under_way.insert(whose.clone(), used);
        Some(Place { quotas: self.clone(), policy: policy.clone(), whose, remaining })
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Whose, usize>> {
        // A count is changed in one step, so it is whole even if a thread panicked beside it.
        self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Policy {
    fn new(name: &'static str, most: usize) -> Policy {
        let announced = format!("\"{name}\";q={most};qu=\"concurrent-requests\"");
        let announced = HeaderValue::try_from(announced).expect("names and numbers are visible");
        Policy { name, most, announced }
    }

    fn announce(&self, response: &mut Response, remaining: usize) {
        let remaining = HeaderValue::try_from(format!("\"{}\";r={remaining}", self.name))
            .expect("names and numbers are visible");
        response.headers_mut().insert(POLICY, self.announced.clone());
        response.headers_mut().insert(REMAINING, remaining);
    }
}

/// A quota in which no place is left.
pub(crate) struct Full<'a>(&'a Policy);

impl IntoResponse for Full<'_> {
    fn into_response(self) -> Response {
        let Full(policy) = self;
        let mut response = Problem::new(
            Code::TooManyRequests,
            format!("{} requests are under way already", policy.most),
            "wait for some of them to be answered, then send this one again with the same \
             Idempotency-Key",
        )
        .retry_after_seconds(1)
        .into_response();
        policy.announce(&mut response, 0);
        response
    }
}

/// A place in a quota, given back when dropped: also when the caller hangs up.
pub(crate) struct Place {
    quotas: Quotas,
    policy: Policy,
    whose: Whose,
    /// Places that were left when this one was taken.
    remaining: usize,
}

impl Place {
    /// Tells the caller of the quota. The place is free before the answer has gone out.
    pub(crate) fn leave(self, response: &mut Response) {
        self.policy.announce(response, self.remaining);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.quotas.under_way();
        if let Some(count) = under_way.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas() -> Quotas {
        Quotas::new(&Limits { tenant_requests_under_way: 2, ..Limits::default() })
    }

    fn take(quotas: &Quotas, tenant: &str) -> Option<Place> {
        quotas.take(&quotas.0.tenant, Whose::Tenant(tenant.into()))
    }

    #[test]
    fn a_quota_is_each_callers_own_and_places_come_back() {
        let quotas = quotas();
        let first = take(&quotas, "a");
        let _second = take(&quotas, "a");
        assert!(take(&quotas, "a").is_none());
        assert!(take(&quotas, "b").is_some());
        drop(first);
        assert_eq!(take(&quotas, "a").map(|place| place.remaining), Some(0));
    }

    #[test]
    fn a_tenant_has_one_quota_however_its_id_is_written() {
        let quotas = quotas();
        let enter = |tenant: &str| {
            let path = format!("/v1/tenants/{tenant}/balance");
            let request = Request::get(path).body(axum::body::Body::empty());
            quotas.enter(&request.expect("a request")).ok().flatten()
        };
        let _places = [enter("t_acme"), enter("t_%61cme")].map(|place| place.expect("a place"));
        assert!(enter("%74_acme").is_none());
        assert!(enter("t_b").is_some());
    }

    #[test]
    fn nobody_is_remembered_who_has_nothing_under_way() {
        let quotas = quotas();
        drop(take(&quotas, "a"));
        assert!(quotas.under_way().is_empty());
    }

    #[test]
    fn a_full_quota_is_a_problem_that_says_when_to_come_again() {
        let response = Full(&quotas().0.tenant).into_response();
        assert_eq!(response.headers()["ratelimit"], "\"tenant\";r=0");
        assert_eq!(
            response.headers()["ratelimit-policy"],
            "\"tenant\";q=2;qu=\"concurrent-requests\""
        );
    }
}
