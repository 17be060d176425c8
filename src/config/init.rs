//! The TOML that `kiln init` writes for the user's own folder, as a function of what was found there.
//! Looking, measuring and writing the file are left to the verb.

use std::fmt::{Display, Write};
use std::path::PathBuf;

use super::augmentation::{Augment, Policy};
use super::checked::{Stage, Trains};
use crate::scaling::Variant;

/// What is known of the user's pictures and machine.
#[derive(Debug, Clone, PartialEq)]
pub struct InitFacts {
    /// Where the TOML will lie, as it would be typed.
    pub file: PathBuf,
    /// The pictures, absolute or relative to the TOML's folder.
    pub folder: PathBuf,
    /// How many folder names make a class.
    pub depth: usize,
    /// Names and numbers of pictures, in the classes' order.
    pub classes: Vec<(String, usize)>,
    /// Whether the folder brings its own val and test folders.
    pub has_val: bool,
    pub has_test: bool,
    pub median_width: usize,
    pub median_height: usize,
    pub variant: Variant,
    /// Why this one, in a line.
    pub reason: String,
    pub image_size: usize,
    pub batch: usize,
    /// From `suggested_stages`, or other ones.
    pub stages: Vec<Stage>,
    pub minutes: f64,
    pub memory_bytes: u64,
}

/// Few pictures allow little to be trained without learning them by heart.
pub fn suggested_stages(pictures: usize) -> Vec<Stage> {
    let stage = |trains, epochs, lr| Stage { trains, epochs, lr, layer_decay: 1.0 };
    match pictures {
        0..500 => vec![stage(Trains::Head, 15, 2e-3)],
        500..5_000 => vec![stage(Trains::Head, 6, 2e-3), stage(Trains::Last(3), 4, 2e-4)],
        _ => vec![stage(Trains::Head, 3, 2e-3), stage(Trains::All, 5, 2e-4)],
    }
}

/// A commented TOML that `Config::parse` takes as it is.
pub fn template(facts: &InitFacts) -> String {
    [header(facts), model(facts), data(facts), augment(), stages(facts), train(facts)].join("\n")
}

fn header(facts: &InitFacts) -> String {
    let InitFacts { classes, minutes, .. } = facts;
    let pictures: usize = classes.iter().map(|(_, count)| count).sum();
    let mut text = format!(
        "# Written by `kiln init`. Train with:\n#\n#     kiln train {}\n#\n\
         # Found {pictures} pictures in {} classes; half of them are at least {} x {} pixels.\n",
        on_one_line(&facts.file.to_string_lossy()),
        classes.len(),
        facts.median_width,
        facts.median_height,
    );
    text += &class_lines(classes);
    let memory = facts.memory_bytes as f64 / f64::from(1 << 30);
    let time =
        if *minutes < 1.5 { "about a minute".to_string() } else { format!("about {minutes:.0} minutes") };
    text += &format!("# Expected on this machine: {time} and {memory:.1} GiB of memory.\n");
    text += "# After a change `kiln train --dry-run` reckons both again.\n";
    text + "# Every other key that there is: docs/configuration.md in kiln's repository.\n"
}

fn class_lines(classes: &[(String, usize)]) -> String {
    /// More would push the settings off the screen.
    const SHOWN: usize = 20;
    let mut text = String::new();
    for (name, count) in classes.iter().take(SHOWN) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "#   {count:>6}  {}", on_one_line(name));
    }
    if classes.len() > SHOWN {
        let _ = writeln!(text, "#   and {} more classes", classes.len() - SHOWN);
    }
    text
}

/// A file's name can hold a line's end, a comment cannot.
fn on_one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A setting with a remark, the remarks below one another.
fn line(setting: impl Display, remark: &str) -> String {
    format!("{:<28}# {remark}\n", setting.to_string())
}

fn model(facts: &InitFacts) -> String {
    let variant = format!("variant = \"{}\"", facts.variant);
    [
        &format!("# {}.\n", facts.reason),
        "[model]\n",
        &line(variant, "larger ones are better and slower; `kiln scale` shows them all"),
        &line("pretrained = \"imagenet\"", "or \"none\", a name from `kiln weights list`, or a path"),
        &line("# offline = \"scratch\"", "train without them where they cannot be fetched"),
    ]
    .concat()
}

fn data(facts: &InitFacts) -> String {
    let path = toml::Value::from(facts.folder.to_string_lossy().as_ref());
    let depth = match facts.depth {
        1 => String::new(),
        depth => line(format!("depth = {depth}"), "folder names that make a class, joined by /"),
    };
    let split = match (facts.has_val, facts.has_test) {
        (true, true) => "# The data brings its own val and test pictures; nothing is split off.\n",
        (true, false) => "# The data brings its own val pictures.\nsplit = { test = 0.15 }\n",
        (false, true) => "# The data brings its own test pictures.\nsplit = { val = 0.15 }\n",
        (false, false) => "split = { val = 0.15, test = 0.15 }\n",
    };
    let size = format!("image_size = {}", facts.image_size);
    [
        &format!("[data]\npath = {path}\n{depth}{split}"),
        &line(size, "pixels; \"auto\" takes what the weights were trained with")[..],
        &line("# bad = \"fail\"", "stop at a picture that cannot be read, rather than set it aside"),
        &line("# leakage = \"skip\"", "leave a picture that is in several splits to the one that measures"),
    ]
    .concat()
}

