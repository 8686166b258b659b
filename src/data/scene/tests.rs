//! Pictures against geometry, factors against each other.

use super::model::Model;
use super::place::{Material, shapes};
use super::solid::Solid;
use super::vector::{Affine, Vec3, v};
use super::*;
use crate::data::Split;
use rayon::prelude::*;
use std::collections::HashSet;

fn config(variant: &str, size: usize, objects: usize) -> SceneConfig {
    SceneConfig { variant: variant.parse().unwrap(), size, objects, seed: 5 }
}

/// A scene of these solids, each in its own frame and of its own class.
fn made(size: usize, solids: &[(Solid, Affine)]) -> Scene {
    let material = Material { texture: None, tint: [0.5; 3], over: 0.0 };
    let objects = solids.iter().enumerate().map(|(class, &(solid, frame))| {
        let mut model = Model::default();
        model.add(solid, Affine::IDENTITY);
        SceneObject { class, shape: 0, pose: 0, frame, material, model }
    });
    Scene { objects: objects.collect(), size, light: v(0.0, 0.0, 1.5), background: material }
}

/// The ray of a pixel by the camera's description alone: at (1, 0, 0.4), looking at the origin, z up, 50 mm before 36.
fn ray(size: usize, pixel: usize) -> (Vec3, Vec3) {
    let eye = v(1.0, 0.0, 0.4);
    let ahead = eye * (-1.0 / (1.16f32).sqrt());
    let (right, up) = (v(0.0, 1.0, 0.0), v(-0.4, 0.0, 1.0) * (1.0 / (1.16f32).sqrt()));
    let place = |k: usize| ((k as f32 + 0.5) / size as f32 - 0.5) * 36.0 / 50.0;
    (eye, ahead + right * place(pixel % size) - up * place(pixel / size))
}

/// Depths and classes are those of closed forms: a ball, an ellipsoid and a turned box, alone and together.
#[test]
fn depth_and_mask_are_those_of_closed_forms() {
    let turned = Affine::euler(0.4, -0.7, 1.1);
    let half = v(0.2, 0.1, 0.15);
    let ball = (Solid::Ball, Affine::at(v(0.1, -0.12, 0.05)).after(&Affine::scale(Vec3::ONE * 0.17)));
    let stretched = Affine::at(v(0.0, 0.1, 0.0)).after(&turned).after(&Affine::scale(v(0.08, 0.24, 0.15)));
    let egg = (Solid::Ball, stretched);
    let block = (Solid::Block { half, round: 0.0 }, Affine::at(v(-0.1, 0.05, -0.05)).after(&turned));
    // How far along a ray the surface is, by formula, and whether the ray only just touches it.
    let exact = |(solid, frame): &(Solid, Affine), (eye, direction): (Vec3, Vec3)| -> (Option<f32>, bool) {
        let inverse = frame.inverse();
        let (o, d) = (inverse.point(eye), inverse.vector(direction));
        if *solid == Solid::Ball {
            let (a, b, c) = (d.dot(d), o.dot(d), o.dot(o) - 1.0);
            let under = b * b - a * c;
            return ((under > 0.0).then(|| (-b - under.sqrt()) / a), under.abs() < 0.01 * a);
        }
        let (mut enter, mut leave) = (f32::MIN, f32::MAX);
        for (o, d, h) in [(o.x, d.x, half.x), (o.y, d.y, half.y), (o.z, d.z, half.z)] {
            let (a, b) = ((-h - o) / d, (h - o) / d);
            (enter, leave) = (enter.max(a.min(b)), leave.min(a.max(b)));
        }
        ((enter < leave).then_some(enter), (enter - leave).abs() < 2e-3)
    };
    for solids in [vec![ball], vec![egg], vec![block], vec![ball, egg, block]] {
        for size in SIDES {
            let image = made(size, &solids).render();
            let mut hits = 0;
            for pixel in 0..size * size {
                let all: Vec<_> = solids.iter().map(|s| exact(s, ray(size, pixel))).collect();
                if all.iter().any(|(_, touches)| *touches) {
                    continue;
                }
                let first = (0..all.len()).filter_map(|i| Some((all[i].0?, i))).min_by(|a, b| a.0.total_cmp(&b.0));
                match first {
                    None => assert!(image.mask[pixel] == 0 && image.depth[pixel] == f32::INFINITY, "{pixel}"),
                    Some((depth, i)) => {
                        hits += 1;
                        assert!((image.depth[pixel] - depth).abs() < 1e-3, "{pixel}: {} {depth}", image.depth[pixel]);
                        let others = all.iter().enumerate().filter(|&(k, _)| k != i).filter_map(|(_, a)| a.0);
                        let is_tie = others.into_iter().any(|d| (d - depth).abs() < 1e-3);
                        assert!(is_tie || image.mask[pixel] == 1 + i as u8, "{pixel}: {} {i}", image.mask[pixel]);
                    }
                }
            }
            assert!(hits > size * size / 30, "{hits} of {size}²");
        }
    }
}

