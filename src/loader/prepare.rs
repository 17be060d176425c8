//! One picture from its file to the network's numbers: read, decoded, augmented, normalised. What comes out depends
//! on the file, the settings and the sample's number alone, never on the thread or the batch.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::workers::Spec;
use super::{Decoded, LoaderError};
use crate::chance::Key;
use crate::dataset::{DecodeError, Limits, Need, Part};

/// One sample of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    pub class: usize,
    /// Its number in the data set, from which its random draws come; the same in every epoch.
    pub sample: usize,
}

/// How bytes become a picture; tests put their own here.
pub(super) type Decode = fn(&[u8], [u8; 3], &Limits, &dyn Fn(u32, u32) -> Need) -> Result<Part, DecodeError>;

/// Everything that the preparation of any picture of a loader needs.
pub(super) struct Work {
    pub items: Vec<Item>,
    pub spec: Spec,
    pub decoded: Option<Arc<Decoded>>,
    pub decode: Decode,
}

/// A picture on its way into a batch.
pub(super) struct Prepared {
    pub pixels: Vec<f32>,
    pub class: usize,
    pub sample: usize,
}

impl Work {
    /// The picture at this position of the order. A panic is an error of that picture.
    pub fn prepare(&self, position: usize) -> Result<Prepared, LoaderError> {
        let item = &self.items[position];
        catch_unwind(AssertUnwindSafe(|| self.prepare_item(item))).unwrap_or_else(|panic| {
            Err(LoaderError::Panicked { path: item.path.clone(), reason: reason(&*panic) })
        })
    }

    fn prepare_item(&self, item: &Item) -> Result<Prepared, LoaderError> {
        let Item { path, class, sample } = item;
        let Spec { preprocess, policy, seed, view, classes, channels, .. } = &self.spec;
        if class >= classes {
            return Err(LoaderError::Class { path: path.clone(), class: *class, classes: *classes });
        }
        let key = Key::new(*seed).with(*view).with(*sample as u64);
        let part = self.part(path, key)?;
        let mut pixels = vec![0.0; channels * preprocess.size * preprocess.size];
        policy
            .views(&part, preprocess, key)
            .and_then(|view| preprocess.normalise_into(&view, &mut pixels))
            .map_err(|source| LoaderError::Prepare { path: path.clone(), source })?;
        Ok(Prepared { pixels, class: *class, sample: *sample })
    }

    /// As much of the picture as this key looks at, or all of it while there is room to keep it. Of pictures that are
    /// reduced nothing is kept, as their pixels depend on the size asked for.
    fn part(&self, path: &Path, key: Key) -> Result<Arc<Part>, LoaderError> {
        if let Some(part) = self.decoded.as_ref().and_then(|decoded| decoded.get(path)) {
            return Ok(part);
        }
        let room = self.decoded.as_ref().is_some_and(|decoded| decoded.left_out() == 0);
        let Spec { preprocess, policy, .. } = &self.spec;
        let need = |width, height| {
            let need = policy.need(width, height, preprocess, key);
            Need { look: need.look.filter(|_| !room || need.factor > 1), ..need }
        };
        let bytes = std::fs::read(path).map_err(|source| LoaderError::Read { path: path.into(), source })?;
        let part = (self.decode)(&bytes, preprocess.background, &Limits::default(), &need)
            .map_err(|source| LoaderError::Decode { path: path.into(), source })?;
        let part = Arc::new(part);
        if let Some(decoded) = self.decoded.as_ref().filter(|_| part.is_whole()) {
            decoded.keep(path, &part);
        }
        Ok(part)
    }
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given").into()
}
