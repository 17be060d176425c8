//! The drawn flowers: a data set of five kinds that kiln draws where the photographs cannot be had. The
//! kinds share colours, backgrounds, sizes and light; only their form tells them apart. Where such a
//! data set is used and how that is announced is left to others.

mod background;
mod blur;
mod camera;
mod daisy;
mod dandelion;
mod foliage;
mod hand;
mod head;
mod palette;
mod petal;
mod pose;
mod rose;
mod scene;
mod sunflower;
mod tulip;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::codecs::jpeg::JpegEncoder;
use image::{ImageError, RgbImage};
use rayon::prelude::*;
use tiny_skia::Pixmap;

use super::Origin;
use crate::chance::Key;
use crate::durable::{self, NewFolder};

/// Belongs into the name of a folder of drawings: it changes whenever the pictures do, so that older
/// ones are never taken for new ones.
pub const VERSION: u32 = 1;

/// The five kinds, as in the TensorFlow flower photographs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Daisy,
    Dandelion,
    Rose,
    Sunflower,
    Tulip,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Daisy, Self::Dandelion, Self::Rose, Self::Sunflower, Self::Tulip];

    /// The class's folder, named as in the photographs.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Daisy => "daisy",
            Self::Dandelion => "dandelion",
            Self::Rose => "roses",
            Self::Sunflower => "sunflowers",
            Self::Tulip => "tulips",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Folder(#[from] durable::Error),
    #[error("cannot write the drawing {path}: {source}; check that the disk has room and may be written")]
    Picture { path: PathBuf, source: ImageError },
    #[error("a drawing of {width} x {height} pixels cannot be made; take sides from 32 to 4096")]
    Size { width: u32, height: u32 },
}

/// A whole data set of drawings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawing {
    pub seed: u64,
    pub per_class: usize,
    pub width: u32,
    pub height: u32,
}

impl Default for Drawing {
    fn default() -> Self {
        Self { seed: 0, per_class: 160, width: 320, height: 240 }
    }
}

/// One picture; the same key gives the same pixels. Sides below 1 are drawn as 1.
pub fn draw(kind: Kind, key: Key, width: u32, height: u32) -> RgbImage {
    let (width, height) = (width.clamp(1, MAX_SIDE), height.clamp(1, MAX_SIDE));
    match Pixmap::new(width, height) {
        Some(canvas) => scene::picture(kind, key, canvas),
        None => RgbImage::new(width, height),
    }
}

const MIN_SIDE: u32 = 32;
const MAX_SIDE: u32 = 4096;
const JPEG_QUALITY: u8 = 90;

/// The file that tells a folder of drawings from one of photographs, by how it begins.
const README: &str = "README.txt";
const OPENING: &str = "These pictures are drawings made by kiln, not photographs.";
const LONGEST_README: u64 = 4096;

/// What a folder is that kiln has drawn, whatever name it goes by.
pub fn origin_of(folder: &Path) -> Option<Origin> {
    let mut text = String::new();
    let file = fs::File::open(folder.join(README)).ok()?;
    file.take(LONGEST_README).read_to_string(&mut text).ok()?;
    if !text.starts_with(OPENING) {
        return None;
    }
    // Drawings they stay, even where somebody has shortened the text.
    let number =
        |before: &str| -> Option<u64> { text.split_once(before)?.1.split([',', ' ']).next()?.parse().ok() };
    let seed = number("seed ").unwrap_or_default();
    let per_class = number(&format!("seed {seed}, ")).unwrap_or_default() as usize;
    Some(Drawing { seed, per_class, ..Drawing::default() }.origin())
}

impl Drawing {
    /// Number `index` of a kind.
    pub fn picture(&self, kind: Kind, index: usize) -> RgbImage {
        let key = Key::new(self.seed).named("drawn").named(kind.folder()).with(index as u64);
        draw(kind, key, self.width, self.height)
    }

    pub fn origin(&self) -> Origin {
        Origin::Drawn { seed: self.seed, pictures: self.per_class.saturating_mul(Kind::ALL.len()) }
    }

