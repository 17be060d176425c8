//! A configuration and overrides: the input is the file, and after a zero byte each override.
#![no_main]

use std::path::Path;

use kiln::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut parts = text.split('\0');
    let file = parts.next().unwrap_or_default();
    let overrides: Vec<String> = parts.map(str::to_owned).collect();
    let parse = |text: &str, overrides: &[String]| {
        Config::parse(text, Path::new("/run/fuzzed.toml"), Path::new("/work"), overrides)
    };
    match parse(file, &overrides) {
        Ok(config) => {
            let written = config.to_toml();
            let again = parse(&written, &[]).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(again.difference(&config), Vec::<String>::new(), "{written}");
        }
        Err(error) => drop(error.to_string()),
    }
});
