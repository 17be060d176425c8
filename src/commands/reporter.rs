//! Keeps a run's page up to date while it trains, beside whatever shows the training. What cannot be written is said
//! once, and never stops a run.

use std::time::{Duration, Instant};

use super::classifier::Classifier;
use super::eval::provenance;
use super::overlay;
use super::views::Pictures;
use crate::checkpoint::RunFolder;
use crate::dataset::thumbnail::{data_uri, jpeg_uri};
use crate::dataset::{Location, Record, Sample, Split};
use crate::durable;
use crate::evaluate::{Figures, Provenance, sources, worst};
use crate::export;
use crate::loader::Item;
use crate::report::{self, Files, Made, Mistake, Row, Run, State, Validation, Views};
use crate::train::{BatchNote, EpochNote, Observer, Session, StageNote, Test};

/// An open page looks again every few seconds; epochs may be far shorter.
const PAUSE: Duration = Duration::from_secs(1);
/// How many of the worst mistakes are kept with their pictures.
const MISTAKES: usize = 24;
/// The sheet of what training sees: pictures, views of each, and their edge.
const PICTURES: usize = 6;
const VIEWS: usize = 4;
const TILE: u32 = 112;

/// Passes everything on, and writes the page after an epoch.
pub struct Reporter<'a> {
    inner: &'a mut dyn Observer,
    page: Page,
}

/// A run's page and how it is doing.
pub struct Page {
    folder: RunFolder,
    run: Option<Run>,
    written: Option<Instant>,
    troubled: bool,
}

impl<'a> Reporter<'a> {
    pub fn new(inner: &'a mut dyn Observer, page: Page) -> Self {
        Self { inner, page }
    }

    /// The page once the training is over.
    pub fn into_page(self) -> Page {
        self.page
    }
}

impl Page {
    pub fn new(folder: &RunFolder) -> Self {
        Self { folder: folder.clone(), run: None, written: None, troubled: false }
    }

    fn files(&self) -> Files {
        Files::of(self.folder.path())
    }

    /// Notes who works on the run now, and what training sees, and writes the page for the first time.
    pub fn begin(&mut self, session: &Session) -> Option<String> {
        let made = Made::here(session.machine.clone(), session.processors);
        let noted = self.files().add_made(&made);
        let seen = match self.files().has_views() {
            true => Ok(()),
            false => views(session).map_or(Ok(()), |views| self.files().put_views(&views)),
        };
        let noted = self.trouble(noted.and(seen).map_err(report::Error::from));
        noted.or(self.write(State::Training))
    }

    /// Writes the page, and says what is in the way of that.
    pub fn write(&mut self, state: State) -> Option<String> {
        self.written = Some(Instant::now());
        let written = self.try_to(state);
        self.trouble(written)
    }

    fn try_to(&mut self, state: State) -> Result<(), report::Error> {
        let run = match &mut self.run {
            Some(run) => run,
            none => none.insert(Run::read(self.folder.path())?),
        };
        run.now(state);
        durable::write(&self.folder.file(report::NAME), report::html(run).as_bytes())?;
        if run.state != State::Training {
            report::put_plates(run)?;
        }
        Ok(())
    }

    fn trouble(&mut self, result: Result<(), report::Error>) -> Option<String> {
        let error = result.err().filter(|_| !self.troubled)?;
        self.troubled = true;
        Some(format!("WARNING: the report is not up to date: {error}"))
    }

    fn epoch(&mut self, note: &EpochNote, number: usize) -> Option<String> {
        let kept = match &note.validation {
            Some(scores) if note.is_best => {
                self.files().put_validation(&Validation { epoch: number, scores: scores.clone() })
            }
            _ => Ok(()),
        };
        self.trouble(kept.map_err(report::Error::from))
    }

    /// What is kept of the test.
    pub fn tested(&mut self, session: &Session, test: &Test, figures: &Figures) -> Option<String> {
        let kept = keep(&self.files(), session, test, figures);
        self.trouble(kept)
    }
}

