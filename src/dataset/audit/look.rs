//! One file looked at, once: read, told by its content, hashed, its header checked before memory is taken, decoded
//! and reduced to what tells near duplicates. A file's fault stays with that file, a panic included.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use image::ImageFormat;

use super::super::content::{LARGEST, is_other_picture, is_picture};
use super::super::{DecodeError, Limits, Window, decode, layout, probe, seen_through};
use super::entry::Entry;
use super::header::Header;
use super::kind::Kind;
use super::likeness::Fingerprint;
use crate::durable;

/// What one look at a file tells.
#[derive(Debug)]
pub struct Look {
    /// `Usable`, or the one reason why not.
    pub kind: Kind,
    /// What there is to say beyond the kind.
    pub detail: String,
    /// BLAKE3 of the content, of every file that claims to be a picture.
    pub hash: Option<String>,
    pub header: Option<Header>,
    /// Of a decoded picture with something in it.
    pub fingerprint: Option<Box<Fingerprint>>,
    pub blank: bool,
    pub spent: Spent,
}

/// How long the two long steps of a look took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    pub decoding: Duration,
    /// Reducing the pixels to what near duplicates are told by.
    pub reducing: Duration,
}

impl std::iter::Sum for Spent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            decoding: sum.decoding + one.decoding,
            reducing: sum.reducing + one.reducing,
        })
    }
}

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Hash and header.
    Header,
    /// The pixels too.
    Pixels,
}

/// The window is the one that training will see the picture through.
pub fn look(entry: &Entry, depth: Depth, limits: &Limits, window: Option<&Window>) -> Look {
    catch_unwind(AssertUnwindSafe(|| looked(entry, depth, limits, window)))
        .unwrap_or_else(|_| Look::without(Kind::Undecodable, "reading it ended in a panic".into()))
}

fn looked(entry: &Entry, depth: Depth, limits: &Limits, window: Option<&Window>) -> Look {
    if layout::is_no_picture(&entry.name) {
        return Look::without(Kind::Other, "not a picture, by its name".into());
    }
    let bytes = match entry.location.length() {
        Ok(length) if length > LARGEST => return Look::without(Kind::TooLarge, format!("{length} bytes")),
        Ok(_) => entry.location.read(),
        Err(error) => Err(error),
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => return Look::without(Kind::Unreadable, error.to_string()),
    };
    let hash = Some(durable::hash(&bytes));
    if let Some((kind, detail)) = no_picture(&entry.name, &bytes) {
        return Look { hash, ..Look::without(kind, detail) };
    }
    let header = Header::read(&bytes);
    if let Some(header) = header.filter(|header| header.pixels() > limits.pixels) {
        let detail = format!("{}x{}, more than {} pixels", header.width, header.height, limits.pixels);
        return Look { hash, header: Some(header), ..Look::without(Kind::TooLarge, detail) };
    }
    let mut look = Look { hash, header, ..Look::without(Kind::Usable, String::new()) };
    if depth == Depth::Pixels {
        look.decode(&bytes, limits, window);
    } else if header.is_none()
        && let Err(error) = probe(&bytes)
    {
        look.fault(kind_of(&error), error.to_string());
    }
    look
}

/// What else than a readable picture the content is.
fn no_picture(name: &str, bytes: &[u8]) -> Option<(Kind, String)> {
    let detail = match is_picture(Path::new(name), bytes) {
        Ok(true) => return None,
        Ok(false) => return Some((Kind::Other, "not a picture, by its content".into())),
        Err(detail) => detail,
    };
    let kind = match image::guess_format(bytes) {
        _ if bytes.is_empty() => Kind::Empty,
        Ok(_) => Kind::Unsupported,
        Err(_) if names_unread_format(name) => Kind::Unsupported,
        Err(_) => Kind::NotAPicture,
    };
    Some((kind, detail))
}

/// Some formats, such as TGA, cannot be told by their content.
fn names_unread_format(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    is_other_picture(&ending)
        || ImageFormat::from_extension(&ending).is_some_and(|format| !format.reading_enabled())
}

impl Look {
    fn without(kind: Kind, detail: String) -> Self {
        Self {
            kind,
            detail,
            hash: None,
            header: None,
            fingerprint: None,
            blank: false,
            spent: Spent::default(),
        }
    }

    fn fault(&mut self, kind: Kind, detail: String) {
        (self.kind, self.detail) = (kind, detail);
    }

    fn decode(&mut self, bytes: &[u8], limits: &Limits, window: Option<&Window>) {
        let start = Instant::now();
        let picture = decode(bytes, [255; 3], limits);
        self.spent.decoding = start.elapsed();
        let picture = match picture {
            Ok(picture) => picture,
            Err(error) => return self.fault(kind_of(&error), error.to_string()),
        };
        match seen_through(&picture, window) {
            Ok(seen) => {
                self.fingerprint = Fingerprint::of(&seen).map(Box::new);
                self.blank = self.fingerprint.is_none();
            }
            Err(error) => self.fault(Kind::NoWindow, error.to_string()),
        }
        self.spent.reducing = start.elapsed() - self.spent.decoding;
    }
}

fn kind_of(error: &DecodeError) -> Kind {
    match error {
        DecodeError::Empty => Kind::Empty,
        DecodeError::NotAPicture => Kind::NotAPicture,
        DecodeError::Unsupported { .. } => Kind::Unsupported,
        DecodeError::TooLarge { .. } => Kind::TooLarge,
        DecodeError::Truncated { .. } => Kind::Truncated,
        _ => Kind::Undecodable,
    }
}
