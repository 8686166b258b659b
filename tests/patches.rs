//! Patches: cut, put back, refolded, drawn and exported.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use common::{check_input, numbers};
use dfdx::prelude::*;
use infomax::nn::{Flatten, builder};
use infomax::patch::{
    Cutter, GridPatches, PatchError, Patches, Position, RandomPatches, Refold, merge_batch, refold, split_batch,
};

fn bytes(n: usize) -> Vec<u8> {
    // A step that is coprime to 256, so that neighbours and rows differ.
    (0..n).map(|i| ((i * 89 + i / 7 * 31) % 256) as u8).collect()
}

/// One patch after the other, value by value.
fn naive(images: &[u8], [n, c, h, w]: [usize; 4], k: usize, at: impl Fn(usize) -> Vec<Position>) -> Vec<u8> {
    let mut out = Vec::new();
    for i in 0..n {
        for p in at(i) {
            for ch in 0..c {
                for y in 0..k {
                    for x in 0..k {
                        out.push(images[((i * c + ch) * h + p.row + y) * w + p.column + x]);
                    }
                }
            }
        }
    }
    out
}

fn regular([h, w]: [usize; 2], k: usize, s: usize) -> Vec<Position> {
    let steps = |n: usize| (0..n).step_by(s).filter(move |p| p + k <= n);
    steps(h).flat_map(|row| steps(w).map(move |column| Position { row, column })).collect()
}

#[test]
fn slices_are_cut_as_one_would_by_hand() {
    for (shape, k, s) in [
        ([3, 3, 32, 32], 8, 4),
        ([2, 1, 28, 28], 7, 7),
        ([2, 3, 64, 64], 16, 8),
        ([1, 2, 9, 13], 4, 3),
        ([4, 1, 5, 5], 5, 9),
        ([2, 1, 6, 4], 1, 1),
        ([1, 3, 10, 11], 2, 5),
    ] {
        let [n, c, h, w] = shape;
        let images = bytes(n * c * h * w);
        let cutter = Cutter::strided([c, h, w], k, s).unwrap();
        let positions = regular([h, w], k, s);
        assert_eq!(cutter.positions(1).as_ref(), positions);
        assert_eq!(cutter.grid_size(), Some([(h - k) / s + 1, (w - k) / s + 1]));
        let indices: Vec<usize> = (0..n).collect();
        let patches = cutter.cut(&images, &indices).unwrap();
        assert!(patches == naive(&images, shape, k, |_| positions.clone()), "{shape:?} {k} {s}");
        // Folded again they give the images, but for pixels that no patch has.
        let mut covered = vec![false; h * w];
        for p in &positions {
            (0..k * k).for_each(|i| covered[(p.row + i / k) * w + p.column + i % k] = true);
        }
        let back = cutter.fold(&patches, &indices).unwrap();
        for (i, (a, b)) in back.iter().zip(&images).enumerate() {
            assert_eq!(*a, if covered[i % (h * w)] { *b } else { 0 });
        }
        assert_eq!(cutter.uncovered(0), covered.iter().filter(|c| !**c).count());
    }
}

#[test]
fn where_patches_overlap_folding_takes_the_mean() {
    // A row of five pixels, three patches of 3x3 in an image of 3x5.
    let cutter = Cutter::strided([1, 3, 5], 3, 1).unwrap();
    let patches: Vec<f32> = [1.0, 10.0, 100.0].iter().flat_map(|v| [*v; 9]).collect();
    let row = [1.0, 5.5, 37.0, 55.0, 100.0];
    assert_eq!(cutter.fold(&patches, &[0]).unwrap(), [row, row, row].concat());
    let patches: Vec<u8> = [1, 10, 100].iter().flat_map(|v| [*v; 9]).collect();
    assert_eq!(cutter.fold(&patches, &[0]).unwrap()[..5], [1, 6, 37, 55, 100], "halves are rounded up");

    // Any patches, against sums and counts by hand.
    let (shape, k, s) = ([2, 10, 9], 4, 2);
    let cutter = Cutter::strided(shape, k, s).unwrap();
    let patches = numbers("patches", 3 * cutter.per_image() * cutter.patch_len());
    let found = cutter.fold(&patches, &[0, 1, 2]).unwrap();
    let [c, h, w] = shape;
    let (mut sums, mut times) = (vec![0.0; 3 * c * h * w], vec![0.0; 3 * c * h * w]);
    let mut values = patches.iter();
    for i in 0..3 {
        for p in regular([h, w], k, s) {
            for ch in 0..c {
                for place in 0..k * k {
                    let at = ((i * c + ch) * h + p.row + place / k) * w + p.column + place % k;
                    sums[at] += values.next().unwrap();
                    times[at] += 1.0;
                }
            }
        }
    }
    for ((found, sum), times) in found.iter().zip(sums).zip(times) {
        let expected: f64 = if times == 0.0 { 0.0 } else { sum / times };
        assert!((found - expected).abs() < 1e-12);
    }
}

