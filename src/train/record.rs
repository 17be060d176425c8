//! The run's own record: a line per epoch in metrics.jsonl and metrics.csv, which are functions of the run
//! alone, and clock times in timing.jsonl. A resume cuts off what was written after its checkpoint.

use serde::Serialize;

use super::observe::EpochNote;
use crate::checkpoint::{Error, Identity, Progress, RunFolder};
use crate::durable::Appender;

pub struct Record {
    json: Appender,
    csv: Appender,
    timing: Appender,
    marks: Marks,
    counts_classes: bool,
}

/// What has to be known about a run wherever its figures stand.
#[derive(Clone, Copy, Default, Serialize)]
struct Marks {
    drawn: bool,
    from_scratch: bool,
}

#[derive(Serialize)]
struct Line {
    stage: usize,
    epoch: usize,
    step: usize,
    learning_rate: f64,
    train_loss: f64,
    train_accuracy: f64,
    val_loss: Option<f64>,
    val_accuracy: Option<f64>,
    best: bool,
    /// Training pictures seen of each class, where that is not simply all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    class_pictures: Option<Vec<usize>>,
    #[serde(flatten)]
    marks: Marks,
}

#[derive(Serialize)]
struct Timing {
    step: usize,
    seconds: f64,
    pictures_per_second: f64,
    waited_seconds: f64,
    computed_seconds: f64,
    saving_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_memory_bytes: Option<u64>,
}

const HEADING: &str =
    "stage,epoch,step,learning_rate,train_loss,train_accuracy,val_loss,val_accuracy,best,drawn,from_scratch";

impl Record {
    /// Opens the files where a state left them.
    pub fn open(folder: &RunFolder, progress: &mut Progress) -> Result<Self, Error> {
        let mut json = Appender::open(&folder.file("metrics.jsonl"))?;
        let mut csv = Appender::open(&folder.file("metrics.csv"))?;
        json.truncate_to(progress.metrics_bytes)?;
        csv.truncate_to(progress.csv_bytes)?;
        if progress.csv_bytes == 0 {
            csv.line(HEADING)?;
            // The first checkpoint counts its bytes.
            csv.sync()?;
        }
        let timing = Appender::open(&folder.file("timing.jsonl"))?;
        let record = Self { json, csv, timing, marks: Marks::default(), counts_classes: false };
        record.mark(progress);
        Ok(record)
    }

    /// Marks every line from here on with what the run says of itself.
    pub fn marked(mut self, identity: &Identity) -> Self {
        self.marks = Marks { drawn: identity.drawn, from_scratch: identity.start.instead_of_pretrained };
        self
    }

    /// Says in every line from here on how many pictures of each class were seen.
    pub fn counting_classes(mut self, counts: bool) -> Self {
        self.counts_classes = counts;
        self
    }

    /// Adds an epoch and notes in the state how far the files belong to it. Called again after a fault, it begins
    /// where the state ends.
    pub fn epoch(&mut self, note: &EpochNote, progress: &mut Progress) -> Result<(), Error> {
        let line = Line {
            stage: note.stage,
            epoch: note.epoch,
            step: note.step,
            learning_rate: note.rate,
            train_loss: note.train_loss,
            train_accuracy: note.train_accuracy,
            val_loss: note.validation.as_ref().map(|scores| scores.loss),
            val_accuracy: note.validation.as_ref().map(|scores| scores.accuracy),
            best: note.is_best,
            class_pictures: self.counts_classes.then(|| note.classes.clone()),
            marks: self.marks,
        };
        self.json.truncate_to(progress.metrics_bytes)?;
        self.csv.truncate_to(progress.csv_bytes)?;
        self.json.line(&serde_json::to_string(&line).unwrap_or_default())?;
        self.csv.line(&csv_line(&line))?;
        self.json.sync()?;
        self.csv.sync()?;
        let seconds = note.time.as_secs_f64();
        let timing = Timing {
            step: note.step,
            seconds,
            pictures_per_second: note.pictures as f64 / seconds.max(1e-9),
            waited_seconds: note.waited.as_secs_f64(),
            computed_seconds: note.time.saturating_sub(note.waited).as_secs_f64(),
            saving_seconds: note.saving.as_secs_f64(),
            device_memory_bytes: note.device_memory,
        };
        self.timing.line(&serde_json::to_string(&timing).unwrap_or_default())?;
        self.mark(progress);
        Ok(())
    }

    fn mark(&self, progress: &mut Progress) {
        progress.metrics_bytes = self.json.length();
        progress.csv_bytes = self.csv.length();
    }
}

fn csv_line(line: &Line) -> String {
    let optional = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    format!(
        "{},{},{},{},{},{},{},{},{},{},{}",
        line.stage,
        line.epoch,
        line.step,
        line.learning_rate,
        line.train_loss,
        line.train_accuracy,
        optional(line.val_loss),
        optional(line.val_accuracy),
        line.best,
        line.marks.drawn,
        line.marks.from_scratch
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::faults::{Done, Plan};

    #[test]
    fn a_heading_that_a_state_counts_is_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&folder.path().join("run"), "", &["rose".into()], b"{}").unwrap();
        let plan = Plan::watch();
        let mut progress = Progress::default();
        Record::open(&run, &mut progress).unwrap();
        assert_eq!(progress.csv_bytes, HEADING.len() as u64 + 1);
        // A file that is synced before its last line was written may lose that line with the power.
        let done = plan.done();
        let csv = run.file("metrics.csv");
        let written = done.iter().rposition(|done| matches!(done, Done::Write(path, _) if *path == csv));
        let synced = done.iter().rposition(|done| *done == Done::Sync(csv.clone()));
        assert!(written.is_some() && synced > written, "{done:?}");
    }

    #[test]
    fn every_line_tells_what_the_run_is() {
        let line = Line {
            stage: 1,
            epoch: 2,
            step: 3,
            learning_rate: 0.1,
            train_loss: 0.5,
            train_accuracy: 0.75,
            val_loss: None,
            val_accuracy: None,
            best: false,
            class_pictures: None,
            marks: Marks { drawn: true, from_scratch: false },
        };
        assert_eq!(csv_line(&line), "1,2,3,0.1,0.5,0.75,,,false,true,false");
        assert_eq!(csv_line(&line).split(',').count(), HEADING.split(',').count());
        let json = serde_json::to_value(&line).unwrap();
        assert_eq!((&json["drawn"], &json["from_scratch"]), (&true.into(), &false.into()));
    }
}
