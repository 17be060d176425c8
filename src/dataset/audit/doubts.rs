//! The labels that a model contradicts, as the report shows them. How they are found belongs to others: this knows
//! neither models nor arithmetic.

use serde::Serialize;

use super::super::Split;
use super::find::Found;
use super::kind::Kind;
use super::report::{Finding, Item, Report};
use super::{Entry, Seen};

/// A usable picture with a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labelled {
    pub entry: usize,
    pub class: usize,
    /// Equal for copies and for pictures that are nearly the same.
    pub group: usize,
}

/// What the predictions say of one label; classes by their numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubt {
    pub entry: usize,
    pub given: usize,
    pub suggested: usize,
    pub of_given: f64,
    pub of_suggested: f64,
    pub contradicted: bool,
}

/// What a model makes of the labels, with everything named.
#[derive(Debug, Serialize)]
pub struct LabelCheck {
    /// As it was typed.
    pub model: String,
    /// Numbers that stand for a picture.
    pub features: usize,
    pub folds: usize,
    /// Pictures whose labels were judged.
    pub pictures: usize,
    /// Share of them whose most probable class is their label.
    pub agreement: f64,
    pub contradicted: usize,
    pub confusions: Vec<Confusion>,
    /// Classes with too few pictures to be judged.
    pub left_out: Vec<String>,
    /// Pictures that the model could not be shown.
    pub not_seen: Vec<Item>,
    /// All judged pictures, the label most in doubt first.
    pub ranking: Vec<Ranked>,
}

/// How many pictures with a label are confidently of another class.
#[derive(Debug, Serialize)]
pub struct Confusion {
    pub given: String,
    pub suggested: String,
    pub count: usize,
}

#[derive(Debug, Serialize)]
pub struct Ranked {
    pub name: String,
    pub split: Split,
    pub given: String,
    pub suggested: String,
    pub probability_of_given: f64,
    pub probability_of_suggested: f64,
    pub contradicted: bool,
    #[serde(skip)]
    pub entry: usize,
}

impl Ranked {
    pub fn of(doubt: &Doubt, found: &Found) -> Self {
        let Entry { name, split, .. } = &found.entries[doubt.entry];
        Self {
            name: name.clone(),
            split: *split,
            given: found.classes[doubt.given].clone(),
            suggested: found.classes[doubt.suggested].clone(),
            probability_of_given: doubt.of_given,
            probability_of_suggested: doubt.of_suggested,
            contradicted: doubt.contradicted,
            entry: doubt.entry,
        }
    }

    /// What is said of it beside its name.
    pub fn words(&self) -> String {
        let Self { split, given, suggested, probability_of_given, probability_of_suggested, .. } = self;
        let label = format!("{given} ({probability_of_given:.3}) in {}", split.name());
        match given == suggested {
            true => label,
            false => format!("{label}, looks like {suggested} ({probability_of_suggested:.3})"),
        }
    }

    fn item(&self) -> Item {
        Item { name: self.name.clone(), detail: self.words(), entry: Some(self.entry) }
    }
}

impl Seen {
    /// The pictures whose labels can be judged.
    pub fn labelled(&self, found: &Found) -> Vec<Labelled> {
        let mut groups: Vec<usize> = (0..found.entries.len()).collect();
        for group in self.same.iter().chain(&self.alike) {
            group.members.iter().for_each(|&member| groups[member] = group.members[0]);
        }
        let of = |(entry, place): (usize, &Entry)| {
            let class = place.class.filter(|_| self.looks[entry].kind == Kind::Usable)?;
            Some(Labelled { entry, class, group: groups[entry] })
        };
        found.entries.iter().enumerate().filter_map(of).collect()
    }
}

impl Report {
    /// Contradicted labels come before everything else that is only good to know.
    pub fn add_labels(&mut self, check: LabelCheck) {
        let items: Vec<Item> =
            check.ranking.iter().filter(|one| one.contradicted).map(Ranked::item).collect();
        if !items.is_empty() {
            let kind = Kind::ContradictedLabel;
            let (mend, count) = (kind.has_to_be_mended(), items.len());
            let place = self.findings.iter().take_while(|finding| finding.mend).count();
            self.findings.insert(place, Finding { kind, mend, count, items, groups: Vec::new() });
        }
        self.labels = Some(check);
    }
}
