//! Whether arrays are those of the network that their file says it holds. To be asked before that network is built: one that
//! is only claimed may be larger than any memory.

use std::collections::BTreeMap;

use super::tensors::expected;
use crate::model::Array;
use crate::scaling::Plan;

/// How many faults are named.
const NAMED: usize = 8;

/// What is absent, of another shape or one too many; nothing where everything is as the plan and the classes say.
pub fn misfit(arrays: &[Array], plan: &Plan, classes: usize) -> Option<String> {
    let mut found: BTreeMap<&str, &[usize]> =
        arrays.iter().map(|array| (array.name.as_str(), array.shape.as_slice())).collect();
    let mut wrong = Vec::new();
    for (name, wanted) in expected(plan, classes) {
        match found.remove(name.as_str()) {
            Some(shape) if shape == wanted => {}
            Some(shape) => wrong.push(format!("{name} is {shape:?}, should be {wanted:?}")),
            None => wrong.push(format!("{name} is absent, should be {wanted:?}")),
        }
    }
    wrong.extend(found.into_keys().map(|name| format!("{name} has no place in the network")));
    let more = wrong.len().saturating_sub(NAMED);
    wrong.truncate(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!wrong.is_empty()).then(|| wrong.join("; ") + &more)
}

/// An array of an optimizer's state, called PARAMETER.KIND, whose parameter the network does not have or not as long.
pub fn stray_moment<'a>(moments: &'a [Array], plan: &Plan, classes: usize) -> Option<&'a str> {
    let lengths: BTreeMap<String, usize> =
        expected(plan, classes).into_iter().map(|(name, shape)| (name, shape.iter().product())).collect();
    let length_of = |moment: &Array| lengths.get(moment.name.rsplit_once('.')?.0).copied();
    moments
        .iter()
        .find(|moment| length_of(moment) != Some(moment.values.len()))
        .map(|moment| moment.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaling::Family;

    fn small() -> Plan {
        Plan::custom(Family::B, 0.1, 0.1, 32).unwrap()
    }

    fn arrays(classes: usize) -> Vec<Array> {
        let all = expected(&small(), classes).into_iter();
        all.map(|(name, shape)| Array { name, values: vec![0.0; shape.iter().product()], shape }).collect()
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let check = |arrays: &[Array], classes, part: &str| {
            let wrong = misfit(arrays, &small(), classes).unwrap();
            assert!(wrong.contains(part), "{wrong}");
        };
        assert_eq!(misfit(&arrays(3), &small(), 3), None);
        check(&arrays(3), 4, "classifier.bias is [3], should be [4]");
        check(&arrays(3)[1..], 3, "stem.conv.weight is absent");
        let extra = Array { name: "more".into(), shape: vec![0], values: Vec::new() };
        check(&[arrays(3), vec![extra]].concat(), 3, "more has no place");
        check(&[], 3, "; and ");
    }

    #[test]
    fn a_moment_belongs_to_a_parameter() {
        let moment =
            |name: &str, length| Array { name: name.into(), shape: vec![length], values: vec![0.0; length] };
        let check = |moment: Array, expected| {
            assert_eq!(stray_moment(&[moment], &small(), 3), expected);
        };
        check(moment("classifier.bias.first_moment", 3), None);
        check(moment("classifier.bias.first_moment", 4), Some("classifier.bias.first_moment"));
        check(moment("classifier.first_moment", 3), Some("classifier.first_moment"));
        check(moment("plain", 3), Some("plain"));
    }

    /// Terabytes, if it were built.
    #[test]
    fn the_largest_network_that_can_be_claimed_is_refused_by_its_names() {
        let huge = Plan::custom(Family::B, 64.0, 64.0, 8192).unwrap();
        assert!(misfit(&arrays(3), &huge, 3).unwrap().contains("stem.conv.weight is [8, 3, 3, 3]"));
    }
}