/// Of drawn scenes: a pixel has a class where its depth is finite; there the point is on the surface of an object of that
/// class, and nothing is before it. Elsewhere the whole ray is free.
#[test]
fn depth_and_mask_are_those_of_the_shapes() {
    for (index, objects) in [(0, 1), (1, 1), (2, 1), (3, 4), (4, 4)] {
        let scene = Scene::draw(&config("TCVL", 64, objects), Split::Train, index).unwrap();
        let image = scene.render();
        // The largest of all distances along a ray is at most this far from what it is at 0.
        let parts: Vec<(usize, Solid, Affine, f32)> = scene
            .objects
            .iter()
            .flat_map(|o| o.model.parts.iter().map(|p| (o.class, p.solid, o.frame.after(&p.frame))))
            .map(|(class, solid, frame)| {
                let stretch = [frame.x, frame.y, frame.z].map(Vec3::length).into_iter().fold(0.0, f32::max);
                (class, solid, frame.inverse(), stretch)
            })
            .collect();
        let nearest = |p: Vec3, class: Option<usize>| {
            let of = parts.iter().filter(|(c, ..)| class.is_none_or(|class| class == *c));
            of.map(|(_, solid, local, stretch)| solid.distance(local.point(p)) * stretch).fold(f32::MAX, f32::min)
        };
        let mut covered = 0;
        for pixel in 0..64 * 64 {
            let (eye, direction) = ray(64, pixel);
            let (mask, depth) = (image.mask[pixel], image.depth[pixel]);
            assert_eq!(mask > 0, depth.is_finite());
            assert!(mask == 0 || scene.objects.iter().any(|o| o.class + 1 == usize::from(mask)));
            if mask > 0 {
                covered += 1;
                let there = nearest(eye + direction * depth, Some(usize::from(mask) - 1));
                assert!(there.abs() < 2e-3, "{index} {pixel}: {there}");
            }
            if pixel % 7 == 0 {
                let free = depth.min(2.5) - 2e-3;
                let deepest = (0..500).map(|i| 0.4 + i as f32 * 0.004).filter(|&t| t < free);
                let deepest = deepest.map(|t| nearest(eye + direction * t, None)).fold(f32::MAX, f32::min);
                assert!(deepest > -2e-3, "{index} {pixel}: {deepest}");
            }
        }
        assert!((100..3500).contains(&covered), "{index}: {covered}");
    }
}

#[test]
fn the_same_bits_whatever_the_number_of_threads() {
    let config = config("TCVL", 64, 1);
    let render = |threads: usize| -> Vec<Rendered> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let one = |i| Scene::draw(&config, Split::Train, i).unwrap().render();
        pool.install(|| (0..40u64).into_par_iter().map(one).collect())
    };
    let first = render(1);
    assert!(first == render(2) && first == render(3));
    let different: HashSet<&[u8]> = first.iter().map(|i| i.pixels.as_slice()).collect();
    assert_eq!(different.len(), 40);
    let other = Scene::draw(&SceneConfig { seed: 6, ..config }, Split::Train, 0).unwrap().render();
    assert_ne!(other.pixels, first[0].pixels);
}

/// Pearson's chi-square of a table of counts.
fn chi_square<const R: usize, const C: usize>(counts: &[[f64; C]; R]) -> f64 {
    let total: f64 = counts.iter().flatten().sum();
    let column = |c: usize| counts.iter().map(|row| row[c]).sum::<f64>();
    counts
        .iter()
        .map(|row| {
            let sum: f64 = row.iter().sum();
            let cell = |c: usize| (row[c] - sum * column(c) / total).powi(2) / (sum * column(c) / total);
            (0..C).map(cell).sum::<f64>()
        })
        .sum()
}

/// Which of six hues a colour has.
fn hue([r, g, b]: [f32; 3]) -> usize {
    let order = [r >= g, g >= b, b >= r];
    order.iter().enumerate().map(|(i, &o)| usize::from(o) << i).sum::<usize>().clamp(1, 6) - 1
}

