//! Amounts: counts and sizes that may carry a unit.

use toml::Spanned;

use crate::config::faults::{Faults, Rule};
use crate::config::raw::{Amount, Key};
use crate::config::words::amount;

/// None where the key is absent or "auto".
pub(super) fn limit_or_auto(key: &Key<Amount>, faults: &mut Faults<'_>) -> Option<u64> {
    let is_auto = |given: &Spanned<Amount>| matches!(given.get_ref(), Amount::Text(text) if text == "auto");
    if key.as_ref().is_some_and(is_auto) { None } else { limit(key, faults) }
}

pub(super) fn limit(key: &Key<Amount>, faults: &mut Faults<'_>) -> Option<u64> {
    /// A whole number below it survives the way through a double and through TOML.
    const LARGEST: f64 = 9e15;
    const AMOUNT: Rule<f64> = Rule {
        must: "an amount from 1 to 9e15, such as 400000000, \"400M\", \"2.5G\" or \"4GiB\"",
        holds: |v| (1.0..=LARGEST).contains(v),
    };
    let given = key.as_ref()?;
    let value = match given.get_ref() {
        Amount::Whole(value) => *value as f64,
        Amount::Number(value) => *value,
        Amount::Text(text) => amount(text).unwrap_or_else(|| {
            faults.refuse(given.span(), format!("{text:?} is no amount; it must be {}", AMOUNT.must));
            1.0
        }),
    };
    faults.value(&Some(Spanned::new(given.span(), value)), 1.0, &AMOUNT);
    Some(value.round() as u64)
}
