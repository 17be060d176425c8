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
    let layout = layouts::detect(named.names()).ok_or_else(|| ImportError::UnknownLayout {
        names: named.names().take(8).map(String::from).collect(),
    })?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::Variant;
    use crate::weights::tensors::Array;

    const KEEP: ImportOptions = ImportOptions { head: Head::Keep };
    const REPLACE: ImportOptions = ImportOptions { head: Head::Replace };

    /// A network's arrays as timm would have saved them.
    fn file(variant: Variant, classes: usize) -> Named {
        let plan = Plan::variant(variant);
        let mut named = Named::default();
        for (name, shape) in expected(&plan, classes) {
            let values = vec![0.5; shape.iter().product()];
            named.entries.insert(name, Array { shape, values });
        }
        let mut named = layouts::from_canonical(named, Layout::Timm, &plan).0;
        named.integers.insert("bn1.num_batches_tracked".into());
        named
    }

    fn refused(named: Named, variant: Variant, classes: usize, options: ImportOptions) -> Report {
        match import(named, &Plan::variant(variant), classes, options) {
            Err(ImportError::Mismatch(report)) => *report,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_that_fits_is_taken_whole() {
        let plan = Plan::variant(Variant::Lite0);
        let (named, report) = import(file(Variant::Lite0, 10), &plan, 10, KEEP).unwrap();
        assert_eq!((report.matched, report.classes), (expected(&plan, 10).len(), Some(10)));
        assert!(named.entries.contains_key("classifier.bias"));
    }

    #[test]
    fn only_the_classifier_may_differ() {
        let plan = Plan::variant(Variant::Lite0);
        let (named, report) = import(file(Variant::Lite0, 1000), &plan, 5, REPLACE).unwrap();
        assert_eq!(report.classes, Some(1000));
        assert!(!named.entries.contains_key("classifier.weight"));
        let report = refused(file(Variant::Lite0, 1000), Variant::Lite0, 5, KEEP);
        let shapes: Vec<_> = report.mismatched.iter().map(Mismatch::to_string).collect();
        assert_eq!(shapes[0], "classifier.weight is [1000, 1280] where the network has [5, 1280]");
        assert_eq!(shapes.len(), 2);
        let mut headless = file(Variant::Lite0, 1000);
        headless.entries.retain(|name, _| !name.starts_with("classifier"));
        assert!(import(headless.clone(), &plan, 5, REPLACE).is_ok());
        assert_eq!(
            refused(headless, Variant::Lite0, 1000, KEEP).missing,
            ["classifier.weight", "classifier.bias"]
        );
    }

    #[test]
    fn everything_that_differs_is_listed() {
        let mut named = file(Variant::Lite0, 10);
        let odd = Array { shape: vec![1], values: vec![f32::NAN] };
        named.entries.remove("blocks.1.0.bn3.bias");
        named.entries.insert("bn1.weight".into(), odd.clone());
        named.entries.insert("extra".into(), odd);
        named.integers.insert("steps".into());
        let report = refused(named, Variant::Lite0, 10, KEEP);
        assert_eq!(report.missing, ["blocks.1.project.norm.bias"]);
        assert_eq!(report.unused, ["extra", "steps"]);
        assert_eq!(report.mismatched[0].name, "stem.norm.weight");
        assert_eq!(report.not_finite, ["stem.norm.weight"]);
        let text = report.to_string();
        assert!(text.contains("1 missing in the file: blocks.1.project.norm.bias"), "{text}");
        assert!(text.contains("looks like lite0 with 243 of 245 arrays"), "{text}");
    }

    #[test]
    fn another_variant_is_named() {
        let check = |given, wanted| {
            let report = refused(file(given, 10), wanted, 10, REPLACE);
            let guess = report.guess.unwrap();
            assert!(guess.variant == given && guess.is_complete(), "{given} for {wanted}: {report}");
        };
        check(Variant::Lite1, Variant::Lite0);
        check(Variant::Lite0, Variant::B0);
        check(Variant::B0, Variant::B1);
        check(Variant::B1, Variant::B0);
        check(Variant::B3, Variant::B2);
    }

    #[test]
    fn every_variant_is_recognised_even_with_holes() {
        for variant in Variant::ALL {
            let plan = Plan::variant(variant);
            let names = layouts::pairings(Layout::Torchvision, &plan).into_iter().map(|pair| pair.foreign);
            let shapes = expected(&plan, 0).into_iter().map(|(_, shape)| Array { shape, values: vec![] });
            let mut named = Named { entries: names.zip(shapes).collect(), ..Named::default() };
            assert_eq!(guess_variant(&named).unwrap().variant, variant);
            let half: Vec<_> = named.names().map(String::from).step_by(2).collect();
            half.iter().for_each(|name| drop(named.entries.remove(name)));
            let guess = guess_variant(&named).unwrap();
            assert!(guess.variant == variant && !guess.is_complete());
        }
    }

    #[test]
    fn other_networks_are_refused_by_their_names() {
        let array = || Array { shape: vec![1], values: vec![0.0] };
        let resnet = ["layer1.0.conv1.weight", "fc.weight"];
        let named =
            Named { entries: resnet.map(|name| (name.to_string(), array())).into(), ..Named::default() };
        let error = import(named, &Plan::variant(Variant::B0), 10, REPLACE).unwrap_err().to_string();
        assert!(error.contains("layer1.0.conv1.weight"), "{error}");
    }
}