#[test]
fn factors_are_independent_when_the_switches_say_so() {
    let drawn = |variant: &str| -> Vec<Scene> {
        let config = config(variant, 64, 1);
        (0..4000).into_par_iter().map(|i| Scene::draw(&config, Split::Train, i).unwrap()).collect()
    };
    let (free, tied) = (drawn("TCVL"), drawn("T-VL"));
    let class_and_pose = |scenes: &[Scene]| {
        let mut counts = [[0.0; POSES]; 10];
        scenes.iter().for_each(|s| counts[s.objects[0].class][s.objects[0].pose] += 1.0);
        counts
    };
    let class_and_hue = |scenes: &[Scene]| {
        let mut counts = [[0.0; 6]; 10];
        scenes.iter().for_each(|s| counts[s.objects[0].class][hue(s.objects[0].material.tint)] += 1.0);
        counts
    };
    let class_and_lamp = |scenes: &[Scene]| {
        let mut counts = [[0.0; 4]; 10];
        let side = |l: Vec3| usize::from(l.y > 0.0) + 2 * usize::from(l.z > 0.0);
        scenes.iter().for_each(|s| counts[s.objects[0].class][side(s.light)] += 1.0);
        counts
    };
    let pose_and_hue = |scenes: &[Scene]| {
        let mut counts = [[0.0; 6]; POSES];
        scenes.iter().for_each(|s| counts[s.objects[0].pose][hue(s.objects[0].material.tint)] += 1.0);
        counts
    };
    // 99.9 % quantiles of chi-square with 36, 45, 27 and 20 degrees of freedom.
    for (what, found, limit) in [
        ("class and pose", chi_square(&class_and_pose(&free)), 67.99),
        ("class and colour", chi_square(&class_and_hue(&free)), 80.08),
        ("class and lamp", chi_square(&class_and_lamp(&free)), 55.48),
        ("pose and colour", chi_square(&pose_and_hue(&free)), 45.31),
        ("class and pose, colour tied", chi_square(&class_and_pose(&tied)), 67.99),
    ] {
        assert!(found < limit, "{what}: {found}");
    }
    assert!(chi_square(&class_and_hue(&tied)) > 2000.0);
    let classes = class_and_pose(&free).map(|row| row.iter().sum::<f64>());
    assert!(classes.iter().all(|&n| (330.0..470.0).contains(&n)), "{classes:?}");
    let poses: Vec<f64> = (0..POSES).map(|p| class_and_pose(&free).iter().map(|row| row[p]).sum()).collect();
    // Up: 1 − exp(−(π/8)²/(2·0.5²)) = 26.5 %, were the angles small; the others share the rest.
    assert!((poses[0] / 4000.0 - 0.265).abs() < 0.03 && poses.iter().all(|&n| n > 500.0), "{poses:?}");
}

#[test]
fn a_switch_changes_what_it_names_and_nothing_else() {
    let draw = |variant: &str| Scene::draw(&config(variant, 64, 4), Split::Test, 11).unwrap();
    let all = draw("TCVL");
    for variant in ["----", "T---", "-C--", "--V-", "---L", "TCV-", "-CVL"] {
        let scene = draw(variant);
        for (a, b) in all.objects.iter().zip(&scene.objects) {
            assert_eq!((a.class, a.shape, &a.model, a.frame.shift), (b.class, b.shape, &b.model, b.frame.shift));
            let turned = |v: &str| v.contains('V');
            assert_eq!(a.frame == b.frame, turned(variant), "{variant}");
            assert_eq!(b.material.texture.is_some(), variant.contains('T'));
            assert_eq!(a.material.tint == b.material.tint, variant.contains('C'));
            assert!(turned(variant) || b.pose == 0);
        }
        assert_eq!(scene.background.texture.is_some(), variant.contains('T'));
        assert_eq!(all.light == scene.light, variant.contains('L'), "{variant}");
        let (image, other) = (scene.render(), draw("TCVL").render());
        assert_eq!(image.mask == other.mask && image.depth == other.depth, variant.contains('V'));
        assert_ne!(image.pixels, other.pixels);
    }
}

#[test]
fn splits_share_no_shape() {
    let config = config("TCVL", 64, 1);
    let mut seen = Vec::new();
    for split in [Split::Train, Split::Validation, Split::Test] {
        let numbers = shapes(split).unwrap();
        let drawn: HashSet<(usize, u64)> = (0..3000)
            .map(|i| Scene::draw(&config, split, i).unwrap().objects.swap_remove(0))
            .map(|o| (o.class, o.shape))
            .collect();
        assert!(drawn.iter().all(|(_, shape)| numbers.contains(shape)) && drawn.len() > 1500, "{split:?}");
        seen.push((numbers, drawn));
    }
    for (i, (numbers, drawn)) in seen.iter().enumerate() {
        for (others, also) in &seen[i + 1..] {
            assert!(numbers.end <= others.start || others.end <= numbers.start);
            assert!(drawn.is_disjoint(also));
        }
    }
    let error = Scene::draw(&config, Split::Unlabeled, 0).unwrap_err().to_string();
    assert!(error.contains("train, valid and test"), "{error}");
}

#[test]
fn variants_are_read_and_what_is_wrong_is_said() {
    for (text, shown) in [("TCVL", "TCVL"), ("1001", "T--L"), ("-", "----"), ("vl", "--VL"), ("---L", "---L")] {
        assert_eq!(text.parse::<Variant>().unwrap().to_string(), shown);
    }
    for text in ["", "X", "TT", "12", "T C"] {
        let error = text.parse::<Variant>().unwrap_err().to_string();
        assert!(error.contains("T (texture)") && !error.contains('\n'), "{error}");
    }
    let all = SceneConfig::default();
    for (config, said) in [
        (SceneConfig { size: 48, ..all }, "64 and 128"),
        (SceneConfig { objects: 0, ..all }, "1 to 4"),
        (SceneConfig { objects: 5, ..all }, "1 to 4"),
    ] {
        let error = Scene::draw(&config, Split::Train, 0).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert!(Scene::draw_of(&all, Split::Train, 0, Some(10)).is_err());
}
