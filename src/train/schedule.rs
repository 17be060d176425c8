//! The learning rate as a pure function of the step within a stage.

use crate::config::{Course, Schedule};

/// Where in a stage a step lies.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Updates made in this stage before this one.
    pub step: usize,
    pub steps_per_epoch: usize,
    pub steps: usize,
}

/// The share of the stage's learning rate at a place: a linear rise, then the course.
pub fn share(schedule: &Schedule, place: Place) -> f64 {
    let per_epoch = place.steps_per_epoch.max(1) as f64;
    let warmup = (schedule.warmup_epochs * per_epoch).round().min(place.steps as f64);
    let step = place.step as f64;
    if step < warmup {
        return (step + 1.0) / (warmup + 1.0);
    }
    match schedule.kind {
        Course::Constant => 1.0,
        Course::Step { every_epochs, factor } => {
            // A whole number of epochs may come out a rounding error short.
            factor.powf((step / (every_epochs * per_epoch) + 1e-9).floor())
        }
        Course::Cosine { min } => {
            let length = (place.steps as f64 - warmup).max(1.0);
            let done = ((step - warmup) / length).min(1.0);
            min + (1.0 - min) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Course, warmup_epochs: f64, step: usize, expected: f64) {
        let schedule = Schedule { kind, warmup_epochs };
        let got = share(&schedule, Place { step, steps_per_epoch: 10, steps: 40 });
        assert!((got - expected).abs() < 1e-9, "{got} at {step} of {kind:?}");
    }

    #[test]
    fn warm_up_rises_to_the_full_rate() {
        check(Course::Constant, 1.0, 0, 1.0 / 11.0);
        check(Course::Constant, 1.0, 9, 10.0 / 11.0);
        check(Course::Constant, 1.0, 10, 1.0);
    }

    #[test]
    fn cosine_falls_from_one_to_its_floor() {
        let cosine = Course::Cosine { min: 0.1 };
        check(cosine, 0.0, 0, 1.0);
        check(cosine, 0.0, 20, 0.55);
        check(cosine, 0.0, 40, 0.1);
        check(cosine, 1.0, 25, 0.55);
    }

    #[test]
    fn steps_multiply_after_whole_epochs() {
        let steps = Course::Step { every_epochs: 2.0, factor: 0.1 };
        check(steps, 0.0, 19, 1.0);
        check(steps, 0.0, 20, 0.1);
        check(steps, 0.0, 39, 0.1);
    }

    #[test]
    fn a_warm_up_longer_than_the_stage_fills_it() {
        check(Course::Cosine { min: 0.0 }, 9.0, 39, 40.0 / 41.0);
    }
}