    /// Writes a folder per class; the whole appears at once. `progress` hears how many of how many
    /// pictures are done, from several threads. An existing folder is never touched.
    pub fn write(&self, folder: &Path, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<(), Error> {
        let &Self { width, height, .. } = self;
        if [width, height].iter().any(|side| !(MIN_SIDE..=MAX_SIDE).contains(side)) {
            return Err(Error::Size { width, height });
        }
        let new = NewFolder::begin(folder)?;
        for kind in Kind::ALL {
            durable::create_folders(&new.path().join(kind.folder()))?;
        }
        self.write_pictures(new.path(), progress)?;
        new.write(README, self.readme().as_bytes())?;
        Ok(new.commit()?)
    }

    fn write_pictures(&self, folder: &Path, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<(), Error> {
        let total = Kind::ALL.len() * self.per_class;
        let done = AtomicUsize::new(0);
        (0..total).into_par_iter().try_for_each(|n| {
            let (kind, index) = (Kind::ALL[n / self.per_class], n % self.per_class);
            let path = folder.join(kind.folder()).join(format!("{index:04}.jpg"));
            write_jpeg(&path, &self.picture(kind, index))?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok(())
        })
    }

    fn readme(&self) -> String {
        format!(
            "{OPENING}\n\n\
             They stand in for the flower photographs where those cannot be fetched: five kinds in the\n\
             same colours, sizes and surroundings, told apart by form alone. Figures measured on them\n\
             say nothing about photographs.\n\n\
             version {VERSION}, seed {}, {} pictures of each kind, {} x {} pixels\n",
            self.seed, self.per_class, self.width, self.height
        )
    }
}

fn write_jpeg(path: &Path, picture: &RgbImage) -> Result<(), Error> {
    let fault = |source| Error::Picture { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(picture).map_err(fault)?;
    fs::write(path, bytes).map_err(|error| fault(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_pixels() {
        let key = Key::new(5);
        for kind in Kind::ALL {
            let picture = draw(kind, key, 96, 64);
            assert_eq!(picture.dimensions(), (96, 64));
            assert_eq!(picture, draw(kind, key, 96, 64), "{kind:?}");
            assert_ne!(picture, draw(kind, key.with(1), 96, 64), "{kind:?}");
        }
    }

    #[test]
    fn any_size_is_drawn_without_a_panic() {
        for (width, height) in [(0, 0), (1, 1), (1, 40), (40, 1), (3, 2)] {
            let picture = draw(Kind::Rose, Key::new(1), width, height);
            assert_eq!(picture.dimensions(), (width.max(1), height.max(1)));
        }
    }

    #[test]
    fn a_data_set_has_a_folder_per_class_and_says_what_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("drawn");
        let drawing = Drawing { seed: 3, per_class: 2, width: 48, height: 32 };
        let done = AtomicUsize::new(0);
        let progress = |_, total| {
            assert_eq!(total, 10);
            done.fetch_add(1, Ordering::Relaxed);
        };
        drawing.write(&folder, &progress).unwrap();
        assert_eq!(done.into_inner(), 10);
        for kind in Kind::ALL {
            for name in ["0000.jpg", "0001.jpg"] {
                let picture = image::open(folder.join(kind.folder()).join(name)).unwrap();
                assert_eq!((picture.width(), picture.height()), (48, 32));
            }
        }
        let readme = fs::read_to_string(folder.join(README)).unwrap();
        assert!(readme.contains("not photographs") && readme.contains("seed 3"), "{readme}");
        assert_eq!(origin_of(&folder), Some(Origin::Drawn { seed: 3, pictures: 10 }));
        assert_eq!(origin_of(parent.path()), None);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 6);
    }

    #[test]
    fn an_existing_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "x").unwrap();
        let found = Drawing { per_class: 1, ..Drawing::default() }.write(folder.path(), &|_, _| ());
        assert!(matches!(found, Err(Error::Folder(durable::Error::Exists { .. }))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        for (width, height) in [(0, 240), (320, 31), (5000, 240)] {
            let drawing = Drawing { width, height, ..Drawing::default() };
            let message = drawing.write(&parent.path().join("a"), &|_, _| ()).unwrap_err().to_string();
            assert!(message.contains(&format!("{width} x {height}")), "{message}");
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
