//! Which network a run trains: a function of its settings and its number of classes.

use super::run::Run;
use crate::config::Scale;
use crate::scaling::{Budget, Plan, largest};

/// Its plan. None only where the settings give none, and then nothing was trained.
pub fn plan(run: &Run) -> Option<Plan> {
    let train = &run.config.train;
    match run.config.model.scale {
        Scale::Variant(variant) => Some(Plan::variant(variant)),
        Scale::Compound(compound) => Plan::compound(&compound).ok(),
        Scale::Custom { family, width, depth, resolution } => {
            Plan::custom(family, width, depth, resolution).ok()
        }
        Scale::Budget { max_macs, max_params, max_memory } => {
            let budget =
                Budget { max_macs, max_params, max_memory, batch: train.batch, classes: run.classes.len() };
            largest(&budget).ok().map(|(_, plan)| plan)
        }
    }
}

/// `EfficientNet b0`; what was asked for follows where that is another thing.
pub fn words(run: &Run) -> Option<String> {
    let name = plan(run)?.name();
    let asked = match run.config.model.scale {
        Scale::Variant(_) | Scale::Custom { .. } => String::new(),
        Scale::Compound(compound) => format!(" (phi {})", compound.phi),
        Scale::Budget { .. } => " (the largest within the limits)".into(),
    };
    Some(format!("EfficientNet {name}{asked}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scaling::{Compound, Variant};

    #[test]
    fn every_way_of_giving_a_size_has_a_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/card");
        let mut run = Run::read(&folder).unwrap();
        assert_eq!(words(&run).unwrap(), "EfficientNet b-w0.1-d0.1-r32");
        run.config.model.scale = Scale::Variant(Variant::Lite0);
        assert_eq!(words(&run).unwrap(), "EfficientNet lite0");
        run.config.model.scale = Scale::Compound(Compound::new(0.0));
        assert_eq!(words(&run).unwrap(), "EfficientNet b0 (phi 0)");
        run.config.model.scale =
            Scale::Budget { max_macs: Some(200_000_000), max_params: None, max_memory: None };
        let found = words(&run).unwrap();
        assert!(found.starts_with("EfficientNet b-w") && found.ends_with("within the limits)"), "{found}");
        run.config.model.scale = Scale::Budget { max_macs: Some(1), max_params: None, max_memory: None };
        assert_eq!(words(&run), None);
    }
}
