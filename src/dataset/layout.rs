//! What a file's place means: its class, and its split where the folders name one. Pure: works on the list of
//! files that `walk` made, and leaves reading them to `scan`. What is labelled in other ways is laid out by `labels`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::labels::Labels;
use super::location::Slice;
use super::walk::Tree;
use super::{Error, Sample, SetAside, Split, error};

/// Files that may be pictures, each with its class.
#[derive(Debug)]
pub struct Layout {
    /// What the names of candidates start from.
    pub root: PathBuf,
    pub classes: Vec<String>,
    pub candidates: Vec<Candidate>,
    pub set_aside: Vec<SetAside>,
    pub ignored: Vec<SetAside>,
    /// The splits that have pictures of their own.
    pub given: BTreeSet<Split>,
    /// The folder above those of the training classes, or what names the pictures.
    pub training: PathBuf,
    /// Whether each picture was named by the user; one that is no picture is a fault then.
    pub named: bool,
    /// Why training would refuse it, for the check, which goes on all the same.
    pub refusal: Option<String>,
}

#[derive(Debug, PartialEq)]
pub struct Candidate {
    pub relative: String,
    pub class: usize,
    /// Training where nothing names a split.
    pub split: Split,
    /// Where it lies in a shard.
    pub slice: Option<Slice>,
    pub weight: f32,
    /// Where it is from, where that was said.
    pub source: Option<String>,
}

impl Candidate {
    /// What it is once it was read.
    pub fn read(self, hash: String, bytes: u64, (width, height): (u32, u32)) -> Sample {
        let Self { relative, class, split, slice, weight, source } = self;
        Sample { relative, slice, class, split, hash, bytes, width, height, weight, source }
    }
}

/// Folders that systems leave among others; none is a class.
const NO_CLASSES: &[&str] =
    &["__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information", "__pycache__"];

/// Names of files, without their endings, that go along with pictures.
const NO_PICTURES: &[&str] = &[
    "license",
    "licence",
    "copying",
    "notice",
    "readme",
    "credits",
    "attribution",
    "thumbs.db",
    "desktop.ini",
];

/// Endings of files that go along with pictures.
const NO_PICTURE_ENDINGS: &[&str] = &[
    "txt", "md", "rst", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "html", "htm", "pdf",
    "db", "ini", "log", "py", "sh", "zip", "gz", "tgz", "tar", "npy", "npz", "mat", "h5", "pkl", "parquet",
];

pub fn arrange(root: &Path, tree: &Tree, labels: &Labels) -> Result<Layout, Error> {
    let tops: Vec<&str> = folders_in(tree, "").collect();
    if tops.is_empty() {
        return Err(match tree.files.len() {
            0 => Error::Empty { path: root.into() },
            files => Error::NoClasses { path: root.into(), files },
        });
    }
    let splits = split_folders(root, tree, &tops)?;
    let layout = match splits.get(&Split::Train) {
        Some(train) => {
            let classes = folders_at(tree, train, labels);
            let given = splits.keys().copied().collect();
            let mut layout = Layout::new(root, classes, root.join(train), given);
            layout.place_by_split(tree, &splits, labels)?;
            layout
        }
        None => {
            let classes = folders_at(tree, "", labels);
            let mut layout = Layout::new(root, classes, root.into(), BTreeSet::new());
            layout.place_by_class(tree, labels);
            layout
        }
    };
    match layout.classes.as_slice() {
        [] => Err(Error::NotSoDeep { path: layout.training, depth: labels.depth }),
        [class] => Err(one_class(layout.training.clone(), class, tree, &splits)),
        _ => Ok(layout),
    }
}

/// The folders of the splits, where the data set has them. A class may be called `train` too: it is a split only
/// where it holds folders, and stands among other splits or alone.
fn split_folders(root: &Path, tree: &Tree, tops: &[&str]) -> Result<BTreeMap<Split, String>, Error> {
    let mut splits: BTreeMap<Split, String> = BTreeMap::new();
    for &top in tops {
        let Some(split) = Split::named(top).filter(|_| folders_in(tree, top).next().is_some()) else {
            continue;
        };
        if let Some(first) = splits.insert(split, top.to_string()) {
            let (split, second) = (split.name(), top.to_string());
            return Err(Error::SplitTwice { path: root.into(), split, first, second });
        }
    }
    if splits.contains_key(&Split::Train) {
        let alone = splits.len() == 1 && tops.len() > 1 && tops.iter().any(|top| Split::named(top).is_none());
        return Ok(if alone { BTreeMap::new() } else { splits });
    }
    if splits.len() == tops.len() {
        let folders: Vec<_> = splits.values().map(|name| format!("{name}/")).collect();
        return Err(Error::NoTraining { path: root.into(), folders: folders.join(" and ") });
    }
    Ok(BTreeMap::new())
}

