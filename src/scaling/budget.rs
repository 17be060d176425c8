//! The largest compound network within given limits.

use super::compound::PHI;
use super::{Compound, Error, Frozen, Plan, Trains};

/// Limits, at least one of them, and what they are reckoned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Multiply-adds of one picture.
    pub max_macs: Option<u64>,
    pub max_params: Option<u64>,
    /// Bytes of a training step with everything trained.
    pub max_memory: Option<u64>,
    pub batch: usize,
    pub classes: usize,
}

/// phi is looked for in hundredths.
const STEPS: f64 = 100.0;

/// The largest phi whose network fits, and that network, with the published constants.
pub fn largest(budget: &Budget) -> Result<(f64, Plan), Error> {
    largest_with(budget, &Compound::default())
}

/// The same with other constants; the phi beside them is not read.
pub fn largest_with(budget: &Budget, constants: &Compound) -> Result<(f64, Plan), Error> {
    if budget.is_open() {
        return Err(Error::NoLimit);
    }
    let at = |step: i64| Plan::compound(&Compound { phi: step as f64 / STEPS, ..*constants });
    // At phi 0 stands b0, whatever the constants: what is refused there is a constant.
    at(0)?;
    // Steep constants leave no network near the ends of phi's range: too small a picture, too wide a layer.
    let smallest = first((PHI.0 * STEPS) as i64, 0, |step| at(step).is_ok());
    budget.check(&at(smallest)?)?;
    // All three counts only grow with phi, so what does not fit at one step fits at none behind it.
    let beyond = first(smallest + 1, (PHI.1 * STEPS) as i64 + 1, |step| {
        !at(step).is_ok_and(|plan| budget.check(&plan).is_ok())
    });
    Ok(((beyond - 1) as f64 / STEPS, at(beyond - 1)?))
}

/// The first step at which something holds that then goes on to hold; `to` where it holds at none before.
fn first(mut from: i64, mut to: i64, holds: impl Fn(i64) -> bool) -> i64 {
    while from < to {
        let middle = from + (to - from) / 2;
        if holds(middle) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    to
}

impl Budget {
    /// Says which limit a network breaks.
    pub fn check(&self, plan: &Plan) -> Result<(), Error> {
        let limits = [
            ("multiply-adds", self.max_macs, plan.macs(plan.resolution, self.classes)),
            ("parameters", self.max_params, plan.parameters(self.classes)),
            ("bytes of memory", self.max_memory, self.memory(plan)),
        ];
        for (limit, allowed, needed) in limits {
            if let Some(allowed) = allowed.filter(|allowed| needed > *allowed) {
                return Err(Error::DoesNotFit { limit, needed, allowed });
            }
        }
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.max_macs.is_none() && self.max_params.is_none() && self.max_memory.is_none()
    }

    fn memory(&self, plan: &Plan) -> u64 {
        plan.training_memory(self.batch, plan.resolution, self.classes, Trains::All, Frozen::Together)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Budget =
        Budget { max_macs: None, max_params: None, max_memory: None, batch: 16, classes: 1000 };
    const FLAT: Compound = Compound { phi: 0.0, alpha: 1.0, beta: 1.0, gamma: 1.0 };

    #[test]
    fn the_next_step_would_not_fit() {
        for budget in [
            Budget { max_macs: Some(1_000_000_000), ..OPEN },
            Budget { max_params: Some(6_000_000), ..OPEN },
            Budget { max_memory: Some(4_000_000_000), ..OPEN },
            Budget { max_macs: Some(900_000_000), max_params: Some(3_000_000), ..OPEN },
        ] {
            let (phi, plan) = largest(&budget).unwrap();
            assert_eq!(plan, Plan::compound(&Compound::new(phi)).unwrap());
            assert!(budget.check(&plan).is_ok());
            let next = Plan::compound(&Compound::new(phi + 1.0 / STEPS)).unwrap();
            assert!(budget.check(&next).is_err(), "{budget:?} {phi}");
        }
    }

    #[test]
    fn b0_is_found_from_its_own_parameters() {
        let (phi, plan) = largest(&Budget { max_params: Some(5_288_548), ..OPEN }).unwrap();
        assert_eq!((phi, plan.parameters(1000)), (0.0, 5_288_548));
    }

    #[test]
    fn the_search_goes_along_the_given_constants() {
        let budget = Budget { max_macs: Some(1_000_000_000), ..OPEN };
        for (alpha, beta, gamma) in [(1.0, 1.4, 1.0), (2.0, 1.0, 1.0), (1.0, 1.0, 1.4), (64.0, 64.0, 64.0)] {
            let constants = Compound { phi: 0.0, alpha, beta, gamma };
            let (phi, plan) = largest_with(&budget, &constants).unwrap();
            assert_eq!(plan, Plan::compound(&Compound { phi, ..constants }).unwrap());
            assert!(budget.check(&plan).is_ok());
            let next = Plan::compound(&Compound { phi: phi + 1.0 / STEPS, ..constants });
            assert!(!next.is_ok_and(|next| budget.check(&next).is_ok()), "{constants:?} {phi}");
        }
        // Width alone, out of a budget that b0 uses less than half of.
        let (_, wide) = largest_with(&budget, &Compound { beta: 1.4, ..FLAT }).unwrap();
        assert_eq!((wide.depth, wide.resolution), (1.0, 224));
        assert!(wide.width > 1.2);
    }

    #[test]
    fn senseless_constants_are_refused_by_name() {
        let budget = Budget { max_params: Some(10_000_000), ..OPEN };
        let check = |constants: Compound, expected: &str| {
            let error = largest_with(&budget, &constants).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(Compound { alpha: 0.5, ..FLAT }, "alpha is 0.5; it must lie between 1 and 64");
        check(Compound { gamma: f64::NAN, ..FLAT }, "gamma is NaN");
        // With constants that change nothing there is b0, whatever the phi.
        assert_eq!(largest_with(&budget, &FLAT).map(|(_, plan)| plan.parameters(1000)), Ok(5_288_548));
    }

    #[test]
    fn all_counts_grow_with_phi() {
        let counts = |step: i64| {
            let plan = Plan::compound(&Compound::new(step as f64 / STEPS)).unwrap();
            [plan.parameters(1000), plan.macs(plan.resolution, 1000), OPEN.memory(&plan)]
        };
        let mut before = counts(-1200);
        for step in (-1195..=2000).step_by(5) {
            let now = counts(step);
            assert!(before.iter().zip(now).all(|(before, now)| *before <= now), "phi {step} / 100");
            before = now;
        }
    }

    #[test]
    fn what_nothing_fits_is_an_error_that_names_the_limit() {
        let error = largest(&Budget { max_params: Some(1000), ..OPEN }).unwrap_err();
        assert!(matches!(error, Error::DoesNotFit { limit: "parameters", allowed: 1000, .. }));
        assert_eq!(largest(&OPEN), Err(Error::NoLimit));
        assert_eq!(largest(&Budget { max_params: Some(u64::MAX), ..OPEN }).map(|(phi, _)| phi), Ok(PHI.1));
    }
}
