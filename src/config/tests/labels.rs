//! How pictures are labelled: what is taken, what is refused, and in which words.

use super::refusals::check_data;
use super::{DATA, MODEL, STAGE, parse};
use crate::config::{Columns, Config, Files, Part, Source};

#[test]
fn patterns_columns_and_classes_are_read() {
    let files = "[data]\nclasses = [\"dog\", \"cat\"]\ndepth = 3\n[[data.files]]\nglob = \"cats/*.jpg\"\nclass = \"cat\"\n\
                 [[data.files]]\nglob = \"/x/**\"\nclass = \"dog\"\nsplit = \"test\"\n";
    let read =
        |overrides: &[&str]| -> Config { parse(&format!("{MODEL}{files}{STAGE}"), overrides).unwrap() };
    let data = read(&[]).data;
    let cats = Files { glob: "/home/me/cats/*.jpg".into(), class: "cat".into(), split: None };
    let dogs = Files { glob: "/x/**".into(), class: "dog".into(), split: Some(Part::Test) };
    assert_eq!(data.source, Source::Files(vec![cats.clone(), dogs]));
    assert_eq!((data.classes.as_slice(), data.depth), (["dog".to_string(), "cat".to_string()].as_slice(), 3));
    // On the command line one way replaces another, and paths are those of the working directory.
    assert_eq!(read(&["data.path=pets"]).data.source, Source::Path("/tmp/pets".into()));
    let typed = "data.files=[{ glob = \"cats/*.jpg\", class = \"cat\" }]";
    let typed = parse(&format!("{MODEL}{DATA}{STAGE}"), &[typed, "data.columns.label=kind"]).unwrap().data;
    assert_eq!(typed.source, Source::Files(vec![Files { glob: "/tmp/cats/*.jpg".into(), ..cats }]));
    assert_eq!(typed.columns, Columns { label: Some("kind".into()), ..Columns::default() });
    let typed = &["data.columns.source=hospital", "data.licence= CC-BY-4.0"];
    let typed = parse(&format!("{MODEL}{DATA}{STAGE}"), typed).unwrap().data;
    assert_eq!(typed.columns.source.as_deref(), Some("hospital"));
    assert_eq!(typed.licence.as_deref(), Some("CC-BY-4.0"));
}

#[test]
fn how_pictures_are_labelled() {
    let check = |key: &str, expected: &str| check_data(&format!("path = \"x\"\n{key}"), expected);
    check("depth = 0", "F:3: data.depth: is 0, must be a whole number of folders from 1 to 16");
    check("classes = [\"a\"]", "F:3: data.classes: has 1 names; there have to be two classes at least");
    check("classes = [\"a\", \"b\", \"a\"]", "F:3: data.classes: has \"a\" twice");
    check("classes = [\"a\", \" \"]", "F:3: data.classes: has an empty name");
    check("columns = { label = \"\" }", "F:3: data.columns.label: is empty");
    check("columns = { lable = \"x\" }", "F:3: data.columns.lable: unknown key; did you mean `label`?");
    check("columns = { source = \" \" }", "F:3: data.columns.source: is empty");
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

#[test]
fn a_licence_is_a_line_of_words() {
    let check = |licence: &str, expected: &str| check_data(&format!("path = \"x\"\n{licence}"), expected);
    check("licence = \"\"", "F:3: data.licence: is empty");
    let advice = "name the licence, such as \"CC-BY-4.0\"";
    check("licence = \"CC0\\nor so\"", &format!("F:3: data.licence: is more than a line; {advice}"));
    for path in ["\"/home/me/LICENCE\"", "'C:\\LICENCE'"] {
        let words = format!("F:3: data.licence: is a path, which tells nobody else anything; {advice}");
        check(&format!("licence = {path}"), &words);
    }
}
