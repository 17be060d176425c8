//! The thirteen released networks by name, with their row of the published table.

use super::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    B0,
    B1,
    B2,
    B3,
    B4,
    B5,
    B6,
    B7,
    Lite0,
    Lite1,
    Lite2,
    Lite3,
    Lite4,
}

/// Lite networks have no squeeze-excite, ReLU6 for SiLU, and a stem and head of fixed width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    B,
    Lite,
}

/// A row of the table: what makes a variant out of b0, and the dropout it was trained with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coefficients {
    pub width: f64,
    pub depth: f64,
    pub resolution: usize,
    pub dropout: f64,
}

impl Variant {
    pub const ALL: [Self; 13] = [
        Self::B0,
        Self::B1,
        Self::B2,
        Self::B3,
        Self::B4,
        Self::B5,
        Self::B6,
        Self::B7,
        Self::Lite0,
        Self::Lite1,
        Self::Lite2,
        Self::Lite3,
        Self::Lite4,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::B0 => "b0",
            Self::B1 => "b1",
            Self::B2 => "b2",
            Self::B3 => "b3",
            Self::B4 => "b4",
            Self::B5 => "b5",
            Self::B6 => "b6",
            Self::B7 => "b7",
            Self::Lite0 => "lite0",
            Self::Lite1 => "lite1",
            Self::Lite2 => "lite2",
            Self::Lite3 => "lite3",
            Self::Lite4 => "lite4",
        }
    }

    pub fn family(self) -> Family {
        if self.name().starts_with("lite") { Family::Lite } else { Family::B }
    }

    /// Its row as in the authors' code. Weights of other origin may expect another resolution.
    pub fn row(self) -> Coefficients {
        let (width, depth, resolution, dropout) = match self {
            Self::B0 => (1.0, 1.0, 224, 0.2),
            Self::B1 => (1.0, 1.1, 240, 0.2),
            Self::B2 => (1.1, 1.2, 260, 0.3),
            Self::B3 => (1.2, 1.4, 300, 0.3),
            Self::B4 => (1.4, 1.8, 380, 0.4),
            Self::B5 => (1.6, 2.2, 456, 0.4),
            Self::B6 => (1.8, 2.6, 528, 0.5),
            Self::B7 => (2.0, 3.1, 600, 0.5),
            Self::Lite0 => (1.0, 1.0, 224, 0.2),
            Self::Lite1 => (1.0, 1.1, 240, 0.2),
            Self::Lite2 => (1.1, 1.2, 260, 0.3),
            Self::Lite3 => (1.2, 1.4, 280, 0.3),
            Self::Lite4 => (1.4, 1.8, 300, 0.3),
        };
        Coefficients { width, depth, resolution, dropout }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        let lower = given.trim().to_lowercase();
        let short =
            lower.strip_prefix("efficientnet").map_or(&*lower, |rest| rest.trim_start_matches(['-', '_']));
        Self::ALL
            .into_iter()
            .find(|variant| variant.name() == short)
            .ok_or_else(|| Error::UnknownVariant { given: given.to_owned(), nearest: nearest(short) })
    }
}

/// The most similar name, unless more than half of it would have to change. Of several the last: `b8` means b7.
fn nearest(given: &str) -> Option<&'static str> {
    let names = Variant::ALL.iter().rev().map(|variant| variant.name());
    let (distance, name) = names
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .min_by_key(|(distance, _)| *distance)?;
    (distance * 2 <= name.len()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_spelling() {
        let check = |given: &str, expected| assert_eq!(given.parse::<Variant>(), Ok(expected), "{given}");
        for variant in Variant::ALL {
            check(&variant.to_string(), variant);
            check(&format!("efficientnet-{variant}"), variant);
            check(&format!("efficientnet_{variant}"), variant);
            check(&format!("EfficientNet-{}", variant.name().to_uppercase()), variant);
            assert_eq!(serde_json::to_string(&variant).unwrap(), format!("\"{variant}\""));
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let check = |given: &str, expected| {
            let error = given.parse::<Variant>().unwrap_err();
            assert_eq!(
                error,
                Error::UnknownVariant { given: given.to_owned(), nearest: expected },
                "{given}"
            );
        };
        check("b8", Some("b7"));
        check("lite5", Some("lite4"));
        check("lit0", Some("lite0"));
        check("efficientnet-0b", Some("b0"));
        check("resnet50", None);
        check("", None);
        let message = "b8".parse::<Variant>().unwrap_err().to_string();
        assert_eq!(message, "unknown variant `b8`, did you mean `b7`? There are b0 to b7 and lite0 to lite4");
    }
}
