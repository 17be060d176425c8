//! `kiln export`: a trained model as files to take elsewhere. Each file is read back and compared before it counts as
//! written.

use std::path::{Path, PathBuf};

use anyhow::Result;
use burn::tensor::{Device, Tensor, TensorData};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::classifier::{self, Classifier};
use super::console::{print, tell};
use super::failure::Failure;
use super::{Ended, Format, session};
use crate::chance::Key;
use crate::config::DeviceChoice;
use crate::devices::choose;
use crate::durable;
use crate::export::{self, Form, Model, Timm};

#[derive(Args)]
pub struct Export {
    /// A run folder (its best checkpoint), an exported file, or imagenet[:VARIANT]
    model: String,
    /// What to write, separated by commas
    #[arg(
        long = "format",
        value_name = "FORMAT",
        value_enum,
        value_delimiter = ',',
        default_value = "safetensors"
    )]
    kinds: Vec<Kind>,
    /// Whose names a safetensors file carries
    #[arg(long, value_enum, default_value_t = Layout::Kiln)]
    layout: Layout,
    /// A file that is not there yet, or a folder; RUN/export where not given
    #[arg(long)]
    out: Option<PathBuf>,
    /// The checkpoint of this step instead of the best one
    #[arg(long)]
    step: Option<usize>,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Safetensors,
    Burnpack,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    Kiln,
    Timm,
}

/// Where files go.
enum Target {
    File(PathBuf),
    /// Under the first name that is free.
    Folder {
        folder: PathBuf,
        stem: String,
    },
}

/// What was written.
#[derive(Serialize)]
struct Written {
    path: String,
    format: &'static str,
    layout: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timm: Option<[String; 2]>,
}

impl Export {
    pub fn run(self) -> Ended {
        let forms = self.forms()?;
        let model = classifier::read(&self.model, self.step)?;
        let timm = forms.contains(&Form::Timm).then(|| Timm::fitting(&model.identity)).transpose()?;
        let target = self.target(forms.len(), &model.identity.network)?;
        let device = choose(DeviceChoice::Cpu)?.device;
        let expected = answers(model.clone(), &device)?;
        session::marks(&model.identity);
        let mut files = Vec::new();
        for form in forms {
            let path = target.put(form, &export::bytes(&model, form)?)?;
            keep_if_equal(&path, compare(&model, &expected, &path, &device))?;
            let timm = timm.as_ref().filter(|_| form == Form::Timm);
            if !self.format.json {
                print(&format!("{}\n", path.display()))?;
            }
            explain(timm, &path);
            files.push(Written::new(&path, form, timm));
        }
        if self.format.json {
            let report = serde_json::json!({ "schema": 1, "files": files });
            print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
        }
        Ok(0)
    }

    /// Each format once, in the order typed.
    fn forms(&self) -> Result<Vec<Form>> {
        let mut forms = Vec::new();
        for kind in &self.kinds {
            let form = match (kind, self.layout) {
                (Kind::Safetensors, Layout::Kiln) => Form::Safetensors,
                (Kind::Safetensors, Layout::Timm) => Form::Timm,
                (Kind::Burnpack, _) => Form::Burnpack,
            };
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        if self.layout == Layout::Timm && !forms.contains(&Form::Timm) {
            let text = "`--layout timm` is for safetensors; add it to --format, or leave the layout out";
            return Err(Failure::Usage(text.into()).into());
        }
        Ok(forms)
    }

    fn target(&self, files: usize, network: &str) -> Result<Target> {
        let usual = Target::beside(Path::new(&self.model), network);
        let Some(out) = &self.out else { return Ok(usual) };
        let is_there = out.is_symlink() || out.exists();
        if out.is_dir() || (files > 1 && !is_there) {
            let Target::Folder { stem, .. } = usual else { return Ok(usual) };
            return Ok(Target::Folder { folder: out.clone(), stem });
        }
        if is_there {
            return Err(taken(out));
        }
        Ok(Target::File(out.clone()))
    }
}

impl Target {
    /// In the run's own folder `export`; for a file beside it, and otherwise here.
    fn beside(model: &Path, network: &str) -> Self {
        let text = |name: &std::ffi::OsStr| name.to_string_lossy().into_owned();
        if model.is_dir() {
            // The name of `.` is known to the system alone.
            let whole = model.canonicalize().unwrap_or_else(|_| model.to_owned());
            let stem = whole.file_name().map_or_else(|| network.to_owned(), text);
            return Self::Folder { folder: model.join("export"), stem };
        }
        let stem = model.is_file().then(|| model.file_stem().map(text)).flatten();
        let folder = model.parent().filter(|_| stem.is_some()).map_or_else(PathBuf::new, Path::to_owned);
        Self::Folder { folder, stem: stem.unwrap_or_else(|| network.to_owned()) }
    }

