//! The checked settings that every other room reads: each value is possible, each default filled in.
//! How they are spelled in a file belongs to raw.rs and words.rs, what is possible to check/.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::augmentation::Augment;
pub use super::computing::{DeviceChoice, Tune};
pub use super::keeping::{Checkpoint, Every, Track};
pub use crate::scaling::Trains;
use crate::scaling::{Compound, Family, Float, Padding, Variant};

/// Everything one run is told, from `Config::load` or `Config::parse`.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What the run is called, and its folder: the file's stem unless the file says `name = ...`.
    pub name: String,
    pub model: Model,
    pub data: Data,
    pub augment: Augment,
    /// At least one.
    pub stages: Vec<Stage>,
    pub optimizer: Optimizer,
    pub schedule: Schedule,
    pub train: Train,
    pub checkpoint: Checkpoint,
    pub track: Track,
    pub scratch: Scratch,
}

/// What a run does instead of its stages where `model.offline = "scratch"` has to stand in for weights that
/// cannot be had: one stage that trains all layers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scratch {
    /// None: the run's own.
    pub image_size: Option<usize>,
    /// None: as many as the stages have together.
    pub epochs: Option<usize>,
    /// None: `Scratch::LR`.
    pub lr: Option<f64>,
}

impl Scratch {
    /// The learning rate where none is given: AdamW's own default.
    pub const LR: f64 = 1e-3;
}

impl Config {
    /// The same run without pretrained weights.
    pub fn from_scratch(&self) -> Self {
        let epochs = self.stages.iter().map(|stage| stage.epochs).sum();
        let stage = Stage {
            trains: Trains::All,
            epochs: self.scratch.epochs.unwrap_or(epochs),
            lr: self.scratch.lr.unwrap_or(Scratch::LR),
            layer_decay: 1.0,
        };
        let mut config = self.clone();
        config.stages = vec![stage];
        config.data.image_size = self.scratch.image_size.or(self.data.image_size);
        config.train.batch_norm = BatchNorm::Batch;
        config
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub scale: Scale,
    /// Of the pictures that the network sees: 1 is grey, 3 is RGB.
    pub channels: usize,
    pub pretrained: Pretrained,
    pub offline: ModelOffline,
    /// Before the classifier, in [0, 1). None: what belongs to the network's size.
    pub dropout: Option<f64>,
    /// Share of skipped blocks at the last block, in [0, 1); it rises linearly from the first.
    pub stochastic_depth: f64,
    /// None: what the weights were trained with.
    pub padding: Option<Padding>,
    /// Batch norm's eps. None: the weights' own.
    pub norm_eps: Option<f64>,
    /// The share of the new value in batch norm's running statistics, in (0, 1]. None: the weights' own.
    pub norm_momentum: Option<f64>,
}

/// The size of the network; exactly one way of giving it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    Variant(Variant),
    Compound(Compound),
    /// Width and depth as multipliers of b0's or lite0's, resolution in pixels.
    Custom {
        family: Family,
        width: f64,
        depth: f64,
        resolution: usize,
    },
    /// The largest network within every limit that is given; at least one is. Memory is that of training, in bytes.
    Budget {
        max_macs: Option<u64>,
        max_params: Option<u64>,
        max_memory: Option<u64>,
    },
}

/// Where the starting weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pretrained {
    None,
    /// The catalogue's default for the network.
    Imagenet,
    /// A named entry of the catalogue.
    Entry(String),
    /// An absolute path to a .pth, .pt or .safetensors file, or to a run folder.
    File(PathBuf),
}

/// What to do where pretrained weights are neither cached nor within reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelOffline {
    Fail,
    Scratch,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    pub source: Source,
    /// `Drawn` only ever stands beside `Source::Dataset`.
    pub offline: DataOffline,
    pub split: SplitShares,
    /// Side of the square that the network sees, in pixels. None: what the weights or the network ask for.
    pub image_size: Option<usize>,
    /// What is black and white in pictures of more than 8 bits. None: as the weights have it, or 0 and 65535.
    pub window: Option<[f64; 2]>,
    /// Threads that decode and augment. None: as many as there are processors.
    pub workers: Option<usize>,
    /// How many augmented views of a picture a cached frozen prefix keeps.
    pub views: usize,
    pub cache: CachePlace,
    pub cache_precision: Precision,
    /// Bytes that cached outputs may take on the disk, those of other runs included, and decoded pictures as well.
    pub cache_limit: u64,
    /// Bytes of memory for both. None: three quarters of what is free.
    pub cache_memory: Option<u64>,
    pub sampler: Sampler,
    pub bad: Bad,
    pub leakage: Leakage,
    /// In the order of the network's outputs. Empty: those of the data, by name.
    pub classes: Vec<String>,
    /// How many folder names make a class.
    pub depth: usize,
    pub columns: Columns,
    /// Whether JPEGs much larger than needed are decoded at a reduced scale.
    pub reduced_jpeg: bool,
    /// That of the pictures, in the user's words.
    pub licence: Option<String>,
}

/// What the columns of a table, or the fields of a line of JSON, are called. None: by one of the usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    pub path: Option<String>,
    pub label: Option<String>,
    pub split: Option<String>,
    pub weight: Option<String>,
    /// None: nothing says it, whatever the columns are called.
    pub source: Option<String>,
}

