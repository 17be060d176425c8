//! A recipe: where a data set comes from and what it must hold.
#![no_main]

use std::path::{Component, Path};

use kiln::dataset::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    kiln_fuzz::file("fuzzed.toml", bytes);
    match Recipe::named("fuzzed", kiln_fuzz::folder()) {
        Ok(recipe) => {
            let mut steps = Path::new(&recipe.root).components();
            assert!(recipe.sha256.len() == 64 && !steps.any(|step| matches!(step, Component::ParentDir)));
        }
        Err(error) => drop(error.to_string()),
    }
});
