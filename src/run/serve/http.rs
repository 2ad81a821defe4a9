//! `/healthz`, `/readyz` and `/metrics`. Nothing here says anything that a repository does, and nothing can be changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::metrics::Metrics;

/// How long the loop may show no sign of life. It shows one each second.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What the process tells of itself.
#[derive(Debug)]
pub struct ServeStatus {
    /// What is counted.
    pub metrics: Metrics,
    ready: AtomicBool,
    alive: Mutex<Instant>,
}

impl Default for ServeStatus {
    fn default() -> Self {
        Self { metrics: Metrics::default(), ready: AtomicBool::default(), alive: Mutex::new(Instant::now()) }
    }
}

impl ServeStatus {
    /// Says whether runs are begun.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Shows a sign of life.
    pub fn beat(&self) {
        *self.alive.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_alive(&self) -> bool {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < SILENCE_MAX
    }
}

/// Returns the routes.
pub fn router(status: Arc<ServeStatus>) -> Router {
    let said = |good: bool, yes: &'static str, no: &'static str| match good {
        true => (StatusCode::OK, yes),
        false => (StatusCode::SERVICE_UNAVAILABLE, no),
    };
    let health = move |State(status): State<Arc<ServeStatus>>| async move {
        said(status.is_alive(), "alive\n", "no sign of life\n")
    };
    let ready = move |State(status): State<Arc<ServeStatus>>| async move {
        said(status.ready.load(Ordering::Relaxed), "ready\n", "not ready\n")
    };
    let metrics = |State(status): State<Arc<ServeStatus>>| async move {
        let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, media_type)], status.metrics.text()).into_response()
    };
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(status)
}
