//! The numbers that a network starts from where no weights are given: a function of the seed and of each
//! parameter's name.

use super::parameters::{Role, role};
use crate::chance::Key;

/// Starting values of one parameter: He's normal distribution over the outputs for kernels (as the
/// reference implementation draws them), a narrow uniform one for the classifier, ones and zeros for
/// batch normalisation.
pub fn initial(seed: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    let mut draws = Key::new(seed).named("initial").named(name).draws();
    match role(name, shape.len()) {
        Role::Weight if name.starts_with("classifier.") => {
            let bound = 1.0 / (shape[1] as f64).sqrt();
            (0..count).map(|_| draws.between(-bound, bound) as f32).collect()
        }
        Role::Weight => {
            // A depthwise kernel has one output per group: its fan-out is the window alone.
            let groups = if name.contains(".depthwise.") { shape[0] } else { 1 };
            let fan_out = shape[0] / groups * shape[2..].iter().product::<usize>();
            let deviation = (2.0 / fan_out as f64).sqrt();
            (0..count).map(|_| (draws.normal() * deviation) as f32).collect()
        }
        Role::Vector if name.ends_with(".norm.weight") => vec![1.0; count],
        Role::Statistic if name.ends_with(".running_var") => vec![1.0; count],
        Role::Vector | Role::Statistic => vec![0.0; count],
    }
}
