//! dataset.json: what a run was trained on, file by file, and what has changed since. Knows the serialised form;
//! the data set itself is in `sample`.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Dataset, Error, Origin, Sample, SetAside, Split};
use crate::durable;

/// The version of the file's form.
const FORMAT: u32 = 1;

/// A data set as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    format: u32,
    pub fingerprint: String,
    /// Also told by the origin, but this is what every reader must see first.
    pub drawn: bool,
    pub origin: Origin,
    pub root: PathBuf,
    pub classes: Vec<String>,
    pub counts: Counts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    pub samples: Vec<Sample>,
    pub set_aside: Vec<SetAside>,
    pub ignored: Vec<SetAside>,
    /// Numbers of samples that show nearly the same, in groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alike: Vec<Vec<usize>>,
}

/// How the files found add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub found: usize,
    pub train: usize,
    pub val: usize,
    pub test: usize,
    pub set_aside: usize,
    pub ignored: usize,
}

/// What a run does about classes of unequal size; a number for each class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Training pictures there are.
    pub pictures: Vec<usize>,
    /// Training pictures that an epoch shows.
    pub per_epoch: Vec<usize>,
    /// How the classes weigh in the loss; none: alike.
    pub weights: Option<Vec<f64>>,
}

/// A difference that would make a resumed run another run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Content(String),
    Vanished(String),
    New(String),
    /// A file that was used and now cannot be.
    Unusable(String, String),
    Moved {
        relative: String,
        from: Split,
        to: Split,
    },
    /// A picture of another class than before, where a table or a shard says so.
    Label {
        relative: String,
        from: String,
        to: String,
    },
    Weight(String),
    Classes {
        from: Vec<String>,
        to: Vec<String>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Change::Content(relative) => write!(f, "{relative} has other content than before"),
            Change::Vanished(relative) => write!(f, "{relative} is gone"),
            Change::New(relative) => write!(f, "{relative} is new"),
            Change::Unusable(relative, reason) => write!(f, "{relative} cannot be used any more: {reason}"),
            Change::Moved { relative, from, to } => {
                write!(f, "{relative} has moved from {} to {}", from.name(), to.name())
            }
            Change::Label { relative, from, to } => write!(f, "{relative} was '{from}' and is '{to}'"),
            Change::Weight(relative) => write!(f, "{relative} has another weight than before"),
            Change::Classes { from, to } => {
                write!(f, "the classes were {} and are {}", from.join(", "), to.join(", "))
            }
        }
    }
}

impl Record {
    pub fn of(dataset: &Dataset) -> Self {
        let count = |split| dataset.samples(split).count();
        Self {
            format: FORMAT,
            fingerprint: dataset.fingerprint(),
            drawn: dataset.origin.is_drawn(),
            origin: dataset.origin.clone(),
            root: dataset.root.to_string_lossy().as_ref().into(),
            classes: dataset.classes.clone(),
            counts: Counts {
                found: dataset.found(),
                train: count(Split::Train),
                val: count(Split::Val),
                test: count(Split::Test),
                set_aside: dataset.set_aside.len(),
                ignored: dataset.ignored.len(),
            },
            balance: None,
            samples: dataset.samples.clone(),
            set_aside: dataset.set_aside.clone(),
            ignored: dataset.ignored.clone(),
            alike: dataset.alike.clone(),
        }
    }

    /// The same with what the run does about unequal classes.
    pub fn with(self, balance: Balance) -> Self {
        Self { balance: Some(balance), ..self }
    }

    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let bytes = serde_json::to_vec(self).map_err(|error| bad(path, error.to_string()))?;
        Ok(durable::write(path, &bytes)?)
    }

    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = durable::read_list(path).map_err(Error::unreadable(path))?;
        let fault = |error: serde_json::Error| bad(path, format!("it is damaged: {error}"));
        let Version { format } = serde_json::from_slice(&bytes).map_err(fault)?;
        if format != FORMAT {
            return Err(bad(
                path,
                format!("it has format {format}, and this kiln knows format {FORMAT} only"),
            ));
        }
        let record: Self = serde_json::from_slice(&bytes).map_err(fault)?;
        if let Some(sample) = record.samples.iter().find(|sample| sample.class >= record.classes.len()) {
            return Err(bad(path, format!("it is damaged: {} has no class", sample.relative)));
        }
        match record.alike.iter().flatten().all(|&number| number < record.samples.len()) {
            true => Ok(record),
            false => Err(bad(path, "it is damaged: pictures that are alike are not in it".into())),
        }
    }

    /// What has changed in the files since, in the order of their names.
    pub fn changes(&self, now: &Dataset) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.classes != now.classes {
            changes.push(Change::Classes { from: self.classes.clone(), to: now.classes.clone() });
        }
        let present: HashMap<&str, &Sample> = now.samples.iter().map(|s| (s.relative.as_str(), s)).collect();
        let unusable: HashMap<&str, &str> =
            now.set_aside.iter().map(|file| (file.relative.as_str(), file.reason.as_str())).collect();
        for before in &self.samples {
            let name = before.relative.as_str();
            match (present.get(name), unusable.get(name)) {
                (Some(after), _) => changes.extend(self.change(before, after, now)),
                (None, Some(reason)) => changes.push(Change::Unusable(name.into(), (*reason).into())),
                (None, None) => changes.push(Change::Vanished(name.into())),
            }
        }
        let before: HashMap<&str, &Sample> = self.samples.iter().map(|s| (s.relative.as_str(), s)).collect();
        let new = now.samples.iter().filter(|sample| !before.contains_key(sample.relative.as_str()));
        changes.extend(new.map(|sample| Change::New(sample.relative.clone())));
        changes
    }

    /// The same with the sources that its pictures have now, where they had others. No run is another one for that.
    pub fn sourced(&self, now: &Dataset) -> Option<Self> {
        let sources: HashMap<&str, &Option<String>> =
            now.samples.iter().map(|s| (s.relative.as_str(), &s.source)).collect();
        let mut record = self.clone();
        for sample in &mut record.samples {
            if let Some(&source) = sources.get(sample.relative.as_str()) {
                sample.source.clone_from(source);
            }
        }
        (record != *self).then_some(record)
    }

    fn change(&self, before: &Sample, after: &Sample, now: &Dataset) -> Option<Change> {
        let relative = before.relative.clone();
        let (from, to) = (&self.classes[before.class], &now.classes[after.class]);
        if before.hash != after.hash {
            Some(Change::Content(relative))
        } else if from != to {
            Some(Change::Label { relative, from: from.clone(), to: to.clone() })
        } else if before.split != after.split {
            Some(Change::Moved { relative, from: before.split, to: after.split })
        } else if before.weight != after.weight {
            Some(Change::Weight(relative))
        } else {
            None
        }
    }

    /// Gives every picture the split it had, by its content, so that what has been trained on is never tested on.
    /// For a resume that was told to accept changed data.
    pub fn keep_splits(&self, now: &mut Dataset) {
        let splits: HashMap<&str, Split> = self.samples.iter().map(|s| (s.hash.as_str(), s.split)).collect();
        for sample in &mut now.samples {
            if let Some(&split) = splits.get(sample.hash.as_str()) {
                sample.split = split;
            }
        }
    }
}

