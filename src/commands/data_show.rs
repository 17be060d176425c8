//! `kiln data show`: a sheet of pictures beside what training will see of them, and words about it. How they are
//! loaded is in views.rs, how they are laid out in contact_sheet.rs.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use image::ImageFormat;
use serde_json::{Value, json};

use super::console::{answer, print, tell};
use super::contact_sheet::{Grid, Sheet};
use super::failure::Failure;
use super::prepare::{beginning, pictures, plan_of};
use super::views::{Pictures, View};
use super::{Ended, Format, at_least_one, numbered};
use crate::config::{Config, Trains};
use crate::dataset::{Limits, Preprocess};
use crate::loader::Item;

#[derive(Args)]
pub struct Show {
    /// The TOML file
    config: PathBuf,
    /// Settings that replace those of the file, as dotted keys: augment.policy=randaugment
    #[arg(value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Where to write the sheet, as .png or .jpg; a name that is taken gets a number
    #[arg(long)]
    out: Option<PathBuf>,
    /// How many views of each picture
    #[arg(long, default_value_t = 4, value_parser = at_least_one)]
    views: usize,
    /// How many pictures, in turn of each class
    #[arg(long, default_value_t = 6, value_parser = at_least_one)]
    count: usize,
    #[command(flatten)]
    format: Format,
}

impl Show {
    pub fn run(self) -> Ended {
        let config = Config::load(&self.config, &self.overrides)?;
        let out = self.out.clone().unwrap_or_else(|| format!("{}-views.png", config.name).into());
        let format = format_of(&out)?;
        let dataset = pictures(&config)?;
        let plan = plan_of(&config, dataset.classes.len())?;
        let of = Pictures::new(beginning(&config, plan)?, &dataset);
        let rows = chosen(&of.train, self.count);
        let grid = self.grid(&of.plain.preprocess, rows.len())?;
        let (sheet, mut report) = sheet_of(&of, &rows, self.views, grid)?;
        let mut bytes = Cursor::new(Vec::new());
        sheet.image.write_to(&mut bytes, format).context("the sheet cannot be made into a file")?;
        let path = numbered::write(&out, &bytes.into_inner())?;
        tell(&words(&of.config, self.views));
        answer(&format!("{}\n", path.display()), self.format.json)?;
        if self.format.json {
            report["file"] = json!(path.display().to_string());
            print(&format!("{report}\n"))?;
        }
        Ok(0)
    }

    /// Refuses what would not fit into a picture.
    fn grid(&self, preprocess: &Preprocess, rows: usize) -> Result<Grid, Failure> {
        let fits = |count: usize| u32::try_from(count).ok();
        let grid = (|| {
            Some(Grid {
                columns: fits(self.views)?.checked_add(1)?,
                rows: fits(rows)?,
                tile: fits(preprocess.size)?,
            })
        })();
        let is_sane = |(width, height): (u32, u32)| {
            width.max(height) <= u32::from(u16::MAX)
                && u64::from(width) * u64::from(height) <= Limits::default().pixels
        };
        grid.filter(|grid| grid.size().is_some_and(is_sane)).ok_or_else(|| {
            Failure::Usage(format!(
                "{rows} rows of {} views are more than one picture can hold; ask for fewer with --views and --count",
                self.views
            ))
        })
    }
}

/// The sheet, and what is where on it.
fn sheet_of(of: &Pictures, rows: &[Item], views: usize, grid: Grid) -> Result<(Sheet, Value)> {
    let mut sheet = Sheet::new(grid).context("the sheet is too large")?;
    let mut columns = vec![("original".to_owned(), of.originals(rows, grid.tile)?)];
    for view in 0..views {
        columns.push((format!("view {}", view + 1), of.views(rows, view)?));
    }
    for (column, (head, views)) in (0..).zip(&columns) {
        sheet.head(column, head);
        for (row, view) in (0..).zip(views) {
            let is_told = column == 0 || of.config.augment.mixes();
            sheet.put(column, row, &view.image, &if is_told { view.words() } else { String::new() });
        }
    }
    Ok((sheet, report(of, rows, &columns, grid)))
}

fn report(of: &Pictures, rows: &[Item], columns: &[(String, Vec<View>)], grid: Grid) -> Value {
    let size = grid.size().unwrap_or_default();
    let heads: Vec<_> = (0..)
        .zip(columns)
        .map(|(column, (name, _))| json!({ "name": name, "x": grid.place(column, 0).0 }))
        .collect();
    let rows: Vec<_> = (0..)
        .zip(rows)
        .map(|(row, item)| {
            let labels = |(_, views): &(_, Vec<View>)| views.get(row as usize).map(|view| json!(view.labels));
            json!({
                "path": item.location.to_string(),
                "class": of.classes[item.class],
                "sample": item.sample,
                "y": grid.place(0, row).1,
                "labels": columns.iter().skip(1).map(labels).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "schema": 1,
        "width": size.0,
        "height": size.1,
        "tile": grid.tile,
        "policy": of.config.augment.policy.to_string(),
        "seed": of.config.train.seed,
        "mixes": of.config.augment.mixes(),
        "columns": heads,
        "rows": rows,
    })
}

/// What the columns are.
fn words(config: &Config, views: usize) -> String {
    let Config { augment, train, stages, data, .. } = config;
    let mut text =
        format!("policy {}, seed {}: view 1 is that of epoch 1, and so on", augment.policy, train.seed);
    if augment.mixes() {
        text += ", in the batches of that epoch";
    } else if stages.iter().any(|stage| stage.trains != Trains::All) && data.views < views {
        let known = if data.views == 1 { "view 1".into() } else { format!("views 1 to {}", data.views) };
        text += &format!("; epochs of stages with frozen layers see {known} only (data.views)");
    }
    text
}

/// The first picture of each class, then the second of each, until there are enough.
fn chosen(train: &[Item], count: usize) -> Vec<Item> {
    let mut seen = BTreeMap::new();
    let mut turns: Vec<(usize, &Item)> = train
        .iter()
        .map(|item| {
            let turn = seen.entry(item.class).or_insert(0);
            *turn += 1;
            (*turn, item)
        })
        .collect();
    turns.sort_by_key(|(turn, item)| (*turn, item.class));
    turns.into_iter().take(count).map(|(_, item)| item.clone()).collect()
}

fn format_of(path: &Path) -> Result<ImageFormat, Failure> {
    match ImageFormat::from_path(path) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => Ok(format),
        _ => Err(Failure::Usage(format!("{}: a sheet is written as .png or .jpg", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_take_turns() {
        let item = |class, sample| Item {
            location: std::path::PathBuf::from(format!("{sample}")).into(),
            class,
            sample,
            weight: 1.0,
            repeat: 0,
            content: String::new(),
            size: (1, 1),
        };
        let train = [item(0, 0), item(0, 1), item(0, 2), item(1, 3), item(2, 4), item(2, 5)];
        let check = |count, expected: &[usize]| {
            let samples: Vec<_> = chosen(&train, count).iter().map(|item| item.sample).collect();
            assert_eq!(samples, expected);
        };
        check(2, &[0, 3]);
        check(5, &[0, 3, 4, 1, 5]);
        check(99, &[0, 3, 4, 1, 5, 2]);
    }

    #[test]
    fn only_pictures_are_written() {
        let check = |name: &str, expected| assert_eq!(format_of(Path::new(name)).is_ok(), expected, "{name}");
        check("a.png", true);
        check("a.JPG", true);
        check("a.txt", false);
        check("a", false);
        check("a.gif", false);
    }
}
