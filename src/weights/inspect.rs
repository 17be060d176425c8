//! What `kiln weights inspect FILE` tells about a file. Collects; printing is the command's business.

use std::path::Path;

use crate::scaling::Plan;

use super::formats::{self, Format, ReadError};
use super::guess::{Guess, guess_variant};
use super::import::{Head, ImportOptions, Report, classes_of, compare};
use super::layouts::{self, Layout};
use super::tensors::Named;

#[derive(Debug, Clone)]
pub struct Inspection {
    pub format: Format,
    /// Whose names the file carries, where kiln knows them.
    pub layout: Option<Layout>,
    pub guess: Option<Guess>,
    pub classes: Option<usize>,
    /// Name and shape of every array, by name.
    pub entries: Vec<(String, Vec<usize>)>,
    /// Numbers in all of them together.
    pub count: usize,
    /// Whole numbers, which are no weights.
    pub integers: Vec<String>,
    /// What lay beside the weights, such as an optimizer's state.
    pub beside: Vec<String>,
    /// The file against the guessed variant.
    pub report: Option<Report>,
    /// The JSON that kiln's own files carry.
    pub kiln: Option<String>,
}

/// Reads a file and lays it beside the variant that it looks like.
pub fn inspect(path: &Path) -> Result<Inspection, ReadError> {
    let loaded = formats::read(path)?;
    let named = loaded.named;
    let layout = layouts::detect(named.names());
    let guess = guess_variant(&named);
    let classes = layout.and_then(|layout| classes_of(&named, layout));
    Ok(Inspection {
        format: loaded.format,
        layout,
        guess,
        classes,
        entries: named.entries.iter().map(|(name, array)| (name.clone(), array.shape.clone())).collect(),
        count: named.count(),
        integers: named.integers.iter().cloned().collect(),
        beside: loaded.beside,
        kiln: loaded.metadata.get(super::METADATA_KEY).cloned(),
        report: guess.zip(layout).and_then(|(guess, layout)| {
            let head = if classes.is_some() { Head::Keep } else { Head::Replace };
            let mut plan = Plan::variant(guess.variant);
            plan.channels = stem_planes(&named, layout, &plan).unwrap_or(plan.channels);
            compare(named, &plan, classes.unwrap_or(0), ImportOptions { head }).ok().map(|(_, report)| report)
        }),
    })
}

/// Planes that the first convolution of a file reads: one of a grey network is no fault.
fn stem_planes(named: &Named, layout: Layout, plan: &Plan) -> Option<usize> {
    let stem = layouts::pairings(layout, plan).into_iter().next()?.foreign;
    named.entries.get(&stem)?.shape.get(1).copied().filter(|planes| (1..=3).contains(planes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::Variant;
    use crate::weights::tensors::Array;

    #[test]
    fn the_first_convolution_tells_how_many_planes_it_reads() {
        let check = |name: &str, planes, expected| {
            let array = Array { shape: vec![32, planes, 3, 3], values: vec![] };
            let named = Named { entries: [(name.to_owned(), array)].into(), ..Named::default() };
            assert_eq!(stem_planes(&named, Layout::Timm, &Plan::variant(Variant::B0)), expected);
        };
        check("conv_stem.weight", 1, Some(1));
        check("conv_stem.weight", 2, Some(2));
        check("conv_stem.weight", 12, None);
        check("conv_head.weight", 1, None);
    }
}
