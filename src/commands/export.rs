//! `kiln export`: a trained model as files to take elsewhere. Each file is read back and compared before it counts as
//! written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use burn::tensor::{Device, Tensor, TensorData};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::classifier::{self, Classifier};
use super::console::{print, tell};
use super::failure::Failure;
use super::onnx::{self, OnnxOptions};
use super::target::Target;
use super::{Ended, Format, card, session, web};
use crate::chance::Key;
use crate::config::DeviceChoice;
use crate::devices::choose;
use crate::durable::{self, NewFolder};
use crate::export::{self, Form, Model, Taker, rust};

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
    #[command(flatten)]
    onnx: OnnxOptions,
    /// Where a page takes ONNX Runtime from: the .tgz of `npm pack`, or a folder with it unpacked [default: npm]
    #[arg(long, value_name = "PACKAGE")]
    ort_web: Option<PathBuf>,
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
    Onnx,
    /// A crate that classifies pictures
    Rust,
    /// A page that classifies pictures in the browser
    Web,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    Kiln,
    Timm,
    Torchvision,
}

/// What was written.
#[derive(Serialize)]
struct Written {
    path: String,
    format: &'static str,
    layout: &'static str,
    /// By the library that takes the file: the lines of Python that load it there.
    #[serde(flatten)]
    python: BTreeMap<&'static str, [String; 2]>,
}

impl Export {
    pub fn run(self) -> Ended {
        let forms = self.forms()?;
        let mut model = classifier::read(&self.model, self.step)?;
        card::state_licence(&self.model, &mut model.identity);
        let takers = forms.iter().map(|&form| Taker::of(form, &model.identity));
        let takers: Vec<Option<Taker>> = takers.collect::<Result<_, _>>()?;
        let from = Path::new(&self.model);
        let target = Target::new(self.out.as_deref(), forms.len(), from, &model.identity.network)?;
        let device = choose(DeviceChoice::Cpu)?.device;
        let expected = answers(model.clone(), &device)?;
        let card = card::text(&self.model, self.step, &model.identity);
        session::marks(&model.identity);
        let mut files = Vec::new();
        onnx::tell_if_not_run(&forms);
        for (form, taker) in forms.into_iter().zip(takers) {
            let path = match form {
                Form::Onnx(options) => put_onnx(&model, options, &target, from)?,
                Form::Rust => put_crate(&model, &target, from, &card)?,
                Form::Web => put_page(&model, &target, from, self.ort_web.as_deref(), &card)?,
                _ => put_arrays(&model, form, &target, &expected, &device)?,
            };
            if !self.format.json {
                print(&format!("{}\n", path.display()))?;
            }
            explain(taker.as_ref(), &path);
            files.push(Written::new(&path, form, taker.as_ref()));
        }
        let card = card::put(target.folder(), &card)?;
        tell(&format!("what it is and what it is not: {}", card.display()));
        if self.format.json {
            let card = card.display().to_string();
            let report = serde_json::json!({ "schema": 1, "files": files, "card": card });
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
                (Kind::Safetensors, Layout::Torchvision) => Form::Torchvision,
                (Kind::Burnpack, _) => Form::Burnpack,
                (Kind::Onnx, _) => Form::Onnx(self.onnx.checked()),
                (Kind::Rust, _) => Form::Rust,
                (Kind::Web, _) => Form::Web,
            };
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        if let Some(layout) = self.foreign_layout().filter(|_| !self.kinds.contains(&Kind::Safetensors)) {
            let text = format!(
                "`--layout {layout}` is for safetensors; add it to --format, or leave the layout out"
            );
            return Err(Failure::Usage(text).into());
        }
        if self.onnx.are_given() && !self.kinds.contains(&Kind::Onnx) {
            let text = "--onnx-input, --onnx-precision and --onnx-output are for `--format onnx`; add it, or leave them out";
            return Err(Failure::Usage(text.into()).into());
        }
        if self.ort_web.is_some() && !forms.contains(&Form::Web) {
            let text = "--ort-web is for `--format web`; add it, or leave it out";
            return Err(Failure::Usage(text.into()).into());
        }
        Ok(forms)
    }

