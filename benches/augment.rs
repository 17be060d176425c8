//! Each operation of augmentation on one picture of 224 px, and each policy as a whole from a photograph's pixels on:
//! `cargo bench --bench augment`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{
    BatchSize, BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use kiln::augment::warp::{Look, Map, Surroundings, warp};
use kiln::augment::{Policy, Shape, colour, filter, geometry, jpeg, tone};
use kiln::chance::Key;
use kiln::config::{self, Sampling};
use kiln::dataset::{Interpolation, Part, Picture, Preprocess};

const EDGE: usize = 224;
const SHAPE: Shape = Shape { width: EDGE, height: EDGE, channels: 3 };
const MIRROR: Look = Look { sampling: Sampling::Bilinear, surroundings: Surroundings::Mirrored };
const BLACK: Look = Look { sampling: Sampling::Nearest, surroundings: Surroundings::Colour([0; 3]) };
const SMOOTH: Look = Look { sampling: Sampling::Bilinear, ..BLACK };

/// Waves and some noise.
fn pixels(width: usize, height: usize) -> Vec<u8> {
    let mut draws = Key::new(1).named("bench").draws();
    (0..width * height * 3)
        .map(|at| {
            let (x, y) = (at / 3 % width, at / 3 / width);
            let wave = (x as f64 / 17.0).sin() + (y as f64 / 23.0).cos();
            (128.0 + 50.0 * wave + 8.0 * draws.normal()) as u8
        })
        .collect()
}

fn time(group: &mut BenchmarkGroup<WallTime>, name: &str, operation: impl Fn(&mut [u8])) {
    let original = pixels(EDGE, EDGE);
    group.bench_function(name, |bench| {
        bench.iter_batched_ref(
            || original.clone(),
            |pixels| operation(black_box(pixels)),
            BatchSize::SmallInput,
        );
    });
}

/// Long enough for two digits.
fn brief(group: &mut BenchmarkGroup<WallTime>) {
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
}

fn operations(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("operation");
    brief(&mut group);
    let turn = Map::rotation(13.0, SHAPE);
    time(&mut group, "flip", |p| geometry::flip(p, EDGE));
    time(&mut group, "rotate, mirrored", |p| {
        black_box(geometry::rotate(p, EDGE, EDGE, 13.0));
    });
    time(&mut group, "warp, mirrored", |p| warp(p, SHAPE, &turn, MIRROR));
    time(&mut group, "warp, black, bilinear", |p| warp(p, SHAPE, &turn, SMOOTH));
    time(&mut group, "warp, black, nearest", |p| warp(p, SHAPE, &turn, BLACK));
    time(&mut group, "brightness", |p| colour::brightness(p, 1.3));
    time(&mut group, "contrast", |p| colour::contrast(p, 1.3));
    time(&mut group, "saturation", |p| colour::saturation(p, 1.3));
    time(&mut group, "hue", |p| colour::hue(p, 0.1));
    time(&mut group, "autocontrast", |p| tone::autocontrast(p, 3));
    time(&mut group, "equalise", |p| tone::equalise(p, 3));
    time(&mut group, "invert", tone::invert);
    time(&mut group, "posterise", |p| tone::posterise(p, 4));
    time(&mut group, "solarise", |p| tone::solarise(p, 128.0));
    time(&mut group, "sharpen", |p| filter::sharpness(p, SHAPE, 1.5));
    time(&mut group, "blur, sigma 1", |p| filter::blur(p, SHAPE, 1.0));
    time(&mut group, "blur, sigma 2", |p| filter::blur(p, SHAPE, 2.0));
    time(&mut group, "jpeg, quality 75", |p| jpeg::jpeg(p, SHAPE, 75).expect("a JPEG of this size"));
    group.finish();
}

fn policies(bench: &mut Criterion) {
    use config::Policy::{AugMix, AutoAugment, Light, None, RandAugment, Standard, Strong, TrivialAugment};
    let mut group = bench.benchmark_group("policy, from 500x375");
    brief(&mut group);
    let part = Part::whole(Picture::rgb8(500, 375, pixels(500, 375)).expect("a picture of this size"));
    let preprocess = Preprocess::image_net(EDGE, 0.875, Interpolation::Bilinear);
    for named in [None, Light, Standard, Strong, RandAugment, TrivialAugment, AutoAugment, AugMix] {
        let policy = Policy::from(&named.augment());
        let mut sample = 0;
        group.bench_function(named.to_string(), |bench| {
            bench.iter(|| {
                sample += 1;
                black_box(policy.views(&part, &preprocess, Key::new(1).with(sample)).expect("a view"))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, operations, policies);
criterion_main!(benches);
