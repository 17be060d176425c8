//! `kiln explain`: which places of pictures speak for a class, as heat over the pictures. The arithmetic is in
//! evaluate/, the drawing in overlay.rs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use image::RgbImage;
use serde::Serialize;

use super::classifier::Classifier;
use super::console::{Bar, print, tell};
use super::failure::{DATA, Failure};
use super::listing::listed;
use super::session::marks;
use super::{Ended, Format, Place, numbered, overlay, start};
use crate::canvas;
use crate::dataset::Location;
use crate::devices::choose;
use crate::evaluate::softmax;

#[derive(Args)]
pub struct Explain {
    /// A run folder, an exported file, or imagenet[:VARIANT]
    model: String,
    /// Pictures and folders; `-` reads a list from standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// What the places should speak for, instead of the class that is predicted
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Where to write the pictures; a name that is taken gets a number
    #[arg(long, value_name = "DIR", default_value = "explained")]
    out: PathBuf,
    /// The checkpoint of this step instead of the best one
    #[arg(long)]
    step: Option<usize>,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    path: &'a str,
    drawn: bool,
    from_scratch: bool,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Explained(Explained<'a>),
    Failed { error: String },
}

#[derive(Serialize)]
struct Explained<'a> {
    /// What the heat is of.
    class: &'a str,
    probability: f64,
    predicted: &'a str,
    file: String,
    /// Row by row, from 0 to 1.
    heat: Vec<Vec<f32>>,
}

impl Explain {
    pub fn run(self) -> Ended {
        start::threads(self.place.threads)?;
        let device = choose(self.place.choice())?.device;
        let model = Classifier::open(&self.model, self.step, &device)?;
        let class = self.class.as_deref().map(|name| class_of(&model.identity.classes, name)).transpose()?;
        marks(&model.identity);
        let paths = listed(&self.paths)?;
        let mut bar = Bar::count("explaining");
        let mut bad = 0;
        for (done, path) in (1..).zip(&paths) {
            let name = path.display().to_string();
            let (seen, shown) = match seen(&model, path, class) {
                Ok(found) => found,
                Err(reason) => {
                    bad += 1;
                    bar.line(&format!("passed over {name}: {reason}"));
                    self.say(&model, &name, Outcome::Failed { error: reason })?;
                    continue;
                }
            };
            let bytes = canvas::png(&shown).context("the picture cannot be made into a file")?;
            let file = numbered::write(&self.out.join(file_name(path, seen.class)), &bytes)?;
            let file = file.display().to_string();
            self.say(&model, &name, Outcome::Explained(Explained { file, ..seen }))?;
            bar.set(done, paths.len() as u64);
        }
        bar.clear();
        if bad > 0 {
            tell(&format!("{bad} of {} files could not be read", paths.len()));
            return Ok(DATA);
        }
        Ok(0)
    }

    fn say(&self, model: &Classifier, path: &str, outcome: Outcome) -> Result<()> {
        if self.format.json {
            let (drawn, from_scratch) = (model.identity.drawn, model.identity.start.instead_of_pretrained);
            let line = Line { schema: 1, path, drawn, from_scratch, outcome };
            return print(&(serde_json::to_string(&line)? + "\n"));
        }
        match outcome {
            Outcome::Explained(Explained { class, probability, file, .. }) => {
                print(&format!("{path}: {class} {probability:.4}, {file}\n"))
            }
            Outcome::Failed { .. } => Ok(()),
        }
    }
}

/// What there is to say of a picture, and the picture that shows it.
fn seen<'a>(
    model: &'a Classifier,
    path: &Path,
    class: Option<usize>,
) -> Result<(Explained<'a>, RgbImage), String> {
    let bytes = Location::File(path.to_owned()).read().map_err(|error| error.to_string())?;
    let evidence = model.evidence(&bytes)?;
    let (classes, predicted) = (&model.identity.classes, evidence.predicted());
    let class = class.unwrap_or(predicted);
    let probability = softmax(&evidence.logits, model.identity.temperature)[class];
    let heat = evidence.heat(class);
    let image = overlay::draw(&bytes, &model.identity.preprocess, &heat, overlay::SCREEN)?;
    let image = overlay::captioned(&image, &format!("{} {probability:.4}", classes[class]));
    let explained = Explained {
        class: &classes[class],
        probability,
        predicted: &classes[predicted],
        file: String::new(),
        heat: heat.values.chunks(heat.columns.max(1)).map(<[f32]>::to_vec).collect(),
    };
    Ok((explained, image))
}

/// The number of a class by its name.
fn class_of(classes: &[String], name: &str) -> Result<usize, Failure> {
    classes.iter().position(|class| class == name).ok_or_else(|| {
        let near = classes.iter().min_by_key(|class| strsim::damerau_levenshtein(class, name));
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
        Failure::Usage(format!("--class {name}: the model knows no such class{near}"))
    })
}

/// `daisy.jpg` as a rose is `daisy-rose.png`; a class may hold what no file's name may.
fn file_name(path: &Path, class: &str) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let safe = |c: char| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '_' };
    let class: String = class.chars().take(LONGEST).map(safe).collect();
    format!("{}-{class}.png", stem.chars().take(LONGEST).collect::<String>())
}

/// Letters of a name's part; file systems take 255 bytes.
const LONGEST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_picture_and_class() {
        let check = |path: &str, class, expected| assert_eq!(file_name(Path::new(path), class), expected);
        check("a/daisy.jpg", "rose", "daisy-rose.png");
        check("daisy", "AC/DC: live", "daisy-AC_DC_ live.png");
        let long = file_name(Path::new(&"ö".repeat(200)), &"ß".repeat(200));
        assert!(long.len() < 255, "{long}");
    }

    #[test]
    fn a_class_is_known_by_its_name() {
        let classes = ["daisy".to_owned(), "rose".to_owned()];
        assert_eq!(class_of(&classes, "rose").unwrap(), 1);
        let error = class_of(&classes, "roes").unwrap_err().to_string();
        assert_eq!(error, "--class roes: the model knows no such class; did you mean \"rose\"?");
        assert!(class_of(&[], "x").is_err());
    }
}
