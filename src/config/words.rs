//! The words of the TOML for the choices among a few, and the ways to spell what a stage trains,
//! a checkpoint's interval and an amount.

use std::fmt;
use std::str::FromStr;

use super::augmentation::{EraseFill, Fill, Policy, Sampling};
use super::checked::{
    Bad, BatchNorm, CachePlace, DataOffline, DeviceChoice, Every, Leakage, ModelOffline, Monitor,
    OnDivergence, Part, Precision, Tune,
};
use crate::scaling::{Family, Float, Padding, Trains, Variant};

/// A choice among a few words.
pub(super) trait Choice: Copy + 'static {
    fn all() -> Vec<Self>;
    fn word(self) -> &'static str;
}

macro_rules! choice {
    ($kind:ty { $($case:ident = $word:literal),+ }) => {
        impl Choice for $kind {
            fn all() -> Vec<Self> {
                vec![$(Self::$case),+]
            }

            fn word(self) -> &'static str {
                match self { $(Self::$case => $word),+ }
            }
        }
    };
}

choice!(ModelOffline { Fail = "fail", Scratch = "scratch" });
choice!(DataOffline { Fail = "fail", Drawn = "drawn" });
choice!(CachePlace { Auto = "auto", Memory = "memory", Disk = "disk", Off = "off" });
choice!(Precision { F32 = "f32", F16 = "f16" });
choice!(Part { Train = "train", Val = "val", Test = "test" });
choice!(Leakage { Refuse = "refuse", Skip = "skip", Allow = "allow" });
choice!(Bad { Skip = "skip", Fail = "fail" });
choice!(Policy {
    None = "none",
    Light = "light",
    Standard = "standard",
    Strong = "strong",
    RandAugment = "randaugment",
    TrivialAugment = "trivialaugment",
    AutoAugment = "autoaugment",
    AugMix = "augmix"
});
choice!(Fill { Mirror = "mirror", Black = "black", Mean = "mean" });
choice!(Sampling { Nearest = "nearest", Bilinear = "bilinear" });
choice!(EraseFill { Mean = "mean", Black = "black", Random = "random" });
choice!(BatchNorm { Batch = "batch", Stored = "stored" });
choice!(Monitor { Accuracy = "accuracy", Loss = "loss" });
choice!(OnDivergence { Stop = "stop", Rewind = "rewind" });
choice!(DeviceChoice { Auto = "auto", Cpu = "cpu", Ndarray = "ndarray", Wgpu = "wgpu", Cuda = "cuda" });
choice!(Tune { Auto = "auto", On = "on", Off = "off" });
choice!(Family { B = "b", Lite = "lite" });
choice!(Padding { Symmetric = "symmetric", Same = "same" });
choice!(OptimizerKind { AdamW = "adamw", Sgd = "sgd", RmsProp = "rmsprop" });
choice!(PrecisionKind { Fp32 = "fp32", Fp16 = "fp16", Bf16 = "bf16", Auto = "auto" });
choice!(LossKind { CrossEntropy = "cross_entropy", Focal = "focal" });
choice!(CourseKind { Cosine = "cosine", Step = "step", Constant = "constant" });

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OptimizerKind {
    AdamW,
    Sgd,
    RmsProp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PrecisionKind {
    Fp32,
    Fp16,
    Bf16,
    Auto,
}

impl From<Option<Float>> for PrecisionKind {
    fn from(float: Option<Float>) -> Self {
        match float {
            None => Self::Auto,
            Some(Float::Fp32) => Self::Fp32,
            Some(Float::Fp16) => Self::Fp16,
            Some(Float::Bf16) => Self::Bf16,
        }
    }
}

impl From<PrecisionKind> for Option<Float> {
    fn from(kind: PrecisionKind) -> Self {
        match kind {
            PrecisionKind::Auto => None,
            PrecisionKind::Fp32 => Some(Float::Fp32),
            PrecisionKind::Fp16 => Some(Float::Fp16),
            PrecisionKind::Bf16 => Some(Float::Bf16),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LossKind {
    CrossEntropy,
    Focal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CourseKind {
    Cosine,
    Step,
    Constant,
}

impl Choice for Variant {
    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn word(self) -> &'static str {
        self.name()
    }
}

/// What users are shown of a choice is what they would write.
macro_rules! display {
    ($($kind:ty),+) => {
        $(impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        })+
    };
}

display!(ModelOffline, DataOffline, Bad, Leakage, Policy, BatchNorm, Monitor, DeviceChoice);

impl fmt::Display for Trains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.pad("head"),
            Self::Last(blocks) => write!(f, "last {blocks}"),
            Self::All => f.pad("all"),
        }
    }
}

