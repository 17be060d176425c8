//! Named arrays of numbers, the common currency of this room, and the list of those that a plan demands. Which
//! library calls them what is in layouts/; how files hold them, in formats/.

use std::collections::{BTreeMap, BTreeSet};

use crate::scaling::Plan;

use super::layouts::{self, Layout};

/// One array, row-major, in PyTorch's axes: convolutions OIHW, dense layers [out, in].
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// A set of arrays by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Named {
    pub entries: BTreeMap<String, Array>,
    /// Names of whole numbers, such as PyTorch's count of batches seen. They are no weights and carry no values here.
    pub integers: BTreeSet<String>,
}

impl Named {
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Numbers in all arrays together, running statistics included.
    pub fn count(&self) -> usize {
        self.entries.values().map(|array| array.values.len()).sum()
    }

    /// Names of the arrays that hold an infinity or something that is not a number.
    pub fn not_finite(&self) -> Vec<String> {
        let broken = |array: &Array| array.values.iter().any(|v| !v.is_finite());
        self.entries.iter().filter(|(_, array)| broken(array)).map(|(name, _)| name.clone()).collect()
    }
}

/// Every parameter and running statistic of a plan's network in model order, under kiln's names.
pub fn expected(plan: &Plan, classes: usize) -> Vec<(String, Vec<usize>)> {
    let names = layouts::pairings(Layout::Kiln, plan).into_iter().map(|pair| pair.canonical);
    names.zip(shapes(plan, classes)).collect()
}

/// The shapes that belong to the names, in the same order.
fn shapes(plan: &Plan, classes: usize) -> Vec<Vec<usize>> {
    let mut shapes = Shapes::default();
    shapes.pair([plan.stem, plan.stem_planes(), 3, 3]);
    for block in &plan.blocks {
        let wide = block.hidden();
        if block.has_expansion() {
            shapes.pair([wide, block.input, 1, 1]);
        }
        shapes.pair([wide, 1, block.kernel, block.kernel]);
        if let Some(narrow) = block.squeeze {
            shapes.pointwise(narrow, wide);
            shapes.pointwise(wide, narrow);
        }
        shapes.pair([block.output, wide, 1, 1]);
    }
    let last = plan.blocks.last().map_or(plan.stem, |block| block.output);
    shapes.pair([plan.features, last, 1, 1]);
    shapes.0.push(vec![classes, plan.features]);
    shapes.0.push(vec![classes]);
    shapes.0
}

#[derive(Default)]
struct Shapes(Vec<Vec<usize>>);

impl Shapes {
    /// A convolution without bias, and the four arrays of its batch norm.
    fn pair(&mut self, conv: [usize; 4]) {
        self.0.push(conv.to_vec());
        self.0.extend((0..4).map(|_| vec![conv[0]]));
    }

    /// A 1x1 convolution with bias.
    fn pointwise(&mut self, out: usize, input: usize) {
        self.0.push(vec![out, input, 1, 1]);
        self.0.push(vec![out]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::Variant;

    // Published parameter counts (facts of the paper's table and of the Lite release), with 1000 classes.
    #[test]
    fn the_list_holds_every_published_parameter() {
        let check = |variant, parameters: usize| {
            let list = expected(&Plan::variant(variant), 1000);
            let learned = |name: &str| !name.contains("running_");
            let count: usize =
                list.iter().filter(|(name, _)| learned(name)).map(|(_, s)| s.iter().product::<usize>()).sum();
            assert_eq!(count, parameters, "{variant}");
        };
        check(Variant::B0, 5_288_548);
        check(Variant::B3, 12_233_232);
        check(Variant::B7, 66_347_960);
        check(Variant::Lite0, 4_652_008);
        check(Variant::Lite4, 13_006_568);
    }

    #[test]
    fn every_name_has_a_shape() {
        for variant in Variant::ALL {
            let plan = Plan::variant(variant);
            assert_eq!(layouts::pairings(Layout::Kiln, &plan).len(), shapes(&plan, 7).len());
        }
    }
}
