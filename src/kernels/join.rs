//! A branch and what it is added to: each picture of the branch has its own factor. On the way back the
//! input's gradient goes past the branch, and meets the branch's own where they parted.

use std::sync::{Arc, Mutex, PoisonError};

use burn_flex::FlexTensor;
use rayon::prelude::*;

/// Numbers in a task.
const PART: usize = 32_768;

/// Where the join leaves the gradient for the place where the branch began.
#[derive(Debug, Clone, Default)]
pub struct Past(Arc<Mutex<Option<FlexTensor>>>);

impl Past {
    pub fn leave(&self, gradient: FlexTensor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(gradient);
    }

    pub fn take(&self) -> Option<FlexTensor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// `x * factor + input`, picture by picture; without an input, the product alone.
pub fn join(x: &[f32], input: Option<&[f32]>, factors: &[f32], output: &mut [f32]) {
    let picture = output.len() / factors.len().max(1);
    assert!(x.len() == output.len() && picture * factors.len() == output.len(), "a branch of another size");
    assert!(input.is_none_or(|input| input.len() == x.len()), "a branch of another size than its input");
    if picture == 0 {
        return;
    }
    output.par_chunks_mut(picture).zip(factors).enumerate().for_each(|(i, (output, factor))| {
        let x = &x[i * picture..][..picture];
        let input = input.map(|input| &input[i * picture..][..picture]);
        output.par_chunks_mut(PART).enumerate().for_each(|(part, output)| {
            let range = part * PART..part * PART + output.len();
            let pairs = output.iter_mut().zip(&x[range.clone()]);
            match input {
                None => pairs.for_each(|(output, x)| *output = x * factor),
                Some(input) => {
                    pairs.zip(&input[range]).for_each(|((output, x), input)| *output = x * factor + input)
                }
            }
        });
    });
}
