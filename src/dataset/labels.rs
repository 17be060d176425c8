//! From pictures with words for their classes to a layout: the list of classes, and every picture in its place or set
//! aside with a reason. Pure; the words come from `table`, `globs` and `shards`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::layout::{Candidate, Layout};
use super::location::Slice;
use super::{Error, SetAside, Split, error};
use crate::config::Columns;

/// How pictures are labelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The classes in their order, which numbers stand for too. Empty: those of the data, by name.
    pub classes: Vec<String>,
    /// How many folder names make a class.
    pub depth: usize,
    pub columns: Columns,
    pub purpose: Purpose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Every class needs pictures to train on.
    Training,
    /// Any labelled pictures will do.
    Measuring,
    /// As for training, but what training would refuse is told and the rest goes on.
    Checking,
}

impl Labels {
    /// The classes that pictures have to be of; none where any will do.
    pub fn listed(&self) -> &[String] {
        match self.purpose {
            Purpose::Training | Purpose::Checking => &self.classes,
            Purpose::Measuring => &[],
        }
    }

    /// Whether the pictures are to be trained on, now or later.
    pub fn trains(&self) -> bool {
        self.purpose != Purpose::Measuring
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self { classes: Vec::new(), depth: 1, columns: Columns::default(), purpose: Purpose::Training }
    }
}

/// A picture and what was said of it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub relative: String,
    pub slice: Option<Slice>,
    /// Empty where there is none.
    pub label: String,
    pub split: Option<Split>,
    pub weight: f32,
    /// Where it is from.
    pub source: Option<String>,
    /// The line or the number of the pattern that says it.
    pub line: u64,
}

impl Entry {
    /// Whether it is for training, as far as is known before what names no split is split.
    fn trains(&self) -> bool {
        matches!(self.split, None | Some(Split::Train))
    }
}

/// Who says it.
#[derive(Debug, Clone)]
pub enum Source {
    Table(PathBuf),
    Globs,
    Shards(PathBuf),
}

impl Source {
    fn at(&self, line: u64) -> String {
        match self {
            Self::Table(path) => format!("{}:{line}", path.display()),
            Self::Globs => format!("data.files.{line}"),
            Self::Shards(path) => path.display().to_string(),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Table(path) | Self::Shards(path) => path,
            Self::Globs => Path::new("data.files"),
        }
    }
}

/// Puts every entry in its place.
pub fn arrange(root: &Path, entries: Vec<Entry>, source: &Source, labels: &Labels) -> Result<Layout, Error> {
    let mut layout = Layout::new(root, Vec::new(), source.path().into(), BTreeSet::new());
    layout.named = true;
    let entries = layout.once_each(named(entries, labels), source, labels)?;
    layout.given = entries.iter().filter_map(|entry| entry.split).collect();
    if labels.trains() && !entries.is_empty() && !entries.iter().any(Entry::trains) {
        layout.refuse(Error::NothingToTrain { path: source.path().into() }, labels)?;
    }
    layout.classes = classes(&entries, labels);
    layout.place_all(entries, source, labels)?;
    if let [class] = layout.classes.as_slice()
        && labels.trains()
    {
        let hint = "; name pictures of another class too".into();
        let error = Error::OneClass { path: source.path().into(), class: class.clone(), hint };
        layout.refuse(error, labels)?;
    }
    Ok(layout)
}

