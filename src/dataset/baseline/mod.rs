//! kiln's own decoder of the JPEGs that most data sets are made of: 8-bit baseline, grey or YCbCr, in one scan. It
//! decodes parts of a picture and reduced pictures for less than the whole costs. Whatever else a JPEG may be, and
//! whatever is wrong with one, it leaves to the general decoder by returning nothing.

mod bits;
mod colour;
mod header;
mod huffman;
mod place;
mod scan;
mod stretches;
#[cfg(test)]
mod tests;
mod transform;

use place::{Channel, Units};

pub use header::Header;
pub use place::Wish;

/// Blocks beyond which a table for stepping over them is worth making.
const MANY: usize = 5_000;

/// The wished part as rows of RGB, as the file has it: the way up is not looked at.
pub fn rgb(header: &mut Header, wish: &Wish) -> Option<Vec<u8>> {
    let units = Units::of(header, wish);
    let channels = header.components.iter().map(|component| Channel::of(header, component, wish.factor));
    let channels: Vec<_> = channels.collect::<Option<_>>()?;
    if skipped(header, &units, &channels) > MANY {
        header.codes[1].iter_mut().flatten().for_each(huffman::Code::prepare_strides);
    }
    let planes = scan::planes(header, &units, channels)?;
    Some(colour::rgb(&planes, wish))
}

/// Blocks whose numbers nobody needs.
fn skipped(header: &Header, units: &Units, channels: &[Channel]) -> usize {
    let before = units.rows.end * units.across;
    let kept = units.rows.len() * units.columns.len();
    let blocks = header.components.iter().zip(channels).map(|(component, channel)| {
        let kept = if channel.edge == 1 { 0 } else { kept };
        (before - kept) * component.across * component.down
    });
    blocks.sum()
}