    fn foreign_layout(&self) -> Option<&'static str> {
        match self.layout {
            Layout::Kiln => None,
            Layout::Timm => Some("timm"),
            Layout::Torchvision => Some("torchvision"),
        }
    }
}

/// A file of named arrays, which is read back as a model.
fn put_arrays(
    model: &Model,
    form: Form,
    target: &Target,
    expected: &[f32],
    device: &Device,
) -> Result<PathBuf> {
    let bytes = export::bytes(model, form)?;
    let path = target.put(form, &|path| durable::write_new(path, &bytes))?;
    keep_if_equal(&path, compare(model, expected, &path, device))?;
    Ok(path)
}

/// A file that another runtime runs, before it is written.
fn put_onnx(model: &Model, options: onnx::Options, target: &Target, from: &Path) -> Result<PathBuf> {
    let form = Form::Onnx(options);
    let bytes = export::bytes(model, form)?;
    onnx::expect_agreement(model, options, &bytes, from)?;
    let path = target.put(form, &|path| durable::write_new(path, &bytes))?;
    keep_if_equal(&path, differs(&bytes, &path))?;
    Ok(path)
}

/// A folder with the crate, whose network another runtime runs before it is written.
fn put_crate(model: &Model, target: &Target, from: &Path, card: &str) -> Result<PathBuf> {
    let network = export::bytes(model, Form::Rust)?;
    onnx::expect_agreement(model, rust::OPTIONS, &network, from)?;
    let mut files = rust::files(&model.identity, network, &target.stem());
    files.push((card::NAME, card.into()));
    target.put(Form::Rust, &|path| put_folder(path, &files))
}

/// A folder with the page, whose network another runtime runs before it is written.
fn put_page(
    model: &Model,
    target: &Target,
    from: &Path,
    runtime: Option<&Path>,
    card: &str,
) -> Result<PathBuf> {
    let network = export::bytes(model, Form::Web)?;
    onnx::expect_agreement(model, export::web::OPTIONS, &network, from)?;
    let mut files = export::web::files(&model.identity, network, &target.stem());
    files.extend(web::runtime(runtime)?);
    files.push((card::NAME, card.into()));
    let path = target.put(Form::Web, &|path| put_folder(path, &files))?;
    tell(&format!(
        "serve it, for example: python3 -m http.server 8000 --bind 127.0.0.1 --directory {}",
        path.display()
    ));
    Ok(path)
}

/// A new folder with some files, there whole or not at all.
fn put_folder(path: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), durable::Error> {
    let folder = NewFolder::begin(path)?;
    for (name, bytes) in files {
        if let Some(above) = Path::new(name).parent() {
            durable::create_folders(&folder.path().join(above))?;
        }
        folder.write(name, bytes)?;
    }
    folder.commit()
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

/// Whether the file just written holds something else than was checked.
fn differs(bytes: &[u8], path: &Path) -> Option<String> {
    match durable::hash_file(path) {
        Ok(hash) if hash == durable::hash(bytes) => None,
        Ok(_) => Some("it does not hold what was written".into()),
        Err(error) => Some(format!("it cannot be read back: {error}")),
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

fn explain(taker: Option<&Taker>, path: &Path) {
    let Some(taker) = taker else { return };
    let [create, load] = taker.python(path);
    let library = taker.library();
    tell(&format!(
        "for {library}'s {}, after `import {library}, safetensors.torch`:\n    {create}\n    {load}",
        taker.network()
    ));
    taker.remarks().iter().for_each(|remark| tell(remark));
}

impl Written {
    fn new(path: &Path, form: Form, taker: Option<&Taker>) -> Self {
        let (format, layout) = match form {
            Form::Safetensors => ("safetensors", "kiln"),
            Form::Timm => ("safetensors", "timm"),
            Form::Torchvision => ("safetensors", "torchvision"),
            Form::Burnpack => ("burnpack", "kiln"),
            Form::Onnx(_) => ("onnx", "kiln"),
            Form::Rust => ("rust", "kiln"),
            Form::Web => ("web", "kiln"),
        };
        let python = taker.iter().map(|taker| (taker.library(), taker.python(path))).collect();
        Self { path: path.display().to_string(), format, layout, python }
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
}
