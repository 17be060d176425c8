//! The check that every file of a data set goes through, and what it notices on the way: the kinds of pictures that
//! there are, and files of which only the first picture is used.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::dataset::scan::Sight;
use crate::dataset::{self, Depth, Limits, Picture, Window, holds_several, seen_through};

pub struct Kinds {
    window: Option<Window>,
    found: Mutex<BTreeMap<&'static str, usize>>,
    several: AtomicUsize,
}

const EIGHT_BITS: &str = "8-bit";

impl Kinds {
    /// For pictures that will be seen through this window.
    pub fn new(window: Option<Window>) -> Self {
        Self { window, found: Mutex::default(), several: AtomicUsize::new(0) }
    }

    /// A picture that decodes and whose numbers have a meaning, as it is compared with others.
    pub fn check(&self, _: &Path, bytes: &[u8]) -> Result<Picture, String> {
        let picture =
            dataset::decode(bytes, [255; 3], &Limits::default()).map_err(|error| error.to_string())?;
        let seen = match seen_through(&picture, self.window.as_ref()).map_err(|error| error.to_string())? {
            Cow::Owned(seen) => Some(seen),
            Cow::Borrowed(_) => None,
        };
        self.count(&picture, holds_several(bytes));
        Ok(seen.unwrap_or(picture))
    }

    fn count(&self, picture: &Picture, several: bool) {
        let kind = if let Depth::U8(_) = picture.depth() { EIGHT_BITS } else { picture.kind() };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
        self.several.fetch_add(usize::from(several), Ordering::Relaxed);
    }

    /// What the user should know; nothing where all is as usual.
    pub fn remarks(&self) -> Vec<String> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let mut remarks = Vec::new();
        if found.keys().any(|kind| *kind != EIGHT_BITS) {
            let counts: Vec<_> = found.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            remarks.push(format!("depth: {}", counts.join(", ")));
        }
        if let (Some(_), Some(count)) = (self.window, found.get(EIGHT_BITS)) {
            remarks.push(format!("data.window leaves pictures of 8 bits as they are ({count})"));
        }
        match self.several.load(Ordering::Relaxed) {
            0 => {}
            several => {
                remarks.push(format!("files of several pictures, used for their first one: {several}"))
            }
        }
        remarks
    }
}

/// Whether a picture decodes, and its size.
pub fn readable(_: &Path, bytes: &[u8]) -> Result<Sight, String> {
    let picture = dataset::decode(bytes, [255; 3], &Limits::default()).map_err(|error| error.to_string())?;
    Ok(size(&picture))
}

/// All that most verbs want to know of a picture.
pub fn size(picture: &Picture) -> Sight {
    (picture.width(), picture.height()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const N: usize>(depths: [Depth; N], several: bool, window: Option<Window>, expected: &[&str]) {
        let kinds = Kinds::new(window);
        for depth in depths {
            let channels = if let Depth::U8(_) = depth { 3 } else { 1 };
            kinds.count(&Picture::new(1, 1, channels, depth.clone()).unwrap(), several);
        }
        assert_eq!(kinds.remarks(), expected);
    }

    #[test]
    fn what_is_unusual_is_remarked_upon() {
        let (bytes, words) = (Depth::U8(vec![0; 3].into()), Depth::U16(vec![0]));
        check([bytes.clone()], false, None, &[]);
        check([bytes.clone(), words.clone(), words], false, None, &["depth: 2 16-bit grey, 1 8-bit"]);
        let left = "data.window leaves pictures of 8 bits as they are (1)";
        check([bytes.clone()], false, Some(Window::FULL_16), &[left]);
        check([bytes], true, None, &["files of several pictures, used for their first one: 1"]);
    }
}
