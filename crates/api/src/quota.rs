//! How much one caller may ask for at a time, so that one tenant's flood does not take the whole
//! server, and bodies in memory stay bounded.
//!
//! The quota counts requests under way, not requests per time: a server that keeps up refuses
//! nobody. It is announced in the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State as Extracted};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Code, Problem};
use crate::state::State;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit");

/// Requests under way, by whose they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<Mutex<HashMap<Box<str>, usize>>>);

/// The layer: takes a place in the quota that a request falls under for as long as it is answered.
pub(crate) async fn keep(
    Extracted(state): Extracted<State>,
    request: Request,
    next: Next,
) -> Response {
    let Some(quota) = Quota::of(&request, &state) else { return next.run(request).await };
    let Some(place) = state.under_way.take(&quota) else { return quota.exceeded() };
    let mut response = next.run(request).await;
    let remaining = quota.most - place.used;
    drop(place);
    quota.announce(&mut response, remaining);
    response
}

/// The quota that a request falls under.
struct Quota {
    policy: &'static str,
    whose: Box<str>,
    most: usize,
}

impl Quota {
    fn of(request: &Request, state: &State) -> Option<Quota> {
        let path = request.uri().path();
        let batch = match path {
            "/v1/usage" => Some("usage"),
            "/v1/commands" => Some("commands"),
            _ => None,
        };
        if let Some(policy) = batch.filter(|_| request.method() == Method::POST) {
            let most = state.limits.batches_under_way;
            return Some(Quota { policy, whose: "batches".into(), most });
        }
        let rest = path.strip_prefix("/v1/tenants/")?;
        let tenant = rest.split('/').next().filter(|tenant| !tenant.is_empty())?;
        let most = state.limits.tenant_requests_under_way;
        Some(Quota { policy: "tenant", whose: format!("tenant {tenant}").into(), most })
    }

    fn exceeded(&self) -> Response {
        let mut response = Problem::new(
            Code::TooManyRequests,
            format!("{} requests are under way already", self.most),
            "wait for some of them to be answered, then send this one again with the same \
             Idempotency-Key",
        )
        .retry_after_seconds(1)
        .into_response();
        self.announce(&mut response, 0);
        response
    }

    fn announce(&self, response: &mut Response, remaining: usize) {
        let policy = format!("\"{}\";q={};qu=\"concurrent-requests\"", self.policy, self.most);
        let left = format!("\"{}\";r={remaining}", self.policy);
        for (name, value) in [(POLICY, policy), (REMAINING, left)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
    }
}

impl UnderWay {
    fn take(&self, quota: &Quota) -> Option<Place> {
        let mut counts = self.counts();
        let used = counts.get(&quota.whose).copied().unwrap_or_default() + 1;
        if used > quota.most {
            return None;
        }
        counts.insert(quota.whose.clone(), used);
        Some(Place { under_way: self.clone(), whose: quota.whose.clone(), used })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Box<str>, usize>> {
        // A count is changed in one step, so it is whole even if a thread panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a quota, given back when dropped: also when the caller hangs up.
struct Place {
    under_way: UnderWay,
    whose: Box<str>,
    /// Places in use when this one was taken, this one included.
    used: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.under_way.counts();
        if let Some(count) = counts.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(whose: &str) -> Quota {
        Quota { policy: "tenant", whose: whose.into(), most: 2 }
    }

    #[test]
    fn a_quota_is_each_callers_own_and_places_come_back() {
        let under_way = UnderWay::default();
        let first = under_way.take(&quota("a"));
        let _second = under_way.take(&quota("a"));
        assert!(under_way.take(&quota("a")).is_none());
        assert!(under_way.take(&quota("b")).is_some());
        drop(first);
        assert_eq!(under_way.take(&quota("a")).map(|place| place.used), Some(2));
    }

    #[test]
    fn nobody_is_remembered_who_has_nothing_under_way() {
        let under_way = UnderWay::default();
        drop(under_way.take(&quota("a")));
        assert!(under_way.counts().is_empty());
    }

    #[test]
    fn a_full_quota_is_a_problem_that_says_when_to_come_again() {
        let response = quota("a").exceeded();
        assert_eq!(response.headers()["ratelimit"], "\"tenant\";r=0");
        assert_eq!(
            response.headers()["ratelimit-policy"],
            "\"tenant\";q=2;qu=\"concurrent-requests\""
        );
    }
}
