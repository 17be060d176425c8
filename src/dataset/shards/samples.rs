//! What the members of a shard are to each other: pictures, with the labels and weights of their samples. Every member
//! is a picture, the label of one, or left out with a reason.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::Columns;
use crate::dataset::SetAside;
use crate::dataset::content::is_other_picture;
use crate::dataset::fields::{self, Field};
use crate::dataset::table::json_value;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    pub pictures: Vec<Picture>,
    /// Members by their names; the shard itself has none.
    pub set_aside: Vec<SetAside>,
    pub ignored: Vec<SetAside>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    pub member: String,
    pub offset: u64,
    pub length: u64,
    pub label: String,
    pub weight: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Picture {
    /// Whether it can be one of a shard of this size.
    pub fn is_possible(&self, size: u64) -> bool {
        let end = self.offset.checked_add(self.length);
        end.is_some_and(|end| end <= size) && self.weight.is_finite() && self.weight > 0.0
    }
}

/// No label takes more bytes than this.
const LONGEST_LABEL: u64 = 1 << 20;

/// A member as tar describes it.
pub struct Member<'a> {
    pub name: &'a str,
    pub offset: u64,
    pub length: u64,
}

/// What has been found, by the keys of the samples.
#[derive(Default)]
pub struct Found {
    pub index: Index,
    names: HashSet<String>,
    pictures: HashMap<String, usize>,
    classes: HashMap<String, Told>,
    objects: HashMap<String, Told>,
}

/// What a member says of its sample, or why it says nothing.
struct Told {
    member: String,
    label: Result<String, String>,
    weight: Result<f32, String>,
    source: Result<Option<String>, String>,
}

/// What is said of a sample, all of it usable.
#[derive(Default)]
struct Said {
    label: String,
    weight: f32,
    source: Option<String>,
}

impl Found {
    pub fn leave(&mut self, name: &str, reason: &str) {
        self.index.set_aside.push(SetAside { relative: name.into(), reason: reason.into() });
    }

    fn ignore(&mut self, name: &str, reason: &str) {
        self.index.ignored.push(SetAside { relative: name.into(), reason: reason.into() });
    }

    pub fn take(&mut self, member: Member, bytes: &mut impl Read, columns: &Columns) {
        let Member { name, offset, length } = member;
        if !self.names.insert(name.to_string()) {
            return self.leave(name, "the second member of this name");
        }
        let base = name.rsplit('/').next().unwrap_or(name);
        if base.starts_with('.') {
            return self.ignore(name, "hidden");
        }
        let Some(dot) = base.find('.').map(|dot| name.len() - base.len() + dot) else {
            return self.ignore(name, "neither a picture nor a label, by its name");
        };
        let (key, ending) = (name[..dot].to_string(), name[dot + 1..].to_ascii_lowercase());
        match ending.as_str() {
            "cls" => {
                let label = text(bytes, length).and_then(|text| class(&text));
                self.classes.insert(key, Told::label_alone(name, label));
            }
            "json" => {
                let told = match text(bytes, length).and_then(|text| object(&text)) {
                    Ok(object) => Told::of(name, &object, columns),
                    Err(reason) => Told::label_alone(name, Err(reason)),
                };
                self.objects.insert(key, told);
            }
            _ if !is_picture(&ending) => self.ignore(name, "neither a picture nor a label, by its name"),
            _ if self.pictures.contains_key(&key) => {
                self.leave(name, &format!("the second picture of the sample {key}"));
            }
            _ => {
                self.pictures.insert(key, self.index.pictures.len());
                let (member, label, source) = (name.to_string(), String::new(), None);
                self.index.pictures.push(Picture { member, offset, length, label, weight: 1.0, source });
            }
        }
    }

    /// Every picture with the label of its sample.
    pub fn joined(mut self) -> Index {
        let keys = std::mem::take(&mut self.pictures);
        let mut told: HashMap<usize, Result<Said, String>> =
            keys.into_iter().map(|(key, at)| (at, self.told(&key))).collect();
        for (at, mut picture) in std::mem::take(&mut self.index.pictures).into_iter().enumerate() {
            match told.remove(&at).unwrap_or_else(|| Err(String::new())) {
                Ok(Said { label, weight, source }) => {
                    (picture.label, picture.weight, picture.source) = (label, weight, source);
                    self.index.pictures.push(picture);
                }
                Err(reason) => self.leave(&picture.member, &reason),
            }
        }
        let left = self.classes.drain().chain(self.objects.drain()).map(|(_, told)| told).collect::<Vec<_>>();
        for told in left {
            match told.label {
                Ok(_) => self.leave(&told.member, "its sample has no picture"),
                Err(_) => self.ignore(&told.member, "neither a picture nor a label"),
            }
        }
        self.index.set_aside.sort_by(|a, b| a.relative.cmp(&b.relative));
        self.index.ignored.sort_by(|a, b| a.relative.cmp(&b.relative));
        self.index
    }

    /// What is said of a sample. What says the class alone goes first; an object beside it may still say the weight and
    /// the source.
    fn told(&mut self, key: &str) -> Result<Said, String> {
        let (class, object) = (self.classes.remove(key), self.objects.remove(key));
        let weight = object.as_ref().map_or(Ok(1.0), |told| told.weight.clone());
        let source = object.as_ref().map_or(Ok(None), |told| told.source.clone());
        let Some(told) = class.or(object) else {
            return Err(format!("it has no label: the shard holds neither {key}.cls nor {key}.json"));
        };
        let label =
            told.label.map_err(|reason| format!("its label {} cannot be used: {reason}", told.member))?;
        Ok(Said { label, weight: weight?, source: source? })
    }
}

