//! What the columns of a table and the fields of a JSON object are called, and what their values may be. Pure.

use super::{Split, error};
use crate::config::Columns;

#[derive(Debug, Clone, Copy)]
pub enum Field {
    Path,
    Label,
    Split,
    Weight,
    /// Where a picture is from.
    Source,
}

impl Field {
    /// The names that are known without being told, the field's own first.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Path => &[
                "path",
                "file",
                "filename",
                "file_name",
                "filepath",
                "file_path",
                "image",
                "image_path",
                "img",
            ],
            Self::Label => &["label", "class", "target", "category", "class_name", "label_name"],
            Self::Split => &["split", "subset", "set", "partition"],
            Self::Weight => &["weight", "sample_weight"],
            Self::Source => &["source"],
        }
    }

    fn key(self) -> &'static str {
        self.words()[0]
    }

    fn told(self, columns: &Columns) -> Option<&str> {
        let told = match self {
            Self::Path => &columns.path,
            Self::Label => &columns.label,
            Self::Split => &columns.split,
            Self::Weight => &columns.weight,
            Self::Source => &columns.source,
        };
        told.as_deref()
    }

    /// Which of these names is the field's: the one that was told, or else the field's own, or else the only one that
    /// could mean it.
    pub fn find(self, columns: &Columns, names: &[&str]) -> Result<Option<usize>, String> {
        let all = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
            (0..names.len()).filter(|&index| wanted(names[index].trim())).collect()
        };
        let found = match self.told(columns) {
            Some(told) => match all(&|name| name == told) {
                none if none.is_empty() => return Err(self.not_there(told, names)),
                found => found,
            },
            // Columns of that name may hold anything, such as an address for each picture.
            None if matches!(self, Self::Source) => Vec::new(),
            None => match all(&|name| name.eq_ignore_ascii_case(self.key())) {
                none if none.is_empty() => {
                    all(&|name| self.words().iter().any(|w| name.eq_ignore_ascii_case(w)))
                }
                found => found,
            },
        };
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            [first, second, ..] => Err(format!(
                "both '{}' and '{}' could be the {key}; say data.columns = {{ {key} = \"...\" }} with a name that is there once",
                names[*first],
                names[*second],
                key = self.key()
            )),
        }
    }

    pub fn needed(self, columns: &Columns, names: &[&str]) -> Result<usize, String> {
        self.find(columns, names)?.ok_or_else(|| {
            format!(
                "nothing here is called {}; the names are {}; say data.columns = {{ {} = \"...\" }}",
                self.words().join(", "),
                names.join(", "),
                self.key()
            )
        })
    }

    fn not_there(self, told: &str, names: &[&str]) -> String {
        let near = error::nearest(told, names.iter().copied());
        let near = near.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default();
        format!(
            "nothing here is called '{told}', as data.columns.{} says; the names are {}{near}",
            self.key(),
            names.join(", ")
        )
    }
}

/// None for an empty value: such a picture is split off as elsewhere.
pub fn split(text: &str) -> Result<Option<Split>, String> {
    match text {
        "" => Ok(None),
        word => Split::named(word)
            .map(Some)
            .ok_or_else(|| format!("the split is '{word}'; it may be train, val, test or empty")),
    }
}

/// 1 for an empty value.
pub fn weight(text: &str) -> Result<f32, String> {
    if text.is_empty() {
        return Ok(1.0);
    }
    let weight = text.parse::<f32>().ok().filter(|weight| weight.is_finite() && *weight > 0.0);
    weight.ok_or_else(|| format!("the weight is '{text}'; it has to be a finite number above 0"))
}

/// None for an empty value: nobody says where the picture is from.
pub fn source(text: &str) -> Option<String> {
    Some(text.trim()).filter(|source| !source.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_own_or_the_only_ones() {
        let check = |told: Option<&str>, names: &[&str], expected: Result<Option<usize>, &str>| {
            let columns = Columns { label: told.map(str::to_owned), ..Columns::default() };
            match (Field::Label.find(&columns, names), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{names:?}"),
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
                (found, _) => panic!("{found:?} for {names:?}"),
            }
        };
        check(None, &["file", "Class"], Ok(Some(1)));
        check(None, &["class", " Label "], Ok(Some(1)));
        check(None, &["file", "size"], Ok(None));
        check(None, &["class", "target"], Err("both 'class' and 'target'"));
        check(None, &["label", "label"], Err("both"));
        check(Some("kind"), &["label", "kind"], Ok(Some(1)));
        check(Some("kinds"), &["label", "kind"], Err("did you mean 'kind'?"));
    }

    /// A table that has such a column for other things is read as before.
    #[test]
    fn a_source_is_read_only_where_its_column_is_told() {
        let names = ["path", "source", "site"];
        let find = |source: Option<&str>| {
            let columns = Columns { source: source.map(str::to_owned), ..Columns::default() };
            Field::Source.find(&columns, &names)
        };
        assert_eq!(find(None), Ok(None));
        assert_eq!(find(Some("site")), Ok(Some(2)));
        assert_eq!(find(Some("source")), Ok(Some(1)));
        let reason = find(Some("sites")).unwrap_err();
        let expected = "nothing here is called 'sites', as data.columns.source says; the names are path, source, site; did \
                        you mean 'site'?";
        assert_eq!(reason, expected);
    }

    #[test]
    fn values_are_words_and_numbers_above_nothing() {
        assert_eq!(split(""), Ok(None));
        assert_eq!(split("Validation"), Ok(Some(Split::Val)));
        assert!(split("dev").unwrap_err().contains("'dev'"));
        assert_eq!((source(" "), source(" a b ")), (None, Some("a b".into())));
        assert_eq!(weight(""), Ok(1.0));
        assert_eq!(weight("2.5"), Ok(2.5));
        for bad in ["0", "-1", "nan", "inf", "1e-60", "1e60", "x"] {
            assert!(weight(bad).is_err(), "{bad}");
        }
    }
}
