//! Lines of JSON, each a picture and its label.
#![no_main]

use kiln::config::Columns;
use kiln::dataset::fuzzing::{Form, read_table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = kiln_fuzz::file("table.jsonl", bytes);
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    match read_table(&path, Form::Json, &Columns::default()) {
        Ok(rows) => assert!(rows.len() <= lines),
        Err(error) => drop(error.to_string()),
    }
});
