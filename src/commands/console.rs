//! What a person sees while kiln works: bars on a terminal, plain lines elsewhere, all on standard error.
//! Results go to standard output.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::scaling::grouped;
use crate::train::{BatchNote, EpochNote, Observer, StageNote};

/// A line for the person who watches.
pub fn tell(line: &str) {
    // Nobody is left to hear that standard error is gone.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Text for standard output. A reader that has left (`| head`) is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The words of an answer: on standard output, unless JSON is to stand there alone.
pub fn answer(text: &str, json: bool) -> anyhow::Result<()> {
    if json {
        tell(text.trim_end_matches('\n'));
        return Ok(());
    }
    print(text)
}

/// Something that must not be overlooked.
pub fn warn_loudly(text: &str) {
    let rule = "!".repeat(78);
    tell(&format!("{rule}\n!! {text}\n{rule}"));
}

/// A bar over a known amount of work, or lines now and then where no terminal looks on.
pub struct Bar {
    bar: ProgressBar,
    what: String,
    words: String,
    said: Instant,
}

/// How often a plain line tells how far things are.
const SAY_EVERY: Duration = Duration::from_secs(15);

impl Bar {
    /// Counts things.
    pub fn count(what: &str) -> Self {
        Self::new(what, "{msg} {bar:30} {pos}/{len} {per_sec} {eta}")
    }

    /// Counts bytes.
    pub fn bytes(what: &str) -> Self {
        Self::new(what, "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    }

    /// Counts batches; what they amount to is said in words.
    fn batches(what: &str) -> Self {
        Self::new(what, "{msg}\n  {bar:40} {pos}/{len}")
    }

    fn new(what: &str, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self { bar, what: what.to_owned(), words: String::new(), said: Instant::now() }
    }

    pub fn set(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.said.elapsed() > SAY_EVERY {
            self.said = Instant::now();
            let gap = if self.words.is_empty() { "" } else { ", " };
            tell(&format!("{}: {done} of {total}{gap}{}", self.what, self.words));
        }
    }

    /// Adds words to the bar and to the plain lines.
    pub fn say(&mut self, words: &str) {
        self.words = words.to_owned();
        self.bar.set_message(format!("{} {words}", self.what));
    }

    /// Prints a line above the bar.
    pub fn line(&self, line: &str) {
        self.bar.suspend(|| tell(line));
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Follows a training on the console.
#[derive(Default)]
pub struct Console {
    bar: Option<Bar>,
    caching: Option<Bar>,
    epoch: (usize, usize),
    /// Whether a resume went on in the middle of this epoch.
    partial: bool,
    /// Seconds of the stage's last whole epoch, without filling the cache.
    whole: Option<f64>,
    /// Seconds of the last epoch that computed frozen layers for the cache.
    filled: Option<f64>,
}

impl Observer for Console {
    fn stage(&mut self, note: &StageNote) {
        (self.filled, self.whole) = (None, None);
        let StageNote { number, stages, trains, trainable, epochs, batches, cache } = note;
        tell(&format!(
            "\nstage {number} of {stages}: {trains} ({} parameters), {epochs} epochs of {batches} batches\n  {cache}",
            grouped(*trainable as u64)
        ));
    }

    fn caching(&mut self, done: usize, total: usize) {
        let bar = self.caching.get_or_insert_with(|| Bar::count("  frozen layers"));
        bar.set(done as u64, total as u64);
        if done == total {
            bar.clear();
            self.caching = None;
        }
    }

    fn remark(&mut self, text: &str) {
        tell(&format!("  {text}"));
    }

    fn batch(&mut self, note: &BatchNote) {
        if self.epoch != (note.stage, note.epoch) {
            self.epoch = (note.stage, note.epoch);
            self.partial = note.first > 0;
            self.bar = None;
        }
        let bar = self
            .bar
            .get_or_insert_with(|| Bar::batches(&format!("  epoch {:>2}/{}", note.epoch, note.epochs)));
        bar.say(&words_of(note, self.whole));
        bar.set(note.batch as u64, note.batches as u64);
    }

    fn epoch(&mut self, note: &EpochNote) {
        if let Some(bar) = self.bar.take() {
            bar.clear();
        }
        let seconds = note.time.as_secs_f64();
        if !self.partial {
            self.whole = Some(note.time.saturating_sub(note.filled).as_secs_f64());
        }
        let validation = note.validation.as_ref().map_or_else(String::new, |scores| {
            format!("   val loss {:.4} accuracy {:.4}", scores.loss, scores.accuracy)
        });
        let best = if note.is_best { " *" } else { "" };
        let rate = note.pictures as f64 / seconds.max(1e-9);
        tell(&format!(
            "  epoch {:>2}/{}  loss {:.4} accuracy {:.4}{validation}{best}   {rate:.0} pictures/s, {}{}",
            note.epoch,
            note.epochs,
            note.train_loss,
            note.train_accuracy,
            time_of(note),
            note.device_memory
                .map_or_else(String::new, |bytes| format!(", {} MiB on the device", bytes >> 20))
        ));
        if !note.filled.is_zero() {
            self.filled = Some(seconds);
        } else if let Some(filled) = self.filled.take() {
            tell(&format!(
                "    from the cache an epoch takes {seconds:.2} s; with the frozen layers it took {filled:.1} s"
            ));
        }
    }

    fn saved(&mut self, _: &Path) {}
}

/// An epoch's time, and what of it went into waiting for pictures, where any did.
fn time_of(note: &EpochNote) -> String {
    let (whole, waited) = (note.time.as_secs_f64(), note.waited.as_secs_f64());
    if note.waited.is_zero() {
        return format!("{whole:.1} s");
    }
    format!("{whole:.1} s ({:.1} computing, {waited:.1} waiting for pictures)", (whole - waited).max(0.0))
}

fn words_of(note: &BatchNote, whole: Option<f64>) -> String {
    let rate = note.pictures as f64 / note.time.as_secs_f64().max(1e-9);
    let left = Duration::try_from_secs_f64(seconds_left(note, whole)).unwrap_or(Duration::MAX);
    let left = HumanDuration(left);
    format!(
        "loss {:.4} accuracy {:.4}, {rate:.0} pictures/s, this stage: {left:#} left",
        note.loss, note.accuracy
    )
}

/// Until the stage ends: this epoch at its own pace, the later ones like the last whole one.
fn seconds_left(note: &BatchNote, whole: Option<f64>) -> f64 {
    let done = note.batch.saturating_sub(note.first).max(1);
    let pace = note.time.as_secs_f64() / done as f64;
    let later = note.epochs.saturating_sub(note.epoch) as f64;
    pace * note.batches.saturating_sub(note.batch) as f64
        + later * whole.unwrap_or(pace * note.batches as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second of five epochs, 10 of its 40 batches done.
    fn note(first: usize, seconds: u64) -> BatchNote {
        let pictures = (10 - first) * 32;
        let time = Duration::from_secs(seconds);
        BatchNote {
            stage: 1,
            epoch: 2,
            epochs: 5,
            step: 50,
            rate: 0.1,
            batch: 10,
            batches: 40,
            first,
            pictures,
            time,
            loss: 0.5,
            accuracy: 0.75,
        }
    }

    #[test]
    fn the_time_left_is_that_of_the_stage() {
        let check = |note: BatchNote, whole, expected: f64| {
            let left = seconds_left(&note, whole);
            assert!((left - expected).abs() < 1e-9, "{left}");
        };
        // 2 s a batch: 30 batches and three epochs of 40.
        check(note(0, 20), None, 60.0 + 240.0);
        // The last whole epoch took 50 s.
        check(note(0, 20), Some(50.0), 60.0 + 150.0);
        // Only what was done since the resume tells the pace.
        check(note(5, 10), None, 60.0 + 240.0);
        check(BatchNote { batch: 40, epoch: 5, ..note(0, 80) }, Some(90.0), 0.0);
    }

    #[test]
    fn the_words_count_pictures() {
        let words = words_of(&note(0, 20), Some(50.0));
        assert_eq!(words, "loss 0.5000 accuracy 0.7500, 16 pictures/s, this stage: 4m left");
    }
}
