//! A folder with tiny labelled pictures and configurations of tiny networks, and kiln run in it as a user would.
//! What the runs should come to is the business of the tests.

// Each file of tests uses a part of it.
#![allow(dead_code)]

pub mod disk;
pub mod gpu;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use serde_json::Value;

pub const CLASSES: [&str; 3] = ["bars", "checks", "discs"];
pub const PER_CLASS: usize = 12;

/// A network of the smallest size and three steps an epoch. Tests run side by side, so each run has one thread.
pub const TINY: &str = r#"
[model]
width = 0.1
depth = 0.1
resolution = 32
pretrained = "none"

[data]
path = "pictures"
workers = 1

[augment]
policy = "light"

[[stage]]
trains = "all"
epochs = 2
lr = 0.01

[train]
batch = 8
seed = 1
device = "cpu"
threads = 1
"#;

/// All three kinds of stages, in the order in which one would use them.
pub const STAGED: &str = r#"
[model]
width = 0.1
depth = 0.1
resolution = 32

[data]
path = "pictures"

[[stage]]
trains = "head"
epochs = 1
lr = 0.01

[[stage]]
trains = "last 2"
epochs = 1
lr = 0.003

[[stage]]
trains = "all"
epochs = 1
lr = 0.001
layer_decay = 0.9

[train]
batch = 8
device = "cpu"
threads = 1
"#;

/// A working folder that is removed at the end.
pub struct Studio {
    folder: tempfile::TempDir,
    /// Where commands run; the folder itself unless a test says otherwise.
    working: PathBuf,
    /// What commands find in their environment, beyond what every test sets.
    variables: BTreeMap<String, String>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// None where a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Studio {
    /// With `pictures/` of three classes and `tiny.toml`.
    pub fn new() -> Self {
        let studio = Self::empty();
        for class in CLASSES {
            for number in 0..PER_CLASS {
                studio.paint(class, number);
            }
        }
        studio.write("tiny.toml", TINY);
        studio
    }

    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let working = folder.path().to_owned();
        Self { folder, working, variables: BTreeMap::new() }
    }

    /// The same studio with commands run in another folder.
    pub fn working_in(mut self, folder: &Path) -> Self {
        self.working = folder.to_owned();
        self
    }

    /// The same studio with commands run in another environment.
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.insert(variable.into(), value.into());
        self
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.working.join(relative)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Puts a picture of a class in its place; the name of the file is the number.
    pub fn paint(&self, class: &str, number: usize) {
        let path = self.path(&format!("pictures/{class}/{number:02}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture(class, number).save(path).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("kiln"));
        command.args(args).current_dir(&self.working).stdin(Stdio::null());
        command.env("KILN_CACHE", self.folder.path().join("cache")).env("HF_HUB_OFFLINE", "1");
        command.env_remove("RUST_LOG").envs(&self.variables);
        command
    }

    /// Runs kiln. Whatever it is given, it does not panic.
    pub fn kiln(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }

    /// Runs kiln and expects an exit code.
    #[track_caller]
    pub fn expect(&self, code: i32, args: &[&str]) -> Ended {
        let ended = self.kiln(args);
        assert_eq!(ended.code, Some(code), "{args:?}\n{}{}", ended.out, ended.err);
        ended
    }

    /// Runs kiln, and expects an exit code and an error that says certain things.
    #[track_caller]
    pub fn refused(&self, code: i32, args: &[&str], parts: &[&str]) -> Ended {
        let ended = self.expect(code, args);
        assert!(ended.err.matches("(os error").count() < 2, "said twice: {}", ended.err);
        for part in parts {
            assert!(ended.err.contains(part), "{args:?} does not say {part:?}:\n{}", ended.err);
        }
        ended
    }

    /// Starts kiln and leaves it running; its output is kept for `Running::wait`.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut command = self.command(args);
        Running(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// All files below a folder with their content.
    pub fn files(&self, relative: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.path(relative);
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    pub fn json(&self, relative: &str) -> Value {
        json(&fs::read_to_string(self.path(relative)).unwrap())
    }

    /// The lines of a run's metrics.jsonl.
    pub fn metrics(&self, run: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(&format!("checkpoints/{run}/metrics.jsonl"))).unwrap();
        text.lines().map(json).collect()
    }

    /// How many epochs a run has written down so far.
    pub fn epochs(&self, run: &str) -> usize {
        let path = self.path(&format!("checkpoints/{run}/metrics.jsonl"));
        fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
    }

    /// The names of a run's checkpoints, oldest first.
    pub fn steps(&self, run: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(&format!("checkpoints/{run}/steps"))) else {
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// A file of a run's newest checkpoint.
    pub fn newest(&self, run: &str, file: &str) -> PathBuf {
        self.path(&format!("checkpoints/{run}/steps/{}/{file}", self.steps(run).last().unwrap()))
    }
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ended = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
        ended
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        json(&self.out)
    }
}

#[track_caller]
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A kiln at work; it is killed where a test ends before it.
pub struct Running(Option<Child>);

/// Far longer than any wait of these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Running {
    pub fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// Waits until something is true, as long as kiln runs.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut is_true: impl FnMut() -> bool) {
        let started = Instant::now();
        while !is_true() {
            let ended = self.0.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "kiln ended before {what}");
            assert!(started.elapsed() < PATIENCE, "no {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub fn wait(mut self) -> Ended {
        Ended::of(self.0.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const SIDE: u32 = 48;

/// Bars, a chessboard or a disc, each in its own colour; the number moves and shades it.
fn picture(class: &str, number: usize) -> RgbImage {
    let shift = number as u32;
    let ground = 20 + 6 * number as u8;
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let (inside, ink) = match class {
            "bars" => (((x + shift) / 6).is_multiple_of(2), [220, 60, 40]),
            "checks" => (((x + shift) / 8 + y / 8).is_multiple_of(2), [50, 200, 70]),
            _ => (distance(x, 18 + shift) + distance(y, 24) < 196, [60, 80, 230]),
        };
        Rgb(if inside { ink } else { [ground; 3] })
    })
}

fn distance(a: u32, b: u32) -> u32 {
    a.abs_diff(b).pow(2)
}
