//! A pass over pictures in inference form. Elsewhere than on a processor, what comes of a batch is taken while the device computes
//! the next one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use burn::tensor::{Device, Tensor};

use super::Error;
use super::waiting::lost;
use crate::devices::{Reading, is_processor};
use crate::kernels;
use crate::loader::{Batch, Loader};

/// What becomes of the numbers of a batch.
pub type Take<'a> = dyn FnMut(&[usize], Vec<f32>) -> Result<(), Error> + 'a;

/// Computes something of every batch and gives it to `take`, in order, with the samples' numbers. Tells how long it has waited for
/// pictures with nothing else to do.
pub fn pass<const D: usize>(
    mut loader: Loader,
    device: &Device,
    stop: &AtomicBool,
    compute: &dyn Fn(&Batch) -> Tensor<D>,
    take: &mut Take,
) -> Result<Duration, Error> {
    let is_late = !is_processor(device);
    let (mut before, mut waited): (Option<(Vec<usize>, Reading)>, _) = (None, Duration::ZERO);
    kernels::expect_pictures(0);
    loop {
        let earlier = loader.waited();
        let Some(batch) = loader.next() else { break };
        waited += lost(loader.waited() - earlier, before.as_ref().map(|(_, reading)| reading));
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        let batch = batch?;
        let numbers = compute(&batch);
        let count = numbers.shape().num_elements();
        let asked = (batch.samples, Reading::begin(numbers.reshape([count])));
        let done = if is_late { before.replace(asked) } else { Some(asked) };
        if let Some((samples, reading)) = done {
            take(&samples, reading.take())?;
        }
    }
    match before {
        Some((samples, reading)) => take(&samples, reading.take()).map(|()| waited),
        None => Ok(waited),
    }
}