fn augment() -> String {
    let Augment { crop_scale: [least, _], rotate, .. } = Policy::Standard.augment();
    [
        "[augment]\n",
        &line(
            "policy = \"standard\"",
            "or \"none\", \"light\", \"strong\", \"randaugment\"; `kiln data show` shows it",
        ),
        &line("# flip = 0.0", "where left and right mean something"),
        &line(format!("# rotate = {rotate:.1}"), "degrees"),
        &line(format!("# crop_scale = [{least}, 1.0]"), "share of the picture that a random crop keeps"),
    ]
    .concat()
}

fn stages(facts: &InitFacts) -> String {
    let mut text =
        String::from("# What trains: \"head\", \"last N\" blocks or \"all\". The rest stays frozen.\n");
    for Stage { trains, epochs, lr, .. } in &facts.stages {
        let _ = writeln!(text, "[[stage]]\ntrains = \"{trains}\"\nepochs = {epochs}\nlr = {lr}\n");
    }
    text.trim_end().to_string() + "\n"
}

fn train(facts: &InitFacts) -> String {
    let (mark, remark) = if is_uneven(&facts.classes) {
        ("", "some classes have far more pictures than others")
    } else {
        ("# ", "where some classes have far more pictures than others")
    };
    [
        &format!("[train]\nbatch = {}\n", facts.batch),
        &line(format!("{mark}class_weights = \"balanced\""), remark)[..],
        &line("# seed = 1", "another split, order and augmentation"),
        &line("# device = \"cpu\"", "\"auto\" takes a GPU where there is one; `kiln devices` lists them"),
        &line("# early_stopping = 3", "epochs without gain after which a stage ends"),
    ]
    .concat()
}

fn is_uneven(classes: &[(String, usize)]) -> bool {
    let counts = || classes.iter().map(|(_, count)| *count);
    counts().max().unwrap_or(0) >= 3 * counts().min().unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{ClassWeights, Config, Pretrained, Scale, Source};

    fn facts() -> InitFacts {
        InitFacts {
            file: "pets.toml".into(),
            folder: "my \"pets\"\\and\nmore".into(),
            depth: 1,
            classes: vec![("cat".to_string(), 300), ("dog\n[model]".to_string(), 900)],
            has_val: false,
            has_test: false,
            median_width: 500,
            median_height: 375,
            variant: Variant::Lite0,
            reason: "it fits".into(),
            image_size: 224,
            batch: 32,
            stages: suggested_stages(1200),
            minutes: 12.3,
            memory_bytes: 2 << 30,
        }
    }

    fn parsed(facts: &InitFacts) -> Config {
        Config::parse(&template(facts), Path::new("/data/pets.toml"), Path::new("/"), &[]).unwrap()
    }

    #[test]
    fn the_reason_stands_once_above_the_network() {
        let text = template(&facts());
        assert!(text.contains("\n# it fits.\n[model]\nvariant = \"lite0\""), "{text}");
        assert_eq!(text.matches("it fits").count(), 1);
    }

    #[test]
    fn the_template_says_what_was_found() {
        let config = parsed(&facts());
        assert_eq!(config.name, "pets");
        assert_eq!(config.model.scale, Scale::Variant(Variant::Lite0));
        assert_eq!(config.model.pretrained, Pretrained::Imagenet);
        assert_eq!(config.data.source, Source::Path("/data/my \"pets\"\\and\nmore".into()));
        assert_eq!(config.data.image_size, Some(224));
        assert_eq!(config.stages, suggested_stages(1200));
        assert_eq!((config.train.batch, config.train.class_weights), (32, ClassWeights::Balanced));
    }

    #[test]
    fn every_kind_of_folder_gets_a_template_that_parses() {
        for (has_val, has_test) in [(true, true), (true, false), (false, true), (false, false)] {
            for pictures in [0, 1, 499, 500, 5_000, 1_000_000] {
                let classes = (0..pictures.min(40)).map(|i| (format!("class {i}"), pictures / 40)).collect();
                let stages = suggested_stages(pictures);
                let facts = InitFacts { has_val, has_test, classes, stages, ..facts() };
                assert_eq!(parsed(&facts).stages, facts.stages);
            }
        }
    }

    #[test]
    fn what_stands_in_comments_parses_too() {
        let text = template(&facts());
        let settings =
            |line: &str| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).map(str::to_string);
        let open: String =
            text.lines().map(|line| settings(line).unwrap_or(line.to_string()) + "\n").collect();
        assert_ne!(open, text);
        Config::parse(&open, Path::new("pets.toml"), Path::new("/"), &[]).unwrap();
    }

    #[test]
    fn the_header_names_command_classes_time_and_memory() {
        let text = template(&facts());
        for part in
            ["kiln train pets.toml", "1200 pictures in 2 classes", "300  cat", "about 12 minutes and 2.0 GiB"]
        {
            assert!(text.contains(part), "{part}");
        }
    }
}
