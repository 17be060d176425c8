//! A model as the server wants it: bytes of files in, ranked classes out.

use super::classifier::{Classifier, Unread};
use super::overlay;
use crate::canvas;
use crate::dataset::Limits;
use crate::evaluate::{ranked, softmax};
use crate::serve::{About, Explained, Fault, Model, Ranking};

/// The longer edge of a picture with heat over it: what a page shows.
const EDGES: overlay::Edges = [224, 640];

pub struct Served {
    classifier: Classifier,
    about: About,
    limits: Limits,
}

impl Served {
    pub fn new(classifier: Classifier, name: &str, limits: Limits) -> Self {
        let identity = &classifier.identity;
        let about = About {
            model: name.to_owned(),
            network: identity.network.clone(),
            classes: identity.classes.clone(),
            side: identity.preprocess.size,
            drawn: identity.drawn,
            from_scratch: identity.start.instead_of_pretrained,
        };
        Self { classifier, about, limits }
    }
}

impl Model for Served {
    fn about(&self) -> &About {
        &self.about
    }

    fn see(&self, file: &[u8]) -> Result<Vec<f32>, Fault> {
        Ok(self.classifier.pixels(file, None, &self.limits)?)
    }

    fn name(&self, seen: &[Vec<f32>]) -> Vec<Ranking> {
        let (classes, temperature) = (self.about.classes.len(), self.classifier.identity.temperature);
        let logits = self.classifier.infer(self.classifier.images(seen, 1));
        logits.chunks(classes).map(|row| ranked(row, temperature, classes)).collect()
    }

    fn explain(&self, file: &[u8], class: Option<usize>) -> Result<Explained, Fault> {
        let identity = &self.classifier.identity;
        // Read within the limits first; what is drawn on is the same file.
        let evidence = self.classifier.evidence_in(self.see(file)?);
        let predicted = evidence.predicted();
        let class = class.unwrap_or(predicted);
        let heat = evidence.heat(class);
        let image = overlay::draw(file, &identity.preprocess, &heat, EDGES).map_err(Fault::Damaged)?;
        Ok(Explained {
            class,
            probability: softmax(&evidence.logits, identity.temperature)[class],
            predicted,
            heat: heat.values.chunks(heat.columns.max(1)).map(<[f32]>::to_vec).collect(),
            overlay: canvas::png(&image).ok_or(Fault::Failed)?,
        })
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Decode(error) => error.into(),
            Unread::See(error) => error.into(),
        }
    }
}
