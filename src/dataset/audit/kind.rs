//! What can be said of a file, a group of files or a class: the words, how grave it is, and what to do about it.

use serde::{Serialize, Serializer};

/// Every file has exactly one of the kinds from `Usable` to `NoWindow`; the others come on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Usable,
    Hidden,
    Other,
    NoFile,
    Unreadable,
    LinkLoop,
    BrokenLink,
    NotUtf8,
    SetAside,
    Empty,
    NotAPicture,
    Unsupported,
    TooLarge,
    Truncated,
    Undecodable,
    NoWindow,
    SameAcrossSplits,
    SameAcrossClasses,
    SameWithin,
    LikeAcrossSplits,
    LikeAcrossClasses,
    LikeWithin,
    ContradictedLabel,
    UnusualMode,
    WrongExtension,
    ExtremeAspect,
    Blank,
    Outside,
    Layout,
    CollidingClasses,
    EmptyClass,
    SmallClass,
    UnmeasuredClass,
    Imbalance,
}

/// What a report says of a kind.
struct Words {
    id: &'static str,
    title: &'static str,
    advice: &'static str,
    /// Whether it has to be mended; the rest is only good to know.
    mend: bool,
}

impl Kind {
    pub fn id(self) -> &'static str {
        self.words().id
    }

    pub fn title(self) -> &'static str {
        self.words().title
    }

    pub fn advice(self) -> &'static str {
        self.words().advice
    }

    pub fn has_to_be_mended(self) -> bool {
        self.words().mend
    }

    /// Whether nobody has to do anything about it, or even to look.
    pub fn is_harmless(self) -> bool {
        matches!(self, Kind::Hidden | Kind::Other | Kind::UnusualMode)
    }

    fn words(self) -> Words {
        let mend = |id, title, advice| Words { id, title, advice, mend: true };
        let note = |id, title, advice| Words { id, title, advice, mend: false };
        match self {
            Kind::Usable => note("usable", "usable pictures", ""),
            Kind::Hidden => note("hidden", "hidden files and folders", "nothing; training passes over them"),
            Kind::Other => note("other", "files beside the pictures", "nothing; training passes over them"),
            Kind::NoFile => note("no-file", "neither files nor folders", "remove"),
            Kind::Unreadable => mend("unreadable", "cannot be read", "give yourself the right to read it"),
            Kind::LinkLoop => mend("link-loop", "symbolic links in a circle", "remove the link"),
            Kind::BrokenLink => mend("broken-link", "symbolic links to nothing", "mend or remove the link"),
            Kind::NotUtf8 => mend("name-not-utf8", "names that are not UTF-8", "rename"),
            Kind::SetAside => mend("set-aside", "named, but of no use", "mend what names it"),
            Kind::Empty => mend("empty", "zero bytes", "copy or fetch it again, or remove it"),
            Kind::NotAPicture => mend("not-a-picture", "named as a picture, but none", "remove or replace"),
            Kind::Unsupported => {
                mend("unsupported", "pictures that kiln does not read", "convert to JPEG or PNG")
            }
            Kind::TooLarge => {
                mend("too-large", "more pixels or bytes than any photograph", "scale down or remove")
            }
            Kind::Truncated => mend("truncated", "cut off", "copy or fetch it again, or remove it"),
            Kind::Undecodable => {
                mend("undecodable", "cannot be decoded", "save it again with another program, or remove it")
            }
            Kind::NoWindow => mend(
                "no-window",
                "numbers beyond 0 to 1, and no window to see them through",
                "say data.window in a TOML and check that",
            ),
            Kind::SameAcrossSplits => mend(
                "same-across-splits",
                "the same file in several splits (leakage)",
                "keep it in one split",
            ),
            Kind::SameAcrossClasses => {
                mend("same-across-classes", "the same file with several labels", "keep it in one class")
            }
            Kind::SameWithin => {
                note("same-within-class", "the same file several times in a class", "keep one of them")
            }
            Kind::LikeAcrossSplits => mend(
                "like-across-splits",
                "nearly the same picture in several splits (leakage)",
                "look at them; keep all in one split",
            ),
            Kind::LikeAcrossClasses => mend(
                "like-across-classes",
                "nearly the same picture with several labels",
                "look at them; keep all in one class",
            ),
            Kind::LikeWithin => note(
                "like-within-class",
                "nearly the same picture several times in a class",
                "look at them; keep one",
            ),
            Kind::ContradictedLabel => note(
                "contradicted-label",
                "labels that the model contradicts",
                "look at them, the first are most in doubt; move what is wrong into its class",
            ),
            Kind::UnusualMode => note(
                "unusual-mode",
                "pictures other than 8-bit RGB or grey",
                "nothing; kiln reads them, see docs/pictures.md for what it makes of them",
            ),
            Kind::WrongExtension => note(
                "wrong-extension",
                "an ending that is not the format's",
                "rename; kiln goes by the content",
            ),
            Kind::ExtremeAspect => {
                note("extreme-aspect", "very long or very narrow", "look at it; much is lost in a square")
            }
            Kind::Blank => note("blank", "one colour all over", "look at it; there is nothing to learn from"),
            Kind::Outside => note(
                "outside",
                "pictures outside the folders of the classes",
                "move into a class; training passes over it",
            ),
            Kind::Layout => mend("layout", "training would refuse it", "see the message"),
            Kind::CollidingClasses => mend(
                "colliding-classes",
                "class names that differ only in case or Unicode form",
                "merge the folders or rename one",
            ),
            Kind::EmptyClass => mend(
                "empty-class",
                "classes without a picture to train on",
                "add pictures or remove the folder",
            ),
            Kind::SmallClass => {
                mend("small-class", "classes with few pictures", "add pictures, or set a smaller --minimum")
            }
            Kind::UnmeasuredClass => note(
                "unmeasured-class",
                "classes without a picture in val or test",
                "add some, or its accuracy stays unknown",
            ),
            Kind::Imbalance => note(
                "imbalance",
                "classes of very different size",
                "weigh or balance the classes in training",
            ),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
