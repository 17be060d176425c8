//! What a step tells of itself: loss, logits, the gradients' norm. A processor tells at once. Any other device would stand still while it is
//! asked, so there one piece holds all of it, and it is taken only once the device has the next step to work on. What is
//! judged and counted is the same, in the same order; nothing is saved or validated before all of it was heard.

use burn::tensor::{Device, Tensor};

use super::Error;
use super::divergence::{Symptom, far_from_guessing};
use super::epoch::Named;
use super::norm::{global_norm, norm, squares};
use super::run::Run;
use crate::devices::{Reading, is_processor};
use crate::evaluate::best;
use crate::model::numbers;

/// What was not heard yet.
pub(super) struct Late {
    /// Whether there is any waiting to be saved.
    is_on: bool,
    /// Of the update that is being made.
    batches: Vec<Batch>,
    asked: Option<Report>,
    /// Of the update before it.
    before: Option<Report>,
    /// The end of what is queued where that is none of these.
    mark: Option<Reading>,
}

/// What the forward pass of a batch gave.
struct Batch {
    loss: Tensor<1>,
    logits: Tensor<2>,
    samples: Vec<usize>,
    classes: Vec<usize>,
}

/// All that an update tells, in one piece: for each batch the loss and the logits, then the squares of the gradients.
struct Report {
    numbers: Tensor<1>,
    reading: Option<Reading>,
    /// Samples and classes of each batch.
    batches: Vec<[Vec<usize>; 2]>,
    /// The samples of all of them.
    samples: Vec<usize>,
    /// What the gradients are multiplied by.
    scale: f64,
    /// The update's number in the run, and the batches of the epoch that are done with it.
    step: usize,
    batch: usize,
}

impl Late {
    pub fn on(device: &Device) -> Self {
        Self { is_on: !is_processor(device), batches: Vec::new(), asked: None, before: None, mark: None }
    }
}

impl Report {
    fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }

    fn begin(&mut self) {
        if self.reading.is_none() {
            self.reading = Some(Reading::begin(self.numbers.clone()));
        }
    }
}

