//! The network as a list of blocks: what model/ builds, and what is counted here.

use super::{Coefficients, Compound, Error, Family, Variant};
use serde::{Deserialize, Serialize};

/// The network halves its input five times: below this the last stages would see padding alone.
pub const SMALLEST_SIDE: usize = 32;

/// Wider, deeper or larger than anybody has trained; keeps mistyped numbers from filling the memory.
const MULTIPLIERS: (f64, f64) = (0.1, 64.0);
const LARGEST_SIDE: usize = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    Silu,
    Relu6,
}

/// A whole network. Read back, it is checked to be one that its width and depth give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Plan {
    pub family: Family,
    pub width: f64,
    pub depth: f64,
    pub resolution: usize,
    /// Of the picture.
    pub channels: usize,
    /// Whether the stem sees a plane of ones beside the picture. Zero padding ends it at the picture's edge, so with it a grey
    /// network can do there what a network of three differently normalised colours does (docs/pictures.md).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marks_edge: bool,
    /// Channels of the first convolution.
    pub stem: usize,
    pub blocks: Vec<Block>,
    /// Channels of the last convolution, which the classifier reads.
    pub features: usize,
    pub dropout: f64,
    pub activation: Activation,
}

/// A mobile inverted bottleneck: expansion, depthwise convolution, squeeze-excite, projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// 1 to 7.
    pub stage: usize,
    pub expand: usize,
    pub kernel: usize,
    pub stride: usize,
    pub input: usize,
    pub output: usize,
    /// Channels that squeeze-excite reduces to; none in Lite networks.
    pub squeeze: Option<usize>,
}

impl Plan {
    /// A released network, by its row of the table.
    pub fn variant(variant: Variant) -> Self {
        build(variant.family(), variant.row())
    }

    /// b0 scaled by phi along all three dimensions.
    pub fn compound(compound: &Compound) -> Result<Self, Error> {
        let row = compound.row()?;
        check_row(&row)?;
        Ok(build(Family::B, row))
    }

    /// Any width and depth. The dropout is b0's.
    pub fn custom(family: Family, width: f64, depth: f64, resolution: usize) -> Result<Self, Error> {
        let row = Coefficients { width, depth, resolution, dropout: Variant::B0.row().dropout };
        check_row(&row)?;
        Ok(build(family, row))
    }

    /// The released network with the same layers, whatever its resolution: its weights fit.
    pub fn as_variant(&self) -> Option<Variant> {
        Variant::ALL.into_iter().find(|variant| self.has_layers_of(&Self::variant(*variant)))
    }

    /// Planes that the first convolution reads.
    pub fn stem_planes(&self) -> usize {
        self.channels + usize::from(self.marks_edge)
    }

    /// Short and fit for a file name: `b2`, `b2-r258`, `lite-w0.25-d0.5-r64`.
    pub fn name(&self) -> String {
        let Some(variant) = self.as_variant() else {
            let family = if self.family == Family::Lite { "lite" } else { "b" };
            return format!("{family}-w{}-d{}-r{}", short(self.width), short(self.depth), self.resolution);
        };
        if self.resolution == variant.row().resolution {
            variant.to_string()
        } else {
            format!("{variant}-r{}", self.resolution)
        }
    }

    fn has_layers_of(&self, other: &Self) -> bool {
        (self.family, self.stem, self.features) == (other.family, other.stem, other.features)
            && self.blocks == other.blocks
    }
}

impl Block {
    /// Channels between expansion and projection.
    pub fn hidden(&self) -> usize {
        self.input * self.expand
    }

    pub fn has_expansion(&self) -> bool {
        self.expand != 1
    }

    pub fn has_skip(&self) -> bool {
        self.stride == 1 && self.input == self.output
    }
}

const STEM: usize = 32;
const FEATURES: usize = 1280;

/// The seven stages of b0: expand, kernel, stride, output, repeats.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
];