/// Read before the rest: another format may have other fields.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

fn bad(path: &Path, reason: String) -> Error {
    Error::BadRecord { path: path.into(), reason }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn dataset(samples: usize) -> Dataset {
        let sample = |i: usize| Sample {
            relative: format!("a/{i:06}.jpg"),
            slice: None,
            class: 0,
            split: Split::ALL[i % 3],
            hash: blake3::hash(&i.to_le_bytes()).to_hex().to_string(),
            bytes: 100,
            width: 4,
            height: 3,
            weight: 1.0,
            source: None,
        };
        Dataset {
            root: "data".into(),
            classes: vec!["a".into(), "b".into()],
            samples: (0..samples).map(sample).collect(),
            set_aside: vec![SetAside { relative: "a/x.jpg".into(), reason: "it is empty".into() }],
            ignored: Vec::new(),
            alike: Vec::new(),
            origin: Origin::Drawn { seed: 7, pictures: samples },
        }
    }

    #[test]
    fn a_record_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dataset.json");
        let record = Record::of(&Dataset { alike: vec![vec![0, 3]], ..dataset(10) });
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), record);
        assert!(record.drawn);
        assert_eq!(record.counts.found, 11);
    }

    #[test]
    fn other_formats_and_damage_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dataset.json");
        let check = |text: &str, part: &str| {
            fs::write(&path, text).unwrap();
            let message = Record::read(&path).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("dataset.json"), "{message}");
        };
        check(r#"{"format": 2, "files": []}"#, "format 2");
        check(r#"{"format": 1}"#, "damaged");
        check("", "damaged");
        Record::of(&Dataset { alike: vec![vec![0, 10]], ..dataset(10) }).write(&path).unwrap();
        check(&fs::read_to_string(&path).unwrap(), "alike");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_record_without_an_end_is_refused() {
        let message = Record::read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(message.contains("/dev/zero") && message.contains("no file"), "{message}");
    }

    #[test]
    fn changes_are_named() {
        let before = dataset(9);
        let record = Record::of(&before);
        assert_eq!(record.changes(&before), []);
        let mut now = before.clone();
        now.samples[1].hash = "other".into();
        now.samples[2].split = Split::Train;
        now.samples[3].relative = "a/new.jpg".into();
        now.samples[4].class = 1;
        now.samples[5].weight = 0.5;
        let gone = now.samples.pop().unwrap();
        now.set_aside.push(SetAside { relative: gone.relative.clone(), reason: "it is empty".into() });
        let expected = [
            Change::Content("a/000001.jpg".into()),
            Change::Moved { relative: "a/000002.jpg".into(), from: Split::Test, to: Split::Train },
            Change::Vanished("a/000003.jpg".into()),
            Change::Label { relative: "a/000004.jpg".into(), from: "a".into(), to: "b".into() },
            Change::Weight("a/000005.jpg".into()),
            Change::Unusable(gone.relative, "it is empty".into()),
            Change::New("a/new.jpg".into()),
        ];
        assert_eq!(record.changes(&now), expected);
        record.keep_splits(&mut now);
        assert_eq!(now.samples[2].split, Split::Test);
    }

    #[test]
    fn where_pictures_are_from_is_kept_and_makes_no_other_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dataset.json");
        let before = dataset(3);
        let record = Record::of(&before);
        record.write(&path).unwrap();
        // As older kilns wrote it.
        assert!(!fs::read_to_string(&path).unwrap().contains("source"));
        let mut now = before.clone();
        now.samples[1].source = Some("north".into());
        assert_eq!((now.fingerprint(), record.changes(&now)), (before.fingerprint(), Vec::new()));
        let sourced = Record::read(&path).unwrap().sourced(&now).unwrap();
        sourced.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Record::of(&now));
        assert_eq!(sourced.sourced(&now), None);
        assert_eq!(sourced.sourced(&before), Some(record));
    }

    #[test]
    fn a_hundred_thousand_files_are_no_burden() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dataset.json");
        let dataset = dataset(100_000);
        let start = std::time::Instant::now();
        Record::of(&dataset).write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap().changes(&dataset), []);
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }
}
