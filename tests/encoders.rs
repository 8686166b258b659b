//! Encoders beside the first two: their tables of layers, what folding keeps apart, and training.

use dfdx::prelude::*;
use infomax::dim::{CoordinateWeights, CriticKind, EncoderKind, Method, ModelConfig, StepInput, Weights, build};
use infomax::encoder::{Encoder, Features};
use infomax::nn::{AdamConfig, Backend, builder};
use infomax::seed::stream;
use rand::Rng;

/// What follows batch norm is rectified, and Y is not.
fn check_signs<N: Encoder<f32, D>, B: Dim, D: Backend<f32>, T>(f: &Features<N, B, f32, D, T>) {
    for rectified in [f.map.as_vec(), f.conv.as_vec(), f.fc.as_vec()] {
        assert!(rectified.iter().all(|&v| v >= 0.0) && rectified.iter().any(|&v| v > 0.0));
    }
    assert!(f.global.as_vec().iter().any(|&v| v < 0.0));
}

/// `basic64x64` of the authors' code: 64, 128, 256, 512 channels, the map 256 x 8 x 8, then 8192 → 1024 → 64.
#[test]
fn layers_are_those_of_the_authors_code() {
    let dev = Cpu::seed_from_u64(0);
    let encoder = dev.build_module::<builder::Dcgan64, f32>();
    let x: Tensor<Rank4<2, 3, 64, 64>, f32, Cpu> = dev.sample_normal();
    let f = encoder.try_encode(x).unwrap();
    check_signs(&f);
    let _: (Tensor<Rank4<2, 256, 8, 8>, f32, Cpu>, Tensor<Rank4<2, 512, 4, 4>, f32, Cpu>) = (f.map, f.conv);
    let _: (Tensor<Rank2<2, 1024>, f32, Cpu>, Tensor<Rank2<2, 64>, f32, Cpu>) = (f.fc, f.global);
    let convolutions = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512);
    let norms = 2 * (64 + 128 + 256 + 512 + 1024);
    assert_eq!(encoder.num_trainable_params(), convolutions + norms + 8192 * 1024 + 1025 * 64);
}

/// `alex64x64`: the map 384 x 15 x 15, the last convolution 192 x 7 x 7, two hidden layers of 4096: 58.4 million numbers.
#[test]
fn alexnet_is_the_papers() {
    let dev = Cpu::seed_from_u64(0);
    let encoder = dev.build_module::<builder::Alexnet64, f32>();
    let x: Tensor<Rank4<2, 3, 64, 64>, f32, Cpu> = dev.sample_normal();
    let f = encoder.try_encode(x).unwrap();
    check_signs(&f);
    let _: (Tensor<Rank4<2, 384, 15, 15>, f32, Cpu>, Tensor<Rank4<2, 192, 7, 7>, f32, Cpu>) = (f.map, f.conv);
    let _: (Tensor<Rank2<2, 4096>, f32, Cpu>, Tensor<Rank2<2, 64>, f32, Cpu>) = (f.fc, f.global);
    let convolutions = 9 * (3 * 96 + 96 * 192 + 192 * 384 + 384 * 384 + 384 * 192);
    let norms = 2 * (96 + 192 + 384 + 384 + 192 + 4096 + 4096);
    let linear = 9408 * 4096 + 4096 * 4096 + 4097 * 64;
    assert_eq!(encoder.num_trainable_params(), convolutions + norms + linear);
    assert_eq!(encoder.num_trainable_params(), 58_416_160);
}

/// Numbers of a bottleneck's path, and of its shortcut where it widens.
fn bottleneck(i: usize, m: usize, o: usize) -> usize {
    let shortcut = if i == o { 0 } else { i * o + 2 * o };
    i * m + 9 * m * m + m * o + 2 * (2 * m + o) + shortcut
}

