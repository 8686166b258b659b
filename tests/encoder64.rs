//! The encoder for 64x64 images: its table of layers, and training in both widths.

use dfdx::prelude::*;
use infomax::dim::{CriticKind, EncoderKind, Method, ModelConfig, StepInput, build};
use infomax::encoder::Encoder;
use infomax::nn::{AdamConfig, builder};
use infomax::seed::stream;
use rand::Rng;

/// `basic64x64` of the authors' code: 64, 128, 256, 512 channels, the map 256 x 8 x 8, then 8192 → 1024 → 64.
#[test]
fn layers_are_those_of_the_authors_code() {
    let dev = Cpu::seed_from_u64(0);
    let encoder = dev.build_module::<builder::Dcgan64, f32>();
    let x: Tensor<Rank4<2, 3, 64, 64>, f32, Cpu> = dev.sample_normal();
    let f = encoder.try_encode(x).unwrap();
    let (map, conv): (Tensor<Rank4<2, 256, 8, 8>, f32, Cpu>, Tensor<Rank4<2, 512, 4, 4>, f32, Cpu>) = (f.map, f.conv);
    let (fc, global): (Tensor<Rank2<2, 1024>, f32, Cpu>, Tensor<Rank2<2, 64>, f32, Cpu>) = (f.fc, f.global);
    // What follows batch norm is rectified, and Y is not.
    for rectified in [map.as_vec(), conv.as_vec(), fc.as_vec()] {
        assert!(rectified.iter().all(|&v| v >= 0.0) && rectified.iter().any(|&v| v > 0.0));
    }
    assert!(global.as_vec().iter().any(|&v| v < 0.0));
    let convolutions = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512);
    let norms = 2 * (64 + 128 + 256 + 512 + 1024);
    assert_eq!(encoder.num_trainable_params(), convolutions + norms + 8192 * 1024 + 1025 * 64);
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
    let concat = ModelConfig { critic: CriticKind::Concat, ..config(Method::Dim, EncoderKind::Dcgan64Narrow) };
    let refused = build(&concat, 0).err().unwrap().to_string();
    assert!(refused.contains("dcgan64-narrow comes with the dot critic"), "{refused}");
}

#[test]
fn deep_infomax_and_autoencoders_learn_on_it() {
    let batch = 8;
    let mut rng = stream(1, "test images", 0);
    // Images of one colour each, with noise: there is something to tell of them.
    let pixels: Vec<f32> = (0..batch)
        .flat_map(|_| {
            let colour: [f32; 3] = std::array::from_fn(|_| rng.gen_range(-0.8..0.8));
            let noise: Vec<f32> = (0..3 * 64 * 64).map(|_| rng.gen_range(-0.1..0.1)).collect();
            noise.into_iter().enumerate().map(move |(i, n)| colour[i / (64 * 64)] + n).collect::<Vec<_>>()
        })
        .collect();
    for (method, kind) in [
        (Method::Dim, EncoderKind::Dcgan64Narrow),
        (Method::Vae, EncoderKind::Dcgan64Narrow),
        (Method::Dim, EncoderKind::Dcgan64),
    ] {
        let mut model = build(&config(method, kind), 3).unwrap();
        let mut losses = Vec::new();
        for step in 0..12 {
            let noise = model.noise().draw(batch, 64, &mut stream(3, "noise", step));
            let input = StepInput { batch, pixels: pixels.clone(), noise, ..StepInput::default() };
            losses.push(model.step(input).unwrap().loss);
        }
        assert!(losses[11] < losses[0], "{method:?} {kind:?}: {losses:?}");
    }
}
