//! The whole interface on a journal in memory and views in a temporary file.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::unique_keys::UniqueKeys;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use metrics_exporter_prometheus::PrometheusBuilder;
use quipu_api::{Limits, State, router};
use quipu_domain::{Position, Recorded, Timestamp};
use quipu_engine::{Clock, Engine, ManualClock, Options};
use quipu_journal::{Journal, MemoryStore};
use quipu_proofs::{KeyFolder, ProofStore, Proofs, Publisher};
use quipu_sealing::SubjectKeys;
use quipu_views::{Feed, FeedError, Location, Runner, RunnerOptions, Views};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// The moment at which everything in these tests happens.
pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";

pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) publisher: Publisher,
    /// While it is true, the views cannot go on.
    pub(crate) views_fail: Arc<AtomicBool>,
    keys: SubjectKeys,
    _runner: Runner,
    folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

struct JournalFeed {
    journal: Journal,
    fails: Arc<AtomicBool>,
}

impl JournalFeed {
    fn journal(&self) -> Result<&Journal, FeedError> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err(FeedError("a feed on fire".to_owned())),
            false => Ok(&self.journal),
        }
    }
}

impl Feed for JournalFeed {
    fn read(&self, after: Position, most_events: usize) -> Result<Vec<Recorded>, FeedError> {
        self.journal()?.page(after, most_events).map_err(|error| FeedError(error.to_string()))
    }

    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, FeedError> {
        self.journal()?.events_at(positions).map_err(|error| FeedError(error.to_string()))
    }

    fn last_recorded_by(&self, moment: Timestamp) -> Result<Position, FeedError> {
        self.journal()?.last_recorded_by(moment).map_err(|error| FeedError(error.to_string()))
    }

    fn head(&self) -> Result<Position, FeedError> {
        let head = self.journal()?.head().map_err(|error| FeedError(error.to_string()))?;
        Ok(head.position)
    }
}

impl App {
    pub(crate) fn start() -> App {
        App::with(Limits { view_timeout: Duration::from_secs(60), ..Limits::default() })
    }

    pub(crate) fn with(limits: Limits) -> App {
        App::assemble(limits, |state| state)
    }

    /// As a server without keys to sign with.
    pub(crate) fn without_signing() -> App {
        App::assemble(Limits::default(), State::without_signing)
    }

    /// As a server that is told to answer to this name, too.
    pub(crate) fn allowing_host(name: &str) -> App {
        App::assemble(Limits::default(), |state| state.allowing_hosts(vec![name.to_owned()]))
    }

    fn assemble(limits: Limits, finish: impl FnOnce(State) -> State) -> App {
        let clock = Arc::new(ManualClock::at(NOW.parse().unwrap()));
        let options = Options { clock: clock.clone(), ..Options::default() };
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::start(store.clone(), options).unwrap();
        let folder = quipu_testkit::sqlite::folder();
        let views_fail = Arc::new(AtomicBool::new(false));
        let feed =
            Arc::new(JournalFeed { journal: engine.journal().clone(), fails: views_fail.clone() });
        let location = Location::Sqlite { file: folder.path().join("views.db") };
        let views = Views::open(location, feed).unwrap();
        let options = RunnerOptions { poll: Duration::from_millis(2), ..RunnerOptions::default() };
        let runner = Runner::start(&views, options).unwrap();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let settings = vec![("store".to_owned(), "memory".to_owned())];
        let checkpoints = ProofStore::open_sqlite(&folder.path().join("proofs.db")).unwrap();
        let proofs = Proofs::new(checkpoints, engine.journal().clone());
        let keys = KeyFolder::open(&folder.path().join("keys")).unwrap();
        keys.generate(clock.now()).unwrap();
        let name = "example.com/book".parse().unwrap();
        let publisher = Publisher::new(proofs.clone(), keys, &name, 1);
        let keys = SubjectKeys::open(&folder.path().join("subject-keys")).unwrap();
        let state =
            State::new(engine.clone(), views, proofs, keys.clone(), metrics, settings, limits);
        let (router, _runner) = (router(finish(state)), runner);
        App { router, engine, clock, store, publisher, views_fail, keys, _runner, folder }
    }

    /// As a server that starts: it knows the keys that are in the folder, and no others.
    pub(crate) fn read_keys_again(&self) {
        self.keys.read_again().unwrap();
    }

    /// The files of a tenant's keys.
    pub(crate) fn key_files(&self, tenant: &str) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.folder.path().join("subject-keys")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files.filter(|file| file.file_stem().is_some_and(|stem| stem == tenant)).collect()
    }

    /// The names of the files with keys of personal texts.
    pub(crate) fn subject_keys(&self) -> BTreeSet<OsString> {
        let files = std::fs::read_dir(self.folder.path().join("subject-keys")).unwrap();
        files.map(|file| file.unwrap().file_name()).collect()
    }

    pub(crate) fn head(&self) -> Position {
        self.engine.subscribe().borrow().position
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts a body under a key.
    pub(crate) async fn post(&self, path: &str, key: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .header("x-request-id", "request-1");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Posts usage, whose records are their own keys.
    pub(crate) async fn post_usage(&self, query: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/v1/usage{query}"))
            .header("content-type", "application/json")
            .header("x-request-id", "request-1");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A tenant `t_acme` with so many credits.
    pub(crate) async fn with_credits(self, amount: &str) -> App {
        let tenant = self.post("/v1/tenants", "tenant", r#"{"name":"Acme","id":"t_acme"}"#).await;
        assert_eq!(tenant.status, StatusCode::CREATED, "{}", tenant.text());
        let grant = format!(r#"{{"amount":"{amount}"}}"#);
        let grant = self.post("/v1/tenants/t_acme/grants", "grant", grant).await;
        assert_eq!(grant.status, StatusCode::CREATED, "{}", grant.text());
        self
    }

    /// A read that has seen everything that was written before.
    pub(crate) async fn read(&self, path: &str) -> Answer {
        let joint = if path.contains('?') { '&' } else { '?' };
        self.get(&format!("{path}{joint}at_least={}", self.head())).await
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice::<UniqueKeys>(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()));
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no header {name}"));
        value.to_str().unwrap()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}
