//! What `kiln scale` shows: one row a network, as data and as text. Which weights exist is put in by the caller.

use super::plan::short;
use super::{Compound, Family, Frozen, Plan, Trains, Variant};
use serde::Serialize;
use std::fmt::Write;

/// A network and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    pub family: Family,
    /// Where the network was made from a phi.
    pub phi: Option<f64>,
    pub width: f64,
    pub depth: f64,
    pub resolution: usize,
    pub dropout: f64,
    /// The phi that each coefficient alone would stand for; the released networks leave the curve.
    pub implied_phi: Implied,
    pub parameters: u64,
    pub macs: u64,
    pub gmacs: f64,
    pub features: usize,
    pub batch: usize,
    pub classes: usize,
    /// Bytes with everything trained, and of inference, at this batch.
    pub training_memory: u64,
    pub inference_memory: u64,
    pub alpha: f64,
    pub beta: f64,
    pub gamma: f64,
    /// alpha * beta^2 * gamma^2.
    pub growth: f64,
    pub is_near_two: bool,
    pub stages: Vec<Stage>,
    /// Names of pretrained weights that fit.
    pub pretrained: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Implied {
    pub depth: Option<f64>,
    pub width: Option<f64>,
    pub resolution: Option<f64>,
}

/// The blocks of one stage; stride and input are those of its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stage {
    pub stage: usize,
    pub expand: usize,
    pub kernel: usize,
    pub stride: usize,
    pub input: usize,
    pub output: usize,
    pub repeats: usize,
    pub side: usize,
}

impl Row {
    /// A network. `compound` gives the constants it is held against; `phi` only where it made the network.
    pub fn new(plan: &Plan, compound: &Compound, phi: Option<f64>, batch: usize, classes: usize) -> Self {
        let side = plan.resolution;
        let macs = plan.macs(side, classes);
        Self {
            name: plan.name(),
            family: plan.family,
            phi,
            width: plan.width,
            depth: plan.depth,
            resolution: side,
            dropout: plan.dropout,
            implied_phi: implied(plan, compound),
            parameters: plan.parameters(classes),
            macs,
            gmacs: macs as f64 * 1e-9,
            features: plan.features,
            batch,
            classes,
            training_memory: plan.training_memory(batch, side, classes, Trains::All, Frozen::Together),
            inference_memory: plan.inference_memory(batch, side),
            alpha: compound.alpha,
            beta: compound.beta,
            gamma: compound.gamma,
            growth: compound.growth(),
            is_near_two: compound.is_near_two(),
            stages: stages(plan),
            pretrained: Vec::new(),
        }
    }
}

/// All rows as text; one row alone comes with its stages.
pub fn scale_table(rows: &[Row]) -> String {
    let mut text = align(&summary(rows), &[0, 8]);
    if let [row] = rows {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}", align(&stage_lines(row), &[]));
    }
    if let Some(row) = rows.first() {
        let _ = write!(text, "\n{}", notes(row));
    }
    text
}

fn summary(rows: &[Row]) -> Vec<Vec<String>> {
    let head = ["network", "phi", "width", "depth", "side", "parameters", "GMACs", "training", "pretrained"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        vec![
            row.name.clone(),
            row.phi.map_or_else(|| "-".to_owned(), short),
            short(row.width),
            short(row.depth),
            row.resolution.to_string(),
            grouped(row.parameters),
            format!("{:.3}", row.gmacs),
            format!("{:.2} GB", row.training_memory as f64 * 1e-9),
            if row.pretrained.is_empty() { "none".to_owned() } else { row.pretrained.join(" ") },
        ]
    }));
    lines
}

