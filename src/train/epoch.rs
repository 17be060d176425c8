//! One epoch: its steps, its validation, its line in the record and its checkpoint.

use std::time::{Duration, Instant};

use burn::tensor::{Gradients, Tensor};

use super::Error;
use super::divergence::{Divergence, Symptom};
use super::feed::{Feed, Step};
use super::half::went_well;
use super::norm::has_finite_numbers;
use super::observe::{BatchNote, EpochNote, Observer};
use super::replicas::followed;
use super::retry::{PAUSES, until_done};
use super::run::{Run, UNFITTED};
use super::schedule::{Place, share};
use super::validate::Validator;
use super::waiting::advice;
use crate::chance::Key;
use crate::checkpoint::{Best, Tally};
use crate::config::{Every, Monitor, OnDivergence};
use crate::evaluate::{Answers, Scores};
use crate::kernels;
use crate::model::{Cut, Network, gradients};

pub type Named = Vec<(String, Tensor<1>)>;

/// What of an epoch the observer has been told.
struct Watch {
    /// Batches and pictures before this sitting.
    first: usize,
    before: usize,
    batches: usize,
    /// Pictures.
    told: usize,
    started: Instant,
}

impl Run<'_> {
    /// Trains an epoch, or what is left of it; returns early where it is asked to stop.
    pub(super) fn epoch(
        &mut self,
        cut: Cut,
        feed: &mut Feed,
        validator: &mut Validator,
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let session = self.session;
        let (started, before) = (Instant::now(), self.progress.tally.samples);
        // Where a stop came during the validation, only that is left to do.
        let [waited, filled] = match self.progress.batch < session.batches() {
            true => self.updates(cut, feed, observer)?,
            false => Default::default(),
        };
        if self.progress.batch < session.batches() {
            return Ok(());
        }
        let pictures = self.progress.tally.samples - before;
        let validation = match validator.is_empty() {
            true => None,
            false => Some(validator.answers(session, &self.judged())?),
        };
        let mut note = self.close(validation.as_ref().map(Answers::scores))?;
        self.temperature = validation.map_or(UNFITTED, |answers| answers.temperature());
        let waited = waited + validator.waited();
        (note.pictures, note.time, note.waited, note.filled) = (pictures, started.elapsed(), waited, filled);
        note.saving = std::mem::take(&mut self.saving);
        let (record, progress) = (&mut self.record, &mut self.progress);
        until_done(&PAUSES, &mut |line| observer.remark(line), || record.epoch(&note, progress))?;
        observer.epoch(&note);
        self.remark_on_pictures(&note, observer);
        self.save(observer)
    }

    /// The updates of an epoch until its end or a stop, and how long they waited for pictures and for the cache.
    fn updates(
        &mut self,
        cut: Cut,
        feed: &mut Feed,
        observer: &mut dyn Observer,
    ) -> Result<[Duration; 2], Error> {
        let session = self.session;
        let (first, batches) = (self.progress.batch, session.batches());
        let before = self.progress.tally.samples;
        let mut steps = feed.epoch(session, self.progress.view, first, observer)?;
        let mut watch = Watch { first, batches, before, told: before, started: Instant::now() };
        let mut last = Vec::new();
        while let Some(step) = steps.next(self.reading()) {
            let step = self.heard_before(step)?;
            last.clone_from(&step.samples);
            self.replicas.follow(&self.network, cut);
            let mut sum = self.backward(cut, step)?;
            let mut count = 1;
            while count < session.config.train.accumulate {
                self.mark();
                let Some(step) = steps.next(self.reading()) else { break };
                let step = self.heard_before(step)?;
                last.extend_from_slice(&step.samples);
                let turn = session.turn(self.progress.batch);
                if turn.is_none() {
                    sum = self.gathered(cut, sum);
                }
                let gradients = self.backward(cut, step)?;
                match turn {
                    None => sum = added(sum, gradients),
                    Some(other) => self.replicas.keep(other, gradients, cut, session.form()),
                }
                count += 1;
            }
            let sum = self.gathered(cut, sum);
            self.ask(&sum, &last);
            steps.prepare(self.reading());
            self.apply(sum, count, &last, observer)?;
            self.look_at_memory();
            self.tell(&mut watch, observer);
            let is_last = self.progress.batch == batches;
            if is_last || self.asked_to_stop() || self.is_time_to_save() {
                self.hear_all()?;
                self.tell(&mut watch, observer);
            }
            self.look_after_saving(observer)?;
            if is_last {
                break;
            }
            if self.asked_to_stop() {
                self.hear_all()?;
                return Ok(Default::default());
            }
            if self.is_time_to_save() {
                self.hear_all()?;
                self.save_midway(&last, observer)?;
            }
        }
        self.hear_all()?;
        // No later loss would show what the last update did.
        match has_finite_numbers(&self.network) {
            true => Ok([steps.waited(), steps.filled()]),
            false => Err(self.diverged(Symptom::Weights, &last, &[])),
        }
    }

    /// Says once in a run what could be done about waiting for pictures, and what became of their cache.
    fn remark_on_pictures(&mut self, note: &EpochNote, observer: &mut dyn Observer) {
        let decoded = self.session.decoded.as_ref();
        if let Some(trouble) = decoded.and_then(|decoded| decoded.trouble()).filter(|_| !self.troubled) {
            self.troubled = true;
            observer.remark(&format!("not all decoded pictures are kept: {trouble}"));
        }
        // Once a cache holds all pictures, later epochs wait less.
        let fills = decoded.is_some_and(|decoded| decoded.left_out() == 0);
        if self.advised || (fills && note.epoch == 1 && note.epochs > 1) {
            return;
        }
        if let Some(advice) = advice(self.session, note.waited, note.time) {
            self.advised = true;
            observer.remark(&advice);
        }
    }

    /// Forward and backward on one batch: its gradients by name.
    fn backward(&mut self, cut: Cut, step: Step) -> Result<Named, Error> {
        let root = Key::new(self.session.config.train.seed).named("network").with(self.progress.view as u64);
        let keys: Vec<Key> = step.samples.iter().map(|&sample| root.with(sample as u64)).collect();
        kernels::expect_pictures(step.samples.len());
        let turn = self.session.turn(self.progress.batch);
        let (form, float) = (self.session.form(), self.session.float());
        let network = self.network_of(turn);
        let input = network.in_float(cut, step.input, float);
        let logits = network.train_from(cut, input.autodiff(), form, &keys);
        let loss = self.loss.of(logits.clone(), step.labels);
        self.hear((loss.clone(), logits), step.samples, step.classes)?;
        let mut tape: Gradients = self.scaled(loss).backward();
        Ok(gradients(self.network_of(turn), &mut tape))
    }

    fn network_of(&mut self, turn: Option<usize>) -> &mut Network {
        turn.and_then(|other| self.replicas.network(other)).unwrap_or(&mut self.network)
    }

    /// The sum with what came of the batches on other GPUs since it was last asked for; this one's statistics follow.
    fn gathered(&mut self, cut: Cut, sum: Named) -> Named {
        let mut sum = sum;
        for [gradients, statistics] in self.replicas.gathered(&self.session.device) {
            self.network = followed(self.network.clone(), cut, statistics);
            sum = added(sum, gradients);
        }
        sum
    }

    /// One update from the mean of `count` batches' gradients. One that is left out has its place in the schedule too.
    fn apply(
        &mut self,
        sum: Named,
        count: usize,
        samples: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<(), Error> {
        let mut scale = 1.0 / (count as f64 * self.loss_scale());
        let norm = self.norm(&sum, scale)?;
        if norm.is_none_or(f64::is_finite) {
            if let (Some(limit), Some(norm)) = (self.session.config.train.clip_norm, norm)
                && norm > limit
            {
                scale *= limit / norm;
            }
            let rate = self.rate(self.progress.stage_step);
            self.network = self.optimizer.step(self.network.clone(), sum, scale, rate);
            if let Some(average) = &mut self.average {
                average.follow(&self.network);
            }
            self.temperature = UNFITTED;
            self.progress.loss_scale = self.progress.loss_scale.map(went_well);
        } else {
            self.leave_out(norm.unwrap_or(f64::NAN), samples, observer)?;
        }
        self.progress.step += 1;
        self.progress.stage_step += 1;
        self.hear_the_one_before()
    }

    /// Tells of the batches that were heard of since it told last.
    fn tell(&self, watch: &mut Watch, observer: &mut dyn Observer) {
        let heard = self.progress.tally.samples;
        if heard > watch.told {
            watch.told = heard;
            let (first, pictures, time) = (watch.first, heard - watch.before, watch.started.elapsed());
            observer.batch(&BatchNote { first, pictures, time, ..self.batch_note(watch.batches) });
        }
    }

    fn is_time_to_save(&self) -> bool {
        match self.session.config.checkpoint.every {
            Every::Epoch => false,
            Every::Steps(steps) => self.progress.step.is_multiple_of(steps),
            Every::Seconds(seconds) => self.saved_at.elapsed() >= Duration::from_secs(seconds),
        }
    }

    /// The learning rate of an update of this stage, from 0.
    fn rate(&self, stage_step: usize) -> f64 {
        let config = self.session.config;
        let stage = &config.stages[self.progress.stage];
        let steps_per_epoch = self.session.batches().div_ceil(config.train.accumulate);
        let steps = steps_per_epoch * stage.epochs;
        let share = share(&config.schedule, Place { step: stage_step, steps_per_epoch, steps });
        stage.lr * share * 0.5_f64.powi(self.progress.rewinds as i32)
    }

    /// Ends the epoch in the state: tally, best, patience.
    fn close(&mut self, validation: Option<Scores>) -> Result<EpochNote, Error> {
        let rate = self.rate(self.progress.stage_step.saturating_sub(1));
        let tally = std::mem::take(&mut self.progress.tally);
        let is_best = match &validation {
            None => true,
            Some(scores) if !scores.loss.is_finite() => {
                return Err(self.diverged(Symptom::Validation(scores.loss), &[], &[]));
            }
            Some(scores) => beats(self.session.config.train.monitor, scores, self.progress.best),
        };
        let progress = &mut self.progress;
        if is_best {
            let (accuracy, loss) = match &validation {
                Some(scores) => (scores.accuracy, scores.loss),
                None => (tally.accuracy(), tally.mean_loss()),
            };
            progress.best = Some(Best { step: progress.step, accuracy, loss });
        }
        progress.stale = if is_best { 0 } else { progress.stale + 1 };
        progress.epoch += 1;
        progress.batch = 0;
        progress.view += 1;
        let step = progress.step;
        progress.trouble = progress.trouble.filter(|trouble| step < trouble.at);
        Ok(self.epoch_note(validation, rate, is_best, tally))
    }

    fn epoch_note(&self, validation: Option<Scores>, rate: f64, is_best: bool, tally: Tally) -> EpochNote {
        let mut classes = tally.classes.clone();
        classes.resize(self.session.classes(), 0);
        EpochNote {
            stage: self.progress.stage + 1,
            epoch: self.progress.epoch,
            epochs: self.session.config.stages[self.progress.stage].epochs,
            whole: self.progress.view,
            step: self.progress.step,
            rate,
            train_loss: tally.mean_loss(),
            train_accuracy: tally.accuracy(),
            validation,
            is_best,
            pictures: tally.samples,
            classes,
            time: Default::default(),
            waited: Default::default(),
            filled: Default::default(),
            saving: Default::default(),
            device_memory: self.device_memory,
        }
    }

    fn batch_note(&self, batches: usize) -> BatchNote {
        let (progress, (unheard, updates)) = (&self.progress, self.unheard());
        BatchNote {
            stage: progress.stage + 1,
            epoch: progress.epoch + 1,
            epochs: self.session.config.stages[progress.stage].epochs,
            step: progress.step - updates,
            rate: self.rate(progress.stage_step.saturating_sub(1 + updates)),
            batch: progress.batch - unheard,
            batches,
            first: 0,
            pictures: progress.tally.samples,
            time: Duration::ZERO,
            loss: progress.tally.mean_loss(),
            accuracy: progress.tally.accuracy(),
        }
    }

    /// What happened in the update that comes next, or with the weights after the last one.
    pub(super) fn diverged(&self, symptom: Symptom, samples: &[usize], broken: &[usize]) -> Error {
        let ahead = matches!(symptom, Symptom::Loss(_) | Symptom::Gradient(_) | Symptom::Scale);
        self.diverged_at(self.progress.step + usize::from(ahead), symptom, samples, broken)
    }

    pub(super) fn diverged_at(
        &self,
        step: usize,
        symptom: Symptom,
        samples: &[usize],
        broken: &[usize],
    ) -> Error {
        // By its number: a session may hold fewer pictures than were counted.
        let path = |sample: &usize| {
            let item = self.session.splits.train.iter().find(|item| item.sample == *sample);
            item.map(|item| item.location.to_string())
        };
        // Where all of them are, it is not the pictures.
        let broken = if broken.len() < samples.len() { broken } else { &[] };
        Error::Diverged(Box::new(Divergence {
            symptom,
            step,
            stage: self.progress.stage + 1,
            epoch: self.progress.epoch + 1,
            float: self.session.float(),
            lower: self.session.config.stages[self.progress.stage].lr / 10.0,
            pictures: samples.iter().filter_map(path).collect(),
            broken: broken.iter().filter_map(path).collect(),
            rewinds: (self.session.config.train.on_divergence == OnDivergence::Rewind)
                .then_some(self.progress.rewinds),
        }))
    }
}

fn beats(monitor: Monitor, new: &Scores, old: Option<Best>) -> bool {
    let Some(old) = old else { return true };
    match monitor {
        Monitor::Loss => new.loss < old.loss,
        // Equal accuracies are common on small sets; the loss decides.
        Monitor::Accuracy => (new.accuracy, -new.loss) > (old.accuracy, -old.loss),
    }
}

/// The sum of two gradients' lists, which name the same parameters in the same order.
pub fn added(left: Named, right: Named) -> Named {
    left.into_iter().zip(right).map(|((name, a), (_, b))| (name, kernels::sum(a, b))).collect()
}
