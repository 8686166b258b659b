//! Values and gradients against PyTorch's, in f64. `tests/reference/make_reference.py` made them.

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use ::safetensors::SafeTensors;
use common::{parameters, relative_error, set};
use dfdx::prelude::*;
use infomax::mi::bound::{BoundKind, ScoreSizes};
use infomax::mi::critic::Critic;
use infomax::mi::{Pairing, Scores};
use infomax::nn::{Adam, AdamConfig, AvgPool2d, AvgPoolGlobal, MaxPool2d, builder};
use std::collections::HashMap;

/// Both sides are f64 and differ in the order of their sums.
const TOLERANCE: f64 = 1e-10;

/// The tensors of one case, by name.
struct Case(HashMap<String, Vec<f64>>);

impl Case {
    fn read(case: &str) -> Self {
        let file = std::fs::read("tests/reference/reference.safetensors").expect("run from the crate's root");
        let tensors = SafeTensors::deserialize(&file).expect("a safetensors file");
        let prefix = format!("{case}.");
        let numbers = |data: &[u8]| data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        let found: HashMap<_, _> = tensors
            .tensors()
            .into_iter()
            .filter_map(|(name, view)| Some((name.strip_prefix(&prefix)?.to_owned(), numbers(view.data()))))
            .collect();
        assert!(!found.is_empty(), "no case {case}");
        Self(found)
    }

    fn get(&self, name: &str) -> &[f64] {
        &self.0[name]
    }

    fn tensor<S: ConstShape>(&self, name: &str) -> Tensor<S, f64, Cpu> {
        Cpu::default().tensor_from_vec(self.get(name).to_vec(), S::default())
    }

    fn expect(&self, name: &str, found: &[f64]) {
        let error = relative_error(found, self.get(name));
        assert!(error < TOLERANCE, "{name} is off by {error:e}");
    }

    /// Checks an output, and the gradients of the input and of parameters, given as (our path, torch's name).
    fn check<S: ConstShape, O: Shape, M: TensorCollection<f64, Cpu>>(
        &self,
        input: &str,
        x: &Tensor<S, f64, Cpu>,
        module: &M,
        names: &[(&str, &str)],
        y: Tensor<O, f64, Cpu, OwnedTape<f64, Cpu>>,
    ) {
        self.expect("y", &y.as_vec());
        let gy = Cpu::default().tensor_from_vec(self.get("gy").to_vec(), *y.shape());
        let mut grads = (y * gy).sum::<Rank0, _>().backward();
        self.expect(&format!("g_{input}"), &grads.get(x).as_vec());
        let found = parameters(module, Some(&mut grads));
        assert_eq!(found.len(), names.len());
        for (path, _, gradient) in found {
            let (_, torch) = names.iter().find(|(ours, _)| *ours == path).expect("every parameter is named");
            self.expect(&format!("g_{torch}"), &gradient);
        }
    }

    /// A module with torch's parameters, checked on the tensor `input`.
    fn module<B, S, O>(&self, input: &str, names: &[(&str, &str)]) -> B::Built
    where
        S: ConstShape,
        O: Shape,
        B: BuildOnDevice<Cpu, f64>,
        B::Built: TensorCollection<f64, Cpu>
            + ModuleMut<Tensor<S, f64, Cpu, OwnedTape<f64, Cpu>>, Output = Tensor<O, f64, Cpu, OwnedTape<f64, Cpu>>>,
    {
        let mut module = Cpu::default().build_module::<B, f64>();
        for (ours, torch) in names {
            set(&mut module, ours, self.get(torch));
        }
        let x: Tensor<S, f64, Cpu> = self.tensor(input);
        let y = module.forward_mut(x.clone().leaky_traced());
        self.check(input, &x, &module, names, y);
        module
    }
}

const WEIGHT: &[(&str, &str)] = &[("weight", "w")];

