//! The decoder as a whole, against Pillow (libjpeg-turbo) on the files that tests/golden/make_jpeg.py made, and on what
//! becomes of them when bytes are changed or lost.

use std::path::Path;

use super::{Header, Wish, rgb};

const FILES: [&str; 7] = ["444", "422", "420", "420-restarts", "422-restarts-optimised", "grey", "one"];

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/jpeg").join(name)).unwrap()
}

fn whole(header: &Header, factor: usize) -> Wish {
    let (width, height) = (header.width.div_ceil(factor), header.height.div_ceil(factor));
    Wish { factor, columns: 0..width, rows: 0..height }
}

fn decoded(bytes: &[u8], factor: usize) -> Option<Vec<u8>> {
    let mut header = Header::read(bytes)?;
    let wish = whole(&header, factor);
    rgb(&mut header, &wish)
}

/// The largest difference, and the mean one.
fn apart(found: &[u8], wanted: &[u8]) -> (u8, f64) {
    assert_eq!(found.len(), wanted.len());
    let steps = || found.iter().zip(wanted).map(|(a, b)| a.abs_diff(*b));
    (steps().max().unwrap(), steps().map(f64::from).sum::<f64>() / found.len() as f64)
}

#[test]
fn whole_pictures_are_pillows() {
    for name in FILES {
        let wanted = image::load_from_memory(&golden(&format!("{name}.1.png"))).unwrap().into_rgb8();
        let (most, mean) = apart(&decoded(&golden(&format!("{name}.jpg")), 1).unwrap(), wanted.as_raw());
        println!("{name}: at most {most}, {mean:.3} in the mean");
        // The transform is rounded once here and in steps there; colour makes up to three steps of one.
        assert!(most <= 3 && mean < 0.1, "{name}: {most}, {mean}");
    }
}

#[test]
fn reduced_pictures_are_pillows_drafts() {
    for name in FILES {
        for factor in [2, 4, 8] {
            let wanted = image::load_from_memory(&golden(&format!("{name}.{factor}.png"))).unwrap();
            let wanted = wanted.into_rgb8();
            let found = decoded(&golden(&format!("{name}.jpg")), factor).unwrap();
            let (most, mean) = apart(&found, wanted.as_raw());
            println!("{name} / {factor}: at most {most}, {mean:.3} in the mean");
            assert!(most <= 4 && mean < 0.3, "{name} / {factor}: {most}, {mean}");
        }
    }
}

#[test]
fn a_part_is_that_part_of_the_whole() {
    for name in FILES {
        let bytes = golden(&format!("{name}.jpg"));
        for factor in [1, 2, 4, 8] {
            let all = decoded(&bytes, factor).unwrap();
            let mut draws = crate::chance::Key::new(1).named(name).with(factor as u64).draws();
            for _ in 0..40 {
                let mut header = Header::read(&bytes).unwrap();
                let Wish { columns, rows, .. } = whole(&header, factor);
                let (left, top) = (draws.below(columns.end), draws.below(rows.end));
                let (right, bottom) =
                    (left + 1 + draws.below(columns.end - left), top + 1 + draws.below(rows.end - top));
                let wish = Wish { factor, columns: left..right, rows: top..bottom };
                let part = rgb(&mut header, &wish).unwrap();
                let lines = all.chunks(columns.end * 3).take(bottom).skip(top);
                let wanted: Vec<u8> = lines.flat_map(|line| &line[left * 3..right * 3]).copied().collect();
                assert_eq!(part, wanted, "{name} {wish:?}");
            }
        }
    }
}

#[test]
fn stepping_over_in_strides_changes_nothing() {
    for name in FILES {
        let bytes = golden(&format!("{name}.jpg"));
        let mut header = Header::read(&bytes).unwrap();
        header.codes[1].iter_mut().flatten().for_each(super::huffman::Code::prepare_strides);
        let wish = whole(&header, 8);
        assert_eq!(rgb(&mut header, &wish), decoded(&bytes, 8), "{name}");
        let last = Wish { rows: wish.rows.end - 1..wish.rows.end, ..wish };
        let by_strides = rgb(&mut header, &last);
        assert_eq!(by_strides, rgb(&mut Header::read(&bytes).unwrap(), &last), "{name}");
    }
}

#[test]
fn other_kinds_are_left_to_the_general_decoder() {
    for name in ["progressive.jpg", "rgb.jpg", "cmyk.jpg", "420.1.png"] {
        assert!(Header::read(&golden(name)).is_none(), "{name}");
    }
}

#[test]
fn a_file_cut_anywhere_is_left_to_the_general_decoder() {
    for name in FILES {
        let bytes = golden(&format!("{name}.jpg"));
        assert!((0..bytes.len()).all(|end| Header::read(&bytes[..end]).is_none()), "{name}");
    }
}

#[test]
fn changed_bytes_give_a_picture_or_nothing() {
    let (mut pictures, mut nothing) = (0, 0);
    for name in FILES {
        let mut bytes = golden(&format!("{name}.jpg"));
        let mut draws = crate::chance::Key::new(2).named(name).draws();
        for round in 0..3000 {
            let at = draws.below(bytes.len());
            let kept = std::mem::replace(&mut bytes[at], draws.below(256) as u8);
            // A size that a changed byte claims may be large; callers refuse those by their limit.
            let small = Header::read(&bytes).filter(|header| header.width * header.height < 1 << 20);
            let made = small.and_then(|_| decoded(&bytes, [1, 2, 4, 8][round % 4]));
            if made.is_some() {
                pictures += 1
            } else {
                nothing += 1
            }
            bytes[at] = kept;
        }
    }
    assert!(pictures > 1000 && nothing > 1000, "{pictures} pictures, {nothing} times nothing");
}