/// `resnet19_32x32` and `foldresnet19_32x32`: 19 layers, with the map 512 x 8 x 8, or 1024 x 7 x 7 on crops.
#[test]
fn residual_encoders_are_those_of_the_authors_code() {
    let dev = Cpu::seed_from_u64(0);
    let x: Tensor<Rank4<2, 3, 32, 32>, f32, Cpu> = dev.sample_normal();
    let whole = dev.build_module::<builder::Resnet19, f32>();
    let f = whole.try_encode(x.clone()).unwrap();
    check_signs(&f);
    let _: (Tensor<Rank4<2, 512, 8, 8>, f32, Cpu>, Tensor<Rank4<2, 1024, 4, 4>, f32, Cpu>) = (f.map, f.conv);
    let _: (Tensor<Rank2<2, 1024>, f32, Cpu>, Tensor<Rank2<2, 64>, f32, Cpu>) = (f.fc, f.global);
    let [a, b, c] = [(64, 64, 256), (256, 128, 512), (512, 256, 1024)];
    let blocks: usize = [a, b, c].iter().map(|&(i, m, o)| bottleneck(i, m, o) + bottleneck(o, m, o)).sum();
    let layers = 27 * 64 + 2 * 64 + blocks + 2 * 1024 + 1025 * 64;
    assert_eq!(whole.num_trainable_params(), layers + 16 * 1024 * 1024);

    let folded = dev.build_module::<builder::FoldResnet19, f32>();
    let f = folded.try_encode(x).unwrap();
    check_signs(&f);
    let _: (Tensor<Rank4<2, 1024, 7, 7>, f32, Cpu>, Tensor<Rank4<2, 1024, 7, 7>, f32, Cpu>) = (f.map, f.conv);
    assert_eq!(folded.num_trainable_params(), layers + 49 * 1024 * 1024);
}

/// In a folded encoder a location has seen its crop alone: the map is the crops' vectors, and a pixel moves only those of
/// the crops that it is in.
#[test]
fn a_folded_location_sees_its_crop() {
    type Narrow = builder::FoldResnet19<3, 4, 2, 4, 3, 6, 4, 8, 16, 4>;
    let dev = Cpu::seed_from_u64(1);
    let mut encoder = dev.build_module::<Narrow, f32>();
    let x: Tensor<Rank4<2, 3, 32, 32>, f32, Cpu> = dev.sample_normal();
    // Statistics that are not those of the start.
    for _ in 0..3 {
        encoder.try_encode_train(x.clone().leaky_traced()).unwrap();
    }
    let map = encoder.try_encode(x.clone()).unwrap().map.as_vec();
    let at = |map: &[f32], image: usize, row: usize, column: usize| -> Vec<f32> {
        (0..8).map(|c| map[((image * 8 + c) * 7 + row) * 7 + column]).collect()
    };
    let pixels = x.as_vec();
    let crop = |image: usize, row: usize, column: usize| -> Vec<f32> {
        let place = |i: usize| (i / 64, 4 * row + i % 64 / 8, 4 * column + i % 8);
        (0..3 * 64).map(place).map(|(c, y, x)| pixels[((image * 3 + c) * 32 + y) * 32 + x]).collect()
    };
    for (image, row, column) in [(0, 0, 0), (0, 3, 5), (1, 6, 2)] {
        let crop = dev.tensor_from_vec(crop(image, row, column), (1usize, Const::<3>, Const::<8>, Const::<8>));
        let alone = encoder.crops.each.forward(crop).as_vec();
        let folded = at(&map, image, row, column);
        assert!(alone.iter().zip(&folded).all(|(a, b)| (a - b).abs() < 1e-5), "{alone:?} {folded:?}");
    }
    // Pixel (5, 13) of the second image is in the crops of rows 0 and 1, columns 2 and 3.
    let mut moved = pixels.clone();
    moved[(3 * 32 + 5) * 32 + 13] += 3.0;
    let moved = dev.tensor_from_vec(moved, x.shape().to_owned());
    let after = encoder.try_encode(moved).unwrap().map.as_vec();
    for (image, row, column) in (0..2 * 49).map(|i| (i / 49, i % 49 / 7, i % 7)) {
        let same = at(&map, image, row, column) == at(&after, image, row, column);
        let seen = image == 1 && row <= 1 && (2..=3).contains(&column);
        assert_eq!(same, !seen, "image {image}, location {row}, {column}");
    }
}

fn config(method: Method, encoder: EncoderKind) -> ModelConfig {
    ModelConfig { method, adam: AdamConfig { lr: 1e-3, ..AdamConfig::default() }, ..ModelConfig::new(encoder) }
}