fn build(family: Family, row: Coefficients) -> Plan {
    let lite = family == Family::Lite;
    let ends = |channels| if lite { channels } else { rounded(channels, row.width) };
    let stem = ends(STEM);
    Plan {
        family,
        width: row.width,
        depth: row.depth,
        resolution: row.resolution,
        channels: 3,
        marks_edge: false,
        stem,
        blocks: blocks(family, stem, &row),
        features: ends(FEATURES),
        dropout: row.dropout,
        activation: if lite { Activation::Relu6 } else { Activation::Silu },
    }
}

fn blocks(family: Family, stem: usize, row: &Coefficients) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut input = stem;
    for (index, (expand, kernel, stride, output, repeats)) in STAGES.into_iter().enumerate() {
        let output = rounded(output, row.width);
        // Lite networks repeat neither the first stage nor the last.
        let is_fixed = family == Family::Lite && (index == 0 || index + 1 == STAGES.len());
        let repeats = if is_fixed { repeats } else { repeated(repeats, row.depth) };
        for repeat in 0..repeats {
            // Only the first block of a stage changes the size.
            let stride = if repeat == 0 { stride } else { 1 };
            let squeeze = (family == Family::B).then_some((input / 4).max(1));
            blocks.push(Block { stage: index + 1, expand, kernel, stride, input, output, squeeze });
            input = output;
        }
    }
    blocks
}

/// Channels times width, to the nearest multiple of 8 that keeps at least 90% of it.
fn rounded(channels: usize, width: f64) -> usize {
    let exact = channels as f64 * width;
    let nearest = (((exact + 4.0) / 8.0).floor() * 8.0).max(8.0);
    (if nearest < 0.9 * exact { nearest + 8.0 } else { nearest }) as usize
}

/// Repeats times depth, rounded up.
fn repeated(repeats: usize, depth: f64) -> usize {
    (repeats as f64 * depth).ceil() as usize
}

fn check_row(row: &Coefficients) -> Result<(), Error> {
    in_range("width", row.width, MULTIPLIERS)?;
    in_range("depth", row.depth, MULTIPLIERS)?;
    if row.resolution < SMALLEST_SIDE {
        return Err(Error::TooSmall { side: row.resolution });
    }
    in_range("resolution", row.resolution as f64, (SMALLEST_SIDE as f64, LARGEST_SIDE as f64))
}

/// Refuses what is outside, and what is no number.
pub(super) fn in_range(name: &'static str, value: f64, (low, high): (f64, f64)) -> Result<(), Error> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(Error::OutOfRange { name, value, low, high }) }
}

/// At most four decimals, none of them in vain.
pub(super) fn short(value: f64) -> String {
    format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A plan as it stands in a file, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    family: Family,
    width: f64,
    depth: f64,
    resolution: usize,
    channels: usize,
    #[serde(default)]
    marks_edge: bool,
    stem: usize,
    blocks: Vec<Block>,
    features: usize,
    dropout: f64,
    activation: Activation,
}