impl Observer for Reporter<'_> {
    fn stage(&mut self, note: &StageNote) {
        self.inner.stage(note);
    }

    fn caching(&mut self, done: usize, total: usize) {
        self.inner.caching(done, total);
    }

    fn remark(&mut self, text: &str) {
        self.inner.remark(text);
    }

    fn batch(&mut self, note: &BatchNote) {
        self.inner.batch(note);
    }

    fn epoch(&mut self, note: &EpochNote) {
        self.inner.epoch(note);
        let is_due = self.page.written.is_none_or(|written| written.elapsed() >= PAUSE);
        let number = note.whole;
        let kept = self.page.epoch(note, number);
        let written = is_due.then(|| self.page.write(State::Training)).flatten();
        for trouble in kept.into_iter().chain(written) {
            self.inner.remark(&trouble);
        }
    }

    fn saved(&mut self, path: &std::path::Path) {
        self.inner.saved(path);
    }
}

fn keep(files: &Files, session: &Session, test: &Test, figures: &Figures) -> Result<(), report::Error> {
    let record = Record::read(&session.folder.dataset_path())?;
    let samples: Vec<&Sample> = record.samples.iter().filter(|one| one.split == Split::Test).collect();
    let names: Vec<&str> = samples.iter().map(|one| one.relative.as_str()).collect();
    let pictures: Vec<Provenance> = samples.iter().map(|one| provenance(one)).collect();
    let judgements = test.answers.judgements(test.temperature);
    let rows: Vec<Row> =
        names.iter().zip(&judgements).map(|(name, &judgement)| Row { name, judgement }).collect();
    files.put_tables(&session.identity.classes, figures, &rows)?;
    let model = best_model(session);
    let mistake = |&number: &usize| {
        let judgement = judgements[number];
        let location = session.splits.test.get(number).map(|item| &item.location);
        Mistake {
            name: names.get(number).copied().unwrap_or_default().to_owned(),
            class: judgement.label,
            predicted: judgement.predicted,
            confidence: judgement.confidence,
            probability: judgement.probability,
            picture: location.and_then(data_uri),
            heat: location
                .zip(model.as_ref())
                .and_then(|(place, model)| heat(model, place, judgement.predicted)),
        }
    };
    let mistakes = worst(&judgements).iter().take(MISTAKES).map(mistake).collect();
    Ok(files.put_tested(sources(&pictures, &judgements), mistakes)?)
}

/// The model that was tested. None where it cannot be had any more; then nothing is explained.
fn best_model(session: &Session) -> Option<Classifier> {
    let model = export::read(&session.folder.best().ok()?.model_path()).ok()?;
    Classifier::new(model, &session.device).ok()
}

/// A small picture with what spoke for a class.
fn heat(model: &Classifier, place: &Location, class: usize) -> Option<String> {
    let bytes = place.read().ok()?;
    let heat = model.evidence(&bytes).ok()?.heat(class);
    let image = overlay::draw(&bytes, &model.identity.preprocess, &heat, overlay::THUMBNAIL).ok()?;
    jpeg_uri(&image, image.width(), image.height())
}

/// Training pictures as they are and as the first epochs see them. None where they cannot be shown.
fn views(session: &Session) -> Option<Views> {
    let pictures = Pictures {
        config: session.config.clone(),
        classes: session.identity.classes.clone(),
        train: session.splits.train.clone(),
        plain: session.plain_spec(),
    };
    let rows = spread(&session.splits.train, PICTURES);
    if rows.is_empty() {
        return None;
    }
    let mut columns = vec![pictures.plain(&rows).ok()?];
    for view in 0..VIEWS {
        columns.push(pictures.views(&rows, view).ok()?);
    }
    let (width, height) = (columns.len() as u32 * TILE, rows.len() as u32 * TILE);
    let mut sheet = image::RgbImage::new(width, height);
    for (column, views) in (0..).zip(&columns) {
        for (row, view) in (0..).zip(views) {
            let tile = image::imageops::thumbnail(&view.image, TILE, TILE);
            image::imageops::replace(&mut sheet, &tile, column * i64::from(TILE), row * i64::from(TILE));
        }
    }
    let classes = rows.iter().map(|item| session.identity.classes[item.class].clone()).collect();
    Some(Views { columns: columns.len(), rows: classes, sheet: jpeg_uri(&sheet, width, height)? })
}

/// Some of many, from all over the list, so of several classes.
fn spread(items: &[Item], count: usize) -> Vec<Item> {
    let count = count.min(items.len());
    (0..count).map(|number| items[number * items.len() / count].clone()).collect()
}
