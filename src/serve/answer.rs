//! The JSON of answers. Its `schema` number changes where the meaning of a field does.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::fault::Fault;
use super::model::{About, Explained, Ranking};

pub const SCHEMA: u32 = 1;

#[derive(Serialize)]
pub struct Answer<'a> {
    schema: u32,
    drawn: bool,
    from_scratch: bool,
    pictures: Vec<Named<'a>>,
}

/// A picture with its classes, or with what was wrong with it.
#[derive(Serialize)]
pub struct Named<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Guess<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
}

#[derive(Serialize)]
struct Guess<'a> {
    class: &'a str,
    probability: f64,
}

#[derive(Serialize)]
struct Error {
    status: u16,
    message: String,
}

impl<'a> Answer<'a> {
    pub fn new(about: &About, pictures: Vec<Named<'a>>) -> Self {
        Self { schema: SCHEMA, drawn: about.drawn, from_scratch: about.from_scratch, pictures }
    }
}

impl<'a> Named<'a> {
    pub fn new(
        about: &'a About,
        name: Option<&'a str>,
        outcome: &Result<Ranking, Fault>,
        top: usize,
    ) -> Self {
        let ranking = outcome.as_deref().unwrap_or_default().iter().take(top);
        let guess = |&(class, probability): &(usize, f64)| {
            Some(Guess { class: about.classes.get(class)?, probability })
        };
        let told = |fault: &Fault| Error { status: fault.status().as_u16(), message: fault.to_string() };
        Self { name, classes: ranking.filter_map(guess).collect(), error: outcome.as_ref().err().map(told) }
    }
}

/// Which places speak for a class.
#[derive(Serialize)]
pub struct Explanation<'a> {
    schema: u32,
    drawn: bool,
    from_scratch: bool,
    class: &'a str,
    probability: f64,
    predicted: &'a str,
    heat: Vec<Vec<f32>>,
    /// PNG in base64.
    overlay: String,
}

impl<'a> Explanation<'a> {
    pub fn new(about: &'a About, explained: Explained) -> Self {
        let Explained { class, probability, predicted, heat, overlay } = explained;
        let named = |class: usize| about.classes.get(class).map_or("", String::as_str);
        let overlay = STANDARD.encode(overlay);
        let (class, predicted) = (named(class), named(predicted));
        let About { drawn, from_scratch, .. } = *about;
        Self { schema: SCHEMA, drawn, from_scratch, class, probability, predicted, heat, overlay }
    }
}

pub fn json_response(status: StatusCode, content: &impl Serialize) -> Response {
    // Maps with keys of text and finite numbers always become JSON.
    let text = serde_json::to_string(content).unwrap_or_default() + "\n";
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}
