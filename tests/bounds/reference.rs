//! Values and gradients against PyTorch's, in f64. `tests/reference/make_bounds.py` made them.

use crate::common::relative_error;
use infomax::mi::bound::{
    self, BoundKind, Evaluated, EvaluatedPair, Mine, ScoreSizes, TrainedBound, barber_agakov, club_sample, l1_out,
    v_club,
};
use safetensors::SafeTensors;

const N: usize = 7;

/// Both sides are f64 and differ in the order of their sums.
const TOLERANCE: f64 = 1e-11;

struct Reference(Vec<u8>);

impl Reference {
    fn read() -> Self {
        Self(std::fs::read("tests/reference/bounds.safetensors").expect("run from the crate's root"))
    }

    fn get(&self, name: &str) -> Option<Vec<f64>> {
        let tensors = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let view = tensors.tensor(name).ok()?;
        Some(view.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect())
    }

    /// Checks a bound at the inputs of a case.
    fn check(&self, case: &str, f: impl FnOnce(&[f64], &[f64], ScoreSizes) -> EvaluatedPair<f64>) {
        let get = |name: &str| self.get(&format!("{case}.{name}"));
        let s = get("s").unwrap_or_else(|| panic!("no case {case}"));
        let found = f(&s, &get("b").unwrap_or_default(), ScoreSizes::matrix(N));
        for (name, value) in [("y", found.objective), ("nats", found.nats)] {
            let expected = get(name).unwrap()[0];
            let off = (value - expected).abs() / expected.abs().max(1.0);
            assert!(off < TOLERANCE, "{case}, {name}: {value} for {expected}");
        }
        let off = relative_error(&found.gradient, &get("g_s").unwrap());
        assert!(off < TOLERANCE, "{case}: gradient is off by {off:e}");
        if let Some(expected) = get("g_b") {
            let off = relative_error(&found.second, &expected);
            assert!(off < TOLERANCE, "{case}: gradient of the second input is off by {off:e}");
        }
    }
}

#[test]
fn bounds_of_scores_alone() {
    let reference = Reference::read();
    for (case, kind) in [
        ("dv", BoundKind::Dv),
        ("nwj", BoundKind::Nwj),
        ("js_nwj", BoundKind::JsNwj),
        ("dime_gan", BoundKind::FDimeGan),
        ("dime_kl", BoundKind::FDimeKl),
        ("smile_1", BoundKind::Smile { tau: 1.0 }),
        ("smile_5", BoundKind::Smile { tau: 5.0 }),
        ("nce_columns", BoundKind::InfoNce),
        ("nce_rows", BoundKind::InfoNceRows),
        ("nce_symmetric", BoundKind::InfoNceSymmetric),
        ("flat", BoundKind::FlatNce),
        ("dv_far", BoundKind::Dv),
        ("js_nwj_far", BoundKind::JsNwj),
        ("smile_5_far", BoundKind::Smile { tau: 5.0 }),
        ("nce_columns_far", BoundKind::InfoNce),
        ("nce_rows_far", BoundKind::InfoNceRows),
        ("flat_far", BoundKind::FlatNce),
    ] {
        reference.check(case, |s, _, sizes| kind.evaluate(s, sizes).into());
    }
}

#[test]
fn a_gradient_too_long_keeps_its_direction() {
    let reference = Reference::read();
    let unit = |g: Vec<f64>| {
        let top = g.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        g.into_iter().map(|v| v / top).collect::<Vec<_>>()
    };
    reference.check("nwj_far", |s, _, sizes| {
        let mut found = BoundKind::Nwj.evaluate(s, sizes);
        let truth = reference.get("nwj_far.g_s").unwrap();
        let length = |g: &[f64]| g.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert!(length(&found.gradient) < 1e150 && length(&truth) > 1e200);
        assert!(relative_error(&unit(found.gradient), &unit(truth.clone())) < TOLERANCE);
        found.gradient = truth;
        found.into()
    });
}

#[test]
fn bounds_with_a_state_or_a_second_input() {
    let reference = Reference::read();
    reference.check("tuba", bound::tuba);
    reference.check("flo", bound::flo);
    for alpha in [0.0, 0.01, 0.5, 1.0] {
        let case = format!("i_alpha_{alpha:?}");
        reference.check(&case, |s, b, sizes| bound::i_alpha(s, b, sizes, alpha));
        reference.check(&case, |s, b, sizes| TrainedBound::IAlpha { alpha }.evaluate(s, b, sizes));
    }
    reference.check("mine", |s, _, sizes| {
        // A first batch whose scores are all 1.3 sets the average to that.
        let mut mine = Mine::new(0.9);
        mine.step(&[1.3f64; N * N], sizes);
        mine.step(s, sizes).into()
    });
}

#[test]
fn conditional_densities() {
    let reference = Reference::read();
    reference.check("ba", |s, _, sizes| barber_agakov(s, sizes, 1.5).into());
    type Bound = fn(&[f64], ScoreSizes) -> Evaluated<f64>;
    let bounds: [(&str, Bound); 4] =
        [("l1_out", l1_out), ("l1_out_far", l1_out), ("club", v_club), ("club_sample", club_sample)];
    for (case, bound) in bounds {
        reference.check(case, |s, _, sizes| bound(s, sizes).into());
    }
}