    /// Writes a file and says where. Never in place of another one.
    fn put(&self, form: Form, bytes: &[u8]) -> Result<PathBuf> {
        match self {
            Self::File(path) => {
                make_folder(path.parent())?;
                match durable::write_new(path, bytes) {
                    Err(durable::Error::Exists { .. }) => Err(taken(path)),
                    done => Ok(done.map(|()| path.clone())?),
                }
            }
            Self::Folder { folder, stem } => {
                make_folder(Some(folder))?;
                let mut number = 1;
                loop {
                    let path = folder.join(file_name(stem, form, number));
                    match durable::write_new(&path, bytes) {
                        Err(durable::Error::Exists { .. }) => number += 1,
                        done => return Ok(done.map(|()| path)?),
                    }
                }
            }
        }
    }
}

/// `flowers.safetensors`, `flowers-2.safetensors`, `flowers-timm.safetensors`.
fn file_name(stem: &str, form: Form, number: usize) -> String {
    let layout = if form == Form::Timm { "-timm" } else { "" };
    let number = if number == 1 { String::new() } else { format!("-{number}") };
    format!("{stem}{layout}{number}.{}", form.ending())
}

fn make_folder(folder: Option<&Path>) -> Result<()> {
    match folder {
        Some(folder) if !folder.as_os_str().is_empty() => Ok(durable::create_folders(folder)?),
        _ => Ok(()),
    }
}

fn taken(path: &Path) -> anyhow::Error {
    let text = format!("{} is there already and is not replaced; give --out another name", path.display());
    Failure::Usage(text).into()
}

/// Logits that a model gives for a few random inputs.
fn answers(model: Model, device: &Device) -> Result<Vec<f32>> {
    const INPUTS: usize = 2;
    /// Every layer is reached from here on, and the largest networks still answer within seconds.
    const LARGEST: usize = 128;
    let model = Classifier::new(model, device)?;
    let side = model.identity.preprocess.size.min(LARGEST);
    let shape = [INPUTS, model.identity.channels, side, side];
    let mut draws = Key::new(0).named("export").draws();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| draws.normal() as f32).collect();
    Ok(model.infer(Tensor::from_data(TensorData::new(values, shape), device)))
}

/// In what the file just written differs from the model.
fn compare(model: &Model, expected: &[f32], path: &Path, device: &Device) -> Option<String> {
    let back = match export::read(path) {
        Ok(back) => back,
        Err(error) => return Some(format!("it cannot be read back: {error}")),
    };
    if let Some(what) = export::difference(model, &back) {
        return Some(format!("{what} differs"));
    }
    let bits = |row: &[f32]| row.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    match answers(back, device) {
        Ok(found) if bits(&found) == bits(expected) => None,
        Ok(_) => Some("its logits differ".into()),
        Err(error) => Some(format!("no network can be built of it: {error}")),
    }
}

/// Removes a file that is not what it should be.
fn keep_if_equal(path: &Path, difference: Option<String>) -> Result<()> {
    let Some(difference) = difference else { return Ok(()) };
    let removed = match std::fs::remove_file(path) {
        Ok(()) => "it was removed".to_owned(),
        Err(error) => format!("it could not be removed ({error}): do not use it"),
    };
    let text = format!("{} disagrees with the model: {difference}; {removed}", path.display());
    Err(Failure::Disagrees(text).into())
}

fn explain(timm: Option<&Timm>, path: &Path) {
    let Some(timm) = timm else { return };
    let [create, load] = timm.python(path);
    tell(&format!(
        "for timm's {}, after `import timm, safetensors.torch`:\n    {create}\n    {load}",
        timm.network
    ));
    if let Some(input) = timm.input {
        tell(input);
    }
    if let Some(differs) = &timm.differs {
        tell(&format!("{differs}, so the argument must be given"));
    }
}

impl Written {
    fn new(path: &Path, form: Form, timm: Option<&Timm>) -> Self {
        let (format, layout) = match form {
            Form::Safetensors => ("safetensors", "kiln"),
            Form::Timm => ("safetensors", "timm"),
            Form::Burnpack => ("burnpack", "kiln"),
        };
        Self { path: path.display().to_string(), format, layout, timm: timm.map(|timm| timm.python(path)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_disagrees_is_removed_with_its_own_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, "x").unwrap();
        keep_if_equal(&path, None).unwrap();
        assert!(path.exists());
        let error = keep_if_equal(&path, Some("its logits differ".into())).unwrap_err();
        assert_eq!(super::super::failure::exit_code(&error), super::super::failure::DISAGREES);
        assert!(error.to_string().ends_with("its logits differ; it was removed"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn files_are_named_after_the_run() {
        let check = |form, number, expected| assert_eq!(file_name("flowers", form, number), expected);
        check(Form::Safetensors, 1, "flowers.safetensors");
        check(Form::Safetensors, 2, "flowers-2.safetensors");
        check(Form::Timm, 3, "flowers-timm-3.safetensors");
        check(Form::Burnpack, 1, "flowers.bpk");
    }
}
