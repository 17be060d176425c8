//! How pictures are labelled: what is refused, and in which words.

use super::refusals::check_data;

#[test]
fn how_pictures_are_labelled() {
    let check = |key: &str, expected: &str| check_data(&format!("path = \"x\"\n{key}"), expected);
    check("depth = 0", "F:3: data.depth: is 0, must be a whole number of folders from 1 to 16");
    check("classes = [\"a\"]", "F:3: data.classes: has 1 names; there have to be two classes at least");
    check("classes = [\"a\", \"b\", \"a\"]", "F:3: data.classes: has \"a\" twice");
    check("classes = [\"a\", \" \"]", "F:3: data.classes: has an empty name");
    check("columns = { label = \"\" }", "F:3: data.columns.label: is empty");
    check("columns = { lable = \"x\" }", "F:3: data.columns.lable: unknown key; did you mean `label`?");
    check("columns = \"x\"", "F:3: data.columns: must be a table, written as [data.columns]");
    let check = |list: &str, expected: &str| check_data(&format!("files = {list}"), expected);
    check(
        "\"*.jpg\"",
        "F:2: data.files: must be a list; write it as files = [{ glob = \"cats/*.jpg\", class = \"cat\" }]",
    );
    check(
        "[{ glob = \"*.jpg\" }]",
        "F:2: data.files.1.class: is missing; it must be the name of the pictures' class",
    );
    check(
        "[{ class = \"cat\" }]",
        "F:2: data.files.1.glob: is missing; it must be a pattern such as \"cats/*.jpg\"",
    );
    check(
        "[{ glob = \"x\", class = \"cat\", split = \"dev\" }]",
        "F:2: data.files.1.split: \"dev\" is not known; possible are \"train\", \"val\", \"test\"",
    );
}