/// The names of the folders directly inside one (or inside the root, for ""), in order.
fn folders_in<'a>(tree: &'a Tree, parent: &'a str) -> impl Iterator<Item = &'a str> {
    tree.folders
        .iter()
        .filter_map(
            move |folder| if parent.is_empty() { Some(folder.as_str()) } else { below(folder, parent) },
        )
        .filter(|name| !name.contains('/') && !NO_CLASSES.contains(name))
}

/// The folders so many levels inside one whose names make classes; those of the list where there is one.
fn folders_at(tree: &Tree, parent: &str, labels: &Labels) -> Vec<String> {
    if !labels.listed().is_empty() {
        return labels.classes.clone();
    }
    let inside = tree.folders.iter().filter_map(|folder| {
        let class = if parent.is_empty() { folder } else { below(folder, parent)? };
        let names = || class.split('/');
        (names().count() == labels.depth && !names().any(|name| NO_CLASSES.contains(&name)))
            .then(|| class.to_string())
    });
    let mut classes: Vec<_> = inside.collect();
    classes.sort_unstable();
    classes
}

/// The folders that make the class of a file, where it lies deep enough.
fn class_of(file: &str, depth: usize) -> Option<&str> {
    let (end, _) = file.match_indices('/').nth(depth - 1)?;
    Some(&file[..end]).filter(|class| !class.split('/').any(|name| NO_CLASSES.contains(&name)))
}

/// What follows `parent/` in a path.
fn below<'a>(path: &'a str, parent: &str) -> Option<&'a str> {
    path.strip_prefix(parent)?.strip_prefix('/')
}

fn one_class(path: PathBuf, class: &str, tree: &Tree, splits: &BTreeMap<Split, String>) -> Error {
    let inside = folders_in(tree, class).count();
    let hint = if splits.is_empty() && inside > 1 {
        format!("; if its {inside} folders are the classes, name {} instead", path.join(class).display())
    } else {
        "; add a folder for each other class".into()
    };
    Error::OneClass { path, class: class.into(), hint }
}

impl Layout {
    pub(super) fn new(root: &Path, classes: Vec<String>, training: PathBuf, given: BTreeSet<Split>) -> Self {
        let (candidates, set_aside, ignored) = (Vec::new(), Vec::new(), Vec::new());
        let (root, named, refusal) = (root.into(), false, None);
        Self { root, classes, candidates, set_aside, ignored, given, training, named, refusal }
    }

    fn place_by_class(&mut self, tree: &Tree, labels: &Labels) {
        let numbers = self.numbers();
        for file in &tree.files {
            match class_of(file, labels.depth).map(|class| numbers.get(class)) {
                Some(Some(&class)) => self.place(file, class, Split::Train),
                Some(None) => self.ignore(file, "its class is not in data.classes"),
                None => self.ignore(file, "outside the folders of the classes"),
            }
        }
    }

    fn place_by_split(
        &mut self,
        tree: &Tree,
        splits: &BTreeMap<Split, String>,
        labels: &Labels,
    ) -> Result<(), Error> {
        let numbers = self.numbers();
        for file in &tree.files {
            let inside = |(split, folder): (&Split, &String)| Some((*split, below(file, folder)?));
            let Some((split, rest)) = splits.iter().find_map(inside) else {
                self.ignore(file, "outside the folders of the splits");
                continue;
            };
            match class_of(rest, labels.depth) {
                None => self.ignore(file, "outside the folders of the classes"),
                Some(class) => match numbers.get(class) {
                    Some(&class) => self.place(file, class, split),
                    None if is_no_picture(file) => self.ignore(file, "not a picture, by its name"),
                    None if !labels.listed().is_empty() => {
                        self.ignore(file, "its class is not in data.classes")
                    }
                    None => return Err(self.not_in_training(class, &splits[&split])),
                },
            }
        }
        Ok(())
    }

    /// The classes' numbers by their names.
    pub(super) fn numbers(&self) -> HashMap<String, usize> {
        self.classes.iter().cloned().zip(0..).collect()
    }

    fn place(&mut self, file: &str, class: usize, split: Split) {
        if is_no_picture(file) {
            self.ignore(file, "not a picture, by its name");
        } else {
            let relative = file.to_string();
            let (slice, weight, source) = (None, 1.0, None);
            self.candidates.push(Candidate { relative, class, split, slice, weight, source });
        }
    }

    fn ignore(&mut self, file: &str, reason: &str) {
        self.ignored.push(SetAside { relative: file.to_string(), reason: reason.to_string() });
    }

    fn not_in_training(&self, class: &str, split: &str) -> Error {
        Error::NotInTraining {
            class: class.into(),
            folder: format!("{split}/{class}"),
            nearest: error::nearest(class, self.classes.iter().map(String::as_str)),
        }
    }
}

