//! The numbers that pictures are made of on their way through a network that trains, and how much memory they take.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Parameters, statistics, the optimizer's moments and the loss are 32-bit floats whatever pictures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Float {
    #[default]
    Fp32,
    /// 11 bits of mantissa, and nothing above 65504.
    Fp16,
    /// 8 bits of mantissa, and the range of 32-bit floats.
    Bf16,
}

impl Float {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
        }
    }

    pub fn is_half(self) -> bool {
        self != Self::Fp32
    }

    /// What a number takes, as a share of a 32-bit float.
    pub fn share(self) -> f64 {
        if self.is_half() { 0.5 } else { 1.0 }
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
