//! Recipes: where a named data set comes from, under which licence, and what it must hold. From a recipe to a
//! folder on this machine. Leaves the transfer to `download` and the contents to `scan`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::archive::{self, Limits};
use super::download::{self, Expected};
use super::{Dataset, Error, Origin, error};
use crate::durable;

/// A data set that kiln can fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub name: String,
    pub url: String,
    pub size: u64,
    /// Of the archive, in hexadecimal.
    pub sha256: String,
    /// The folder inside the archive that holds the folders of the classes; empty where they lie at the top.
    pub root: String,
    pub licence: String,
    /// Whose work the pictures are.
    pub source: String,
    /// How many pictures each class must have; empty where the recipe does not say.
    pub classes: BTreeMap<String, usize>,
}

/// What `obtain` is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Download { bytes: u64, total: Option<u64> },
    Unpack { files: usize },
}

/// In the binary, so that an installed kiln works anywhere.
const BUILT_IN: &[(&str, &str)] = &[("flowers", include_str!("../../datasets/flowers.toml"))];

impl Recipe {
    /// The recipe of a name: `NAME.toml` in the folder of recipes if there is one, else the built-in one.
    pub fn named(name: &str, folder: &Path) -> Result<Self, Error> {
        let file = folder.join(format!("{name}.toml"));
        if !is_plain(name) {
            return Err(unknown(name, folder, folder.join("NAME.toml")));
        }
        match durable::read_words(&file) {
            Ok(text) => return Self::parse(name, &text, &file.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::unreadable(&file)(error)),
        }
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => Self::parse(name, text, &format!("{name}.toml inside kiln")),
            None => Err(unknown(name, folder, file)),
        }
    }

    /// All names that `named` would find.
    pub fn names(folder: &Path) -> Vec<String> {
        let on_disk = fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
            Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_string()).filter(|name| is_plain(name))
        });
        let mut names: Vec<_> = BUILT_IN.iter().map(|(name, _)| (*name).to_string()).chain(on_disk).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The folder of the classes, fetched and unpacked on the first call and found again on later ones.
    pub fn obtain(&self, cache: &Path, progress: &mut dyn FnMut(Step)) -> Result<PathBuf, Error> {
        let (short, _) = self.sha256.split_at(12);
        // The checksum in the name keeps a changed recipe from being served with the old pictures.
        let unpacked = cache.join("datasets").join(format!("{}-{short}", self.name));
        let _lock = download::wait_for_lock(&download::beside(&unpacked, "lock"))?;
        if !unpacked.exists() {
            durable::sweep(&cache.join("datasets"))?;
            self.fetch_and_unpack(cache, &unpacked, progress)?;
        }
        let root = unpacked.join(&self.root);
        if root.is_dir() {
            Ok(root)
        } else {
            Err(Error::NoRoot { name: self.name.clone(), root: self.root.clone() })
        }
    }

    pub fn origin(&self) -> Origin {
        Origin::Recipe { name: self.name.clone(), licence: self.licence.clone(), source: self.source.clone() }
    }

    /// Where a data set has more or fewer pictures than the recipe says, class by class.
    pub fn differences(&self, dataset: &Dataset) -> Vec<String> {
        if self.classes.is_empty() {
            return Vec::new();
        }
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for sample in &dataset.samples {
            *found.entry(&dataset.classes[sample.class]).or_default() += 1;
        }
        let names = self.classes.keys().map(String::as_str).chain(found.keys().copied());
        let names: BTreeSet<&str> = names.collect();
        let difference = |name: &str| {
            let expected = self.classes.get(name).copied().unwrap_or_default();
            let found = found.get(name).copied().unwrap_or_default();
            (expected != found).then(|| format!("{name}: {found} pictures instead of {expected}"))
        };
        names.into_iter().filter_map(difference).collect()
    }

    fn fetch_and_unpack(
        &self,
        cache: &Path,
        unpacked: &Path,
        progress: &mut dyn FnMut(Step),
    ) -> Result<(), Error> {
        let downloads = cache.join("downloads");
        let archive = downloads.join(format!("{}-{}", self.name, self.file_name()));
        let expected = Expected { size: Some(self.size), sha256: Some(self.sha256.clone()) };
        download::fetch(&self.url, &expected, &archive, &mut |bytes, total| {
            progress(Step::Download { bytes, total });
        })?;
        archive::unpack(&archive, unpacked, Limits::of(self.size), &mut |files| {
            progress(Step::Unpack { files });
        })?;
        // The pictures are there and synced; the archive would only take their place a second time.
        let _ = fs::remove_file(&archive);
        Ok(())
    }

    fn file_name(&self) -> &str {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.is_empty() { "archive" } else { name }
    }

    fn parse(name: &str, text: &str, file: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::BadRecipe { file: file.to_string(), reason };
        let raw: Raw = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        if let Some(reason) = raw.fault() {
            return Err(bad(reason));
        }
        Ok(Self {
            name: name.to_string(),
            url: raw.url,
            size: raw.size,
            sha256: raw.sha256.to_ascii_lowercase(),
            root: raw.root,
            licence: raw.licence,
            source: raw.source,
            classes: raw.classes,
        })
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    url: String,
    size: u64,
    sha256: String,
    #[serde(default)]
    root: String,
    licence: String,
    source: String,
    #[serde(default)]
    classes: BTreeMap<String, usize>,
}

