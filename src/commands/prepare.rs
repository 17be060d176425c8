//! From a checked configuration to everything a run needs: pictures, network, starting weights.

use std::path::Path;

use anyhow::Result;
use burn::tensor::Device;

use super::channels;
use super::console::{Bar, tell, warn_loudly};
use super::data::{Found, folder_again, folder_of, warn_of_differences};
use super::failure::Failure;
use super::found::tell_of;
use super::kinds::Kinds;
use crate::checkpoint::{IDENTITY_FORMAT, Identity, RunFolder, Start, read_model};
use crate::config::{Bad, ClassWeights, Config, Data, Leakage, Model, ModelOffline, Pretrained, Scale};
use crate::dataset::{
    self, Balance, Dataset, Interpolation, Labels, Origin, Preprocess, Purpose, Resize, Shares, Split, scan,
};
use crate::loader::Item;
use crate::model::{Network, NormSettings, Settings, initial};
use crate::scaling::{Budget, Family, Padding, Plan, largest};
use crate::train::{Splits, balance};
use crate::weights::{self, Entry, Head, ImportOptions, Layout, Named, Roads};

/// The pictures of a configuration, found, read and split.
pub fn pictures(config: &Config) -> Result<Dataset> {
    opened(config, folder_of(config)?)
}

/// The pictures of a run that began with those of this origin, as they are now.
pub fn pictures_again(config: &Config, began_with: &Origin) -> Result<Dataset> {
    opened(config, folder_again(config, began_with)?)
}

fn opened(config: &Config, found: Found) -> Result<Dataset> {
    let bar = std::sync::Mutex::new(Bar::count("reading pictures"));
    let kinds = Kinds::new(config.data.window.map(Into::into));
    let shares = Shares { val: config.data.split.val, test: config.data.split.test };
    let options = scan::Options {
        shares,
        seed: config.train.seed,
        bad: match config.data.bad {
            Bad::Skip => scan::Bad::SetAside,
            Bad::Fail => scan::Bad::Fail,
        },
        leakage: match config.data.leakage {
            Leakage::Refuse => scan::Leakage::Refuse,
            Leakage::Skip => scan::Leakage::SetAside,
            Leakage::Allow => scan::Leakage::Allow,
        },
        keep_alike: config.data.split.keep_alike,
        origin: found.origin,
        check: &|path, bytes| kinds.check(path, bytes).map(|picture| scan::Sight::of(&picture)),
        progress: &|done, total| {
            if let Ok(mut bar) = bar.lock() {
                bar.set(done as u64, total as u64);
            }
        },
    };
    let dataset = dataset::open_labelled(&found.pictures, &labels_of(config), &options)?;
    if let Ok(bar) = bar.lock() {
        bar.clear();
    }
    tell_of(&dataset, config.data.split.keep_alike);
    kinds.remarks().iter().for_each(|remark| tell(&format!("  {remark}")));
    if let Some(recipe) = &found.recipe {
        warn_of_differences(recipe, &dataset);
    }
    one_weight_each(config, &dataset.classes)?;
    Ok(dataset)
}

/// How a configuration says that its pictures are labelled.
pub fn labels_of(config: &Config) -> Labels {
    let Data { classes, depth, columns, .. } = &config.data;
    let (classes, columns) = (classes.clone(), columns.clone());
    Labels { classes, depth: *depth, columns, purpose: Purpose::Training }
}

/// How many weights are right only shows once the classes are known.
fn one_weight_each(config: &Config, classes: &[String]) -> Result<(), Failure> {
    match &config.train.class_weights {
        ClassWeights::List(weights) if weights.len() != classes.len() => Err(Failure::Usage(format!(
            "train.class_weights has {} numbers, and there are {} classes: {}",
            weights.len(),
            classes.len(),
            classes.join(", ")
        ))),
        ClassWeights::Table(weights) => match weights.keys().find(|name| !classes.contains(name)) {
            None => Ok(()),
            Some(name) => Err(Failure::Usage(format!(
                "train.class_weights names {name:?}, and the classes are {}",
                classes.join(", ")
            ))),
        },
        _ => Ok(()),
    }
}

/// What a run on these pictures does about classes of unequal size.
pub fn balance_of(config: &Config, dataset: &Dataset) -> Balance {
    balance(config, &dataset.classes, &dataset.counts(Split::Train))
}

/// Said wherever figures of drawn pictures appear.
pub const DRAWN: &str = "DRAWN DATA: these pictures were drawn by kiln, they are no photographs.";

/// Said wherever figures of a run appear that had to do without the weights it asked for.
pub const SCRATCH: &str =
    "FROM SCRATCH: the pretrained weights could not be had, training started from nothing.";

/// The samples of a data set as the loader takes them.
pub fn splits(dataset: &Dataset) -> Splits {
    let items = |split| {
        let of = dataset.samples(split).enumerate();
        of.map(|(sample, s)| Item {
            location: dataset.location(s),
            class: s.class,
            sample,
            weight: s.weight,
            repeat: 0,
            content: s.hash.clone(),
            size: (s.width, s.height),
        })
        .collect()
    };
    Splits { train: items(Split::Train), val: items(Split::Val), test: items(Split::Test) }
}

