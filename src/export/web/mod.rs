//! A folder with one page that classifies pictures in the browser: the model as ONNX with bytes in and probabilities out, the
//! page, and kiln's preprocessing in JavaScript. The runtime that computes is not kiln's; runtime.rs says which one fits.

mod runtime;

pub use runtime::{PACKAGE, runtime};

use serde::Serialize;

use super::onnx::{self, Input, Options, Outputs, Precision};
use super::{Error, Model};
use crate::checkpoint::Identity;
use crate::dataset::Preprocess;
use crate::durable;
use crate::page::{Document, escaped};

/// What the page's model takes and gives.
pub const OPTIONS: Options = Options {
    input: Input::Uint8,
    precision: Precision::Fp32,
    outputs: Outputs { logits: false, probabilities: true, maps: false },
};

const STYLE: &str = include_str!("style.css");
const BODY: &str = include_str!("body.html");
const APP: &str = include_str!("app.js");
const PICTURE: &str = include_str!("picture.js");
const LOCAL: &str = include_str!("local.js");
const OFFLINE: &str = include_str!("offline.js");

/// What the page has to know of the model.
#[derive(Serialize)]
struct Description<'a> {
    kiln: &'a str,
    network: &'a str,
    classes: &'a [String],
    preprocess: &'a Preprocess,
    model_bytes: usize,
    drawn: bool,
    from_scratch: bool,
}

/// The folder's files by their paths, but for the runtime. `network` is the model as ONNX with `OPTIONS`.
pub fn files(identity: &Identity, network: Vec<u8>, stem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let description = Description {
        kiln: env!("CARGO_PKG_VERSION"),
        network: &identity.network,
        classes: &identity.classes,
        preprocess: &identity.preprocess,
        model_bytes: network.len(),
        drawn: identity.drawn,
        from_scratch: identity.start.instead_of_pretrained,
    };
    let mut files = vec![
        ("index.html", page(identity, stem).into_bytes()),
        ("app.js", APP.into()),
        ("picture.js", PICTURE.into()),
        ("local.js", LOCAL.into()),
        // Nothing in a description is of a kind that JSON does not have.
        ("model.json", serde_json::to_vec(&description).unwrap_or_default()),
        ("model.onnx", network),
    ];
    let version = version(&files);
    files.push(("offline.js", OFFLINE.replace("{{version}}", &version).into_bytes()));
    files
}

/// A name that no other content has: by it a browser knows that what it kept is of another export.
fn version(files: &[(&str, Vec<u8>)]) -> String {
    let hashes: String = files.iter().map(|(_, bytes)| durable::hash(bytes)).collect();
    let whole = durable::hash((hashes + PACKAGE).as_bytes());
    whole.get(..16).unwrap_or_default().to_owned()
}

/// The bytes of the model for the page.
pub fn onnx(model: &Model) -> Result<Vec<u8>, Error> {
    match model.identity.preprocess.window {
        Some(_) => Err(Error::NoWebWindow),
        None => onnx::bytes(model, OPTIONS),
    }
}

fn page(identity: &Identity, title: &str) -> String {
    let body = BODY
        .replace("{{summary}}", &escaped(&summary(identity)))
        .replace("{{marks}}", &marks(identity))
        .replace("{{footer}}", &escaped(&footer(identity)))
        .replace("{{title}}", &escaped(title));
    Document { title, style: STYLE, body: &body, refresh: None }.html()
}

fn summary(identity: &Identity) -> String {
    let count = identity.classes.len();
    format!("Tells {count} classes apart, with EfficientNet {}, in your browser.", identity.network)
}

fn marks(identity: &Identity) -> String {
    let drawn = "Trained on pictures that kiln drew itself, no photographs.";
    let scratch = "Trained from scratch: the pretrained weights could not be had.";
    let said = [(identity.drawn, drawn), (identity.start.instead_of_pretrained, scratch)];
    said.iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, text)| format!("<p class=\"mark\">{text}</p>\n"))
        .collect()
}

fn footer(identity: &Identity) -> String {
    let licence = match (&identity.start.weights, &identity.start.licence) {
        (Some(weights), Some(licence)) => format!(" Training started from {weights} ({licence})."),
        (Some(weights), None) => format!(" Training started from {weights}."),
        _ => String::new(),
    };
    format!(
        "Trained on {} and written by kiln {}.{licence} Computes with {} (MIT). Probabilities are those of the model’s classes: a picture of \
         something else is taken for one of them.",
        identity.data,
        env!("CARGO_PKG_VERSION"),
        PACKAGE
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::{Family, Plan};

    #[test]
    fn names_stay_text_on_the_page() {
        let mut identity = Identity::sample(Plan::custom(Family::B, 0.1, 0.1, 32).unwrap());
        identity.data = "<script>alert(1)</script> {{title}}".into();
        let page = page(&identity, "<b>&");
        assert!(page.contains("<h1>&lt;b&gt;&amp;</h1>"), "{page}");
        assert!(!page.contains("<script>alert"));
    }
}
