//! Tables of pictures and labels. The first byte says how: commas or tabs, usual names of columns or told ones.
#![no_main]

use kiln::config::Columns;
use kiln::dataset::fuzzing::{Form, read_table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let form = Form::Separated(if how & 1 == 0 { b',' } else { b'\t' });
    let told = (how & 2 != 0).then(|| "kind".to_owned());
    let path = kiln_fuzz::file("table.csv", bytes);
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    match read_table(&path, form, &Columns { label: told, ..Columns::default() }) {
        Ok(rows) => assert!(rows.len() <= lines),
        Err(error) => drop(error.to_string()),
    }
});