#[test]
fn tensors_know_their_sizes_and_come_back() {
    let dev = Cpu::seed_from_u64(3);
    let images: Tensor<Rank4<5, 3, 32, 32>, f32, _> = dev.sample_normal();
    // The types are the claim: they are worked out, not given.
    let crops: Tensor<(Const<5>, Const<49>, Const<3>, Const<8>, Const<8>), f32, Cpu> =
        Patches::<8, 4>::cut(&images).unwrap();
    let (image, all) = (images.array()[2], crops.as_vec());
    for (row, column) in [(0, 0), (0, 6), (3, 5), (6, 6)] {
        let crop = &all[(2 * 49 + row * 7 + column) * 3 * 64..];
        for (plane, crop) in image.iter().zip(crop.chunks_exact(64)) {
            for (values, row) in crop.chunks_exact(8).zip(&plane[row * 4..]) {
                assert_eq!(values, &row[column * 4..column * 4 + 8]);
            }
        }
    }
    let back: Tensor<Rank4<5, 3, 32, 32>, f32, _> = Patches::<8, 4>::fold(&crops).unwrap();
    assert_eq!(back.as_vec(), images.as_vec());
    assert_eq!(Patches::<8, 4>::positions(Const::<32>, Const::<32>).unwrap()[8], Position { row: 4, column: 4 });

    // 16x16 at stride 8 of 64x64; the same with a batch, and with sides, that only the run knows.
    let images: Tensor<Rank4<2, 1, 64, 64>, f64, _> = dev.sample_normal();
    let crops: Tensor<Rank5<2, 49, 1, 16, 16>, f64, _> = Patches::<16, 8>::cut(&images).unwrap();
    let batch: Tensor<(usize, Const<1>, Const<64>, Const<64>), f64, _> =
        dev.tensor_from_vec(images.as_vec(), (2, Const, Const, Const));
    let same: Tensor<(usize, Const<49>, Const<1>, Const<16>, Const<16>), f64, _> =
        Patches::<16, 8>::cut(&batch).unwrap();
    assert_eq!(same.as_vec(), crops.as_vec());
    let back: Tensor<(usize, Const<1>, Const<64>, Const<64>), f64, _> = Patches::<16, 8>::fold(&same).unwrap();
    assert_eq!(back.as_vec(), images.as_vec());
    let loose: Tensor<(usize, usize, usize, usize), f64, _> = dev.tensor_from_vec(images.as_vec(), (2, 1, 64, 64));
    let same: Tensor<(usize, usize, usize, Const<16>, Const<16>), f64, _> = Patches::<16, 8>::cut(&loose).unwrap();
    assert_eq!(*same.shape(), (2, 49, 1, Const, Const));
    assert_eq!(same.as_vec(), crops.as_vec());
    assert_eq!(Patches::<16, 8>::fold_to(&same, (64usize, 64usize)).unwrap().as_vec(), images.as_vec());

    // Rectangles, and a view whose memory is not in order.
    let wide: Tensor<Rank4<2, 16, 28, 3>, f32, _> = dev.sample_normal();
    let wide: Tensor<Rank4<2, 3, 16, 28>, f32, _> = wide.permute();
    let quarters: Tensor<Rank5<2, 28, 3, 4, 4>, f32, _> = GridPatches::<4>::cut(&wide).unwrap();
    let back: Tensor<Rank4<2, 3, 16, 28>, f32, _> = GridPatches::<4>::fold(&quarters).unwrap();
    assert_eq!(back.array(), wide.array());

    // Bytes, as they are stored.
    let stored: Tensor<Rank4<1, 1, 28, 28>, u8, _> = dev.tensor_from_vec(bytes(784), Default::default());
    let patches: Tensor<Rank5<1, 16, 1, 7, 7>, u8, _> = GridPatches::<7>::cut(&stored).unwrap();
    assert_eq!(patches.as_vec()[49..56], stored.as_vec()[7..14]);
}

