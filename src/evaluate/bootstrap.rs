//! How sure figures are: the pictures are drawn again, as many with repetition, many times over, and the middle 95 % of
//! what a figure then is make its interval (Efron 1979). Draws are functions of the seed and the number of the drawing.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::auroc::{Ranking, mean, norms};
use super::counts::Counts;
use super::{Answers, Judgement};
use crate::chance::Key;

pub const RESAMPLES: usize = 2000;
/// What a model is measured with wherever it is, so that measuring again gives the same intervals.
pub const SEED: u64 = 0;
/// The share that an interval leaves out on each side.
const TAIL: f64 = 0.025;
/// Logits up to which AUROC is worked out for every drawing.
const MOST_RANKED: usize = 2_000_000;

/// From, and to.
pub type Interval = [f64; 2];

/// 95 % intervals; none of what there is no figure of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    pub resamples: usize,
    pub accuracy: Option<Interval>,
    pub top5: Option<Interval>,
    pub balanced_accuracy: Option<Interval>,
    pub macro_f1: Option<Interval>,
    pub kappa: Option<Interval>,
    /// Not taken where pictures and classes are very many.
    pub auroc: Option<Interval>,
}

/// The figures of one drawing.
struct Drawn {
    accuracy: f64,
    top5: f64,
    balanced_accuracy: f64,
    macro_f1: f64,
    kappa: Option<f64>,
    auroc: Option<f64>,
}

impl Intervals {
    pub fn of(answers: &Answers, judgements: &[Judgement], temperature: f64, seed: u64) -> Self {
        let rankings = match answers.logits.len() <= MOST_RANKED {
            true => rankings(answers, temperature),
            false => Vec::new(),
        };
        let root = Key::new(seed).named("bootstrap");
        let count = if judgements.is_empty() { 0 } else { RESAMPLES };
        let draw = |number| drawn(answers, judgements, &rankings, root.with(number as u64));
        let all: Vec<Drawn> = (0..count).into_par_iter().map(draw).collect();
        let of = |figure: fn(&Drawn) -> Option<f64>| middle(all.iter().filter_map(figure).collect());
        Self {
            resamples: count,
            accuracy: of(|drawn| Some(drawn.accuracy)),
            top5: of(|drawn| Some(drawn.top5)),
            balanced_accuracy: of(|drawn| Some(drawn.balanced_accuracy)),
            macro_f1: of(|drawn| Some(drawn.macro_f1)),
            kappa: of(|drawn| drawn.kappa),
            auroc: of(|drawn| drawn.auroc),
        }
    }
}

/// The interval of a share of right answers alone, such as that of a part of the pictures. `part` names it: each draws on its own.
pub fn accuracy_interval(right: &[bool], seed: u64, part: &str) -> Option<Interval> {
    let root = Key::new(seed).named("bootstrap").named(part);
    let draw = |number: usize| {
        let mut draws = root.with(number as u64).draws();
        let hits = right.iter().filter(|_| right[draws.below(right.len())]).count();
        hits as f64 / right.len() as f64
    };
    let count = if right.is_empty() { 0 } else { RESAMPLES };
    middle((0..count).into_par_iter().map(draw).collect())
}

fn rankings(answers: &Answers, temperature: f64) -> Vec<Ranking> {
    let norms = norms(answers, temperature);
    (0..answers.classes)
        .into_par_iter()
        .map(|class| Ranking::of(answers, &norms, class, temperature))
        .collect()
}

fn drawn(answers: &Answers, judgements: &[Judgement], rankings: &[Ranking], key: Key) -> Drawn {
    let mut draws = key.draws();
    let mut times = vec![0_u32; judgements.len()];
    let (mut counts, mut within_five) = (Counts::none(answers.classes), 0);
    for _ in judgements {
        let sample = draws.below(judgements.len());
        times[sample] += 1;
        counts.add(judgements[sample].label, judgements[sample].predicted);
        within_five += u32::from(judgements[sample].within_five);
    }
    let areas = rankings.iter().filter_map(|ranking| ranking.area(&answers.labels, |sample| times[sample]));
    Drawn {
        accuracy: counts.accuracy(),
        top5: f64::from(within_five) / judgements.len().max(1) as f64,
        balanced_accuracy: counts.balanced_accuracy(),
        macro_f1: counts.macro_f1(),
        kappa: counts.kappa(),
        auroc: mean(areas.map(|area| (area, 1.0))),
    }
}

fn middle(mut values: Vec<f64>) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    // Between two values the straight line, as numpy has it.
    let at = |share: f64| {
        let place = share * last as f64;
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Some([at(TAIL), at(1.0 - TAIL)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_numpys_percentile() {
        // numpy.percentile(range(101), [2.5, 97.5]) and of [1, 2].
        assert_eq!(middle((0..101).rev().map(f64::from).collect()), Some([2.5, 97.5]));
        assert_eq!(middle(vec![2.0, 1.0]), Some([1.025, 1.975]));
        assert_eq!(middle(Vec::new()), None);
    }

    #[test]
    fn a_part_of_the_pictures_has_the_interval_of_its_share() {
        let right: Vec<bool> = (0..200).map(|number| number % 5 != 0).collect();
        let [low, high] = accuracy_interval(&right, 1, "a").unwrap();
        // 0.8 and 1.96 standard deviations of the binomial, 0.055.
        assert!((low - 0.745).abs() < 0.015 && (high - 0.855).abs() < 0.015, "{low} {high}");
        assert_eq!(accuracy_interval(&right, 1, "a"), Some([low, high]));
        assert_eq!(accuracy_interval(&[true; 3], 1, "a"), Some([1.0, 1.0]));
        assert_eq!(accuracy_interval(&[], 1, "a"), None);
    }

    #[test]
    fn equal_seeds_give_equal_intervals() {
        let logits: Vec<f32> = (0..80).map(|i| f32::from(i as u8 * 37 % 11)).collect();
        let answers = Answers::new(logits, (0..40).map(|i| i % 2).collect(), 2);
        let judgements = answers.judgements(1.0);
        let of = |seed| Intervals::of(&answers, &judgements, 1.0, seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let none = Intervals::of(&Answers::new(vec![], vec![], 2), &[], 1.0, 1);
        assert_eq!((none.resamples, none.accuracy, none.auroc), (0, None, None));
    }
}
