"""Makes a small package of durable/ and checkpoint/, for mutation testing: kiln takes minutes to build, this seconds.

    python3 benches/mutants/make.py /tmp/mut/rooms

Files of the rooms are copied as they are. What they stand on is a second package inside, which is built once: chance/
and scaling/ as they are, and stand-ins for what needs Burn or decoders. A folder that is there is brought up to date.
"""

import argparse
import json
import pathlib
import shutil
import tomllib

KILN = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ["durable", "checkpoint"]
BELOW = ["chance", "scaling"]
PACKAGES = {
    "rooms": "blake3 memmap2 rayon rustix safetensors serde serde_json sha2 tempfile thiserror".split(),
    "below": ["serde", "strsim", "thiserror"],
}

ROOMS_LIB = """//! Rooms of kiln by themselves, for mutation testing. Made by benches/mutants/make.py.

pub use below::{chance, dataset, model, scaling, weights};

pub mod checkpoint;
pub mod durable;
"""

BELOW_LIB = """//! What those rooms stand on. Made by benches/mutants/make.py.

pub mod chance;
pub mod dataset;
pub mod model;
pub mod scaling;
pub mod weights;
"""

PROFILE = """
# At 0 a mutant takes less than half as long as at 2: two seconds to build and four to test.
[profile.test]
opt-level = 0
debug = false

[profile.test.package."*"]
opt-level = 3
"""

STAND_INS = {
    "model.rs": """//! For model/, which needs Burn: an array, and numbers that no other array has.

use crate::chance::Key;

#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

pub fn initial(seed: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let mut draws = Key::new(seed).named("initial").named(name).draws();
    (0..shape.iter().product()).map(|_| draws.normal() as f32).collect()
}
""",
    "weights.rs": """//! For weights/: the largest arrays of each block, without the names of other libraries.

use crate::scaling::Plan;

pub fn expected(plan: &Plan, classes: usize) -> Vec<(String, Vec<usize>)> {
    let block = |(n, block): (usize, &crate::scaling::Block)| {
        let wide = block.hidden();
        [
            (format!("blocks.{n}.depthwise.conv.weight"), vec![wide, 1, block.kernel, block.kernel]),
            (format!("blocks.{n}.project.conv.weight"), vec![block.output, wide, 1, 1]),
        ]
    };
    let blocks = plan.blocks.iter().enumerate().flat_map(block);
    blocks.chain([("classifier.weight".to_owned(), vec![classes, plan.features])]).collect()
}
""",
    "dataset.rs": """//! For dataset/, which needs decoders: what a model file says of its pictures, with a check of the size alone.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interpolation {
    Bilinear,
    Bicubic,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    pub size: usize,
    pub shorter: usize,
    pub interpolation: Interpolation,
}

impl Preprocess {
    pub fn image_net(size: usize, crop_pct: f64, interpolation: Interpolation) -> Self {
        Self { size, shorter: (size as f64 / crop_pct).floor() as usize, interpolation }
    }

    pub fn check(&self) -> Result<(), &'static str> {
        if self.size == 0 { Err("size 0 must lie between 1 and 16384") } else { Ok(()) }
    }
}
""",
}


def requirement(name, wanted):
    """A dependency as kiln's Cargo.toml has it; the copied Cargo.lock says which version that is."""
    if isinstance(wanted, str):
        return f'{name} = "{wanted}"'
    # JSON writes texts, truth values and lists of texts as TOML does.
    return f"{name} = {{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in wanted.items())} }}"


def cargo_toml(name, kiln, head, tail):
    version, edition = kiln["package"]["version"], kiln["package"]["edition"]
    package = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "{edition}"\npublish = false\n'
    dependencies = "\n".join(requirement(other, kiln["dependencies"][other]) for other in PACKAGES[name])
    return f"{head}{package}\n[lib]\ndoctest = false\n\n[dependencies]\n{dependencies}\n{tail}"


def renew(path, text):
    """Writes only what has changed, so that cargo builds nothing twice."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def copy_room(room, source):
    wanted = {path.relative_to(KILN / "src") for path in (KILN / "src" / room).rglob("*") if path.is_file()}
    for path in (source / room).rglob("*"):
        if path.is_file() and path.relative_to(source) not in wanted:
            path.unlink()
    for path in wanted:
        renew(source / path, (KILN / "src" / path).read_text())


def make(folder, lib, rooms, toml):
    renew(folder / "Cargo.toml", toml)
    renew(folder / "src/lib.rs", lib)
    for room in rooms:
        copy_room(room, folder / "src")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    kiln = tomllib.loads((KILN / "Cargo.toml").read_text())
    workspace = '[workspace]\nexclude = ["below"]\n\n'
    below = 'below = { path = "below" }\n'
    make(folder, ROOMS_LIB, ROOMS, cargo_toml("rooms", kiln, workspace, below + PROFILE))
    make(folder / "below", BELOW_LIB, BELOW, cargo_toml("below", kiln, "", ""))
    for name, text in STAND_INS.items():
        renew(folder / "below/src" / name, text)
    # Cargo drops what is not needed here and keeps the versions.
    shutil.copy(KILN / "Cargo.lock", folder)


main()