impl FromStr for Trains {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["head"] => Ok(Self::Head),
            ["all"] => Ok(Self::All),
            ["last", "0"] => {
                Err("\"last 0\" trains nothing; say \"head\" to train the head alone".to_string())
            }
            ["last", count] => count.parse().map(Self::Last).map_err(|_| no_part(text)),
            _ => Err(no_part(text)),
        }
    }
}

fn no_part(text: &str) -> String {
    format!("{text:?} is not known; say \"head\", \"last N\" with a number of blocks, or \"all\"")
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Epoch => f.pad("epoch"),
            Self::Steps(steps) => write!(f, "{steps} steps"),
            Self::Seconds(seconds) if seconds.is_multiple_of(3600) => write!(f, "{} h", seconds / 3600),
            Self::Seconds(seconds) if seconds.is_multiple_of(60) => write!(f, "{} min", seconds / 60),
            Self::Seconds(seconds) => write!(f, "{seconds} s"),
        }
    }
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "{text:?} is not known; say \"epoch\", a number of steps such as \"200 steps\", or a time such as \"10 min\""
            )
        };
        let seconds = |count: &str, unit: u64| {
            count.parse::<u64>().ok().and_then(|count| count.checked_mul(unit)).map(Self::Seconds)
        };
        let text = text.trim();
        // "10min" is as good as "10 min".
        let (count, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        match (count, unit.trim_start()) {
            ("", "epoch") => Some(Self::Epoch),
            (count, "" | "step" | "steps") => count.parse().ok().map(Self::Steps),
            (count, "s" | "sec" | "second" | "seconds") => seconds(count, 1),
            (count, "m" | "min" | "minute" | "minutes") => seconds(count, 60),
            (count, "h" | "hour" | "hours") => seconds(count, 3600),
            _ => None,
        }
        .ok_or_else(refused)
    }
}

/// "400M", "2.5G", "4GiB", "16GB" or a plain number.
pub fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic() && c != 'e').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    number.trim().parse::<f64>().ok().map(|value| value * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_decimal_and_binary_units() {
        let check = |text: &str, expected| assert_eq!(amount(text), expected, "{text}");
        check("400M", Some(400e6));
        check("2.5G", Some(2.5e9));
        check("4 GiB", Some(4_294_967_296.0));
        check("16GB", Some(16e9));
        check("1e9", Some(1e9));
        check("12", Some(12.0));
        check("12Q", None);
        check("G", None);
        check("", None);
    }

    #[test]
    fn what_a_stage_trains_has_three_spellings() {
        let check = |text: &str, expected| assert_eq!(text.parse::<Trains>().ok(), expected, "{text}");
        check("head", Some(Trains::Head));
        check("last  3", Some(Trains::Last(3)));
        check("all", Some(Trains::All));
        check("last 0", None);
        check("last -1", None);
        check("last", None);
        check("", None);
    }

    #[test]
    fn an_interval_is_an_epoch_steps_or_a_time() {
        let check = |text: &str, expected| assert_eq!(text.parse::<Every>().ok(), expected, "{text}");
        check("epoch", Some(Every::Epoch));
        check("200 steps", Some(Every::Steps(200)));
        check("200", Some(Every::Steps(200)));
        check("10 min", Some(Every::Seconds(600)));
        check("90s", Some(Every::Seconds(90)));
        check("2 hours", Some(Every::Seconds(7200)));
        check("200 epochs", None);
        check("min", None);
        check("99999999999999999999 h", None);
        check("9999999999999999999 h", None);
        for every in
            [Every::Epoch, Every::Steps(7), Every::Seconds(45), Every::Seconds(600), Every::Seconds(7200)]
        {
            check(&every.to_string(), Some(every));
        }
    }
}
