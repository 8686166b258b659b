//! Gradient paths against central differences of what they are said to be the gradient of, in f64.

use crate::common::{TOLERANCE, differences, relative_error};
use crate::{all_sizes, is_joint, number, scores, second, trained};
use dfdx::prelude::*;
use infomax::mi::bound::{
    BoundKind, Evaluated, Mine, ScoreSizes, TrainedBound, barber_agakov, club_sample, doe, flat_nce, jsd, l1_out,
    objective_with, v_club,
};
use infomax::mi::{Pairing, Scores};

#[test]
fn gradients_are_those_of_the_objective_in_both_inputs() {
    for bound in trained() {
        // MINE's objective holds its average fixed; it is below.
        if matches!(bound, TrainedBound::Mine(_)) {
            continue;
        }
        for sizes in all_sizes() {
            let (s, b) = (scores("gradients", number(sizes), 3.0), second(&bound, sizes));
            let found = bound.evaluate(&s, &b, sizes);
            let expected = differences(&s, |v| bound.evaluate(v, &b, sizes).objective);
            let error = relative_error(&found.gradient, &expected);
            assert!(error < TOLERANCE, "{bound:?} {sizes:?}: {error:e}");
            if !b.is_empty() {
                let expected = differences(&b, |v| bound.evaluate(&s, v, sizes).objective);
                let error = relative_error(&found.second, &expected);
                // Of I₁ the baseline has no part at all.
                let none = found.second.iter().all(|&g| g == 0.0) && expected.iter().all(|&g| g.abs() < 1e-8);
                assert!(error < TOLERANCE || none, "{bound:?} {sizes:?}, second input: {error:e}");
            }
        }
    }
}

/// `E_joint[f]` and `E_marginal[eᶠ]`, as plainly as can be.
fn means(s: &[f64], sizes: ScoreSizes) -> (f64, f64) {
    let (mut joint, mut marginal) = (Vec::new(), Vec::new());
    for (at, &v) in s.iter().enumerate() {
        if is_joint(sizes, at) { joint.push(v) } else { marginal.push(v.exp()) }
    }
    let mean = |v: Vec<f64>| v.iter().sum::<f64>() / v.len() as f64;
    (mean(joint), mean(marginal))
}

#[test]
fn mine_has_the_gradient_of_its_surrogate_with_the_average_held() {
    for sizes in all_sizes() {
        let mut mine = Mine::new(0.9);
        let batches: Vec<_> = (0..4).map(|n| scores(&format!("batch {n}"), number(sizes), 3.0)).collect();
        let mut average = None;
        for s in &batches {
            let found = mine.step(s, sizes);
            let (joint, marginal) = means(s, sizes);
            let held: f64 = average.map_or(marginal, |a| 0.9 * a + 0.1 * marginal);
            average = Some(held);
            assert!((mine.log_average().unwrap() - held.ln()).abs() < 1e-12);
            let surrogate = |v: &[f64]| {
                let (joint, marginal) = means(v, sizes);
                joint - marginal / held
            };
            let error = relative_error(&found.gradient, &differences(s, surrogate));
            assert!(error < TOLERANCE, "{sizes:?}: {error:e}");
            assert!((found.objective - (1.0 + joint - held.ln() - marginal / held)).abs() < 1e-12);
            assert!((found.nats - (joint - marginal.ln())).abs() < 1e-12);
        }
    }
}

#[test]
fn flat_nce_has_the_gradient_of_the_paper_s_loss() {
    let sizes = ScoreSizes::matrix(6);
    let s = scores("flat", 36, 3.0);
    let contrast = |v: &[f64], i: usize| -> f64 {
        (0..6).filter(|&j| j != i).map(|j| (v[i * 6 + j] - v[i * 6 + i]).exp()).sum::<f64>().ln()
    };
    // exp(L − sg(L)) − 1, with L stopped at the scores given.
    let loss = |v: &[f64]| (0..6).map(|i| (contrast(v, i) - contrast(&s, i)).exp() - 1.0).sum::<f64>() / 6.0;
    let expected: Vec<f64> = differences(&s, loss).iter().map(|g| -g).collect();
    assert!(relative_error(&flat_nce(&s, sizes).gradient, &expected) < TOLERANCE);
}

#[test]
fn bounds_trained_by_the_divergence_have_its_gradient() {
    for sizes in all_sizes() {
        let s = scores("divergence", number(sizes), 3.0);
        let expected = jsd(&s, sizes);
        for kind in [BoundKind::JsNwj, BoundKind::Smile { tau: 1.0 }, BoundKind::FDimeGan] {
            let found = kind.evaluate(&s, sizes);
            assert_eq!(found.gradient, expected.gradient);
            assert_eq!(found.objective, expected.objective);
        }
    }
}

#[test]
fn conditional_densities() {
    type Bound = fn(&[f64], ScoreSizes) -> Evaluated<f64>;
    let bounds: [(&str, Bound); 4] =
        [("BA", |q, z| barber_agakov(q, z, 2.0)), ("L1Out", l1_out), ("vCLUB", v_club), ("CLUB", club_sample)];
    for (name, bound) in bounds {
        for sizes in all_sizes() {
            if name == "vCLUB" && sizes.pairing != Pairing::All {
                continue;
            }
            let q = scores("densities", number(sizes), 3.0);
            let expected = differences(&q, |v| bound(v, sizes).objective);
            assert!(relative_error(&bound(&q, sizes).gradient, &expected) < TOLERANCE, "{name} {sizes:?}");
        }
    }
    let (q, p) = (scores("conditional", 9, 2.0), scores("marginal", 9, 2.0));
    let found = doe(&q, &p);
    assert!(relative_error(&found.gradient, &differences(&q, |v| doe(v, &p).objective)) < TOLERANCE);
    assert!(relative_error(&found.second, &differences(&p, |v| doe(&q, v).objective)) < TOLERANCE);
    let mean = |v: &[f64]| v.iter().sum::<f64>() / 9.0;
    assert!((found.nats - (mean(&q) - mean(&p))).abs() < 1e-12);
}

#[test]
fn through_the_tape_with_a_second_network() {
    let dev = Cpu::seed_from_u64(3);
    for bound in trained() {
        let sizes = ScoreSizes { batch: 5, locations: 3, pairing: Pairing::Rolled(3) };
        let (s, b) = (scores("tape", number(sizes), 3.0), second(&bound, sizes));
        let expected = bound.evaluate(&s, &b, sizes);
        let scores: Scores<f64, Cpu> = dev.tensor_from_vec(s, (5, 3, 4));
        // The second network is "twice its weights": its gradient shows that the tape reaches it.
        let weights: Tensor<(usize,), f64, Cpu> = dev.tensor_from_vec(b.iter().map(|v| 0.5 * v).collect(), (b.len(),));
        let (output, tape) = (weights.clone().leaky_traced() * 2.0).split_tape();
        let mut state = bound;
        let input = (!b.is_empty()).then_some(&output);
        let found = objective_with(&mut state, scores.clone().put_tape(tape), input, sizes.pairing).unwrap();
        assert!((found.value.as_vec()[0] - expected.objective).abs() < 1e-12, "{bound:?}");
        assert_eq!(found.nats, expected.nats);
        let grads = found.value.backward();
        assert!(relative_error(&grads.get(&scores).as_vec(), &expected.gradient) < 1e-12, "{bound:?}");
        if !b.is_empty() {
            let twice: Vec<f64> = expected.second.iter().map(|g| 2.0 * g).collect();
            assert!(relative_error(&grads.get(&weights).as_vec(), &twice) < 1e-12, "{bound:?}");
        }
    }
}