#[test]
fn random_patches_belong_to_their_image() {
    let dev = Cpu::seed_from_u64(4);
    let images: Tensor<Rank4<3, 2, 16, 16>, f32, _> = dev.sample_normal();
    let random = RandomPatches::<4, 6>::new(11);
    let (patches, positions) = random.cut(&images, &[7, 0, 7]).unwrap();
    let values: Vec<u8> = (0..3 * 2 * 16 * 16).map(|i| (i % 251) as u8).collect();
    let expected = naive(&values, [3, 2, 16, 16], 4, |i| positions[i * 6..][..6].to_vec());
    let stored: Tensor<Rank4<3, 2, 16, 16>, u8, _> = dev.tensor_from_vec(values, Default::default());
    assert_eq!(random.cut(&stored, &[7, 0, 7]).unwrap().0.as_vec(), expected);
    // The same index, the same places, whatever the company; another index, seed or epoch, others.
    assert_eq!(positions[..6], positions[12..]);
    assert_ne!(positions[..6], positions[6..12]);
    let one: Tensor<Rank4<1, 2, 16, 16>, f32, _> =
        dev.tensor_from_vec(images.as_vec()[1024..].to_vec(), Default::default());
    let (alone, places) = random.cut(&one, &[7]).unwrap();
    assert_eq!(places, positions[12..]);
    assert_eq!(alone.as_vec(), patches.as_vec()[2 * 6 * 32..]);
    for other in [RandomPatches::<4, 6> { seed: 12, epoch: 0 }, RandomPatches::<4, 6> { seed: 11, epoch: 1 }] {
        assert_ne!(other.cut(&one, &[7]).unwrap().1, places);
    }
    // Every place that fits is drawn about as often.
    let cutter = Cutter::random([1, 6, 5], 4, 6000, 0, 0).unwrap();
    let mut times = [[0; 2]; 3];
    cutter.positions(0).iter().for_each(|p| times[p.row][p.column] += 1);
    assert!(times.iter().flatten().all(|n| (850..1150).contains(n)), "{times:?}");
    // Folding random patches gives back what they show, and nothing else.
    let cutter = Cutter::random([2, 16, 16], 4, 6, 11, 0).unwrap();
    let back = cutter.fold(&alone.as_vec(), &[7]).unwrap();
    let covered = 256 - cutter.uncovered(7);
    assert!((17..=96).contains(&covered));
    assert_eq!(back.iter().zip(one.as_vec()).filter(|(a, b)| *a == b).count(), 2 * covered);
    assert_eq!(back.iter().filter(|v| **v == 0.0).count(), 2 * (256 - covered));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let images = numbers("images", 20 * 3 * 32 * 32).iter().map(|v| *v as f32).collect::<Vec<_>>();
    let indices: Vec<usize> = (40..60).collect();
    let all = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let random = Cutter::random([3, 32, 32], 8, 30, 5, 2).unwrap();
            let patches = random.cut(&images, &indices).unwrap();
            let mean = random.fold(&patches, &indices).unwrap();
            [patches, mean].concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        })
    };
    let one = all(1);
    assert!(one == all(2) && one == all(3));
}

#[test]
fn features_are_refolded_on_the_tape() {
    let dev = Cpu::default();
    let features: Tensor<Rank3<2, 12, 5>, f64, _> = dev.tensor_from_vec(numbers("features", 120), Default::default());
    let map: Tensor<Rank4<2, 5, 3, 4>, f64, _> = Refold::<3, 4>.forward(features.clone());
    let (from, to) = (features.array(), map.array());
    for b in 0..2 {
        for f in 0..5 {
            for p in 0..12 {
                assert_eq!(to[b][f][p / 4][p % 4], from[b][p][f]);
            }
        }
    }
    check_input("refold", &features, |x| Refold::<3, 4>.forward(x));
    let loose = dev.tensor_from_vec(features.as_vec(), (2, 12, Const::<5>));
    assert_eq!(refold(loose, (3, 4)).unwrap().as_vec(), map.as_vec());
    // Patches as a batch and back are in the order of images.
    let x: Tensor<Rank5<2, 3, 1, 2, 2>, f64, _> = dev.tensor_from_vec(numbers("x", 24), Default::default());
    let rows = Flatten::<4>.forward(merge_batch(x.clone()).unwrap());
    assert_eq!(split_batch(rows, (Const::<2>, Const::<3>)).unwrap().as_vec(), x.as_vec());
}

