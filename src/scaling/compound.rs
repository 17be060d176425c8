//! The compound coefficient: one number that scales depth, width and resolution together.

use super::plan::in_range;
use super::{Coefficients, Error, Variant};
use serde::{Deserialize, Serialize};

/// phi and the growth of depth (alpha), width (beta) and resolution (gamma) per unit of it. The defaults are the
/// paper's, from its search at phi = 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Compound {
    pub phi: f64,
    pub alpha: f64,
    pub beta: f64,
    pub gamma: f64,
}

/// From the smallest network that still has a shape to far beyond b7, which is near 7.
pub(super) const PHI: (f64, f64) = (-12.0, 20.0);

/// A base below 1 would make a larger phi a smaller network.
const BASES: (f64, f64) = (1.0, 64.0);

/// How far alpha * beta^2 * gamma^2 may be from 2 to count as near; the paper's own 1.92 does.
const NEAR: f64 = 0.1;

impl Compound {
    /// phi with the published constants.
    pub fn new(phi: f64) -> Self {
        Self { phi, ..Self::default() }
    }

    /// alpha * beta^2 * gamma^2: what multiply-adds grow by per unit of phi. The paper asks for about 2.
    pub fn growth(&self) -> f64 {
        self.alpha * self.beta.powi(2) * self.gamma.powi(2)
    }

    pub fn is_near_two(&self) -> bool {
        (self.growth() - 2.0).abs() <= NEAR
    }

    pub(super) fn row(&self) -> Result<Coefficients, Error> {
        in_range("phi", self.phi, PHI)?;
        in_range("alpha", self.alpha, BASES)?;
        in_range("beta", self.beta, BASES)?;
        in_range("gamma", self.gamma, BASES)?;
        Ok(Coefficients {
            width: self.beta.powf(self.phi),
            depth: self.alpha.powf(self.phi),
            // A cast stops at the largest number; what is too large is refused with the other limits.
            resolution: (Variant::B0.row().resolution as f64 * self.gamma.powf(self.phi)).round() as usize,
            dropout: self.dropout(),
        })
    }

    /// The paper raises the dropout linearly from b0's to b7's.
    fn dropout(&self) -> f64 {
        let (low, high) = (Variant::B0.row().dropout, Variant::B7.row().dropout);
        low + (high - low) * (self.phi / 7.0).clamp(0.0, 1.0)
    }
}

impl Default for Compound {
    fn default() -> Self {
        Self { phi: 0.0, alpha: 1.2, beta: 1.1, gamma: 1.15 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::{Family, Plan};

    #[test]
    fn the_published_constants_are_near_two() {
        let compound = Compound::default();
        assert!((compound.growth() - 1.920).abs() < 5e-4);
        assert!(compound.is_near_two());
        assert!(!Compound { gamma: 1.3, ..compound }.is_near_two());
    }

    #[test]
    fn phi_does_not_meet_the_named_variants() {
        let check = |phi, parameters, resolution| {
            let plan = Plan::compound(&Compound::new(phi)).unwrap();
            assert_eq!((plan.parameters(1000), plan.resolution), (parameters, resolution), "{phi}");
        };
        check(0.0, 5_288_548, 224);
        check(0.5, 8_441_486, 240);
        check(1.0, 9_109_994, 258);
        assert_eq!(Plan::compound(&Compound::new(2.0)).unwrap().features, 1552);
    }

    #[test]
    fn one_dimension_alone_costs_what_is_published() {
        // The multipliers of the paper's comparison, applied to b0.
        let check = |width, depth, resolution, expected: &str| {
            let plan = Plan::custom(Family::B, width, depth, resolution).unwrap();
            assert_eq!(format!("{:.3}", plan.macs(resolution, 1000) as f64 * 1e-9), expected);
        };
        check(1.0, 4.0, 224, "1.575");
        check(2.0, 1.0, 224, "1.450");
        check(1.0, 1.0, 448, "1.538");
        check(1.2, 1.4, 291, "1.800");
    }

    #[test]
    fn senseless_coefficients_are_refused() {
        let check = |compound: Compound, expected: &str| {
            let error = Plan::compound(&compound).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(Compound::new(f64::NAN), "phi is NaN");
        check(Compound::new(1e9), "phi is 1000000000");
        check(Compound { alpha: 0.5, ..Compound::new(1.0) }, "alpha is 0.5; it must lie between 1 and 64");
        check(Compound { gamma: 60.0, ..Compound::new(9.0) }, "resolution is");
        check(Compound { gamma: 2.0, ..Compound::new(-4.0) }, "14 px are too small");
        for phi in [PHI.0, PHI.1] {
            assert!(Plan::compound(&Compound::new(phi)).is_ok());
        }
    }
}
