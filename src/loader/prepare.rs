//! One picture from its file to the network's numbers: read, decoded, augmented, normalised. What comes out depends
//! on the file, the settings and the sample's number alone, never on the thread or the batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::workers::Spec;
use super::{Decoded, LoaderError, Name};
use crate::chance::Key;
use crate::dataset::{DecodeError, Limits, Location, Need, Part, Picture, panic_words};
use crate::durable;

/// One sample of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub location: Location,
    pub class: usize,
    /// Its number in the data set, from which its random draws come; the same in every epoch.
    pub sample: usize,
    /// How much it counts in the loss, beside the others of its batch.
    pub weight: f32,
    /// How often an epoch has shown it before: each time it is augmented anew.
    pub repeat: usize,
    /// BLAKE3 of the file, in hexadecimal, by which its decoded picture is cached; none where this is empty.
    pub content: String,
    /// Width and height of the upright picture, by which it is known how far it may be reduced.
    pub size: (u32, u32),
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
    /// As the network is to see it, but for the normalisation: bytes are less to hand over than numbers.
    pub view: Picture,
    /// Its place in the order, for messages.
    pub position: usize,
    pub class: usize,
    pub sample: usize,
    pub weight: f32,
}

impl Work {
    /// The picture at this position of the order. A panic is an error of that picture.
    pub fn prepare(&self, position: usize) -> Result<Prepared, LoaderError> {
        let item = &self.items[position];
        catch_unwind(AssertUnwindSafe(|| self.prepare_item(position, item))).unwrap_or_else(|panic| {
            Err(LoaderError::Panicked { path: item.location.clone(), reason: panic_words(&*panic) })
        })
    }

    fn prepare_item(&self, position: usize, item: &Item) -> Result<Prepared, LoaderError> {
        let Item { location: path, class, sample, repeat, weight, .. } = item;
        let Spec { preprocess, policy, seed, view, classes, .. } = &self.spec;
        if class >= classes {
            return Err(LoaderError::Class { path: path.clone(), class: *class, classes: *classes });
        }
        let first = Key::new(*seed).with(*view).with(*sample as u64);
        let key = if *repeat == 0 { first } else { first.named("repeat").with(*repeat as u64) };
        let part = self.part(item, key)?;
        let view = policy
            .views(&part, preprocess, key)
            .map_err(|source| LoaderError::Prepare { path: path.clone(), source })?;
        Ok(Prepared { view, position, class: *class, sample: *sample, weight: *weight })
    }

    /// The picture as it is kept, or as much of it as this key looks at where it cannot be kept.
    fn part(&self, item: &Item, key: Key) -> Result<Arc<Part>, LoaderError> {
        let Item { location: path, content, size, .. } = item;
        let Spec { preprocess, policy, .. } = &self.spec;
        let cache = self.decoded.as_ref().filter(|_| !content.is_empty());
        let factor = policy.need(size.0, size.1, preprocess, key).factor;
        let name = Name::of(content, &format!("on {:?}, 1/{factor}", preprocess.background));
        if let Some(part) = cache.and_then(|cache| cache.get(&name)) {
            return Ok(part);
        }
        let is_kept = cache.is_some_and(|cache| cache.left_out() == 0);
        let need = |width, height| {
            let need = policy.need(width, height, preprocess, key);
            Need { look: need.look.filter(|_| !is_kept), ..need }
        };
        let bytes = path.read().map_err(|source| LoaderError::Read { path: path.clone(), source })?;
        let part = (self.decode)(&bytes, preprocess.background, &Limits::default(), &need)
            .map_err(|source| LoaderError::Decode { path: path.clone(), source })?;
        let part = Arc::new(part);
        // A file that has changed since it was hashed must not pass for what it was.
        let is_same = || part.size() == *size && durable::hash(&bytes) == *content;
        if let Some(cache) = cache.filter(|_| part.is_complete() && is_same()) {
            cache.keep(&name, &part);
        }
        Ok(part)
    }
}