impl Run<'_> {
    /// Judges and counts a batch, now or later.
    pub(super) fn hear(
        &mut self,
        (loss, logits): (Tensor<1>, Tensor<2>),
        samples: Vec<usize>,
        classes: Vec<usize>,
    ) -> Result<(), Error> {
        if self.late.is_on {
            let (loss, logits) = (loss.inner(), logits.inner());
            self.late.batches.push(Batch { loss, logits, samples, classes });
        } else {
            let (loss, rows) = (numbers(loss)[0], numbers(logits));
            self.judge(self.progress.step + 1, loss, &rows, [&samples, &classes])?;
        }
        self.progress.batch += 1;
        Ok(())
    }

    /// Puts together what the update tells of which these are the gradients. Where the update depends on it, it is asked for now.
    pub(super) fn ask(&mut self, sum: &Named, samples: &[usize]) {
        if !self.late.is_on {
            return;
        }
        let batches = std::mem::take(&mut self.late.batches);
        self.late.mark = None;
        let device = &self.session.device;
        let told = |batch: &Batch| {
            let count = batch.logits.shape().num_elements();
            // Other GPUs have been waited for by now.
            [batch.loss.clone(), batch.logits.clone().reshape([count])].map(|told| told.to_device(device))
        };
        let mut numbers: Vec<Tensor<1>> = batches.iter().flat_map(told).collect();
        numbers.extend(squares(sum));
        let mut report = Report {
            numbers: Tensor::cat(numbers, 0),
            reading: None,
            batches: batches.into_iter().map(|batch| [batch.samples, batch.classes]).collect(),
            samples: samples.to_vec(),
            scale: 1.0,
            step: self.progress.step + 1,
            batch: self.progress.batch,
        };
        if self.needs_the_norm() {
            report.begin();
        }
        self.late.asked = Some(report);
    }

    /// Whether an update depends on the norm of its gradients: whether they are clipped, or it is left out where they overflowed.
    fn needs_the_norm(&self) -> bool {
        self.session.config.train.clip_norm.is_some() || self.progress.loss_scale.is_some()
    }

    /// The norm of gradients that are multiplied by this; none where it is heard later, and judged then.
    pub(super) fn norm(&mut self, sum: &Named, scale: f64) -> Result<Option<f64>, Error> {
        match self.late.asked.take() {
            None => Ok(Some(global_norm(sum) * scale)),
            Some(report) if report.reading.is_some() => Ok(Some(self.heard(report)? * scale)),
            Some(report) => {
                self.late.asked = Some(Report { scale, ..report });
                Ok(None)
            }
        }
    }

    /// After an update: asks what it tells, and hears the one before it, while the device works.
    pub(super) fn hear_the_one_before(&mut self) -> Result<(), Error> {
        let Some(mut report) = self.late.asked.take() else {
            return self.look_how_far(self.progress.step, self.progress.batch);
        };
        report.begin();
        match self.late.before.replace(report) {
            Some(before) => self.heard_late(before),
            None => Ok(()),
        }
    }

    /// Leaves nothing unheard.
    pub(super) fn hear_all(&mut self) -> Result<(), Error> {
        match self.late.before.take() {
            Some(report) => self.heard_late(report),
            None => Ok(()),
        }
    }

    /// What came, once all that was done before it has been heard: its faults come first.
    pub(super) fn heard_before<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        if outcome.is_err() {
            self.hear_all()?;
        }
        outcome
    }

    /// The numbers that the device is at work on.
    pub(super) fn reading(&self) -> Option<&Reading> {
        let Late { asked, before, mark, .. } = &self.late;
        let all = [
            mark.as_ref(),
            asked.as_ref().and_then(Report::reading),
            before.as_ref().and_then(Report::reading),
        ];
        all.into_iter().flatten().next()
    }

    /// Remembers what the device is at work on, while the next batch of the same update is waited for.
    pub(super) fn mark(&mut self) {
        self.late.mark = self.late.batches.last().map(|batch| Reading::begin(batch.loss.clone()));
    }

    /// Batches and updates that were not heard yet.
    pub(super) fn unheard(&self) -> (usize, usize) {
        self.late.before.as_ref().map_or((0, 0), |report| (report.batches.len(), 1))
    }

    /// Judges an update that has been made.
    fn heard_late(&mut self, report: Report) -> Result<(), Error> {
        let (step, batch, scale) = (report.step, report.batch, report.scale);
        let samples = report.samples.clone();
        let norm = self.heard(report)? * scale;
        if !norm.is_finite() {
            return Err(self.diverged_at(step, Symptom::Gradient(norm), &samples, &[]));
        }
        self.look_how_far(step, batch)
    }

    /// Waits for what an update tells, judges and counts its batches; the norm of its gradients.
    fn heard(&mut self, mut report: Report) -> Result<f64, Error> {
        report.begin();
        let Report { reading, batches, step, .. } = report;
        let numbers = reading.map_or_else(Vec::new, Reading::take);
        let mut rest = numbers.as_slice();
        for [samples, classes] in &batches {
            let (loss, more) = rest.split_first().unwrap_or((&f32::NAN, &[]));
            let (rows, more) = more.split_at((samples.len() * self.session.classes()).min(more.len()));
            self.judge(step, *loss, rows, [samples, classes])?;
            rest = more;
        }
        Ok(norm(rest))
    }

    /// Counts a batch, where its loss is a number.
    fn judge(
        &mut self,
        step: usize,
        loss: f32,
        rows: &[f32],
        [samples, classes]: [&[usize]; 2],
    ) -> Result<(), Error> {
        let loss = f64::from(loss);
        let rows = rows.chunks_exact(self.session.classes());
        if !loss.is_finite() {
            let broken = rows.zip(samples).filter(|(row, _)| row.iter().any(|logit| !logit.is_finite()));
            let broken: Vec<usize> = broken.map(|(_, &sample)| sample).collect();
            return Err(self.diverged_at(step, Symptom::Loss(loss), samples, &broken));
        }
        let correct = rows.zip(classes).filter(|(row, class)| best(row) == **class).count();
        self.progress.tally.add(classes, correct, loss);
        Ok(())
    }

    /// Whether the epoch up to this update and batch is far worse than guessing.
    fn look_how_far(&self, step: usize, batch: usize) -> Result<(), Error> {
        let updates = match batch == self.session.batches() {
            // A whole epoch says something, however short it is.
            true => usize::MAX,
            false => batch.div_ceil(self.session.config.train.accumulate),
        };
        match far_from_guessing(self.progress.tally.mean_loss(), updates, self.session.classes()) {
            Some(symptom) => Err(self.diverged_at(step, symptom, &[], &[])),
            None => Ok(()),
        }
    }
}