/// The network that a configuration describes.
pub fn plan_of(config: &Config, classes: usize) -> Result<Plan> {
    Ok(match config.model.scale {
        Scale::Variant(variant) => Plan::variant(variant),
        Scale::Compound(compound) => Plan::compound(&compound)?,
        Scale::Custom { family, width, depth, resolution } => Plan::custom(family, width, depth, resolution)?,
        Scale::Budget { max_macs, max_params, max_memory } => {
            let budget = Budget { max_macs, max_params, max_memory, batch: config.train.batch, classes };
            largest(&budget)?.1
        }
    })
}

/// Where a network starts: its numbers, and what belongs to them.
pub struct Beginning {
    /// The configuration, with what had to change where weights could not be had.
    pub config: Config,
    pub plan: Plan,
    pub numbers: Option<Named>,
    pub padding: Padding,
    pub norm: NormSettings,
    pub preprocess: Preprocess,
    pub start: Start,
}

/// Finds the starting weights, or says that there are none, and fits them to the channels that are asked for.
pub fn beginning(config: &Config, plan: Plan) -> Result<Beginning> {
    let mut begun = found(config, plan)?;
    channels::settle(&mut begun)?;
    Ok(begun)
}

fn found(config: &Config, plan: Plan) -> Result<Beginning> {
    let wanted: Vec<&'static Entry> = match &config.model.pretrained {
        Pretrained::None => return Ok(scratch(config, plan, None)),
        Pretrained::File(path) => return from_file(config, plan, path),
        Pretrained::Entry(id) => vec![entry_named(id, &plan)?],
        Pretrained::Imagenet => {
            let variant = plan.as_variant().ok_or_else(|| no_weights(&plan))?;
            Entry::candidates(variant)
        }
    };
    match fetch(&wanted) {
        Ok(found) => {
            let named = weights::read(&found.path)?.named;
            let licence = Some(found.entry.licence.to_owned());
            let start = Start { weights: Some(found.entry.id.into()), licence, instead_of_pretrained: false };
            tell(&format!("starting from {} ({})", found.entry.id, found.path.display()));
            imported(config, plan, named, found.entry, start)
        }
        Err(error) if config.model.offline == ModelOffline::Scratch => {
            tell(&format!("{error}"));
            warn_loudly(SCRATCH);
            Ok(scratch(&config.from_scratch(), plan, wanted.first().copied()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Fetches the first of some entries that can be had.
pub fn fetch(entries: &[&'static Entry]) -> Result<weights::Found, weights::Unreachable> {
    let mut bar = Bar::bytes("fetching weights");
    let found = weights::obtain(entries, &Roads::from_env(), &mut |event| match event {
        weights::fetch::Event::Trying { entry, road } => bar.say(&format!("{} ({road})", entry.id)),
        weights::fetch::Event::Bytes { done, total } => bar.set(done, total.unwrap_or(done)),
    });
    bar.clear();
    found
}

fn no_weights(plan: &Plan) -> Failure {
    Failure::Weights(format!(
        "no pretrained weights exist for the network {}; name a variant (b0..b7, lite0..lite4) or set model.pretrained = \"none\"",
        plan.name()
    ))
}

fn entry_named(id: &str, plan: &Plan) -> Result<&'static Entry> {
    let entry = Entry::find(id).ok_or_else(|| {
        Failure::Weights(format!(
            "no weights are called {id:?}; `kiln weights list` shows those that kiln knows"
        ))
    })?;
    if plan.as_variant() != Some(entry.variant) {
        let text = format!("{} are weights of {}, the network is {}", entry.id, entry.variant, plan.name());
        return Err(Failure::Weights(text).into());
    }
    Ok(entry)
}

fn scratch(config: &Config, plan: Plan, instead_of: Option<&Entry>) -> Beginning {
    let side = config.data.image_size.unwrap_or(plan.resolution);
    // Each family's own convention: torchvision's for B, TensorFlow's for lite.
    let (padding, eps) = match plan.family {
        Family::B => (Padding::Symmetric, 1e-5),
        Family::Lite => (Padding::Same, 1e-3),
    };
    let preprocess = match instead_of {
        Some(entry) => as_configured(entry.preprocess(), config),
        None => as_configured(Preprocess::image_net(side, 0.875, Interpolation::Bicubic), config),
    };
    Beginning {
        config: config.clone(),
        padding: config.model.padding.unwrap_or(padding),
        norm: norm_of(&config.model, eps, 0.1),
        preprocess,
        plan,
        numbers: None,
        start: Start::scratch(instead_of.is_some()),
    }
}

fn imported(config: &Config, plan: Plan, named: Named, entry: &Entry, start: Start) -> Result<Beginning> {
    let (named, _) = weights::import(named, &plan, 0, ImportOptions { head: Head::Replace })?;
    Ok(Beginning {
        config: config.clone(),
        padding: config.model.padding.unwrap_or(entry.padding),
        norm: norm_of(&config.model, entry.norm.eps, entry.norm.momentum),
        preprocess: as_configured(entry.preprocess(), config),
        plan,
        numbers: Some(named),
        start,
    })
}

fn from_file(config: &Config, mut plan: Plan, path: &Path) -> Result<Beginning> {
    let file =
        if RunFolder::is_one(path) { RunFolder::open(path)?.best()?.model_path() } else { path.to_owned() };
    let named = weights::read(&file)?.named;
    let mut start = Start { weights: Some(last_name(path)), licence: None, instead_of_pretrained: false };
    if weights::layouts::detect(named.names()) == Some(Layout::Kiln)
        && let Ok((_, identity)) = read_model(&file)
    {
        start.licence = identity.start.licence.clone();
        (plan.channels, plan.marks_edge) = (identity.channels, identity.plan.marks_edge);
        let (named, _) = weights::import(named, &plan, 0, ImportOptions { head: Head::Replace })?;
        return Ok(Beginning {
            config: config.clone(),
            padding: identity.padding,
            norm: norm_of(&config.model, identity.norm_eps, identity.norm_momentum),
            preprocess: as_configured(identity.preprocess, config),
            plan,
            numbers: Some(named),
            start,
        });
    }
    let entry = matching_entry(&named, &plan).ok_or_else(|| no_weights(&plan))?;
    tell(&format!(
        "{}: preprocessing, padding and batch norm are taken to be those of {}",
        path.display(),
        entry.id
    ));
    imported(config, plan, named, entry, start)
}

/// The catalogue's entry whose conventions a file of this layout follows.
fn matching_entry(named: &Named, plan: &Plan) -> Option<&'static Entry> {
    let variant = plan.as_variant()?;
    let prefix = match weights::layouts::detect(named.names())? {
        Layout::Torchvision => "torchvision/",
        Layout::Timm => "timm/",
        Layout::Lukemelas | Layout::LitePytorch => "pypi/",
        Layout::Kiln => "",
    };
    let candidates = Entry::candidates(variant);
    candidates.iter().find(|entry| entry.id.starts_with(prefix)).or(candidates.last()).copied()
}

fn norm_of(model: &Model, eps: f64, momentum: f64) -> NormSettings {
    NormSettings { eps: model.norm_eps.unwrap_or(eps), momentum: model.norm_momentum.unwrap_or(momentum) }
}

/// The same preprocessing at another size of the network's input, with JPEGs decoded as the configuration has it.
fn as_configured(preprocess: Preprocess, config: &Config) -> Preprocess {
    let preprocess = Preprocess { reduced: config.data.reduced_jpeg, ..preprocess };
    let Some(size) = config.data.image_size else { return preprocess };
    let scaled = |edge: usize| (edge * size).div_ceil(preprocess.size);
    let resize = match preprocess.resize {
        Resize::Shorter(edge) => Resize::Shorter(scaled(edge)),
        Resize::Squash(edge) => Resize::Squash(scaled(edge)),
    };
    Preprocess { size, resize, ..preprocess }
}

impl Beginning {
    /// Builds the network on a device.
    pub fn network(&self, classes: usize, device: &Device) -> Network {
        let config = &self.config;
        let settings = Settings {
            padding: self.padding,
            norm: self.norm,
            classes,
            dropout: config.model.dropout.unwrap_or(self.plan.dropout),
            stochastic_depth: config.model.stochastic_depth,
        };
        let seed = config.train.seed;
        Network::build(&self.plan, &settings, device, &mut |name, shape| {
            let given = self.numbers.as_ref().and_then(|named| named.entries.get(name));
            match given {
                Some(array) => array.values.clone(),
                None => initial(seed, name, shape),
            }
        })
    }

    /// What the model file will say of itself.
    pub fn identity(&self, dataset: &Dataset) -> Identity {
        let mut identity = Identity {
            format: IDENTITY_FORMAT,
            kiln: env!("CARGO_PKG_VERSION").into(),
            classes: dataset.classes.clone(),
            network: self.plan.name(),
            plan: self.plan.clone(),
            activation: self.plan.activation,
            squeeze_excite: self.plan.family == Family::B,
            padding: self.padding,
            norm_eps: self.norm.eps,
            norm_momentum: self.norm.momentum,
            channels: self.plan.channels,
            preprocess: self.preprocess.clone(),
            temperature: 1.0,
            averaged: self.config.train.ema.is_some(),
            start: self.start.clone(),
            data: words_of(&dataset.origin, &dataset.root),
            drawn: dataset.origin.is_drawn(),
        };
        identity.state_licence(self.config.data.licence.as_deref());
        identity
    }
}

/// What a path ends with: models are passed on, and where their makers keep their files is nobody's business.
fn last_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn words_of(origin: &Origin, root: &Path) -> String {
    match origin {
        Origin::Folder => format!("the folder {}", last_name(root)),
        Origin::Recipe { name, licence, .. } => format!("{name} ({licence})"),
        Origin::Drawn { pictures, .. } => format!("{pictures} pictures drawn by kiln, no photographs"),
    }
}
