//! Which kernel multiplies which matrices on a device: picked from what was measured there, and kept in kiln's cache for later runs. A
//! kernel that computes wrong is never picked, however fast it is. Measures nothing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::approve::identity;
use super::check::tolerance;
use super::list::Listed;
use crate::dataset::download;
use crate::durable;
use crate::kernels::{Measured, OWN, Product, take_kernels};

/// Another kernel has to take less than this share of the time of Burn's own: clocks are not exact.
const GAIN: f64 = 0.95;
/// How much further off than Burn's own a kernel may be.
const PRECISION: f64 = 2.0;
/// Batches whose sizes differ by no more than this factor are much the same to a kernel.
const NEAR: f64 = 4.0;
/// Below this in 32 bits no kernel is said to be less precise than another.
const PRECISE: f64 = 1e-5;

/// What was found for a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    pub product: Product,
    pub kernel: String,
    pub ms: f64,
    /// Of Burn's own choice. Nothing where that failed.
    pub own_ms: Option<f64>,
    /// Kernels that gave wrong numbers, and how far off they were.
    #[serde(default)]
    pub wrong: BTreeMap<String, f64>,
}

impl Pick {
    /// The fastest kernel that is right. Nothing where none is.
    pub fn of(product: Product, measured: &[(String, Measured)]) -> Option<Self> {
        let is_right = |found: &Measured, limit: f64| found.error <= limit;
        let most = tolerance(product.into);
        let own = measured.iter().find(|(name, _)| name == OWN).map(|(_, found)| found);
        let own = own.filter(|found| is_right(found, most));
        let limit = own.map_or(most, |own| (own.error * PRECISION).max(PRECISE).min(most));
        let fastest = measured.iter().filter(|(_, found)| is_right(found, limit));
        let (name, found) = fastest.min_by(|(_, a), (_, b)| a.ms.total_cmp(&b.ms))?;
        let (kernel, ms) = match own {
            Some(own) if found.ms > own.ms * GAIN => (OWN.to_owned(), own.ms),
            _ => (name.clone(), found.ms),
        };
        let wrong = measured.iter().filter(|(_, found)| !is_right(found, most));
        let wrong = wrong.map(|(name, found)| (name.clone(), found.error)).collect();
        Some(Self { product, kernel, ms, own_ms: own.map(|own| own.ms), wrong })
    }

    /// Milliseconds that are saved each time.
    pub fn saved(&self) -> f64 {
        self.own_ms.map_or(0.0, |own| own - self.ms)
    }
}

/// All that is known of a device's products.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    schema: u32,
    picks: Vec<Pick>,
    /// Trainings all of whose products were measured.
    settled: BTreeSet<String>,
}

const SCHEMA: u32 = 1;

impl Tuned {
    /// As the cache has it; nothing where there is none, or none that can be read.
    pub fn load(listed: &Listed) -> Self {
        download::cache_folder().map_or_else(Self::default, |cache| Self::read(&cache, listed))
    }

    fn read(cache: &Path, listed: &Listed) -> Self {
        let text = durable::read_list(&file_of(cache, listed)).unwrap_or_default();
        let read: Self = serde_json::from_slice(&text).unwrap_or_default();
        if read.schema == SCHEMA { read } else { Self::default() }
    }

    pub fn is_settled(&self, training: &str) -> bool {
        self.settled.contains(training)
    }

    pub fn knows(&self, product: Product) -> bool {
        self.picks.iter().any(|pick| pick.product == product)
    }

    /// What was found for the same product over not quite as many pictures: what is fastest there is here, or nothing is worth looking for.
    pub fn like(&self, product: Product) -> Option<&Pick> {
        let near = self.picks.iter().filter(|pick| pick.product.is_like(product));
        let factor = |pick: &Pick| (pick.product.work() / product.work()).ln().abs();
        near.min_by(|a, b| factor(a).total_cmp(&factor(b))).filter(|pick| factor(pick) <= f64::ln(NEAR))
    }

    pub fn add(&mut self, pick: Pick) {
        self.picks.retain(|known| known.product != pick.product);
        self.picks.push(pick);
    }

    pub fn settle(&mut self, training: String) {
        self.settled.insert(training);
    }

    /// Puts it into the cache and says where. A cache that cannot be written only costs another tuning.
    pub fn save(&mut self, listed: &Listed) -> Option<PathBuf> {
        self.write(&download::cache_folder()?, listed)
    }

    fn write(&mut self, cache: &Path, listed: &Listed) -> Option<PathBuf> {
        self.schema = SCHEMA;
        let file = file_of(cache, listed);
        let text = serde_json::to_vec_pretty(self).ok()?;
        durable::create_folders(file.parent()?).ok()?;
        durable::write(&file, &text).ok()?;
        Some(file)
    }

    /// From here on products are multiplied by what was found.
    pub fn take(&self) {
        let others = self.picks.iter().filter(|pick| pick.kernel != OWN);
        take_kernels(others.map(|pick| (pick.product, pick.kernel.clone())).collect());
    }
}

