//! How the operations of `[augment]` draw: each has a key by its name, one for whether it strikes and one for how
//! strongly, so that a change of either leaves all other draws alone.

use crate::chance::Key;

/// Whether an operation acts on the picture of this key.
pub fn strikes(key: Key, name: &str, probability: f64) -> bool {
    key.named(name).named("strikes").draws().chance(probability)
}

/// An amount between two bounds.
pub fn amount(key: Key, [low, high]: [f64; 2]) -> f64 {
    key.draws().between(low, high)
}

/// An amount of either sign.
pub fn either_way(key: Key, most: f64) -> f64 {
    amount(key, [-most, most])
}

/// A whole number between two bounds, both of them included.
pub fn whole(key: Key, [low, high]: [usize; 2]) -> usize {
    low + key.draws().below(high.saturating_sub(low) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_reach_both_bounds() {
        let drawn: std::collections::BTreeSet<_> =
            (0..200).map(|number| whole(Key::new(1).with(number), [3, 6])).collect();
        assert_eq!(drawn, (3..=6).collect());
        assert_eq!(whole(Key::new(1), [7, 7]), 7);
    }

    #[test]
    fn probabilities_of_nought_and_one_are_certain() {
        for number in 0..100 {
            let key = Key::new(2).with(number);
            assert!(strikes(key, "x", 1.0) && !strikes(key, "x", 0.0));
        }
    }
}