#[test]
fn convolutions() {
    Case::read("conv_a").module::<builder::Conv2d<2, 5, 4, 2, 1>, Rank4<3, 2, 8, 8>, _>("x", WEIGHT);
    Case::read("conv_b").module::<builder::Conv2d<3, 4, 5, 2, 2>, Rank4<2, 3, 7, 7>, _>("x", WEIGHT);
    Case::read("conv_c").module::<builder::Conv2d<4, 3, 3, 1, 1>, Rank4<2, 4, 6, 6>, _>("x", WEIGHT);
    Case::read("conv_d").module::<builder::Conv2d<3, 4, 1>, Rank4<2, 3, 5, 5>, _>("x", WEIGHT);
    Case::read("deconv_a").module::<builder::ConvTranspose2d<4, 3, 4, 2, 1>, Rank4<2, 4, 4, 4>, _>("x", WEIGHT);
    Case::read("deconv_b").module::<builder::ConvTranspose2d<3, 2, 3, 1, 1>, Rank4<2, 3, 5, 5>, _>("x", WEIGHT);
}

#[test]
fn pooling() {
    Case::read("max_a").module::<MaxPool2d<3, 2>, Rank4<2, 3, 9, 9>, _>("x", &[]);
    Case::read("max_b").module::<MaxPool2d<3, 2, 1>, Rank4<2, 3, 8, 8>, _>("x", &[]);
    Case::read("avg_a").module::<AvgPool2d<2, 2>, Rank4<2, 3, 8, 8>, _>("x", &[]);
    Case::read("avg_b").module::<AvgPool2d<3, 2, 1>, Rank4<2, 3, 8, 8>, _>("x", &[]);
    Case::read("global_avg").module::<AvgPoolGlobal, Rank4<2, 3, 5, 4>, Rank2<2, 3>>("x", &[]);
}

#[test]
fn linear_layers_and_layer_norm() {
    let both = &[("weight", "weight"), ("bias", "bias")];
    Case::read("linear").module::<builder::Linear<5, 4>, Rank2<7, 5>, _>("input", both);
    Case::read("flat_linear").module::<builder::FlattenLinear<2, 4, 4, 5>, Rank4<3, 2, 4, 4>, _>("x", WEIGHT);
    let both = &[("scale", "weight"), ("bias", "bias")];
    Case::read("layer_norm").module::<builder::LayerNorm<8>, Rank2<6, 8>, _>("x", both);
}

macro_rules! batch_norm {
    ($case:literal, $builder:ty, $shape:ty) => {
        let case = Case::read($case);
        let mut module = Cpu::default().build_module::<$builder, f64>();
        for (ours, torch) in [("scale", "weight"), ("bias", "bias"), ("running_mean", "mean0"), ("running_var", "var0")]
        {
            set(&mut module, ours, case.get(torch));
        }
        let x: Tensor<$shape, f64, Cpu> = case.tensor("x");
        let y = module.forward_mut(x.clone().leaky_traced());
        case.check("x", &x, &module, &[("scale", "weight"), ("bias", "bias")], y);
        case.expect("mean1", &module.running_mean.as_vec());
        case.expect("var1", &module.running_var.as_vec());
        case.expect("eval", &module.forward(x).as_vec());
    };
}

#[test]
fn batch_norm_in_training_and_evaluation() {
    batch_norm!("bn1", builder::BatchNorm1d<5>, Rank2<6, 5>);
    batch_norm!("bn1_relu", builder::BatchNorm1d<5, true>, Rank2<6, 5>);
    batch_norm!("bn2", builder::BatchNorm2d<3>, Rank4<4, 3, 5, 5>);
    batch_norm!("bn2_relu", builder::BatchNorm2d<3, true>, Rank4<4, 3, 5, 5>);
}

#[test]
fn adam() {
    let plain = AdamConfig { lr: 1e-2, ..AdamConfig::default() };
    for (name, config) in [
        ("adam", plain),
        ("adam_l2", AdamConfig { l2: 0.1, ..plain }),
        ("adam_decoupled", AdamConfig { decoupled: 0.1, ..plain }),
    ] {
        let case = Case::read(name);
        let mut p: Tensor<Rank1<17>, f64, Cpu> = case.tensor("p0");
        let mut adam = Adam::new(&p, config).unwrap();
        for t in 1..=5 {
            let mut grads = Gradients::leaky();
            grads.get_or_alloc_mut(&p).unwrap().copy_from_slice(case.get(&format!("g{t}")));
            adam.update(&mut p, &mut grads).unwrap();
            case.expect(&format!("p{t}"), &p.as_vec());
        }
        case.expect("m5", &adam.moments[0].values[0].as_vec());
        case.expect("v5", &adam.moments[0].values[1].as_vec());
    }
}

