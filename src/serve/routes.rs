//! What there is to ask for, and what happens with every request before it gets there: it is counted, and refused
//! where its client may not or may not yet.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::answer::{Answer, Explanation, Named, SCHEMA, json_response};
use super::fault::Fault;
use super::metrics::{Metrics, Now};
use super::model::{Model, Ranking};
use super::queue::Queue;
use super::rate::Rates;
use super::token::Token;
use super::upload::{Limits, Memory, Picture, Upload, discard, uploads};
use super::workers::{Task, Wish};
use super::{openapi, page};

/// What all requests share.
pub struct House {
    pub model: Arc<dyn Model>,
    pub queue: Arc<Queue<Task>>,
    pub metrics: Arc<Metrics>,
    pub memory: Arc<Memory>,
    pub limits: Limits,
    pub rates: Option<Rates>,
    pub token: Option<Token>,
}

/// Who a request comes from; each connection puts it there.
#[derive(Debug, Clone, Copy)]
pub struct Client(pub IpAddr);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    Page,
    Predict,
    Explain,
    Health,
    Metrics,
    OpenApi,
}

impl Route {
    pub const ALL: [Self; 6] =
        [Self::Page, Self::Predict, Self::Explain, Self::Health, Self::Metrics, Self::OpenApi];

    pub fn path(self) -> &'static str {
        match self {
            Self::Page => "/",
            Self::Predict => "/predict",
            Self::Explain => "/explain",
            Self::Health => "/health",
            Self::Metrics => "/metrics",
            Self::OpenApi => "/openapi.json",
        }
    }

    pub fn method(self) -> Method {
        match self {
            Self::Predict | Self::Explain => Method::POST,
            _ => Method::GET,
        }
    }

    /// Whether only those get in who show the token. A page has to load before a token can be typed into it.
    pub fn is_guarded(self) -> bool {
        matches!(self, Self::Predict | Self::Explain | Self::Metrics)
    }

    fn handler(self) -> MethodRouter<Arc<House>> {
        match self {
            Self::Page => get(home),
            Self::Predict => post(predict),
            Self::Explain => post(explain),
            Self::Health => get(health),
            Self::Metrics => get(metrics),
            Self::OpenApi => get(description),
        }
    }

    fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.path() == path)
    }
}

pub fn router(house: Arc<House>) -> Router {
    let routes = Route::ALL.into_iter();
    let router = routes.fold(Router::new(), |router, route| {
        let allowed = if route.method() == Method::GET { "GET, HEAD" } else { "POST" };
        let handler = route.handler().fallback(async move || Fault::Method { allowed });
        router.route(route.path(), handler)
    });
    router
        .fallback(async || Fault::NoSuchPath)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&house), at_the_door))
        .with_state(house)
}

