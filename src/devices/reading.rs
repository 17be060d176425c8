//! Numbers on their way from a device. They are asked for at once and taken later, so that the device can be given more work
//! meanwhile: whoever asks only once the work is queued waits until all of it is done.

use std::time::{Duration, Instant};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
    thread::{Builder, JoinHandle},
};

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::backend::Cube;
use burn::backend::DispatchDevice;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::tensor::{Bytes, DType, TensorData, read_sync};
use burn::tensor::{Device, Tensor};

use crate::model::numbers;

/// Whether this is the processor, which computes when it is asked and not later.
pub fn is_processor(device: &Device) -> bool {
    match device.as_dispatch() {
        DispatchDevice::Autodiff(inner) => is_ready_at_once(inner),
        plain => is_ready_at_once(plain),
    }
}

fn is_ready_at_once(device: &DispatchDevice) -> bool {
    matches!(device, DispatchDevice::Flex(_) | DispatchDevice::NdArray(_))
}

/// Numbers that were asked for.
pub struct Reading {
    place: Place,
}

enum Place {
    /// They were there at once, at this time.
    Here(Vec<f32>, Instant),
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    Coming(Box<Coming>),
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
struct Coming {
    thread: JoinHandle<Option<Vec<f32>>>,
    /// When they came: all that was queued before them is done since then.
    came: Arc<OnceLock<Instant>>,
    /// They are read once more where the first time fails, so that Burn says why.
    source: Tensor<1>,
}

impl Reading {
    /// Asks for the numbers of a tensor without autodiff. Work that is queued from now on comes after them.
    pub fn begin(source: Tensor<1>) -> Self {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if let Some(coming) = Coming::begin(&source) {
            return Self { place: Place::Coming(Box::new(coming)) };
        }
        Self { place: Place::Here(numbers(source), Instant::now()) }
    }

    /// How long the device has had nothing to do, if it was given nothing since; no time at all while it computes.
    pub fn idle(&self) -> Duration {
        match &self.place {
            Place::Here(_, since) => since.elapsed(),
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Place::Coming(coming) => coming.came.get().map_or(Duration::ZERO, Instant::elapsed),
        }
    }

    /// The numbers; waits for them.
    pub fn take(self) -> Vec<f32> {
        match self.place {
            Place::Here(numbers, _) => numbers,
            #[cfg(any(feature = "wgpu", feature = "cuda"))]
            Place::Coming(coming) => coming.take(),
        }
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl Coming {
    /// Nothing where the tensor lies on no such device, or the system grants no thread.
    fn begin(source: &Tensor<1>) -> Option<Self> {
        let mut future = asked(source.clone())?;
        // The first poll asks; the numbers are the second one's affair.
        if pin!(&mut future).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return None;
        }
        let came = Arc::new(OnceLock::new());
        let noted = Arc::clone(&came);
        let work = move || {
            let bytes = read_sync(future);
            // It is set only here.
            let _ = noted.set(Instant::now());
            let bytes = bytes?;
            let count = bytes.len() / size_of::<f32>();
            TensorData::from_bytes(bytes, [count], DType::F32).try_into_vec().ok()
        };
        let thread = Builder::new().name("numbers from the device".into()).spawn(work).ok()?;
        Some(Self { thread, came, source: source.clone() })
    }

    fn take(self) -> Vec<f32> {
        let Self { thread, source, .. } = self;
        thread.join().ok().flatten().unwrap_or_else(|| numbers(source))
    }
}

/// Bytes that are asked for at the first poll, and waited for after that. Burn's own way to read asks only when the numbers are
/// looked at.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn asked(source: Tensor<1>) -> Option<Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>> {
    if source.dtype() != DType::F32 {
        return None;
    }
    let primitive = source.try_into_primitive::<Cube>().ok()?;
    Some(Box::pin(async move {
        let bytes = primitive.client.read_async(vec![primitive.handle.clone()]);
        let mut is_asked = false;
        poll_fn(|_| match std::mem::replace(&mut is_asked, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        bytes.await.ok()?.pop()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::{Kind, list};

    #[test]
    fn numbers_come_as_they_were_when_they_were_asked_for() {
        for listed in list().into_iter().filter(|listed| listed.is_present()) {
            let device = listed.open().unwrap().device;
            assert_eq!(is_processor(&device), matches!(listed.kind, Kind::Cpu | Kind::Ndarray));
            assert_eq!(is_processor(&device.clone().autodiff()), is_processor(&device));
            let first = Tensor::<1>::from_floats([1.5, -2.0, 3.25], &device);
            let sum = Tensor::cat(vec![first.clone(), first.clone().mul_scalar(2.0)], 0);
            let reading = Reading::begin(sum.clone());
            assert_eq!(matches!(reading.place, Place::Here(..)), is_processor(&device));
            // What comes later changes nothing, and a second reading may be on its way.
            let later = Reading::begin(sum.mul_scalar(0.5));
            assert_eq!(reading.take(), [1.5, -2.0, 3.25, 3.0, -4.0, 6.5]);
            assert_eq!(later.take(), [0.75, -1.0, 1.625, 1.5, -2.0, 3.25]);
        }
    }

    #[test]
    fn a_device_is_idle_from_when_its_numbers_came() {
        for listed in list().into_iter().filter(|listed| listed.is_present()) {
            let device = listed.open().unwrap().device;
            let heavy = Tensor::<2>::ones([256, 256], &device);
            let product = (0..20).fold(heavy.clone(), |x, _| x.matmul(heavy.clone()).mul_scalar(1.0 / 256.0));
            let begun = Instant::now();
            let reading = Reading::begin(product.sum());
            let deadline = Duration::from_secs(120);
            while reading.idle().is_zero() && begun.elapsed() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
            let computed = begun.elapsed();
            std::thread::sleep(Duration::from_millis(30));
            let idle = reading.idle();
            assert!(idle >= Duration::from_millis(30), "{idle:?}");
            assert!(idle <= begun.elapsed() && computed < deadline, "{idle:?} {computed:?}");
            assert_eq!(reading.take(), [65_536.0]);
        }
    }
}
