//! The network: its size in one of four ways, where its weights come from, and what may be changed on it.

use std::path::Path;

use toml::Spanned;

use super::amounts::limit;
use super::{Given, given};
use crate::config::checked::{Model, ModelOffline, Pretrained, Scale};
use crate::config::faults::Faults;
use crate::config::raw::{self, Key};
use crate::config::rules::{BELOW_ONE, CHANNELS, FACTOR, FINITE, PIXELS, POSITIVE};
use crate::scaling::{self, Compound, Family, Padding, Plan, Variant};

pub(super) fn model(raw: &raw::Model, faults: &mut Faults<'_>) -> Model {
    let scale = scale(raw, faults);
    Model {
        scale,
        channels: faults.value(&raw.channels, 3, &CHANNELS),
        pretrained: pretrained(&raw.pretrained, &scale, faults),
        offline: faults.choice(&raw.offline, ModelOffline::Fail),
        dropout: faults.auto(&raw.dropout, &BELOW_ONE),
        stochastic_depth: faults.value(&raw.stochastic_depth, 0.2, &BELOW_ONE),
        padding: padding(&raw.padding, faults),
        norm_eps: faults.auto(&raw.norm_eps, &POSITIVE),
        norm_momentum: faults.auto(&raw.norm_momentum, &FACTOR),
    }
}

fn scale(raw: &raw::Model, faults: &mut Faults<'_>) -> Scale {
    let ways = ways(raw);
    let mut taken = ways.iter().filter_map(|keys| keys.iter().flatten().next());
    if let (Some((first, _)), Some((second, span))) = (taken.next(), taken.next()) {
        let reason =
            format!("`{first}` gives the network's size already; keep one of `{first}` and `{second}`");
        faults.refuse(span.clone(), reason);
    }
    let [_, compound, custom, budget] = ways.map(|keys| keys.iter().any(Option::is_some));
    if let Some(variant) = &raw.variant {
        Scale::Variant(faults.chosen(variant).unwrap_or(Variant::B0))
    } else if compound {
        self::compound(raw, faults)
    } else if custom {
        self::custom(raw, faults)
    } else if budget {
        self::budget(raw, faults)
    } else {
        faults.missing("model", "has no size; say variant = \"b0\", or phi, or width and depth, or max_macs");
        Scale::Variant(Variant::B0)
    }
}

/// The keys of each way to give the network's size.
fn ways(raw: &raw::Model) -> [Vec<Given>; 4] {
    [
        vec![given("variant", &raw.variant)],
        vec![
            given("phi", &raw.phi),
            given("alpha", &raw.alpha),
            given("beta", &raw.beta),
            given("gamma", &raw.gamma),
        ],
        vec![
            given("family", &raw.family),
            given("width", &raw.width),
            given("depth", &raw.depth),
            given("resolution", &raw.resolution),
        ],
        vec![
            given("max_macs", &raw.max_macs),
            given("max_params", &raw.max_params),
            given("max_memory", &raw.max_memory),
        ],
    ]
}

fn compound(raw: &raw::Model, faults: &mut Faults<'_>) -> Scale {
    let paper = Compound::default();
    let compound = Compound {
        phi: faults.needed(&raw.phi, "model.phi", paper.phi, &FINITE),
        alpha: faults.value(&raw.alpha, paper.alpha, &FINITE),
        beta: faults.value(&raw.beta, paper.beta, &FINITE),
        gamma: faults.value(&raw.gamma, paper.gamma, &FINITE),
    };
    refuse_impossible(Plan::compound(&compound), raw, faults);
    Scale::Compound(compound)
}

fn custom(raw: &raw::Model, faults: &mut Faults<'_>) -> Scale {
    let base = Variant::B0.row();
    let family = faults.choice(&raw.family, Family::B);
    let width = faults.value(&raw.width, base.width, &FINITE);
    let depth = faults.value(&raw.depth, base.depth, &FINITE);
    let resolution = faults.value(&raw.resolution, base.resolution, &PIXELS);
    refuse_impossible(Plan::custom(family, width, depth, resolution), raw, faults);
    Scale::Custom { family, width, depth, resolution }
}

/// Puts the arithmetic's own refusal at the key that it is about, or else at the one that leads.
fn refuse_impossible(plan: Result<Plan, scaling::Error>, raw: &raw::Model, faults: &mut Faults<'_>) {
    let Err(error) = plan else { return };
    let keys: Vec<_> = ways(raw).into_iter().flatten().flatten().collect();
    let named = match &error {
        scaling::Error::OutOfRange { name, .. } => keys.iter().find(|(key, _)| key == name),
        _ => None,
    };
    if let Some((_, span)) = named.or(keys.first()) {
        faults.refuse(span.clone(), error.to_string());
    }
}

fn budget(raw: &raw::Model, faults: &mut Faults<'_>) -> Scale {
    Scale::Budget {
        max_macs: limit(&raw.max_macs, faults),
        max_params: limit(&raw.max_params, faults),
        max_memory: limit(&raw.max_memory, faults),
    }
}

fn pretrained(key: &Key<raw::Pretrained>, scale: &Scale, faults: &mut Faults<'_>) -> Pretrained {
    let given = match key {
        // Only the named variants have weights as a matter of course.
        None if matches!(scale, Scale::Variant(_)) => return Pretrained::Imagenet,
        None => return Pretrained::None,
        Some(given) => given,
    };
    match given.get_ref() {
        raw::Pretrained::None(_) => Pretrained::None,
        raw::Pretrained::Text(text) => match text.as_str() {
            "none" => Pretrained::None,
            "imagenet" => Pretrained::Imagenet,
            text if is_path(text) => {
                Pretrained::File(faults.path(&Spanned::new(given.span(), text.to_string())))
            }
            text => Pretrained::Entry(faults.text(&Spanned::new(given.span(), text.to_string()))),
        },
    }
}

/// What the names of the catalogue's entries begin with; a folder of such a name is spelled `./timm/...`.
const PUBLISHERS: [&str; 3] = ["torchvision/", "timm/", "pypi/"];

fn is_path(text: &str) -> bool {
    let extension = Path::new(text).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_weights = ["pth", "pt", "safetensors", "bpk"].contains(&extension.to_ascii_lowercase().as_str());
    let is_entry = PUBLISHERS.iter().any(|publisher| text.starts_with(publisher));
    is_weights || (text.contains(std::path::is_separator) && !is_entry) || text == "." || text == ".."
}

fn padding(key: &Key<String>, faults: &mut Faults<'_>) -> Option<Padding> {
    let given = key.as_ref().filter(|given| given.get_ref() != "auto")?;
    faults.chosen(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_weights_is_known_by_its_ending() {
        let check = |text: &str, expected| assert_eq!(is_path(text), expected, "{text}");
        for ending in ["pth", "pt", "safetensors", "bpk", "BPK"] {
            check(&format!("flowers.{ending}"), true);
        }
        check("checkpoints/flowers", true);
        check("./timm/b0", true);
        check("timm/efficientnet_b0.ra_in1k", false);
        check("tf_efficientnet_lite0.in1k", false);
    }
}
