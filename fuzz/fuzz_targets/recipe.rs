//! A recipe: where a data set comes from and what it must hold.
#![no_main]

use kiln::dataset::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    kiln_fuzz::file("fuzzed.toml", bytes);
    match Recipe::named("fuzzed", kiln_fuzz::folder()) {
        Ok(recipe) => assert!(recipe.sha256.len() == 64 && !recipe.root.contains("..")),
        Err(error) => drop(error.to_string()),
    }
});