/// Those of the list, or of the pictures to learn from.
fn classes(entries: &[Entry], labels: &Labels) -> Vec<String> {
    if !labels.listed().is_empty() {
        return labels.classes.clone();
    }
    let counts = |entry: &&Entry| labels.purpose != Purpose::Training || entry.trains();
    let labelled = entries.iter().filter(|entry| !entry.label.is_empty());
    labelled.filter(counts).map(|entry| &entry.label).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// A number stands for a class of the list, unless a class is called so.
fn named(mut entries: Vec<Entry>, labels: &Labels) -> Vec<Entry> {
    let names: HashSet<&str> = labels.classes.iter().map(String::as_str).collect();
    for entry in &mut entries {
        let number = entry.label.parse::<usize>().ok().filter(|_| !names.contains(entry.label.as_str()));
        if let Some(class) = number.and_then(|number| labels.classes.get(number)) {
            entry.label.clone_from(class);
        }
    }
    entries
}

impl Layout {
    /// Training ends here; the check goes on and tells the first fault.
    pub(super) fn refuse(&mut self, error: Error, labels: &Labels) -> Result<(), Error> {
        if labels.purpose != Purpose::Checking {
            return Err(error);
        }
        self.refusal.get_or_insert(error.to_string());
        Ok(())
    }

    /// The entries without those that only say again what another has said. Two that differ are a fault.
    fn once_each(
        &mut self,
        entries: Vec<Entry>,
        source: &Source,
        labels: &Labels,
    ) -> Result<Vec<Entry>, Error> {
        let mut first: HashMap<String, usize> = HashMap::new();
        let mut kept: Vec<Entry> = Vec::new();
        for entry in entries {
            let Some(&before) = first.get(&entry.relative) else {
                first.insert(entry.relative.clone(), kept.len());
                kept.push(entry);
                continue;
            };
            let before = &kept[before];
            if let Some(reason) = contradiction(before, &entry) {
                let reason = format!("{reason} at {}", source.at(before.line));
                self.refuse(Error::Said { at: source.at(entry.line), reason: reason.clone() }, labels)?;
                self.set_aside.push(SetAside { relative: entry.relative, reason });
                continue;
            }
            // A pattern that matches again counts no file again; a row that is there again is a row.
            if matches!(source, Source::Table(_)) {
                let reason = format!("line {} says the same as line {}", entry.line, before.line);
                self.ignored.push(SetAside { relative: entry.relative, reason });
            }
        }
        Ok(kept)
    }

    fn place_all(&mut self, entries: Vec<Entry>, source: &Source, labels: &Labels) -> Result<(), Error> {
        let numbers = self.numbers();
        for entry in entries {
            let Entry { relative, slice, label, split, weight, source: from, line } = entry;
            if let Some(&class) = numbers.get(&label) {
                let split = split.unwrap_or(Split::Train);
                self.candidates.push(Candidate { relative, class, split, slice, weight, source: from });
                continue;
            }
            if !label.is_empty() && labels.listed().is_empty() {
                let nearest = error::nearest(&label, self.classes.iter().map(String::as_str));
                return Err(Error::Untrained { at: source.at(line), class: label, nearest });
            }
            let reason = match label.is_empty() {
                true => format!("{} has no label for it", source.at(line)),
                false => format!("its class '{label}' is not in data.classes ({})", source.at(line)),
            };
            self.set_aside.push(SetAside { relative, reason });
        }
        self.candidates.sort_unstable_by(|a, b| a.relative.cmp(&b.relative));
        Ok(())
    }
}

fn contradiction(before: &Entry, after: &Entry) -> Option<String> {
    let relative = &after.relative;
    let split = |entry: &Entry| entry.split.map_or("no split", Split::name);
    let source = |entry: &Entry| entry.source.as_ref().map_or("no source".into(), |name| format!("'{name}'"));
    if before.label != after.label {
        Some(format!("{relative} is '{}' here and '{}'", after.label, before.label))
    } else if before.split != after.split {
        Some(format!("{relative} belongs to {} here and to {}", split(after), split(before)))
    } else if before.weight != after.weight {
        Some(format!("{relative} has the weight {} here and {}", after.weight, before.weight))
    } else if before.source != after.source {
        Some(format!("{relative} is from {} here and from {}", source(after), source(before)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields;
    use super::*;

    /// `path label [split [weight [source]]]`, numbered from 2 as in a table; `_` is empty.
    fn entries(rows: &[&str]) -> Vec<Entry> {
        let entry = |(line, row): (u64, &&str)| {
            let mut words = row.split(' ').map(|word| if word == "_" { "" } else { word });
            let mut next = || words.next().unwrap_or_default();
            Entry {
                relative: next().into(),
                slice: None,
                label: next().into(),
                split: Split::named(next()),
                weight: next().parse().unwrap_or(1.0),
                source: fields::source(next()),
                line,
            }
        };
        (2..).zip(rows).map(entry).collect()
    }

    fn layout(rows: &[&str], classes: &[&str], purpose: Purpose) -> Result<Layout, Error> {
        let classes = classes.iter().map(|class| (*class).to_string()).collect();
        let labels = Labels { classes, purpose, ..Labels::default() };
        arrange(Path::new("data"), entries(rows), &Source::Table("t.csv".into()), &labels)
    }

    /// Each candidate as `split class file`, and how many are set aside and ignored.
    fn check(rows: &[&str], classes: &[&str], expected: &[&str], left: (usize, usize)) {
        let layout = layout(rows, classes, Purpose::Training).unwrap();
        let placed = |c: &Candidate| format!("{} {} {}", c.split.name(), layout.classes[c.class], c.relative);
        assert_eq!(layout.candidates.iter().map(placed).collect::<Vec<_>>(), expected);
        assert_eq!((layout.set_aside.len(), layout.ignored.len()), left);
        assert_eq!(layout.candidates.len() + left.0 + left.1, rows.len());
    }

    fn check_fault(rows: &[&str], part: &str) {
        let message = layout(rows, &[], Purpose::Training).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn classes_are_those_of_the_data_by_name_or_those_of_the_list() {
        let rows = ["b.jpg dog", "a.jpg cat test", "c.jpg cat"];
        let expected = ["test cat a.jpg", "train dog b.jpg", "train cat c.jpg"];
        check(&rows, &[], &expected, (0, 0));
        assert_eq!(layout(&rows, &[], Purpose::Training).unwrap().classes, ["cat", "dog"]);
        check(&rows, &["dog", "cat"], &expected, (0, 0));
        assert_eq!(layout(&rows, &["dog", "cat"], Purpose::Training).unwrap().classes, ["dog", "cat"]);
        // Numbers stand for the classes of a list, and without one for themselves.
        check(&["a 1", "b 0", "c 2"], &["x", "y"], &["train y a", "train x b"], (1, 0));
        check(&["a 1", "b 10"], &[], &["train 1 a", "train 10 b"], (0, 0));
        check(&["a 1", "b 0"], &["1", "0"], &["train 1 a", "train 0 b"], (0, 0));
    }

    #[test]
    fn every_row_is_used_or_left_out_with_a_reason() {
        check(&["a x", "b y", "a x", "c _", "a x"], &[], &["train x a", "train y b"], (1, 2));
        check(&["a x", "b y", "c z"], &["x", "y"], &["train x a", "train y b"], (1, 0));
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_both_lines() {
        check_fault(&["a x", "b y", "a y"], "t.csv:4: a is 'y' here and 'x' at t.csv:2");
        check_fault(&["a x train", "a x test"], "a belongs to test here and to train at t.csv:2");
        check_fault(&["a x _ 2", "a x _ 3"], "a has the weight 3 here and 2");
        check_fault(&["a x _ 1 n", "a x _ 1 s"], "t.csv:3: a is from 's' here and from 'n' at t.csv:2");
        check_fault(&["a x _ 1 n", "a x"], "a is from no source here and from 'n' at t.csv:2");
        check_fault(&["a x", "b y", "c yy val"], "t.csv:4: the class 'yy' has no picture to train on");
        check_fault(&["a x val", "b y test"], "t.csv holds nothing to train on");
        check_fault(&["a x", "b x"], "a single class, 'x'");
    }

    /// The check ended at the first one, and the user saw nothing else.
    #[test]
    fn the_check_tells_what_training_refuses_and_goes_on() {
        let check = |rows: &[&str], refusal: &str, placed: usize, set_aside: &[&str]| {
            let layout = layout(rows, &[], Purpose::Checking).unwrap();
            assert!(layout.refusal.as_ref().unwrap().contains(refusal), "{:?}", layout.refusal);
            let names: Vec<_> = layout.set_aside.iter().map(|file| file.relative.as_str()).collect();
            assert_eq!((layout.candidates.len(), names), (placed, set_aside.to_vec()));
        };
        check(&["a x", "b y", "a y", "b x", "c y"], "t.csv:4: a is 'y' here", 3, &["a", "b"]);
        check(&["a x val", "b y test"], "holds nothing to train on", 2, &[]);
        check(&["a x", "b x"], "a single class, 'x'", 2, &[]);
        // A class without a picture to train on is empty, which is found anyway.
        let layout = layout(&["a x", "b y", "c z val"], &[], Purpose::Checking).unwrap();
        assert_eq!((layout.classes.len(), layout.refusal), (3, None));
    }

    #[test]
    fn anything_labelled_can_be_measured() {
        let layout = layout(&["a x test", "b z test"], &["x", "y"], Purpose::Measuring).unwrap();
        assert_eq!((layout.classes.len(), layout.candidates.len()), (2, 2));
    }
}
