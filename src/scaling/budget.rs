//! The largest compound network within given limits.

use super::compound::PHI;
use super::{Compound, Error, Plan, Trains};

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
    if budget.is_open() {
        return Err(Error::NoLimit);
    }
    let (mut fits, mut beyond) = ((PHI.0 * STEPS) as i64, (PHI.1 * STEPS) as i64 + 1);
    budget.check(&at(fits)?)?;
    // All three counts only grow with phi, so halving finds the last one that fits.
    while beyond - fits > 1 {
        let middle = fits + (beyond - fits) / 2;
        if budget.check(&at(middle)?).is_ok() {
            fits = middle;
        } else {
            beyond = middle;
        }
    }
    Ok((fits as f64 / STEPS, at(fits)?))
}

fn at(step: i64) -> Result<Plan, Error> {
    Plan::compound(&Compound::new(step as f64 / STEPS))
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
        plan.training_memory(self.batch, plan.resolution, self.classes, Trains::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Budget =
        Budget { max_macs: None, max_params: None, max_memory: None, batch: 16, classes: 1000 };

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
    fn all_counts_grow_with_phi() {
        let counts = |step: i64| {
            let plan = at(step).unwrap();
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