impl Raw {
    fn fault(&self) -> Option<String> {
        if !self.url.starts_with("https://") && !self.url.starts_with("http://") {
            return Some(format!("`url` is '{}', and has to start with https:// or http://", self.url));
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Some("`sha256` has to be 64 hexadecimal digits".into());
        }
        if self.size == 0 {
            return Some("`size` is 0; it is the archive's number of bytes".into());
        }
        let outside = |part: Component| !matches!(part, Component::Normal(_) | Component::CurDir);
        if Path::new(&self.root).components().any(outside) {
            return Some(format!("`root` is '{}', and has to lie inside the archive", self.root));
        }
        None
    }
}

/// A name becomes part of file names, so it is kept to what is harmless in all of them.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.len() <= 100 && name.bytes().all(plain)
}

fn unknown(name: &str, folder: &Path, file: PathBuf) -> Error {
    let known = Recipe::names(folder);
    Error::UnknownRecipe {
        name: name.to_string(),
        nearest: error::nearest(name, known.iter().map(String::as_str)),
        known: known.join(", "),
        file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Sample, Split};

    const NOWHERE: &str = "no/such/folder";

    fn fault(change: (&str, &str)) -> String {
        let text = BUILT_IN[0].1.replace(change.0, change.1);
        Recipe::parse("flowers", &text, "flowers.toml").unwrap_err().to_string()
    }

    #[test]
    fn the_flowers_are_the_published_ones() {
        let recipe = Recipe::named("flowers", Path::new(NOWHERE)).unwrap();
        assert_eq!(recipe.size, 228_813_984);
        assert_eq!(recipe.classes.values().sum::<usize>(), 3670);
        assert_eq!(recipe.file_name(), "flower_photos.tgz");
        assert_eq!(recipe.licence, "CC BY 2.0");
    }

    #[test]
    fn a_file_on_disk_wins() {
        let folder = tempfile::tempdir().unwrap();
        let text = BUILT_IN[0].1.replace("daisy = 633", "daisy = 7");
        fs::write(folder.path().join("flowers.toml"), &text).unwrap();
        fs::write(folder.path().join("mine.toml"), &text).unwrap();
        assert_eq!(Recipe::named("flowers", folder.path()).unwrap().classes["daisy"], 7);
        assert_eq!(Recipe::names(folder.path()), ["flowers", "mine"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = Recipe::named("flower", Path::new(NOWHERE)).unwrap_err().to_string();
        assert!(message.contains("did you mean 'flowers'?"), "{message}");
        let message = Recipe::named("../flowers", Path::new(NOWHERE)).unwrap_err().to_string();
        assert!(message.contains("kiln knows flowers"), "{message}");
    }

    #[test]
    fn a_data_set_is_held_against_its_recipe() {
        let sample = |class: usize| Sample {
            slice: None,
            weight: 1.0,
            source: None,
            relative: String::new(),
            class,
            split: Split::Train,
            hash: String::new(),
            bytes: 1,
            width: 1,
            height: 1,
        };
        let mut recipe = Recipe::named("flowers", Path::new(NOWHERE)).unwrap();
        recipe.classes = BTreeMap::from([("daisy".into(), 2), ("roses".into(), 1)]);
        let mut dataset = Dataset {
            root: PathBuf::new(),
            classes: vec!["daisy".into(), "weeds".into()],
            samples: [0, 0, 1].map(sample).into(),
            set_aside: Vec::new(),
            ignored: Vec::new(),
            alike: Vec::new(),
            origin: recipe.origin(),
        };
        let expected = ["roses: 0 pictures instead of 1", "weeds: 1 pictures instead of 0"];
        assert_eq!(recipe.differences(&dataset), expected);
        dataset.classes[1] = "roses".into();
        assert!(recipe.differences(&dataset).is_empty());
        recipe.classes.clear();
        dataset.samples.clear();
        assert!(recipe.differences(&dataset).is_empty());
    }

    #[test]
    fn a_recipe_that_cannot_be_right_is_refused() {
        assert!(fault(("https://", "file://")).contains("`url`"));
        assert!(fault(("4c54", "4c5")).contains("`sha256`"));
        assert!(fault(("228_813_984", "0")).contains("`size`"));
        assert!(fault(("\"flower_photos\"", "\"../up\"")).contains("`root`"));
        assert!(fault(("licence", "license")).contains("license"));
    }
}
