//! What the server asks of a model. Threads share it, so whatever it does may happen several times at once.

use super::fault::Fault;

/// Indices of classes and their probabilities, the likeliest first.
pub type Ranking = Vec<(usize, f64)>;

pub trait Model: Send + Sync + 'static {
    fn about(&self) -> &About;

    /// The picture in a file's bytes as the network takes it.
    fn see(&self, file: &[u8]) -> Result<Vec<f32>, Fault>;

    /// All classes of each picture.
    fn name(&self, seen: &[Vec<f32>]) -> Vec<Ranking>;

    /// Which places of a picture speak for a class, or for the likeliest one.
    fn explain(&self, file: &[u8], class: Option<usize>) -> Result<Explained, Fault>;
}

#[derive(Debug, Clone)]
pub struct Explained {
    /// What the heat is of.
    pub class: usize,
    pub probability: f64,
    pub predicted: usize,
    /// Row by row, from 0 to 1.
    pub heat: Vec<Vec<f32>>,
    /// The picture with the heat over it, as PNG.
    pub overlay: Vec<u8>,
}

/// What answers and pages say of the model.
#[derive(Debug, Clone)]
pub struct About {
    /// As it was typed when the server was started.
    pub model: String,
    pub network: String,
    pub classes: Vec<String>,
    /// Edge of the square that the network sees.
    pub side: usize,
    /// Trained on pictures that kiln drew itself.
    pub drawn: bool,
    /// Trained without the pretrained weights that were asked for.
    pub from_scratch: bool,
}
