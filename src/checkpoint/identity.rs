//! What a model file says of itself, so that nobody has to guess: classes, network, preprocessing,
//! origin. It travels as JSON under the metadata key `kiln` of a safetensors file.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(test)]
use crate::dataset::Interpolation;
use crate::dataset::Preprocess;
use crate::scaling::{Activation, Family, Padding, Plan};

/// The version of this description.
pub const IDENTITY_FORMAT: u64 = 1;
/// Stands in `data` between the pictures and the licence that the user gives them.
const STATED: &str = " (licence stated by the user: ";

/// Read back, it is checked: what it says must agree with itself and be possible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Identity {
    pub format: u64,
    pub kiln: String,
    /// The class names by index.
    pub classes: Vec<String>,
    /// The network's name: a variant or what its coefficients are.
    pub network: String,
    pub plan: Plan,
    pub activation: Activation,
    pub squeeze_excite: bool,
    pub padding: Padding,
    pub norm_eps: f64,
    pub norm_momentum: f64,
    pub channels: usize,
    pub preprocess: Preprocess,
    /// Logits are divided by it before the softmax; 1 where nothing was fitted.
    pub temperature: f64,
    /// Whether the weights are a moving average.
    pub averaged: bool,
    pub start: Start,
    /// What the training data was, in a few words.
    pub data: String,
    /// True where the model was trained on pictures that kiln drew itself.
    pub drawn: bool,
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The derived one: `remote` makes it a function of the type, which comes before the trait's.
        Identity::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let identity = Identity::deserialize(deserializer)?;
        match identity.fault() {
            Some(fault) => Err(D::Error::custom(fault)),
            None => Ok(identity),
        }
    }
}

#[cfg(test)]
impl Identity {
    /// A description that nothing is wrong with, for the tests of all rooms.
    pub(crate) fn sample(plan: Plan) -> Self {
        Self {
            format: IDENTITY_FORMAT,
            kiln: "0.1.0".into(),
            classes: vec!["rose".into(), "tulip".into()],
            network: plan.name(),
            activation: plan.activation,
            squeeze_excite: plan.family == Family::B,
            padding: Padding::Symmetric,
            norm_eps: 1e-5,
            norm_momentum: 0.1,
            channels: plan.channels,
            preprocess: Preprocess::image_net(plan.resolution, 0.875, Interpolation::Bicubic),
            temperature: 1.0,
            averaged: true,
            start: Start::scratch(false),
            data: "nothing".into(),
            drawn: false,
            plan,
        }
    }
}

impl Identity {
    /// Says the licence that the user gives the training data, in place of what was said of it before.
    pub fn state_licence(&mut self, licence: Option<&str>) {
        let stated = licence.map_or_else(String::new, |licence| format!("{STATED}{licence})"));
        self.data = format!("{}{stated}", self.data_and_licence().0);
    }

    /// What the training data was, and the licence that the user gives it.
    pub fn data_and_licence(&self) -> (&str, Option<&str>) {
        let parts = self.data.split_once(STATED);
        let parts = parts.and_then(|(data, rest)| Some((data, Some(rest.strip_suffix(')')?))));
        parts.unwrap_or((&self.data, None))
    }

    /// What cannot be true of any model.
    fn fault(&self) -> Option<String> {
        let Self { classes, plan, norm_eps, norm_momentum, temperature, .. } = self;
        let is_above_zero = |value: f64| value > 0.0 && value.is_finite();
        if classes.is_empty() {
            return Some("it has no classes".into());
        }
        if (self.channels, self.activation, self.squeeze_excite)
            != (plan.channels, plan.activation, plan.family == Family::B)
        {
            return Some("channels, activation or squeeze_excite are not those of its plan".into());
        }
        if !is_above_zero(*norm_eps) || !is_above_zero(*norm_momentum) || !is_above_zero(*temperature) {
            let values = format!("{norm_eps}, {norm_momentum} and {temperature}");
            return Some(format!(
                "norm_eps, norm_momentum and temperature are {values}; all must be above 0"
            ));
        }
        self.preprocess.check().err().map(|error| error.to_string())
    }
}

/// Where the training started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The entry or file; nothing where the training started from scratch.
    pub weights: Option<String>,
    pub licence: Option<String>,
    /// True where pretrained weights were asked for and could not be had.
    pub instead_of_pretrained: bool,
}

impl Start {
    pub fn scratch(instead_of_pretrained: bool) -> Self {
        Self { weights: None, licence: None, instead_of_pretrained }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::{Family, Plan};

    /// The words of the refusal, or nothing where it is read.
    fn refusal(change: impl Fn(&mut Identity)) -> Option<String> {
        let mut identity = Identity::sample(Plan::custom(Family::B, 0.1, 0.1, 32).unwrap());
        change(&mut identity);
        let text = serde_json::to_string(&identity).unwrap();
        serde_json::from_str::<Identity>(&text).err().map(|error| error.to_string())
    }

    #[test]
    fn the_licence_of_the_data_is_stated_once() {
        let mut identity = Identity::sample(Plan::custom(Family::B, 0.1, 0.1, 32).unwrap());
        identity.data = "the folder roses".into();
        for licence in [Some("CC0"), Some("CC-BY-4.0 (ask first)"), None] {
            identity.state_licence(licence);
            assert_eq!(identity.data_and_licence(), ("the folder roses", licence));
        }
        assert_eq!(identity.data, "the folder roses");
    }

    #[test]
    fn what_cannot_be_true_of_a_model_is_refused_by_name() {
        assert_eq!(refusal(|_| ()), None);
        let check = |change: &dyn Fn(&mut Identity), part: &str| {
            let words = refusal(change).unwrap();
            assert!(words.contains(part), "{words}");
        };
        check(&|identity| identity.classes.clear(), "no classes");
        check(&|identity| identity.channels = 1, "channels");
        check(&|identity| identity.squeeze_excite = false, "squeeze_excite");
        check(&|identity| identity.norm_eps = 0.0, "norm_eps");
        check(&|identity| identity.norm_momentum = -0.1, "norm_momentum");
        check(&|identity| identity.temperature = 0.0, "temperature");
        check(&|identity| identity.preprocess.size = 0, "0");
    }
}