/// One file per device, driver and version of kiln.
fn file_of(cache: &Path, listed: &Listed) -> PathBuf {
    let name = identity(listed, "products");
    cache.join("devices").join(format!("{}-{name}-products.json", listed.kind.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::Chosen;
    use crate::scaling::Float;

    fn product(from: Float) -> Product {
        Product { count: 1, rows: 64, columns: 16, depth: 8, turned: [false, true], from, into: from }
    }

    fn picked(float: Float, measured: &[(&str, f64, f64)]) -> Option<Pick> {
        let found = |&(name, ms, error): &(&str, f64, f64)| (name.to_owned(), Measured { ms, error });
        Pick::of(product(float), &measured.iter().map(found).collect::<Vec<_>>())
    }

    fn check(float: Float, measured: &[(&str, f64, f64)], expected: &str) {
        assert_eq!(picked(float, measured).unwrap().kernel, expected, "{measured:?}");
    }

    #[test]
    fn the_fastest_right_kernel_is_picked() {
        let (own, plain) = (("own", 1.0, 1e-7), ("plain", 9.0, 0.0));
        check(Float::Fp32, &[own, plain, ("unit", 0.5, 2e-7)], "unit");
        check(Float::Fp32, &[own, plain, ("unit", 0.97, 2e-7)], "own");
        // Wrong, or no number at all.
        check(Float::Fp32, &[own, plain, ("unit", 0.1, 0.3), ("cmma", 0.1, f64::INFINITY)], "own");
        // Ten bits of mantissa where Burn's own has 24.
        check(Float::Fp32, &[own, plain, ("cmma", 0.1, 4e-4)], "own");
        check(Float::Fp32, &[("own", 1.0, 3e-4), ("cmma", 0.1, 4e-4)], "cmma");
        check(Float::Fp16, &[("own", 1.0, 3e-4), ("cmma", 0.1, 4e-4)], "cmma");
    }

    #[test]
    fn where_burns_own_kernel_is_wrong_another_one_multiplies() {
        let pick =
            picked(Float::Fp32, &[("own", 0.1, 0.7), ("plain", 9.0, 0.0), ("unit", 8.0, 1e-7)]).unwrap();
        assert_eq!((pick.kernel.as_str(), pick.own_ms, pick.saved()), ("unit", None, 0.0));
        assert_eq!(pick.wrong, BTreeMap::from([("own".to_owned(), 0.7)]));
        let pick = picked(Float::Fp32, &[("plain", 9.0, 0.0)]).unwrap();
        assert_eq!((pick.kernel.as_str(), pick.own_ms), ("plain", None));
        assert_eq!(picked(Float::Fp32, &[("own", 0.1, 0.7)]), None);
        assert_eq!(picked(Float::Fp32, &[]), None);
    }

    #[test]
    fn a_product_over_other_pictures_is_like_one_that_is_known() {
        let mut tuned = Tuned::default();
        tuned.add(picked(Float::Fp32, &[("own", 1.0, 0.0), ("unit", 0.5, 0.0)]).unwrap());
        let known = product(Float::Fp32);
        let check = |product: Product, expected: Option<&str>| {
            assert_eq!(tuned.like(product).map(|pick| pick.kernel.as_str()), expected, "{product:?}");
        };
        check(Product { rows: 16, ..known }, Some("unit"));
        check(Product { rows: 256, ..known }, Some("unit"));
        check(Product { rows: 257, ..known }, None);
        check(Product { columns: 24, ..known }, None);
        check(Product { turned: [false; 2], ..known }, None);
        check(product(Float::Fp16), None);
        // The gradient of a weight sums over the pictures.
        let gradient = Product { turned: [true, false], ..known };
        tuned.add(Pick { product: gradient, ..tuned.picks[0].clone() });
        let found = tuned.like(Product { count: 2, depth: 5, ..gradient });
        assert_eq!(found.map(|pick| pick.product), Some(gradient));
        assert_eq!(tuned.like(Product { rows: 32, ..gradient }), None);
    }

    #[test]
    fn what_was_found_is_kept_for_this_device_and_driver_alone() {
        let cache = tempfile::tempdir().unwrap();
        let listed = Chosen::cpu().unwrap().listed;
        let mut other = listed.clone();
        other.driver = "a newer one".into();
        let mut tuned = Tuned::read(cache.path(), &listed);
        assert_eq!(tuned, Tuned::default());
        tuned.add(picked(Float::Fp32, &[("own", 1.0, 0.0), ("unit", 0.5, 0.0)]).unwrap());
        tuned.add(picked(Float::Fp32, &[("own", 1.0, 0.0), ("gemm", 0.4, 0.0)]).unwrap());
        tuned.settle("a".into());
        let file = tuned.write(cache.path(), &listed).unwrap();
        let read = Tuned::read(cache.path(), &listed);
        assert_eq!(read, tuned);
        assert!(read.is_settled("a") && !read.is_settled("b"));
        assert!(read.knows(product(Float::Fp32)) && !read.knows(product(Float::Fp16)));
        assert_eq!(read.picks.len(), 1);
        assert_eq!(Tuned::read(cache.path(), &other), Tuned::default());
        // Damage is as good as nothing.
        std::fs::write(&file, "{\"schema\": 2, \"picks\": [], \"settled\": []}").unwrap();
        assert_eq!(Tuned::read(cache.path(), &listed), Tuned::default());
        std::fs::write(&file, "{").unwrap();
        assert_eq!(Tuned::read(cache.path(), &listed), Tuned::default());
    }
}