/// A convolution on each crop, refolded, is the convolution of the whole image with the crop's window.
#[test]
fn a_folded_encoder_sees_only_its_crop() {
    let dev = Cpu::seed_from_u64(6);
    let conv = dev.build_module::<builder::Conv2d<3, 6, 8, 4, 0>, f64>();
    let images: Tensor<Rank4<2, 3, 32, 32>, f64, _> = dev.sample_normal();
    let whole = conv.forward(images.clone().leaky_traced());
    let crops = Patches::<8, 4>::cut(&images).unwrap();
    let each = Flatten::<6>.forward(conv.forward(merge_batch(crops.leaky_traced()).unwrap()));
    let map: Tensor<Rank4<2, 6, 7, 7>, f64, Cpu, _> =
        Refold::<7, 7>.forward(split_batch(each, (Const::<2>, Const::<49>)).unwrap());
    assert!(common::relative_error(&map.as_vec(), &whole.as_vec()) < 1e-12);
    // And so are the gradients of its weights.
    let gradients = [map.square().mean().backward(), whole.square().mean().backward()];
    let [folded, plain] = gradients.map(|g| g.get(&conv.weight).as_vec());
    assert!(common::relative_error(&folded, &plain) < 1e-12);
}

#[test]
fn what_cannot_be_cut_is_said() {
    let fails = |result: Result<Cutter, PatchError>, words: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{error}");
    };
    fails(Cutter::grid([1, 28, 28], 0), "patch size is 0");
    fails(Cutter::strided([1, 28, 28], 8, 0), "stride is 0");
    fails(Cutter::random([1, 28, 28], 8, 0, 0, 0), "0 random patches");
    fails(
        Cutter::grid([3, 28, 20], 21),
        "21x21 pixels does not fit an image of 28x20 (height x width): give at most 20",
    );
    fails(Cutter::grid([1, 28, 28], usize::MAX), "does not fit");
    fails(Cutter::random([1, 28, 28], 8, usize::MAX, 0, 0), "over the limit");
    fails(Cutter::strided([3, 4096, 4096], 64, 1), "over the limit");
    fails(Cutter::grid([0, 28, 28], 4), "without channels");
    let cutter = Cutter::grid([1, 8, 8], 4).unwrap();
    let error = cutter.cut(&[0u8; 65], &[0]).unwrap_err().to_string();
    assert_eq!(error, "the images' values are 65 where 1 x 64 are needed");
    let error = cutter.fold(&[0u8; 65], &[0]).unwrap_err().to_string();
    assert_eq!(error, "the patches' values are 65 where 1 x 4 x 16 are needed");
    assert!(cutter.cut::<u8>(&[], &[]).unwrap().is_empty());
    // Sizes that only the run knows are errors, not panics.
    let dev = Cpu::default();
    let small: Tensor<(usize, usize, usize, usize), f32, _> = dev.zeros_like(&(1, 1, 4, 4));
    assert!(matches!(Patches::<8, 4>::cut(&small), Err(PatchError::TooLarge { size: 8, .. })));
    assert!(matches!(Patches::<2, 0>::cut(&small), Err(PatchError::NoStride)));
    assert!(matches!(GridPatches::<0>::positions(4usize, 4usize), Err(PatchError::NoSize)));
    assert!(RandomPatches::<2, 3>::new(0).cut(&small, &[1, 2]).unwrap_err().to_string().contains("indices are 2"));
    let patches: Tensor<(usize, usize, usize, Const<2>, Const<2>), f32, _> = dev.zeros_like(&(1, 3, 1, Const, Const));
    assert!(
        Patches::<2, 2>::fold_to(&patches, (4usize, 4usize)).unwrap_err().to_string().contains("1 x 4 x 4 are needed")
    );
}
