//! The names that each library gives to EfficientNet's parameters. One table per library; this file lays the tables
//! over a plan and tells whose names a file carries. Shapes are tensors.rs's business.

mod kiln;
mod lite_pytorch;
mod lukemelas;
mod timm;
mod torchvision;

use std::collections::BTreeMap;
use std::fmt;

use crate::scaling::Plan;

use super::tensors::Named;

/// Whose names a file carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Kiln,
    Timm,
    Torchvision,
    Lukemelas,
    LitePytorch,
}

/// Where a block stands and which of the optional parts it has.
pub struct Site {
    /// Counted through the whole network, from 0.
    pub index: usize,
    /// From 1, as in the plan.
    pub stage: usize,
    /// Counted within the stage, from 0.
    pub place: usize,
    pub expands: bool,
}

/// A convolution and the batch norm behind it.
struct Pair {
    conv: &'static str,
    norm: &'static str,
}

/// The names inside a block. `expand`, `reduce` and `widen` are not asked for where the block has none.
struct Block {
    expand: Pair,
    depthwise: Pair,
    reduce: &'static str,
    widen: &'static str,
    project: Pair,
}

/// All names of one library.
struct Table {
    stem: Pair,
    prefix: fn(&Site) -> String,
    /// Names in a block that widens its input first.
    expanding: Block,
    /// Names in a block that does not.
    plain: Block,
    head: Pair,
    classifier: &'static str,
    /// Whether a name looks like one of this library's.
    claims: fn(&str) -> bool,
}

/// kiln's own name for a parameter, and a library's.
pub struct Pairing {
    pub canonical: String,
    pub foreign: String,
}

const NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

impl Layout {
    pub const ALL: [Layout; 5] =
        [Layout::Kiln, Layout::Timm, Layout::Torchvision, Layout::Lukemelas, Layout::LitePytorch];

    fn table(self) -> &'static Table {
        match self {
            Layout::Kiln => &kiln::TABLE,
            Layout::Timm => &timm::TABLE,
            Layout::Torchvision => &torchvision::TABLE,
            Layout::Lukemelas => &lukemelas::TABLE,
            Layout::LitePytorch => &lite_pytorch::TABLE,
        }
    }

    /// What the names of the classifier's weight and bias begin with.
    pub fn classifier(self) -> &'static str {
        self.table().classifier
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Kiln => "kiln",
            Layout::Timm => "timm",
            Layout::Torchvision => "torchvision",
            Layout::Lukemelas => "lukemelas (efficientnet-pytorch)",
            Layout::LitePytorch => "efficientnet-lite-pytorch",
        })
    }
}

/// Whose names these are: the library that claims the most of them, or nobody.
pub fn detect<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Layout> {
    let names: Vec<&str> = names.into_iter().collect();
    let claimed = |layout: Layout| names.iter().filter(|name| (layout.table().claims)(name)).count();
    let best = [Layout::Kiln, Layout::Timm, Layout::Torchvision, Layout::Lukemelas]
        .into_iter()
        .max_by_key(|&layout| claimed(layout))?;
    if claimed(best) == 0 {
        return None;
    }
    let squeezes = names.iter().any(|name| name.contains("._se_"));
    Some(if best == Layout::Lukemelas && !squeezes { Layout::LitePytorch } else { best })
}

/// Both names of every parameter, in model order.
pub fn pairings(layout: Layout, plan: &Plan) -> Vec<Pairing> {
    names(&kiln::TABLE, plan)
        .into_iter()
        .zip(names(layout.table(), plan))
        .map(|(canonical, foreign)| Pairing { canonical, foreign })
        .collect()
}

/// A file's entries under kiln's names; what the plan does not know comes back under its own name.
pub fn to_canonical(named: Named, layout: Layout, plan: &Plan) -> (Named, Vec<String>) {
    let known = pairings(layout, plan).into_iter().map(|pair| (pair.foreign, pair.canonical)).collect();
    rename(named, &known)
}

/// The inverse: kiln's entries under a library's names.
pub fn from_canonical(named: Named, layout: Layout, plan: &Plan) -> (Named, Vec<String>) {
    let known = pairings(layout, plan).into_iter().map(|pair| (pair.canonical, pair.foreign)).collect();
    rename(named, &known)
}

fn rename(named: Named, known: &BTreeMap<String, String>) -> (Named, Vec<String>) {
    let mut renamed = Named { integers: named.integers, ..Named::default() };
    let mut unknown = Vec::new();
    for (name, array) in named.entries {
        match known.get(&name) {
            Some(new) => drop(renamed.entries.insert(new.clone(), array)),
            None => unknown.push(name),
        }
    }
    (renamed, unknown)
}

/// The names that a table gives to a plan's parameters, in model order.
fn names(table: &Table, plan: &Plan) -> Vec<String> {
    let mut names = Names::default();
    names.pair("", &table.stem);
    for site in sites(plan) {
        names.block(table, &site, plan.blocks[site.index].squeeze.is_some());
    }
    names.pair("", &table.head);
    names.dense(table.classifier.to_string());
    names.0
}

/// The blocks of a plan with their places.
fn sites(plan: &Plan) -> Vec<Site> {
    let mut sites: Vec<Site> = Vec::with_capacity(plan.blocks.len());
    for (index, block) in plan.blocks.iter().enumerate() {
        let place = match sites.last() {
            Some(last) if last.stage == block.stage => last.place + 1,
            _ => 0,
        };
        sites.push(Site { index, stage: block.stage, place, expands: block.has_expansion() });
    }
    sites
}

#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn block(&mut self, table: &Table, site: &Site, squeezes: bool) {
        let prefix = (table.prefix)(site);
        let block = if site.expands { &table.expanding } else { &table.plain };
        if site.expands {
            self.pair(&prefix, &block.expand);
        }
        self.pair(&prefix, &block.depthwise);
        if squeezes {
            self.dense(format!("{prefix}{}", block.reduce));
            self.dense(format!("{prefix}{}", block.widen));
        }
        self.pair(&prefix, &block.project);
    }

    fn pair(&mut self, prefix: &str, pair: &Pair) {
        self.0.push(format!("{prefix}{}.weight", pair.conv));
        self.0.extend(NORM.iter().map(|leaf| format!("{prefix}{}.{leaf}", pair.norm)));
    }

    fn dense(&mut self, name: String) {
        self.0.push(format!("{name}.weight"));
        self.0.push(format!("{name}.bias"));
    }
}

/// Whether the parts of a name after `prefix` begin with `numbers` whole numbers.
fn numbered(name: &str, prefix: &str, numbers: usize) -> bool {
    let Some(rest) = name.strip_prefix(prefix) else { return false };
    let leading = rest.split('.').take_while(|part| part.parse::<usize>().is_ok()).count();
    leading == numbers
}

#[cfg(test)]
mod tests;