/// Counts a request, and lets it in or not.
async fn at_the_door(State(house): State<Arc<House>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = Route::of(request.uri().path());
    let mut response = match admitted(&house, route, &request, started) {
        Ok(()) => next.run(request).await,
        Err(fault) => {
            discard(request.into_body(), house.limits).await;
            fault.into_response()
        }
    };
    let status = response.status().as_u16();
    house.metrics.request(route.map_or("other", Route::path), status, started.elapsed());
    tracing::info!("{} {status} {:?}", route.map_or("other", Route::path), started.elapsed());
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn admitted(house: &House, route: Option<Route>, request: &Request, now: Instant) -> Result<(), Fault> {
    // Whoever watches over the server may look as often as needed.
    let client = request.extensions().get().map(|Client(address)| *address);
    if let (Some(rates), Some(client)) = (&house.rates, client)
        && route != Some(Route::Health)
    {
        rates.pass(client, now)?;
    }
    match &house.token {
        Some(token) if route.is_some_and(Route::is_guarded) && !token.is_shown_in(request.headers()) => {
            Err(Fault::Token)
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    top: Option<usize>,
}

/// Classes of a picture where nobody says how many.
const TOP: usize = 5;
/// And at most, as the description of the interface has it.
const MOST_TOP: usize = 1_000_000;

async fn predict(
    State(house): State<Arc<House>>,
    asked: Result<Query<Asked>, QueryRejection>,
    request: Request,
) -> Result<Response, Fault> {
    let Query(Asked { top }) = asked.map_err(|error| Fault::Malformed(error.body_text()))?;
    let top = top.unwrap_or(TOP);
    if !(1..=MOST_TOP).contains(&top) {
        return Err(Fault::Malformed(format!(
            "top={top}: the number of classes must be from 1 to {MOST_TOP}"
        )));
    }
    let uploads = uploads(request, house.limits, &house.memory).await?;
    let (names, files): (Vec<_>, Vec<_>) =
        uploads.into_iter().map(|Upload { name, file }| (name, file)).unzip();
    let outcomes = named(&house, files).await?;
    // An answer without any class in it is a refusal.
    if let Some(Err(fault)) = outcomes.first()
        && outcomes.iter().all(Result::is_err)
    {
        return Err(fault.clone());
    }
    let about = house.model.about();
    let pictures = names.iter().zip(&outcomes);
    let pictures = pictures.map(|(name, outcome)| Named::new(about, name.as_deref(), outcome, top)).collect();
    Ok(json_response(StatusCode::OK, &Answer::new(about, pictures)))
}

/// What the workers say of some pictures.
async fn named(house: &House, files: Vec<Picture>) -> Result<Vec<Result<Ranking, Fault>>, Fault> {
    let (tasks, replies): (Vec<_>, Vec<_>) = files
        .into_iter()
        .map(|picture| {
            let (reply, outcome) = oneshot::channel();
            (Task { picture, wish: Wish::Name(reply) }, outcome)
        })
        .unzip();
    house.queue.put(tasks).map_err(|_| Fault::Busy)?;
    let mut outcomes = Vec::new();
    for reply in replies {
        // A worker that says nothing has ended.
        outcomes.push(reply.await.unwrap_or(Err(Fault::Failed)));
    }
    Ok(outcomes)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfClass {
    class: Option<String>,
}

async fn explain(
    State(house): State<Arc<House>>,
    asked: Result<Query<OfClass>, QueryRejection>,
    request: Request,
) -> Result<Response, Fault> {
    let Query(OfClass { class }) = asked.map_err(|error| Fault::Malformed(error.body_text()))?;
    let about = house.model.about();
    let number = |name: String| {
        let found = about.classes.iter().position(|class| *class == name);
        found.ok_or_else(|| Fault::Malformed(format!("class={name}: the model has no class of this name")))
    };
    let class = class.map(number).transpose()?;
    let mut uploads = uploads(request, house.limits, &house.memory).await?;
    let (Some(upload), true) = (uploads.pop(), uploads.is_empty()) else {
        return Err(Fault::Malformed("one picture is explained at a time; send several requests".into()));
    };
    let (reply, outcome) = oneshot::channel();
    let task = Task { picture: upload.file, wish: Wish::Explain(class, reply) };
    house.queue.put(vec![task]).map_err(|_| Fault::Busy)?;
    let explained = outcome.await.unwrap_or(Err(Fault::Failed))?;
    Ok(json_response(StatusCode::OK, &Explanation::new(about, explained)))
}

async fn health(State(house): State<Arc<House>>) -> Response {
    let about = house.model.about();
    let content = json!({
        "schema": SCHEMA,
        "status": "ok",
        "kiln": env!("CARGO_PKG_VERSION"),
        "model": about.model,
        "network": about.network,
        "classes": about.classes.len(),
        "waiting": house.queue.len(),
    });
    json_response(StatusCode::OK, &content)
}

async fn metrics(State(house): State<Arc<House>>) -> Response {
    let now = Now { waiting: house.queue.len(), upload_bytes: house.memory.used() };
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, kind)], house.metrics.text(&now)).into_response()
}

async fn description() -> Response {
    json_response(StatusCode::OK, &openapi::description())
}

/// The page holds its style and script itself, and reaches nobody but this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async fn home(State(house): State<Arc<House>>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, page::html(house.model.about(), house.token.is_some())).into_response()
}
