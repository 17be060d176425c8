//! What training scripts wrap around weights: a dictionary with the weights under `state_dict`, a module inside a
//! module. The wrapper comes off; what lay beside the weights is named, not kept.

use std::collections::BTreeSet;

use crate::weights::tensors::Named;

/// In the order in which they are looked for. The averaged weights come after the plain ones: a file that has both is
/// read as its author's loader would read it.
const WRAPPERS: [&str; 9] = [
    "state_dict.",
    "model_state_dict.",
    "model_state.",
    "state_dict_ema.",
    "model_ema.",
    "model.",
    "net.",
    "module.",
    "_orig_mod.",
];

/// No script nests deeper than this.
const DEPTH: usize = 4;

/// Takes the wrappers off and returns the names of what was not inside.
pub fn unwrap(named: &mut Named) -> Vec<String> {
    let mut beside = Vec::new();
    for _ in 0..DEPTH {
        let Some(wrapper) = WRAPPERS.iter().find(|w| named.names().any(|name| name.starts_with(**w))) else {
            break;
        };
        beside.extend(keep_inside(named, wrapper));
    }
    beside
}

fn keep_inside(named: &mut Named, wrapper: &str) -> Vec<String> {
    let mut beside = Vec::new();
    for (name, array) in std::mem::take(&mut named.entries) {
        match name.strip_prefix(wrapper) {
            Some(inner) => drop(named.entries.insert(inner.to_string(), array)),
            None => beside.push(name),
        }
    }
    let integers: BTreeSet<String> = std::mem::take(&mut named.integers);
    named.integers =
        integers.iter().filter_map(|name| name.strip_prefix(wrapper)).map(String::from).collect();
    beside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::tensors::Array;

    fn check(names: &[&str], inside: &[&str], outside: &[&str]) {
        let array = || Array { shape: vec![], values: vec![0.0] };
        let entries = names.iter().map(|name| (name.to_string(), array())).collect();
        let mut named = Named { entries, ..Named::default() };
        let beside = unwrap(&mut named);
        assert_eq!(named.names().collect::<Vec<_>>(), inside);
        assert_eq!(beside, outside);
    }

    #[test]
    fn wrappers_come_off() {
        check(&["conv_stem.weight"], &["conv_stem.weight"], &[]);
        check(&["state_dict.module.bn1.bias"], &["bn1.bias"], &[]);
        check(&["optimizer.state.0", "model.bn1.bias"], &["bn1.bias"], &["optimizer.state.0"]);
        check(&["state_dict.a", "state_dict_ema.a"], &["a"], &["state_dict_ema.a"]);
    }
}
