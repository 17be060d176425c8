//! Words that go out with a model, without the places on the machine where it was made: names of files stay, the folders
//! above them do not, and where pictures lay or who was told is left out.

use crate::weights::Entry;

/// Stands for what is left out.
const LEFT_OUT: &str = "...";

/// Settings, a line each, without those that are nothing but a place.
pub fn settings(told: &str) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some((key, _)) if is_place(key) => String::new(),
        Some((key, _)) if is_no_path(key) => format!("{line}\n"),
        // TOML quotes what holds a backslash in the other way.
        Some((key, value)) if value.starts_with(['"', '\'']) => {
            format!("{key} = \"{}\"\n", name(unquoted(value)))
        }
        _ => format!("{line}\n"),
    };
    told.lines().map(line).collect()
}

/// A word of a command line.
pub fn word(word: &str) -> String {
    match word.split_once('=') {
        Some((key, _)) if is_place(key) => format!("{key}={LEFT_OUT}"),
        Some((key, _)) if is_no_path(key) => word.to_owned(),
        // A list is no path, whatever its parts hold.
        Some((_, value)) if value.starts_with(['[', '{']) => word.to_owned(),
        Some((key, value)) => format!("{key}={}", name(unquoted(value))),
        None => name(word).to_owned(),
    }
}

/// A sentence in which a whole path may stand.
pub fn sentence(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.starts_with('/') { name(word) } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// The last part of a path. Weights of the catalogue have a slash in their names, and are no path.
pub fn name(path: &str) -> &str {
    if Entry::find(path).is_some() {
        return path;
    }
    let trimmed = path.trim_end_matches(['/', '\\']);
    trimmed.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or(path)
}

/// Settings that say where pictures lie, or where a server listens.
fn is_place(key: &str) -> bool {
    let is_pattern = key.starts_with("data.files.") && key.ends_with(".glob");
    is_pattern || ["data.path", "data.files", "track.mlflow"].contains(&key)
}

/// Settings that are words of the user's, whatever they hold.
fn is_no_path(key: &str) -> bool {
    key == "data.licence" || key.starts_with("data.columns.")
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_names_and_lose_folders() {
        let check = |given: &str, expected: &str| assert_eq!(word(given), expected);
        check("/usr/local/bin/kiln", "kiln");
        check("train", "train");
        check("/home/me/configs/a.toml", "a.toml");
        check("C:\\Users\\me\\a.toml", "a.toml");
        check("data.path=/home/me/pictures", "data.path=...");
        check("data.path=\"pictures of me\"", "data.path=...");
        check("model.pretrained='/home/me/w.safetensors'", "model.pretrained=w.safetensors");
        check("model.pretrained=torchvision/efficientnet_b0", "model.pretrained=torchvision/efficientnet_b0");
        check("track.mlflow=http://host:5000", "track.mlflow=...");
        check("data.classes=[\"cat/tabby\", \"dog/pug\"]", "data.classes=[\"cat/tabby\", \"dog/pug\"]");
        check("data.licence=MIT/Apache-2.0", "data.licence=MIT/Apache-2.0");
        check("data.columns.source=site/camera", "data.columns.source=site/camera");
        check("train.batch=16", "train.batch=16");
        check("../runs/flowers/", "flowers");
        check("/", "/");
    }

    #[test]
    fn sentences_lose_folders() {
        let text = "leads back into itself through /home/me/pictures; remove the symbolic link";
        assert_eq!(sentence(text), "leads back into itself through pictures; remove the symbolic link");
        assert_eq!(sentence("1/2 of it  is empty"), "1/2 of it  is empty");
    }

    #[test]
    fn settings_that_are_places_are_left_out() {
        let told = "data.files.1.class = \"rose\"\ndata.files.1.glob = \"/home/me/*.jpg\"\ndata.licence = \"a/b\"\ndata.path = \"/home/me\"\n\
                    model.pretrained = 'C:\\me\\w.pth'\nname = \"shapes\"\ntrain.batch = 8\n";
        let left = "data.files.1.class = \"rose\"\ndata.licence = \"a/b\"\nmodel.pretrained = \"w.pth\"\nname = \"shapes\"\ntrain.batch = 8\n";
        assert_eq!(settings(told), left);
    }
}
