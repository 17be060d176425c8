//! Letters and colours on pixels, for pictures that kiln makes itself. Knows nothing of what they show.

mod colours;
mod letters;

pub use colours::heat;
pub use letters::{GLYPH, fitting, width_of, write};
