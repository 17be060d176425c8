//! When a training has left all bounds, how that is told, and what probably did it. Numbers come in, words go out.

use std::fmt;

use crate::scaling::Float;

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Symptom {
    Loss(f64),
    Gradient(f64),
    /// Gradients overflow in fp16 however little the loss is scaled.
    Scale,
    Weights,
    Validation(f64),
    /// The mean loss of an epoch so far, and that of guessing.
    Far {
        loss: f64,
        guessing: f64,
    },
}

/// Where a training has left all bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    pub symptom: Symptom,
    pub step: usize,
    /// From 1.
    pub stage: usize,
    pub epoch: usize,
    /// What pictures are made of.
    pub float: Float,
    /// A learning rate worth trying.
    pub lower: f64,
    /// The pictures of the step, where it is one step's doing.
    pub pictures: Vec<String>,
    /// Those among them that alone have no numbers.
    pub broken: Vec<String>,
    /// How often the run has gone back to a checkpoint; nothing where it does not.
    pub rewinds: Option<u32>,
}

/// So many updates of an epoch must be done before their mean loss says something.
const ENOUGH: usize = 8;
/// A model that is this many times worse than guessing will not come back by itself.
const FAR: f64 = 10.0;
/// Names that are shown.
const SHOWN: usize = 8;

/// Whether the mean loss of so many updates is far above that of guessing among the classes.
pub fn far_from_guessing(loss: f64, updates: usize, classes: usize) -> Option<Symptom> {
    let guessing = (classes.max(2) as f64).ln();
    (updates >= ENOUGH && loss > FAR * guessing).then_some(Symptom::Far { loss, guessing })
}

impl Divergence {
    /// What was seen, and where.
    pub fn what(&self) -> String {
        let place = format!("at step {} (stage {}, epoch {})", self.step, self.stage, self.epoch);
        match self.symptom {
            Symptom::Loss(value) => format!("the loss is {value} {place}"),
            Symptom::Gradient(value) => format!("the gradient's norm is {value} {place}"),
            Symptom::Scale => {
                format!("the gradients overflow in fp16 even where the loss is not scaled up, {place}")
            }
            Symptom::Weights => format!("the weights hold numbers that are none {place}"),
            Symptom::Validation(value) => format!("the validation loss is {value} {place}"),
            Symptom::Far { loss, guessing } => {
                format!("the mean loss is {loss:.3} {place}, far above the {guessing:.3} of guessing")
            }
        }
    }

    fn advice(&self) -> String {
        let narrow = "mixed precision is too narrow for this training: train anew with train.precision=bf16, where the device \
                      has it, or train.precision=fp32";
        if self.symptom == Symptom::Scale {
            return format!("{narrow}; otherwise {}", self.likely());
        }
        match self.float.is_half() && self.broken.is_empty() {
            true => format!("{}. Or else {narrow}", self.likely()),
            false => self.likely(),
        }
    }

    fn likely(&self) -> String {
        let rate = format!("a lower learning rate (stage.{}.lr={:.1e})", self.stage, self.lower);
        if !self.broken.is_empty() {
            return format!("probably these pictures did it, look at them: {}", names(&self.broken));
        }
        let pictures = match self.pictures.is_empty() {
            true => String::new(),
            false => format!(", or look at the pictures of this step: {}", names(&self.pictures)),
        };
        let rewind = match self.rewinds {
            None => " or train.on_divergence=rewind".to_owned(),
            Some(times) => format!(" than now, after {times} times going back and halving it"),
        };
        format!(
            "probably the learning rate is too high: try train.clip_norm=1, a longer schedule.warmup, {rate}{rewind}{pictures}"
        )
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, so training has diverged; nothing of it was saved as best. {}",
            self.what(),
            capitalised(&self.advice())
        )
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn names(all: &[String]) -> String {
    let shown = all[..all.len().min(SHOWN)].join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_the_measure_and_takes_a_few_updates() {
        let check = |loss, updates, classes, expected: bool| {
            assert_eq!(
                far_from_guessing(loss, updates, classes).is_some(),
                expected,
                "{loss} {updates} {classes}"
            );
        };
        check(100.0, 7, 5, false);
        check(100.0, 8, 5, true);
        // ln 5 is 1.609.
        check(16.0, 8, 5, false);
        check(16.2, 8, 5, true);
        check(60.0, 8, 1000, false);
    }

    #[test]
    fn the_words_name_the_step_and_the_likely_cause() {
        let mut divergence = Divergence {
            symptom: Symptom::Loss(f64::NAN),
            step: 12,
            stage: 2,
            epoch: 3,
            float: Float::Fp32,
            lower: 1e-4,
            pictures: (0..10).map(|n| format!("{n}.png")).collect(),
            broken: Vec::new(),
            rewinds: None,
        };
        let text = divergence.to_string();
        for part in ["NaN at step 12 (stage 2, epoch 3)", "stage.2.lr=1.0e-4", "7.png and 2 more"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.contains("train.on_divergence=rewind") && !text.contains("precision"), "{text}");
        let half = Divergence { float: Float::Fp16, ..divergence.clone() };
        let scale = Divergence { symptom: Symptom::Scale, ..half.clone() };
        let text = half.to_string();
        assert!(
            text.contains("learning rate is too high") && text.contains("train.precision=fp32"),
            "{text}"
        );
        let text = scale.to_string();
        for part in ["overflow in fp16", "Mixed precision is too narrow", "precision=bf16", "precision=fp32"]
        {
            assert!(text.contains(part), "{text}");
        }
        divergence.rewinds = Some(5);
        assert!(divergence.to_string().contains("after 5 times"), "{divergence}");
        divergence.broken = vec!["4.png".into()];
        let text = divergence.to_string();
        assert!(
            text.contains("these pictures did it, look at them: 4.png") && !text.contains("lr="),
            "{text}"
        );
    }
}
