//! What a training multiplies, as far as its products depend on it: a name for that, and a way to meet them all.

use std::collections::BTreeSet;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::steps::{Training, network, pictures, trainer};
use crate::config::{BatchNorm, Optimizer as Rule};
use crate::durable;
use crate::loader::order::{self, Lone};
use crate::model::{Cut, Folded, NormForm, numbers};
use crate::scaling::{Float, Plan};
use crate::train::{Session, cut_of};

/// What a training multiplies, as far as its products depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sizes {
    pub plan: Plan,
    pub side: usize,
    pub classes: usize,
    pub float: Float,
    /// Whether batch norms that train use their stored statistics.
    pub stored: bool,
    /// Where stages begin to train.
    pub cuts: BTreeSet<usize>,
    /// Pictures that are trained, and inferred, at once.
    pub batches: BTreeSet<usize>,
    pub inferred: BTreeSet<usize>,
}

impl Sizes {
    pub fn of(session: &Session) -> Self {
        let (config, splits) = (session.config, &session.splits);
        let blocks = session.identity.plan.blocks.len();
        let batches = order::batches(splits.train.len(), config.train.batch, Lone::Joined);
        let together = session.together();
        let validated = [splits.val.len(), splits.test.len()].into_iter();
        let inferred = validated.flat_map(|count| [count.min(together), count % together]);
        Self {
            plan: session.identity.plan.clone(),
            side: session.preprocess.size,
            classes: session.classes(),
            float: session.float(),
            stored: config.train.batch_norm == BatchNorm::Stored,
            cuts: config.stages.iter().map(|stage| cut_of(stage.trains, blocks).0).collect(),
            batches: batches.iter().map(ExactSizeIterator::len).collect(),
            inferred: inferred.filter(|count| *count > 0).collect(),
        }
    }

    /// A short name.
    pub fn key(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        durable::hash(&text).chars().take(32).collect()
    }

    /// Goes through all of it once.
    pub fn take_steps(&self, device: &Device) {
        let network = network(&self.plan, self.classes, device);
        let images = |count| pictures([count, self.plan.channels, self.side, self.side], device);
        for (cut, batch) in
            self.cuts.iter().flat_map(|cut| self.batches.iter().map(move |batch| (cut, batch)))
        {
            let training = Training {
                cut: Cut(*cut),
                form: if self.stored { NormForm::Stored } else { NormForm::Batch },
                rule: Rule::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 },
                accumulate: 1,
                rate: 0.0,
                float: self.float,
            };
            trainer(network.clone(), images(*batch), &training, device)();
        }
        let folded = Folded::new(&network);
        self.inferred.iter().for_each(|count| drop(numbers(folded.infer(images(*count)))));
    }
}
