//! What a reader has to know of the data before believing the figures: what was set aside, what stands twice, which
//! classes are small.

use super::run::Run;
use crate::dataset::{Origin, Record, Sample, Split, conflicts, copies, repeats};
use crate::page::escaped;

pub struct Warning {
    pub words: String,
    /// Some of the files or classes concerned.
    pub names: Vec<String>,
    /// How many more there are.
    pub unnamed: usize,
}

/// How many names stand with a warning.
const NAMED: usize = 8;
/// Training pictures below which a class is small.
const SMALL: usize = 10;
/// Classes whose sizes differ by more than this factor are out of balance.
const UNBALANCED: usize = 10;

pub fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Folder => "the user's own pictures".into(),
        Origin::Recipe { name, licence, source } => format!("{name} ({licence}), {source}"),
        Origin::Drawn { pictures, .. } => format!("{pictures} pictures drawn by kiln, no photographs"),
    }
}

pub fn of(record: &Record, train: &[usize]) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |words: String, mut names: Vec<String>| {
        let unnamed = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        found.push(Warning { words, names, unnamed });
    };
    if record.drawn {
        warn("Drawn data: these pictures were drawn by kiln, they are no photographs.".into(), Vec::new());
    }
    if !record.set_aside.is_empty() {
        let names = record.set_aside.iter().map(|file| format!("{}: {}", file.relative, file.reason));
        let count = record.set_aside.len();
        warn(
            format!("{count} {} set aside and not used.", plural(count, "picture was", "pictures were")),
            names.collect(),
        );
    }
    let same = copies(&record.samples);
    let across = same.iter().filter(|group| group.iter().any(|one| one.split != group[0].split));
    let across: Vec<_> = across.collect();
    if !across.is_empty() {
        let count = across.len();
        let words = format!(
            "{count} {} in more than one split: the test figures are too good.",
            plural(count, "picture lies", "pictures lie")
        );
        warn(words, across.into_iter().map(|group| names_of(group)).collect());
    }
    for (words, names) in repeated(record) {
        warn(words, names);
    }
    let mixed = conflicts(&record.samples);
    if !mixed.is_empty() {
        let count = mixed.len();
        let words = format!(
            "{count} {} in more than one class, and the labels contradict each other. kiln data check shows them.",
            plural(count, "picture lies", "pictures lie")
        );
        let with_class = |one: &&Sample| format!("{} ({})", one.relative, record.classes[one.class]);
        let names = |group: &Vec<&Sample>| group.iter().map(with_class).collect::<Vec<_>>().join(", ");
        warn(words, mixed.iter().map(names).collect());
    }
    let small: Vec<usize> = (0..train.len()).filter(|&class| train[class] < SMALL).collect();
    if !small.is_empty() {
        let count = small.len();
        let names = small.iter().map(|&class| format!("{}: {}", record.classes[class], train[class]));
        let words = format!(
            "{count} {} fewer than {SMALL} training pictures.",
            plural(count, "class has", "classes have")
        );
        warn(words, names.collect());
    }
    let (least, most) = (train.iter().min().copied().unwrap_or(0), train.iter().max().copied().unwrap_or(0));
    if most > UNBALANCED * least.max(1) {
        warn(
            format!(
                "The classes are out of balance: the largest has {most} training pictures, the smallest {least}."
            ),
            Vec::new(),
        );
    }
    found
}

/// Pictures that are measured on and nearly the same as some that are trained on. Drawings of one kind all look alike.
fn repeated(record: &Record) -> Vec<(String, Vec<String>)> {
    let of = |(split, part): (Split, &str)| {
        let pairs = repeats(&record.samples, &record.alike, split);
        let all = record.samples.iter().filter(|sample| sample.split == split).count();
        let words = format!(
            "{} of {all} {part} pictures {} nearly the same as {}: the {part} figures are too good. kiln data check shows \
             them; with data.split.keep_alike = true a split that kiln makes is free of them.",
            pairs.len(),
            plural(pairs.len(), "is", "are"),
            plural(pairs.len(), "a training picture", "training pictures")
        );
        let name =
            |(one, trained): &(&Sample, &Sample)| format!("{} is nearly {}", one.relative, trained.relative);
        (!pairs.is_empty() && !record.drawn).then(|| (words, pairs.iter().map(name).collect()))
    };
    [(Split::Test, "test"), (Split::Val, "validation")].into_iter().filter_map(of).collect()
}

fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn names_of(group: &[&Sample]) -> String {
    let names: Vec<&str> = group.iter().map(|sample| sample.relative.as_str()).collect();
    names.join(", ")
}

pub fn section(run: &Run) -> String {
    let scratch = run.result.as_ref().is_some_and(|result| result.from_scratch);
    let scratch = scratch.then(|| Warning {
        words: "From scratch: the pretrained weights could not be had, training started from nothing.".into(),
        names: Vec::new(),
        unnamed: 0,
    });
    let items: String = run.data.warnings.iter().chain(&scratch).map(item).collect();
    match items.is_empty() {
        true => String::new(),
        false => {
            format!("<section class=\"warnings\"><h2>Know this first</h2>\n<ul>{items}</ul></section>\n")
        }
    }
}

fn item(warning: &Warning) -> String {
    let names: String = warning.names.iter().map(|name| format!("<li>{}</li>", escaped(name))).collect();
    let more = match warning.unnamed {
        0 => String::new(),
        count => format!("<li>and {count} more, all of them in dataset.json</li>"),
    };
    let names = names + &more;
    let names = match names.is_empty() {
        true => names,
        false => format!("<details><summary>which</summary><ul>{names}</ul></details>"),
    };
    format!("<li>{}{names}</li>\n", escaped(&warning.words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;

    fn sample(name: &str, split: Split) -> Sample {
        let (relative, hash) = (name.into(), name.into());
        let (slice, class, weight, source) = (None, 0, 1.0, None);
        Sample { relative, slice, class, split, hash, bytes: 1, width: 1, height: 1, weight, source }
    }

    #[test]
    fn near_duplicates_across_the_split_are_warned_of() {
        let dataset = |origin| Dataset {
            root: "data".into(),
            classes: vec!["a".into()],
            samples: vec![
                sample("train", Split::Train),
                sample("<test>", Split::Test),
                sample("other", Split::Test),
            ],
            set_aside: Vec::new(),
            ignored: Vec::new(),
            alike: vec![vec![0, 1]],
            origin,
        };
        let found = of(&Record::of(&dataset(Origin::Folder)), &[20]);
        assert_eq!(found.len(), 1);
        assert!(found[0].words.starts_with("1 of 2 test pictures is nearly the same as a training picture"));
        assert_eq!(found[0].names, ["<test> is nearly train"]);
        assert!(item(&found[0]).contains("&lt;test&gt; is nearly train"));
        let drawn = of(&Record::of(&dataset(Origin::Drawn { seed: 1, pictures: 3 })), &[20]);
        assert!(drawn.len() == 1 && drawn[0].words.starts_with("Drawn data"));
    }

    #[test]
    fn labels_that_contradict_each_other_are_warned_of() {
        let same = |name, class| Sample { hash: "same".into(), class, ..sample(name, Split::Train) };
        let dataset = Dataset {
            root: "data".into(),
            classes: vec!["a".into(), "b".into()],
            samples: vec![same("a/1", 0), sample("a/2", Split::Train), same("b/<3>", 1)],
            set_aside: Vec::new(),
            ignored: Vec::new(),
            alike: Vec::new(),
            origin: Origin::Folder,
        };
        let found = of(&Record::of(&dataset), &[20, 20]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].words.starts_with("1 picture lies in more than one class, and the labels contradict")
        );
        assert_eq!(found[0].names, ["a/1 (a), b/<3> (b)"]);
        assert!(item(&found[0]).contains("b/&lt;3&gt; (b)"));
    }
}
