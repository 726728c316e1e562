//! How many requests were answered, and how long that took.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};

/// The answers of one route. To find a counter by its labels takes longer than to count, so each is
/// looked up once.
#[derive(Default)]
pub(super) struct Counted(Mutex<Vec<Answers>>);

/// Answers that are counted together.
struct Answers {
    route: Option<MatchedPath>,
    method: &'static str,
    status: StatusCode,
    requests: Counter,
    seconds: Histogram,
}

impl Counted {
    /// Counts an answer. There is no route where none matched.
    pub(super) fn count(
        &self,
        route: Option<MatchedPath>,
        method: &Method,
        status: StatusCode,
        elapsed: Duration,
    ) {
        let method = name_of(method);
        // Nothing is half done if a thread panicked beside it.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |answers: &Answers| {
            answers.status == status
                && answers.method == method
                && path_of(&answers.route) == path_of(&route)
        };
        let at = all.iter().position(is_it).unwrap_or_else(|| {
            all.push(Answers::new(route, method, status));
            all.len() - 1
        });
        all[at].requests.increment(1);
        all[at].seconds.record(elapsed.as_secs_f64());
    }
}

impl Answers {
    fn new(route: Option<MatchedPath>, method: &'static str, status: StatusCode) -> Answers {
        let path = path_of(&route).to_owned();
        let requests = metrics::counter!(
            "quipu_http_requests_total",
            "method" => method, "route" => path.clone(), "status" => status.as_str().to_owned()
        );
        let seconds = metrics::histogram!(
            "quipu_http_request_seconds", "method" => method, "route" => path
        );
        Answers { route, method, status, requests, seconds }
    }
}

fn path_of(route: &Option<MatchedPath>) -> &str {
    route.as_ref().map_or("unmatched", MatchedPath::as_str)
}

/// The method is one of a few: whatever else a caller invents is refused by the router.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn answers_are_counted_by_method_and_status_and_unknown_methods_as_one() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let counted = Counted::default();
        let count = |method: &[u8], status: StatusCode| {
            let method = Method::from_bytes(method).unwrap();
            counted.count(None, &method, status, Duration::from_millis(1));
        };
        metrics::with_local_recorder(&recorder, || {
            count(b"GET", StatusCode::OK);
            count(b"GET", StatusCode::OK);
            count(b"GET", StatusCode::NOT_FOUND);
            count(b"BREW", StatusCode::METHOD_NOT_ALLOWED);
            count(b"STEEP", StatusCode::METHOD_NOT_ALLOWED);
        });
        let text = recorder.handle().render();
        let of_kind = |labels: &str| {
            let name = format!("quipu_http_requests_total{{{labels}}} ");
            text.lines().find_map(|line| line.strip_prefix(&name))
        };
        let unmatched = "route=\"unmatched\"";
        assert_eq!(of_kind(&format!("method=\"GET\",{unmatched},status=\"200\"")), Some("2"));
        assert_eq!(of_kind(&format!("method=\"GET\",{unmatched},status=\"404\"")), Some("1"));
        assert_eq!(of_kind(&format!("method=\"other\",{unmatched},status=\"405\"")), Some("2"));
        let seconds = text.lines().find(|line| line.contains("_seconds_count{method=\"GET\""));
        assert_eq!(seconds.map(|line| line.ends_with(" 3")), Some(true), "{text}");
    }
}