fn stage_lines(row: &Row) -> Vec<Vec<String>> {
    let head = ["stage", "expand", "kernel", "stride", "in", "out", "blocks", "side"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(row.stages.iter().map(|stage| {
        [
            stage.stage,
            stage.expand,
            stage.kernel,
            stage.stride,
            stage.input,
            stage.output,
            stage.repeats,
            stage.side,
        ]
        .map(|number| number.to_string())
        .to_vec()
    }));
    lines
}

fn notes(row: &Row) -> String {
    let near = if row.is_near_two { "near the 2" } else { "not near the 2" };
    format!(
        "alpha {}, beta {}, gamma {}: alpha * beta^2 * gamma^2 = {:.3}, {near} that compound scaling asks for.\n\
         Counts are for {} classes; training is the estimated peak at batch {} with everything trained.\n",
        short(row.alpha),
        short(row.beta),
        short(row.gamma),
        row.growth,
        row.classes,
        row.batch,
    )
}

fn stages(plan: &Plan) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut side = plan.resolution.div_ceil(2);
    for block in &plan.blocks {
        side = side.div_ceil(block.stride.max(1));
        match stages.last_mut() {
            Some(stage) if stage.stage == block.stage => stage.repeats += 1,
            _ => stages.push(Stage {
                stage: block.stage,
                expand: block.expand,
                kernel: block.kernel,
                stride: block.stride,
                input: block.input,
                output: block.output,
                repeats: 1,
                side,
            }),
        }
    }
    stages
}

fn implied(plan: &Plan, compound: &Compound) -> Implied {
    let phi = |value: f64, base: f64| Some(value.ln() / base.ln()).filter(|phi| phi.is_finite());
    Implied {
        depth: phi(plan.depth, compound.alpha),
        width: phi(plan.width, compound.beta),
        resolution: phi(plan.resolution as f64 / Variant::B0.row().resolution as f64, compound.gamma),
    }
}

/// Columns two spaces apart, to the right like numbers; words, given by their column, to the left.
fn align(lines: &[Vec<String>], words: &[usize]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widest = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let pad = |column: usize, cell: &String| match (words.contains(&column), widths[column]) {
        (true, width) => format!("{cell:<width$}"),
        (false, width) => format!("{cell:>width$}"),
    };
    let mut text = String::new();
    for line in lines {
        let cells: Vec<_> = line.iter().enumerate().map(|(column, cell)| pad(column, cell)).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// 5288548 as 5,288,548.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(variant: Variant) -> Row {
        Row::new(&Plan::variant(variant), &Compound::default(), None, 16, 1000)
    }

    #[test]
    fn the_table_of_all_variants_is_aligned() {
        let rows: Vec<_> = Variant::ALL.into_iter().map(published).collect();
        let text = scale_table(&rows);
        let b7 = text.lines().find(|line| line.starts_with("b7")).unwrap();
        assert!(b7.contains("66,347,960  37.746"), "{b7}");
        assert!(text.contains("alpha * beta^2 * gamma^2 = 1.920, near the 2"), "{text}");
        let ends: Vec<_> = text.lines().take(14).map(|line| line.find("  none").unwrap_or(0)).collect();
        assert!(ends[1..].iter().all(|end| *end == ends[1]), "{text}");
    }

    #[test]
    fn one_network_comes_with_its_stages() {
        let mut row = published(Variant::B0);
        row.pretrained = vec!["torchvision".to_owned(), "timm".to_owned()];
        let text = scale_table(&[row.clone()]);
        assert!(text.contains("torchvision timm"));
        let sides: Vec<_> =
            row.stages.iter().map(|stage| (stage.output, stage.repeats, stage.side)).collect();
        assert_eq!(
            sides,
            [(16, 1, 112), (24, 2, 56), (40, 2, 28), (80, 3, 14), (112, 3, 14), (192, 4, 7), (320, 1, 7)]
        );
        assert!(text.contains("\nstage  expand  kernel"), "{text}");
        assert!(text.contains("\n    7       6       3       1  192  320       1     7\n"), "{text}");
    }

    #[test]
    fn the_released_networks_leave_the_curve() {
        let check = |variant, expected: [&str; 3]| {
            let implied = published(variant).implied_phi;
            let phis =
                [implied.depth, implied.width, implied.resolution].map(|phi| format!("{:.2}", phi.unwrap()));
            assert_eq!(phis, expected, "{variant}");
        };
        check(Variant::B1, ["0.52", "0.00", "0.49"]);
        check(Variant::B4, ["3.22", "3.53", "3.78"]);
        check(Variant::B7, ["6.21", "7.27", "7.05"]);
        let flat = Compound { gamma: 1.0, ..Compound::default() };
        assert_eq!(Row::new(&Plan::variant(Variant::B0), &flat, None, 1, 10).implied_phi.resolution, None);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let check = |number, expected: &str| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(5_288_548, "5,288,548");
    }
}