/// The pictures that a pattern matches, all of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Absolute.
    pub glob: PathBuf,
    pub class: String,
    /// None: split off as elsewhere.
    pub split: Option<Part>,
}

/// What pictures are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Train,
    Val,
    Test,
}

/// Which pictures an epoch shows; always as many as there are to train on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// Each once.
    Shuffle,
    /// Classes in proportion to this power of their sizes: 0 shows all classes alike, 1 as they come.
    Power(f64),
}

/// Where the outputs of frozen layers are kept, and decoded pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CachePlace {
    /// In memory where they fit, or else on the disk where they fit; pictures in memory as far as they fit.
    Auto,
    Memory,
    /// In kiln's cache folder, where later runs find them.
    Disk,
    Off,
}

/// The precision in which the outputs of frozen layers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    F32,
    F16,
}

impl Precision {
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An absolute path to the user's own folder, table or shards.
    Path(PathBuf),
    /// The user's own pictures by patterns; at least one.
    Files(Vec<Files>),
    /// The name of a recipe.
    Dataset(String),
}

/// What to do where a data set is neither cached nor within reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataOffline {
    Fail,
    Drawn,
}

/// What is set apart where the data brings no such folders, as shares that are together below 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitShares {
    pub val: f64,
    pub test: f64,
    /// Whether pictures that are nearly the same stay on one side.
    pub keep_alike: bool,
}

/// What to do with a picture that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    Skip,
    Fail,
}

/// What to do where a picture is in several of the splits that the data set brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leakage {
    /// Train on nothing.
    Refuse,
    /// Leave it to the split that measures: test before val before train.
    Skip,
    /// Use it in all of them.
    Allow,
}

/// A stretch of training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// What is not trained is frozen entirely.
    pub trains: Trains,
    pub epochs: usize,
    /// The peak learning rate.
    pub lr: f64,
    /// Factor on the learning rate for each block further from the head, in (0, 1].
    pub layer_decay: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimizer {
    AdamW { betas: [f64; 2], eps: f64, weight_decay: f64 },
    Sgd { momentum: f64, nesterov: bool, weight_decay: f64 },
    RmsProp { alpha: f64, eps: f64, momentum: f64, weight_decay: f64 },
}

/// The course of the learning rate over each stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    pub kind: Course,
    /// Length of the linear rise at a stage's beginning, in epochs; never longer than a stage.
    pub warmup_epochs: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// Falls to `min` times the stage's learning rate.
    Cosine {
        min: f64,
    },
    /// Multiplied by `factor` after every so many epochs.
    Step {
        every_epochs: f64,
        factor: f64,
    },
    Constant,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Train {
    /// Pictures that go through the network at once.
    pub batch: usize,
    /// `batch` is the most that is wanted: what fits is found before the first step, and `accumulate` makes up for it.
    pub auto_batch: bool,
    pub seed: u64,
    pub device: DeviceChoice,
    /// Train on a device even where it failed the self-check.
    pub force_device: bool,
    pub tune: Tune,
    /// GPUs that share the batches of an update; at least 1.
    pub gpus: usize,
    /// What pictures are made of while training. None: the best half type that the device has.
    pub precision: Option<Float>,
    /// Threads that compute. None: as many as there are processors.
    pub threads: Option<usize>,
    /// The largest global norm of a step's gradients. None: no clipping.
    pub clip_norm: Option<f64>,
    /// Batches whose gradients make one step.
    pub accumulate: usize,
    /// Decay of the weights' moving average, in (0, 1). None: no averaging.
    pub ema: Option<f64>,
    /// In [0, 1).
    pub label_smoothing: f64,
    pub loss: Loss,
    pub class_weights: ClassWeights,
    /// Whose statistics the layers that train normalise by.
    pub batch_norm: BatchNorm,
    pub monitor: Monitor,
    /// Epochs without gain after which a stage ends. None: never.
    pub early_stopping: Option<usize>,
    pub on_divergence: OnDivergence,
}

/// What to do where the numbers have left all bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDivergence {
    Stop,
    /// Back to the newest checkpoint, with half the learning rate.
    Rewind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeights {
    None,
    /// In inverse proportion to how many pictures a class has.
    Balanced,
    /// In inverse proportion to its effective number (1 - beta^n) / (1 - beta): Cui et al. 2019.
    Effective {
        beta: f64,
    },
    /// One for each class, in the order of the classes' names; all above 0.
    List(Vec<f64>),
    /// By the classes' names; those that are not named weigh 1. All above 0.
    Table(BTreeMap<String, f64>),
}

/// What training makes smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    CrossEntropy,
    /// Lin et al. 2017: what is known well already counts for less, the more so the larger gamma is.
    Focal {
        gamma: f64,
    },
}

/// Whose statistics batch normalisation uses in the layers that train. Frozen layers always use the stored ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchNorm {
    /// Those of the batch; the stored ones follow.
    Batch,
    /// The stored ones, which stay: for small batches, and for few pictures.
    Stored,
}

/// What picks the best checkpoint on the validation pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitor {
    Accuracy,
    Loss,
}
