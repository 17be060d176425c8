//! What a labelled data set is once it has been scanned: classes, samples, splits, and what was left out.
//! Leaves finding the files to `source` and `scan` and their pixels to `decode`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::location::{Location, Slice};
use crate::config::Part;

/// Labelled pictures, every file, row or member of them accounted for.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub root: PathBuf,
    /// In bytewise order, or in the order that was asked for; a sample's class is an index into this list.
    pub classes: Vec<String>,
    /// In bytewise order of their relative paths.
    pub samples: Vec<Sample>,
    /// Pictures that cannot be used, with the reason of each.
    pub set_aside: Vec<SetAside>,
    /// What was never meant as a picture of a class: licences, hidden files, files outside the class folders.
    pub ignored: Vec<SetAside>,
    /// Numbers of samples that show nearly the same, in groups, copies among them included; empty where nobody looked.
    pub alike: Vec<Vec<usize>>,
    pub origin: Origin,
}

/// One picture that can be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// From the root, with `/` on every system; a shard's member follows the shard, as in `a.tar: b.jpg`.
    pub relative: String,
    /// Where it lies in a shard. Not written down: the next scan finds it again.
    #[serde(skip)]
    pub slice: Option<Slice>,
    pub class: usize,
    pub split: Split,
    /// BLAKE3 of the file, in hexadecimal.
    pub hash: String,
    pub bytes: u64,
    pub width: u32,
    pub height: u32,
    /// How much it counts in the loss, beside the others of its batch.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub weight: f32,
    /// Where it is from, such as a hospital, where a column says so. Nothing that training depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

fn whole() -> f32 {
    1.0
}

fn is_whole(weight: &f32) -> bool {
    *weight == 1.0
}

/// A file that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    pub relative: String,
    pub reason: String,
}

/// Which part of the data a sample belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    Train,
    Val,
    Test,
}

impl Split {
    pub const ALL: [Split; 3] = [Split::Train, Split::Val, Split::Test];

    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }

    /// The split that a word of folders, tables and shards means.
    pub fn named(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Split::Train),
            "val" | "valid" | "validation" => Some(Split::Val),
            "test" | "testing" => Some(Split::Test),
            _ => None,
        }
    }
}

impl From<Part> for Split {
    fn from(part: Part) -> Self {
        match part {
            Part::Train => Split::Train,
            Part::Val => Split::Val,
            Part::Test => Split::Test,
        }
    }
}

/// Where the pictures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// The user's own folder.
    Folder,
    /// A recipe's archive.
    Recipe { name: String, licence: String, source: String },
    /// Drawn by kiln; every figure made with them has to say so.
    Drawn { seed: u64, pictures: usize },
}

impl Origin {
    pub fn is_drawn(&self) -> bool {
        matches!(self, Origin::Drawn { .. })
    }
}

impl Dataset {
    /// The samples of one split, in order.
    pub fn samples(&self, split: Split) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.split == split)
    }

    /// Where a sample's bytes lie.
    pub fn location(&self, sample: &Sample) -> Location {
        Location::of(&self.root, &sample.relative, sample.slice.as_ref())
    }

    /// How many samples of each class a split holds, in the order of the classes.
    pub fn counts(&self, split: Split) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for sample in self.samples(split) {
            counts[sample.class] += 1;
        }
        counts
    }

    /// All files that the scan came across, used or not.
    pub fn found(&self) -> usize {
        self.samples.len() + self.set_aside.len() + self.ignored.len()
    }

    /// A hash over everything that training depends on: classes, and each sample's name, class, split and content.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            // The length goes first, so that no two lists run together into the same bytes.
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        add("kiln data set 1");
        add(&self.classes.len().to_string());
        self.classes.iter().for_each(|class| add(class));
        for sample in &self.samples {
            add(&sample.relative);
            add(&sample.class.to_string());
            add(sample.split.name());
            add(&sample.hash);
            if !is_whole(&sample.weight) {
                add(&format!("weight {}", sample.weight));
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}
