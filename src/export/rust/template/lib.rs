//! A classifier of pictures that needs nothing but this crate: the trained network and its classes are inside. Pictures are
//! prepared as in the training. Written by kiln.

mod blend;
mod decode;
mod jpeg;
mod lanes;
mod model;
mod prepare;
mod resize;
// kiln's own, which does more with them.
#[allow(dead_code)]
mod baseline;
#[allow(dead_code)]
mod quick;
#[allow(dead_code)]
mod region;
#[allow(dead_code)]
mod stretch;
#[allow(dead_code)]
mod turn;

use std::sync::Arc;

use tract_onnx::prelude::*;

pub use model::CLASSES;
use model::SETTINGS;

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The network, ready to run; one may be shared by threads.
pub struct Classifier {
    network: Arc<TypedRunnableModel>,
}

impl Classifier {
    pub fn new() -> Result<Self, Error> {
        let size = SETTINGS.size;
        let mut file: &[u8] = include_bytes!("../model.onnx");
        let network = tract_onnx::onnx()
            .model_for_read(&mut file)?
            .with_input_fact(0, u8::fact([1, size, size, 3]).into())?
            .into_optimized()?
            .into_runnable()?;
        Ok(Self { network })
    }

    /// The probability of each class, in the order of `CLASSES`, for the picture in a file's bytes.
    pub fn probabilities(&self, file: &[u8]) -> Result<Vec<f32>, Error> {
        let seen = prepare::seen(file, &SETTINGS)?;
        let input = Tensor::from_shape(&[1, seen.height, seen.width, 3], &seen.bytes)?;
        let outputs = self.network.run(tvec!(input.into()))?;
        Ok(outputs[0].to_plain_array_view::<f32>()?.iter().copied().collect())
    }

    /// The classes with their probabilities, the most probable one first.
    pub fn classify(&self, file: &[u8]) -> Result<Vec<(&'static str, f32)>, Error> {
        let mut named: Vec<_> = CLASSES.into_iter().zip(self.probabilities(file)?).collect();
        named.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(named)
    }
}