impl Told {
    fn of(member: &str, object: &Map<String, Value>, columns: &Columns) -> Self {
        let label = json_value(object, Field::Label, columns);
        let label =
            label.and_then(|label| if label.is_empty() { Err("it says no label".into()) } else { Ok(label) });
        let weight = json_value(object, Field::Weight, columns).and_then(|weight| fields::weight(&weight));
        let source = json_value(object, Field::Source, columns).map(|source| fields::source(&source));
        Self { member: member.into(), label, weight, source }
    }

    fn label_alone(member: &str, label: Result<String, String>) -> Self {
        Self { member: member.into(), label, weight: Ok(1.0), source: Ok(None) }
    }
}

fn is_picture(ending: &str) -> bool {
    image::ImageFormat::from_extension(ending).is_some() || is_other_picture(ending)
}

fn text(bytes: &mut impl Read, length: u64) -> Result<String, String> {
    if length > LONGEST_LABEL {
        return Err(format!("it has {length} bytes, more than any label"));
    }
    let mut text = String::new();
    bytes.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn class(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty".into()),
        lines if lines.contains('\n') => Err("it has several lines".into()),
        label => Ok(label.into()),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these members come to.
    fn index(members: &[(&str, &str)]) -> Index {
        index_of(members, &Columns::default())
    }

    fn index_of(members: &[(&str, &str)], columns: &Columns) -> Index {
        let mut found = Found::default();
        for (name, content) in members {
            let member = Member { name, offset: 0, length: content.len() as u64 };
            found.take(member, &mut content.as_bytes(), columns);
        }
        found.joined()
    }

    fn shown(index: &Index) -> Vec<String> {
        index.pictures.iter().map(|p| format!("{} {} {}", p.member, p.label, p.weight)).collect()
    }

    /// What is set aside and ignored, as `member: reason`.
    fn left(files: &[SetAside]) -> Vec<String> {
        files.iter().map(|file| format!("{}: {}", file.relative, file.reason)).collect()
    }

    #[test]
    fn samples_share_the_key_up_to_the_first_dot() {
        let index = index(&[
            ("a/0.cls", "3\n"),
            ("a/0.jpg", "x"),
            ("a/0.txt", "a caption"),
            ("b.PNG", "x"),
            ("b.json", "{\"class\": \"dog\", \"weight\": 2.5}"),
            ("c.d/1.jpeg", "x"),
            ("c.d/1.json", "{\"weight\": 0.5, \"size\": [1, 2]}"),
            ("c.d/1.cls", "cat"),
            ("e.jpg", "x"),
            ("e.seg.png", "a mask"),
            ("e.json", "{\"label\": 7}"),
            ("deep/0.x.jpg", "not by this ending"),
            (".hidden.jpg", "x"),
            ("__meta__.json", "{}"),
        ]);
        assert_eq!(shown(&index), ["a/0.jpg 3 1", "b.PNG dog 2.5", "c.d/1.jpeg cat 0.5", "e.jpg 7 1"]);
        assert_eq!(left(&index.set_aside), [""; 0]);
        let expected = [
            ".hidden.jpg: hidden",
            "__meta__.json: neither a picture nor a label",
            "a/0.txt: ",
            "deep/0.x.jpg: neither a picture nor a label, by its name",
            "e.seg.png: ",
        ];
        let found = left(&index.ignored);
        assert!(found.len() == 5 && found.iter().zip(expected).all(|(a, b)| a.starts_with(b)), "{found:?}");
    }

    #[test]
    fn an_object_may_say_where_its_picture_is_from() {
        let members = [
            ("0.jpg", "x"),
            ("0.cls", "a"),
            ("0.json", "{\"site\": \"north\"}"),
            ("1.jpg", "x"),
            ("1.json", "{\"label\": \"a\", \"site\": \"\"}"),
            ("2.jpg", "x"),
            ("2.cls", "a"),
            ("3.jpg", "x"),
            ("3.json", "{\"label\": \"a\"}"),
        ];
        let sources = |index: &Index| index.pictures.iter().map(|p| p.source.clone()).collect::<Vec<_>>();
        assert_eq!(sources(&index(&members)), [const { None }; 4]);
        let index = index_of(&members, &Columns { source: Some("site".into()), ..Columns::default() });
        assert_eq!(sources(&index), [Some("north".into()), None, None]);
        let [left] = &left(&index.set_aside)[..] else { panic!("{:?}", index.set_aside) };
        assert!(
            left.starts_with("3.jpg: nothing here is called 'site', as data.columns.source says"),
            "{left}"
        );
    }

    #[test]
    fn samples_without_a_label_or_a_picture_are_set_aside() {
        let index = index(&[
            ("0.jpg", "x"),
            ("1.cls", "3"),
            ("2.jpg", "x"),
            ("2.cls", " "),
            ("3.jpg", "x"),
            ("3.json", "{\"label\": [1]}"),
            ("4.jpg", "x"),
            ("4.png", "x"),
            ("4.cls", "a"),
            ("4.cls", "b"),
            ("5.jpg", "x"),
            ("5.json", "{\"label\": 1, \"weight\": -1}"),
        ]);
        assert_eq!(shown(&index), ["4.jpg a 1"]);
        let expected = [
            "0.jpg: it has no label: the shard holds neither 0.cls nor 0.json",
            "1.cls: its sample has no picture",
            "2.jpg: its label 2.cls cannot be used: it is empty",
            "3.jpg: its label 3.json cannot be used: 'label' is [1]; a label is a name or a whole number of 0 or more",
            "4.cls: the second member of this name",
            "4.png: the second picture of the sample 4",
            "5.jpg: the weight is '-1'; it has to be a finite number above 0",
        ];
        assert_eq!(left(&index.set_aside), expected);
    }
}