#[test]
fn networks_around_it_have_their_sizes() {
    assert_eq!(EncoderKind::for_image([3, 64, 64]), Some(EncoderKind::Dcgan64));
    for (kind, [c1, c2, c3, c4]) in
        [(EncoderKind::Dcgan64, [64, 128, 256, 512]), (EncoderKind::Dcgan64Narrow, [16, 32, 64, 128])]
    {
        let others = |method| build(&config(method, kind), 5).unwrap().parameters()[1];
        let decoder = 64 * 1024 + 2 * 1024 + 1024 * 16 * c4 + 16 * (c4 * c3 + c3 * c2 + c2 * c1 + c1 * 3);
        let decoder = decoder + 2 * (c4 + c3 + c2 + c1);
        assert_eq!(others(Method::Autoencoder), decoder, "{kind:?}");
        assert_eq!(others(Method::Vae), decoder + 1025 * 64, "{kind:?}");
        let model = build(&config(Method::Dim, kind), 5).unwrap();
        assert_eq!((model.image(), model.global_size()), ([3, 64, 64], 64));
        // The same root begins with the same encoder, whatever trains it.
        let encoder = |method| build(&config(method, kind), 5).unwrap().arrays()["encoder.conv4.0.weight"].clone();
        assert_eq!(encoder(Method::Dim), encoder(Method::Vae));
    }
    // Settings are read by the names that files have.
    let text = toml::to_string(&config(Method::Dim, EncoderKind::Dcgan64Narrow)).unwrap();
    assert!(text.contains("encoder = \"dcgan64-narrow\""), "{text}");
    for kind in EncoderKind::ALL {
        let text = toml::to_string(&config(Method::Dim, kind)).unwrap();
        assert!(text.contains(&format!("encoder = \"{}\"", kind.name())), "{text}");
    }
    let cmc = config(Method::Cmc { temperature: 0.07 }, EncoderKind::Resnet19);
    let refused = build(&cmc, 0).err().unwrap().to_string();
    assert!(refused.contains("no half of resnet19"), "{refused}");
}

/// All terms of the loss have networks for the sides of all maps.
#[test]
fn every_encoder_takes_every_term() {
    for kind in EncoderKind::ALL {
        let with = ModelConfig {
            weights: Weights { alpha: 0.5, beta: 1.0, gamma: 0.1 },
            coordinates: CoordinateWeights { absolute: 1.0, relative: 1.0 },
            ..config(Method::Dim, kind)
        };
        let arrays = build(&with, 5).unwrap().arrays();
        let rows = |name: &str| arrays[&format!("{name}.axes.row.weight")].shape[0];
        let side = kind.map_side();
        assert_eq!([rows("absolute_coordinates"), rows("relative_coordinates")], [side, 2 * side - 1], "{kind:?}");
        let map = &arrays["global.map.weight"].shape;
        assert_eq!(map[2..], [side, side], "{kind:?}");
        assert_eq!(map[1], arrays["local.local.first.weight"].shape[1], "{kind:?}");
    }
}

#[test]
fn deep_infomax_and_autoencoders_learn_on_it() {
    let mut rng = stream(1, "test images", 0);
    // Images of one colour each, with noise: there is something to tell of them.
    let mut images = |batch: usize, area: usize| -> Vec<f32> {
        let image = |_| {
            let colour: [f32; 3] = std::array::from_fn(|_| rng.gen_range(-0.8..0.8));
            (0..3 * area).map(|i| colour[i / area] + rng.gen_range(-0.1..0.1)).collect::<Vec<_>>()
        };
        (0..batch).flat_map(image).collect()
    };
    for (method, kind, critic, batch, steps) in [
        (Method::Dim, EncoderKind::Dcgan64Narrow, CriticKind::Dot, 8, 12),
        (Method::Dim, EncoderKind::Dcgan64Narrow, CriticKind::Concat, 8, 12),
        (Method::Vae, EncoderKind::Dcgan64Narrow, CriticKind::Dot, 8, 12),
        (Method::Dim, EncoderKind::Dcgan64, CriticKind::Dot, 8, 12),
        (Method::Dim, EncoderKind::Alexnet64, CriticKind::Dot, 4, 5),
        (Method::Dim, EncoderKind::Resnet19, CriticKind::DotResidual, 8, 8),
        (Method::Autoencoder, EncoderKind::Resnet19, CriticKind::Dot, 8, 8),
        (Method::Dim, EncoderKind::FoldResnet19, CriticKind::Dot, 8, 8),
    ] {
        let mut model = build(&ModelConfig { critic, ..config(method, kind) }, 3).unwrap();
        let [_, side, _] = kind.image();
        assert_eq!(model.image(), kind.image());
        let pixels = images(batch, side * side);
        let mut losses = Vec::new();
        for step in 0..steps {
            let noise = model.noise().draw(batch, 64, &mut stream(3, "noise", step as u64));
            let input = StepInput { batch, pixels: pixels.clone(), noise, ..StepInput::default() };
            losses.push(model.step(input).unwrap().loss);
        }
        assert!(losses[steps - 1] < losses[0], "{method:?} {kind:?}: {losses:?}");
    }
}