pub(super) fn is_no_picture(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    // `license.jpg` may well be a picture of one.
    NO_PICTURE_ENDINGS.contains(&ending)
        || NO_PICTURES.contains(&name.as_str())
        || (NO_PICTURES.contains(&stem) && image::ImageFormat::from_extension(ending).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of these files; names that end in `/` are empty folders.
    fn tree(names: &[&str]) -> Tree {
        let mut folders = BTreeSet::new();
        for name in names {
            let parts: Vec<_> = name.split('/').collect();
            folders.extend((1..parts.len()).map(|end| parts[..end].join("/")));
        }
        let files =
            names.iter().filter(|name| !name.ends_with('/')).map(|name| (*name).to_string()).collect();
        Tree { files, folders: folders.into_iter().collect(), ..Tree::default() }
    }

    fn layout(names: &[&str]) -> Result<Layout, Error> {
        arrange(Path::new("data"), &tree(names), &Labels::default())
    }

    /// Each candidate as `split class file`.
    fn check(names: &[&str], expected: &[&str]) {
        let layout = layout(names).unwrap();
        let placed = |c: &Candidate| format!("{} {} {}", c.split.name(), layout.classes[c.class], c.relative);
        assert_eq!(layout.candidates.iter().map(placed).collect::<Vec<_>>(), expected);
        assert_eq!(layout.candidates.len() + layout.ignored.len(), tree(names).files.len());
    }

    fn check_fault(names: &[&str], part: &str) {
        let message = layout(names).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn folders_are_classes() {
        check(
            &["LICENSE.txt", "b/2.jpg", "a/deep/1.jpg", "a/Thumbs.db", "__MACOSX/x.jpg", "loose.jpg"],
            &["train b b/2.jpg", "train a a/deep/1.jpg"],
        );
    }

    #[test]
    fn folders_of_splits_are_known_by_many_names() {
        check(
            &["Train/a/1.jpg", "Train/b/2.jpg", "valid/a/3.jpg", "valid/b/", "test/b/4.jpg", "other/c/5.jpg"],
            &["train a Train/a/1.jpg", "train b Train/b/2.jpg", "val a valid/a/3.jpg", "test b test/b/4.jpg"],
        );
        // A test folder without labels, as competitions have it, is no test split.
        let layout = layout(&["train/a/1.jpg", "train/b/2.jpg", "test/3.jpg"]).unwrap();
        assert_eq!(layout.given, BTreeSet::from([Split::Train]));
        assert_eq!(layout.ignored.len(), 1);
    }

    #[test]
    fn a_class_may_be_called_train() {
        check(&["bus/1.jpg", "train/2.jpg"], &["train bus bus/1.jpg", "train train train/2.jpg"]);
        check(&["bus/1.jpg", "train/red/2.jpg"], &["train bus bus/1.jpg", "train train train/red/2.jpg"]);
    }

    #[test]
    fn several_folders_make_a_class() {
        let check = |names: &[&str], labels: &Labels, expected: &[&str]| {
            let layout = arrange(Path::new("data"), &tree(names), labels).unwrap();
            let placed =
                |c: &Candidate| format!("{} {} {}", c.split.name(), layout.classes[c.class], c.relative);
            assert_eq!(layout.candidates.iter().map(placed).collect::<Vec<_>>(), expected);
            assert_eq!(layout.candidates.len() + layout.ignored.len(), tree(names).files.len());
        };
        let two = Labels { depth: 2, ..Labels::default() };
        check(
            &["b/x/1.jpg", "a/x/deep/2.jpg", "a/shallow.jpg", "a/__MACOSX/3.jpg", "a/y/"],
            &two,
            &["train b/x b/x/1.jpg", "train a/x a/x/deep/2.jpg"],
        );
        check(
            &["train/a/x/1.jpg", "train/a/y/2.jpg", "test/a/x/3.jpg"],
            &two,
            &["train a/x train/a/x/1.jpg", "train a/y train/a/y/2.jpg", "test a/x test/a/x/3.jpg"],
        );
        // A list of classes gives their order, and leaves others out.
        let listed = Labels { classes: vec!["b".into(), "a".into()], ..Labels::default() };
        check(&["a/1.jpg", "b/2.jpg", "c/3.jpg"], &listed, &["train a a/1.jpg", "train b b/2.jpg"]);
        let error = arrange(Path::new("data"), &tree(&["a/1.jpg", "b/2.jpg"]), &two).unwrap_err().to_string();
        assert!(error.contains("2 folders deep"), "{error}");
    }

    #[test]
    fn faults_are_told() {
        check_fault(&[], "is empty");
        check_fault(&["1.jpg", "2.jpg"], "holds 2 files but no folder");
        check_fault(&["a/1.jpg"], "a single class, 'a'");
        check_fault(&["a/b/1.jpg", "a/c/1.jpg"], "name data/a instead");
        check_fault(&["train/a/1.jpg", "val/a/1.jpg"], "a single class, 'a'");
        check_fault(&["val/a/1.jpg", "test/b/1.jpg"], "but no train/");
        check_fault(&["train/a/1", "train/b/1", "val/a/1", "valid/a/1"], "keep one");
        check_fault(&["train/rose/1", "train/tulip/1", "val/roses/1.jpg"], "did you mean 'rose'?");
    }
}