#[test]
fn bounds() {
    for (name, kind, pairing) in [
        ("jsd_all", BoundKind::Jsd, Pairing::All),
        ("jsd_all_extreme", BoundKind::Jsd, Pairing::All),
        ("jsd_rolled", BoundKind::Jsd, Pairing::Rolled(2)),
        ("infonce_all", BoundKind::InfoNce, Pairing::All),
        ("infonce_all_extreme", BoundKind::InfoNce, Pairing::All),
        ("infonce_rolled", BoundKind::InfoNce, Pairing::Rolled(2)),
    ] {
        let case = Case::read(name);
        let found = kind.evaluate(case.get("u"), ScoreSizes { batch: 5, locations: 6, pairing });
        case.expect("y", &[found.objective]);
        case.expect("g_u", &found.gradient);
    }
}

/// Scores, and gradients of both inputs and of parameters.
fn critic<C: Critic<Rank4<4, 3, 2, 2>, Rank2<4, 5>, f64, Cpu> + TensorCollection<f64, Cpu>>(
    case: &Case,
    critic: &C,
    pairing: Pairing,
    names: &[(&str, &str)],
) {
    let m: Tensor<Rank4<4, 3, 2, 2>, f64, Cpu> = case.tensor("m");
    let y: Tensor<Rank2<4, 5>, f64, Cpu> = case.tensor("y_in");
    let scores: Scores<f64, Cpu, _> = critic.try_scores(m.clone().leaky_traced(), &y, pairing).unwrap();
    case.expect("y", &scores.as_vec());
    let gy = Cpu::default().tensor_from_vec(case.get("gy").to_vec(), *scores.shape());
    let mut grads = (scores * gy).sum::<Rank0, _>().backward();
    case.expect("g_m", &grads.get(&m).as_vec());
    case.expect("g_y_in", &grads.get(&y).as_vec());
    for (path, _, gradient) in parameters(critic, Some(&mut grads)) {
        if let Some((_, torch)) = names.iter().find(|(ours, _)| *ours == path) {
            case.expect(&format!("g_{torch}"), &gradient);
        }
    }
}

#[test]
fn dot_critic() {
    let case = Case::read("dot");
    let names = [
        ("local.first.weight", "w1"),
        ("local.first.bias", "b1"),
        ("local.second.weight", "w2"),
        ("local.second.bias", "b2"),
        ("global.first.weight", "v1"),
        ("global.first.bias", "c1"),
        ("global.second.weight", "v2"),
        ("global.second.bias", "c2"),
    ];
    let mut module = Cpu::default().build_module::<builder::DotCritic<3, 5, 6>, f64>();
    for (ours, torch) in names {
        set(&mut module, ours, case.get(torch));
    }
    critic(&case, &module, Pairing::All, &names);
}

/// torch's first layer acts on the concatenation [m; y]: its columns are our two halves.
fn halves(w: &[f64]) -> [Vec<f64>; 2] {
    let part = |from: usize, to: usize| w.chunks_exact(8).flat_map(|row| row[from..to].to_vec()).collect();
    [part(0, 3), part(3, 8)]
}

#[test]
fn concat_critic() {
    for (name, pairing) in [("concat_all", Pairing::All), ("concat_rolled", Pairing::Rolled(1))] {
        let mut case = Case::read(name);
        for prefix in ["", "g_"] {
            let [local, global] = halves(case.get(&format!("{prefix}w1")));
            case.0.insert(format!("{prefix}local"), local);
            case.0.insert(format!("{prefix}global"), global);
        }
        let names = [
            ("local.weight", "local"),
            ("pair.global.weight", "global"),
            ("pair.global.bias", "b1"),
            ("pair.hidden.weight", "w2"),
            ("pair.hidden.bias", "b2"),
            ("pair.score.weight", "w3"),
            ("pair.score.bias", "b3"),
        ];
        let mut module = Cpu::default().build_module::<builder::ConcatCritic<3, 5, 6>, f64>();
        for (ours, torch) in names {
            set(&mut module, ours, case.get(torch));
        }
        critic(&case, &module, pairing, &names);
    }
}
