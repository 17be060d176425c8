//! A file's arrays into the parameters of a plan's network, strictly: everything that is missing, left over or of
//! another shape is listed, and only the classifier may differ. Building the network is not done here.

use std::fmt;

use thiserror::Error;

use crate::scaling::Plan;

use super::guess::{Guess, guess_variant};
use super::layouts::{self, Layout};
use super::tensors::{Named, expected};

/// What becomes of the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// It is left out, whatever its shape: a fresh one will be trained.
    Replace,
    /// It must be there and fit.
    Keep,
}

#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    pub head: Head,
}

/// What matched and what did not. Names are kiln's where the array has one, otherwise the file's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub layout: Layout,
    /// Arrays taken.
    pub matched: usize,
    /// Arrays that the network needs and the file lacks.
    pub missing: Vec<String>,
    /// Arrays of the file that the network has no place for.
    pub unused: Vec<String>,
    pub mismatched: Vec<Mismatch>,
    /// Arrays with an infinity or something that is not a number.
    pub not_finite: Vec<String>,
    /// Classes of the file's own classifier, where it has one.
    pub classes: Option<usize>,
    /// The variant that the file looks like.
    pub guess: Option<Guess>,
}

/// An array of another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    pub name: String,
    pub wanted: Vec<usize>,
    pub found: Vec<usize>,
}

impl Report {
    /// Whether every array found its place and nothing was left.
    pub fn fits(&self) -> bool {
        self.missing.is_empty()
            && self.unused.is_empty()
            && self.mismatched.is_empty()
            && self.not_finite.is_empty()
    }
}

#[derive(Debug, Error)]
pub enum ImportError {
    #[error("the names in these weights are none of an EfficientNet's that kiln knows: {}", shown(names))]
    UnknownLayout { names: Vec<String> },
    #[error("the weights do not fit the network: {0}")]
    Mismatch(Box<Report>),
}

/// The arrays under kiln's names, without the classifier where it is to be replaced.
pub fn import(
    named: Named,
    plan: &Plan,
    classes: usize,
    options: ImportOptions,
) -> Result<(Named, Report), ImportError> {
    let (canonical, report) = compare(named, plan, classes, options)?;
    if report.fits() { Ok((canonical, report)) } else { Err(ImportError::Mismatch(Box::new(report))) }
}

/// Like `import`, but what does not fit is only reported.
pub fn compare(
    named: Named,
    plan: &Plan,
    classes: usize,
    options: ImportOptions,
) -> Result<(Named, Report), ImportError> {
    let layout = layouts::detect(named.names())
        .ok_or_else(|| ImportError::UnknownLayout { names: named.names().take(8).map(String::from).collect() })?;
    let guess = guess_variant(&named);
    let classes_found = classes_of(&named, layout);
    let counters = |name: &String| !name.ends_with("num_batches_tracked");
    let (mut canonical, mut unused) = layouts::to_canonical(named, layout, plan);
    unused.extend(canonical.integers.iter().filter(|name| counters(name)).cloned());
    let mut report = Report {
        layout,
        matched: 0,
        missing: Vec::new(),
        unused,
        mismatched: Vec::new(),
        not_finite: Vec::new(),
        classes: classes_found,
        guess,
    };
    if options.head == Head::Replace {
        canonical.entries.retain(|name, _| !is_classifier(name));
    }
    for (name, wanted) in expected(plan, classes) {
        if options.head == Head::Keep || !is_classifier(&name) {
            report.look_at(&canonical, name, wanted);
        }
    }
    report.not_finite = canonical.not_finite();
    Ok((canonical, report))
}

impl Report {
    fn look_at(&mut self, canonical: &Named, name: String, wanted: Vec<usize>) {
        match canonical.entries.get(&name) {
            None => self.missing.push(name),
            Some(array) if array.shape == wanted => self.matched += 1,
            Some(array) => self.mismatched.push(Mismatch { name, wanted, found: array.shape.clone() }),
        }
    }
}

fn is_classifier(name: &str) -> bool {
    name.starts_with("classifier.")
}

/// How many classes a file's classifier tells apart.
pub fn classes_of(named: &Named, layout: Layout) -> Option<usize> {
    named.entries.get(&format!("{}.weight", layout.classifier()))?.shape.first().copied()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} arrays fit", self.matched)?;
        list(f, "missing in the file", &self.missing)?;
        list(f, "in the file without a place in the network", &self.unused)?;
        let shapes: Vec<String> = self.mismatched.iter().map(Mismatch::to_string).collect();
        list(f, "of another shape", &shapes)?;
        list(f, "with values that are not numbers", &self.not_finite)?;
        if let Some(guess) = self.guess {
            write!(f, "; the file looks like {guess}")?;
        }
        if self.fits() { Ok(()) } else { f.write_str("; `kiln weights inspect FILE` lists its arrays") }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {:?} where the network has {:?}", self.name, self.found, self.wanted)
    }
}

fn list(f: &mut fmt::Formatter<'_>, what: &str, names: &[String]) -> fmt::Result {
    if names.is_empty() { Ok(()) } else { write!(f, "; {} {what}: {}", names.len(), shown(names)) }
}

/// The report has all names; a message only the first ones.
fn shown(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let first = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