impl TryFrom<Written> for Plan {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self, Error> {
        let Written {
            family,
            width,
            depth,
            resolution,
            channels,
            marks_edge,
            stem,
            blocks,
            features,
            dropout,
            activation,
        } = written;
        in_range("channels", channels as f64, (1.0, 4.0))?;
        in_range("dropout", dropout, (0.0, 0.99))?;
        let expected = Self::custom(family, width, depth, resolution)?;
        let plan = Self {
            family,
            width,
            depth,
            resolution,
            channels,
            marks_edge,
            stem,
            blocks,
            features,
            dropout,
            activation,
        };
        if plan.has_layers_of(&expected) { Ok(plan) } else { Err(Error::Inconsistent { width, depth }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_rounded_as_published() {
        // b4's and b7's channels from the authors' code, and the 90% rule (11.9 would become 8).
        let check =
            |channels, width, expected| assert_eq!(rounded(channels, width), expected, "{channels} {width}");
        check(32, 1.4, 48);
        check(16, 1.4, 24);
        check(40, 1.4, 56);
        check(320, 1.4, 448);
        check(1280, 1.1, 1408);
        check(24, 1.1, 24);
        check(16, 1.1, 16);
        check(119, 0.1, 16);
        check(16, 0.1, 8);
    }

    #[test]
    fn repeats_are_rounded_up() {
        let check =
            |repeats, depth, expected| assert_eq!(repeated(repeats, depth), expected, "{repeats} {depth}");
        check(1, 1.1, 2);
        check(4, 3.1, 13);
        check(3, 1.0, 3);
        check(4, 0.1, 1);
        check(2, 0.5, 1);
    }

    #[test]
    fn b0_is_the_table_of_the_paper() {
        let plan = Plan::variant(Variant::B0);
        assert_eq!((plan.stem, plan.features, plan.blocks.len()), (32, 1280, 16));
        let first = plan.blocks[0];
        assert_eq!((first.hidden(), first.has_expansion(), first.has_skip()), (32, false, false));
        let (down, flat) = (plan.blocks[3], plan.blocks[4]);
        assert_eq!((down.stage, down.kernel, down.stride, down.input, down.output), (3, 5, 2, 24, 40));
        assert_eq!(
            (flat.hidden(), flat.squeeze, flat.has_expansion(), flat.has_skip()),
            (240, Some(10), true, true)
        );
        assert!(!down.has_skip());
    }

    #[test]
    fn lite_keeps_its_ends() {
        let plan = Plan::variant(Variant::Lite4);
        assert_eq!((plan.stem, plan.features, plan.activation), (32, 1280, Activation::Relu6));
        let repeats = |stage| plan.blocks.iter().filter(|block| block.stage == stage).count();
        assert_eq!([1, 2, 3, 4, 5, 6, 7].map(repeats), [1, 4, 4, 6, 6, 8, 1]);
        assert!(plan.blocks.iter().all(|block| block.squeeze.is_none()));
    }

    #[test]
    fn names_tell_networks_apart() {
        let check = |plan: Plan, expected: &str| assert_eq!(plan.name(), expected);
        for variant in Variant::ALL {
            check(Plan::variant(variant), variant.name());
        }
        check(Plan::compound(&Compound::new(1.0)).unwrap(), "b2-r258");
        check(Plan::custom(Family::B, 1.0, 1.05, 240).unwrap(), "b1");
        check(Plan::custom(Family::Lite, 0.25, 0.5, 64).unwrap(), "lite-w0.25-d0.5-r64");
    }

    #[test]
    fn impossible_sizes_are_refused_with_the_reason() {
        let check = |width, depth, side, expected: &str| {
            let error = Plan::custom(Family::B, width, depth, side).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            1.0,
            1.0,
            31,
            "31 px are too small: the network halves them five times, which takes at least 32 px",
        );
        check(1.0, 1.0, 100_000, "resolution is 100000; it must lie between 32 and 8192");
        check(0.0, 1.0, 224, "width is 0; it must lie between 0.1 and 64");
        check(f64::NAN, 1.0, 224, "width is NaN");
        check(1.0, f64::INFINITY, 224, "depth is inf");
        assert!(Plan::custom(Family::B, 0.1, 0.1, 32).is_ok());
    }

    #[test]
    fn a_plan_is_read_back_and_a_damaged_one_refused() {
        let plan = Plan::variant(Variant::B1);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        let grey = Plan { channels: 1, marks_edge: true, ..plan };
        assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&grey).unwrap()).unwrap(), grey);
        assert!(!text.contains("marks_edge"));
        assert!(text.contains(r#""family":"b""#) && text.contains(r#""activation":"silu""#));
        for (from, to) in
            [("\"stride\":2", "\"stride\":0"), ("1280", "1281"), ("\"depth\":1.1", "\"depth\":1e9")]
        {
            assert!(serde_json::from_str::<Plan>(&text.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
