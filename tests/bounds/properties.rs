//! What holds of bounds whatever the critic: invariances, ceilings, numbers that stay numbers.

use crate::common::relative_error;
use crate::{KINDS, all_sizes, is_joint, narrow, number, scores, second, trained};
use infomax::mi::Pairing;
use infomax::mi::bound::{
    BoundKind, EvaluatedPair, Mine, ScoreSizes, TrainedBound, barber_agakov, club_sample, doe, l1_out, mi_from_jsd,
    v_club,
};

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn values_do_not_depend_on_the_order_of_the_pairs() {
    let n = 6;
    let order = [4, 2, 0, 5, 1, 3];
    let permute = |s: &[f64]| -> Vec<f64> { order.iter().flat_map(|&i| order.map(|j| s[i * n + j])).collect() };
    let sizes = ScoreSizes::matrix(n);
    let s = scores("permuted", n * n, 4.0);
    for bound in trained() {
        let b = second(&bound, sizes);
        let moved: Vec<f64> = order.iter().filter_map(|&i| b.get(i).copied()).collect();
        let (before, after) = (bound.evaluate(&s, &b, sizes), bound.evaluate(&permute(&s), &moved, sizes));
        assert!(near(before.objective, after.objective) && near(before.nats, after.nats), "{bound:?}");
        assert!(relative_error(&permute(&before.gradient), &after.gradient) < 1e-12, "{bound:?}");
        let moved: Vec<f64> = order.iter().filter_map(|&i| before.second.get(i).copied()).collect();
        assert!(relative_error(&moved, &after.second) < 1e-12, "{bound:?}");
    }
    for bound in [l1_out::<f64>, v_club, club_sample, |q: &[f64], z| barber_agakov(q, z, 1.0)] {
        assert!(near(bound(&s, sizes).nats, bound(&permute(&s), sizes).nats));
    }
    // A difference of entropies takes densities of rows: their order, and what is added to both, changes nothing.
    let (q, p) = s.split_at(n);
    let of = |values: &[f64], add: f64| order.map(|i| values[i] + add);
    assert!(near(doe(q, &p[..n]).nats, doe(&of(q, 3.0), &of(p, 3.0)).nats));
}

#[test]
fn all_pairs_and_all_rotations_are_the_same_pairs() {
    let (n, l) = (5, 3);
    for locations in [1, l] {
        let all = ScoreSizes { batch: n, locations, pairing: Pairing::All };
        let rolled = ScoreSizes { batch: n, locations, pairing: Pairing::Rolled(n - 1) };
        let s = scores("rolled", number(all), 3.0);
        let turn = |s: &[f64]| -> Vec<f64> {
            let mut out = vec![0.0; s.len()];
            for i in 0..n {
                for l in 0..locations {
                    for k in 0..n {
                        out[rolled.index(i, l, k)] = s[all.index(i, l, rolled.pairing.partner(i, k, n))];
                    }
                }
            }
            out
        };
        for bound in trained() {
            let b = second(&bound, all);
            let (a, r) = (bound.evaluate(&s, &b, all), bound.evaluate(&turn(&s), &b, rolled));
            assert!(near(a.objective, r.objective) && near(a.nats, r.nats), "{bound:?}");
            assert!(relative_error(&turn(&a.gradient), &r.gradient) < 1e-12, "{bound:?}");
            assert!(relative_error(&a.second, &r.second) < 1e-12, "{bound:?}");
        }
    }
}

/// Scores changed by `f(image, global vector)`.
fn changed(s: &[f64], sizes: ScoreSizes, f: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut out = s.to_vec();
    for (at, v) in out.iter_mut().enumerate() {
        let (row, k) = (at / sizes.columns(), at % sizes.columns());
        let i = row / sizes.locations;
        *v += f(i, sizes.pairing.partner(i, k, sizes.batch));
    }
    out
}

#[test]
fn what_may_be_added_to_the_scores() {
    for sizes in all_sizes() {
        let s = scores("shift", number(sizes), 3.0);
        let value = |kind: BoundKind, s: &[f64]| kind.evaluate(s, sizes).nats;
        let constant = changed(&s, sizes, |_, _| 2.5);
        let of_x = changed(&s, sizes, |i, _| (i * i) as f64 * 0.7);
        let of_y = changed(&s, sizes, |_, j| 3.0 - (j * j) as f64);
        use BoundKind::*;
        for kind in [Dv, InfoNce, InfoNceRows, InfoNceSymmetric, FlatNce] {
            assert!(near(value(kind, &s), value(kind, &constant)), "{kind:?}");
        }
        for (kind, invariant, other) in [(InfoNceRows, &of_x, &of_y), (FlatNce, &of_x, &of_y), (InfoNce, &of_y, &of_x)]
        {
            assert!(near(value(kind, &s), value(kind, invariant)), "{kind:?} {sizes:?}");
            assert!(!near(value(kind, &s), value(kind, other)), "{kind:?} {sizes:?}");
        }
        for kind in [Jsd, Nwj, JsNwj, Smile { tau: 1.0 }, FDimeGan, FDimeKl] {
            let objective = |s: &[f64]| kind.evaluate(s, sizes).objective;
            assert!(!near(objective(&s), objective(&constant)), "{kind:?}");
        }
        let first = |s: &[f64]| Mine::new(0.9).step(s, sizes);
        assert!(near(first(&s).nats, first(&constant).nats) && near(first(&s).objective, first(&constant).objective));

        // A baseline that moves along leaves TUBA and I_α where they are; FLO takes any function of x.
        for bound in [TrainedBound::Tuba, TrainedBound::IAlpha { alpha: 0.3 }] {
            let b = second(&bound, sizes);
            let moved: Vec<f64> = b.iter().enumerate().map(|(j, v)| v + 3.0 - (j * j) as f64).collect();
            assert!(near(bound.evaluate(&s, &b, sizes).nats, bound.evaluate(&of_y, &moved, sizes).nats), "{bound:?}");
            assert!(!near(bound.evaluate(&s, &b, sizes).nats, bound.evaluate(&of_y, &b, sizes).nats), "{bound:?}");
        }
        let u = second(&TrainedBound::Flo, sizes);
        let flo = |s: &[f64]| TrainedBound::Flo.evaluate(s, &u, sizes).nats;
        assert!(near(flo(&s), flo(&of_x)) && !near(flo(&s), flo(&of_y)));
    }
}

#[test]
fn nwj_is_largest_at_the_right_shift_where_it_is_dv() {
    for sizes in all_sizes() {
        let s = scores("shift", number(sizes), 3.0);
        let nwj = |by: f64| BoundKind::Nwj.evaluate(&changed(&s, sizes, |_, _| by), sizes).nats;
        let marginal: Vec<f64> = (0..s.len()).filter(|&at| !is_joint(sizes, at)).map(|at| s[at].exp()).collect();
        let right = 1.0 - (marginal.iter().sum::<f64>() / marginal.len() as f64).ln();
        assert!(near(nwj(right), BoundKind::Dv.evaluate(&s, sizes).nats));
        for off in [-3.0, -0.1, 0.1, 3.0] {
            assert!(nwj(right + off) < nwj(right));
        }
        // TUBA with a = e is NWJ; I₀ with q = e too, where all pairs with a y count alike.
        let e = vec![1.0; sizes.batch];
        assert!(near(TrainedBound::Tuba.evaluate(&s, &e, sizes).nats, nwj(0.0)));
        assert!(near(TrainedBound::IAlpha { alpha: 0.0 }.evaluate(&s, &e, sizes).nats, nwj(0.0)));
        // JS reads NWJ one higher.
        assert!(near(BoundKind::JsNwj.evaluate(&s, sizes).nats, nwj(1.0)));
    }
}

/// Scores that a critic might use to cheat, `±top` and zeros.
fn adversarial(sizes: ScoreSizes, top: f64) -> Vec<Vec<f64>> {
    let n = number(sizes);
    let by = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect::<Vec<f64>>();
    vec![
        vec![0.0; n],
        vec![top; n],
        vec![-top; n],
        by(&|at| if is_joint(sizes, at) { top } else { -top }),
        by(&|at| if is_joint(sizes, at) { -top } else { top }),
        by(&|at| if is_joint(sizes, at) { top } else { 0.0 }),
        by(&|at| if is_joint(sizes, at) { 0.0 } else { -top }),
        by(&|at| if at == 0 { top } else { -top }),
        by(&|at| if at == 1 { top } else { -top }),
        by(&|at| if at == n - 1 { top } else { 0.0 }),
        by(&|at| if at % 2 == 0 { top } else { -top }),
        scores("signs", n, 1.0).iter().map(|v| top * v.signum()).collect(),
        scores("wide", n, top),
    ]
}

#[test]
fn ceilings_hold_whatever_the_scores() {
    for sizes in all_sizes() {
        for s in [1.0, 10.0, 500.0].iter().flat_map(|&top| adversarial(sizes, top)) {
            for bound in trained() {
                let ceiling = bound.ceiling(sizes);
                for level in [-500.0, 0.0, 5.0, 500.0] {
                    let b = vec![level; second(&bound, sizes).len()];
                    let nats = bound.evaluate(&s, &b, sizes).nats;
                    assert!(nats <= ceiling + 1e-11, "{bound:?}: {nats} above {ceiling}");
                }
            }
        }
    }
    let sizes = ScoreSizes::matrix(64);
    assert!(near(BoundKind::InfoNce.ceiling(sizes), 64f64.ln()));
    assert!(near(BoundKind::InfoNceSymmetric.ceiling(sizes), 64f64.ln()));
    assert_eq!(BoundKind::Dv.ceiling(sizes), f64::INFINITY);
    // They are reached.
    for bound in [TrainedBound::Plain(BoundKind::InfoNceRows), TrainedBound::IAlpha { alpha: 1.0 }] {
        let s = &adversarial(sizes, 500.0)[3];
        let b = vec![0.0; second(&bound, sizes).len()];
        assert!(near(bound.evaluate(s, &b, sizes).nats, bound.ceiling(sizes)), "{bound:?}");
    }
    let half = TrainedBound::IAlpha { alpha: 0.5 };
    assert!(near(half.evaluate(&adversarial(sizes, 500.0)[3], &[0.0; 64], sizes).nats, half.ceiling(sizes)));
}

#[test]
fn single_precision_is_finite_at_500() {
    for sizes in all_sizes().into_iter().chain([ScoreSizes::matrix(40)]) {
        for s in adversarial(sizes, 500.0) {
            let s = narrow(&s);
            for bound in trained() {
                for level in [-500.0, 0.0, 500.0] {
                    let b = vec![level; second(&bound, sizes).len()];
                    let mut state = bound;
                    // Twice, for MINE's average.
                    for _ in 0..2 {
                        let EvaluatedPair { objective, nats, gradient, second } = state.step(&s, &b, sizes);
                        assert!(objective.is_finite() && nats.is_finite(), "{bound:?}: {objective} {nats}");
                        let numbers = gradient.iter().chain(&second);
                        // Their squares too, which an optimiser takes.
                        assert!(numbers.clone().all(|g| (g * g).is_finite()), "{bound:?} {sizes:?}");
                    }
                }
            }
            for bound in [l1_out::<f32>, club_sample, |q: &[f32], z| barber_agakov(q, z, 1.0)] {
                let found = bound(&s, sizes);
                assert!(found.nats.is_finite() && found.gradient.iter().all(|g| g.is_finite()));
            }
            if sizes.pairing == Pairing::All {
                let found = v_club(&s, sizes);
                assert!(found.nats.is_finite() && found.gradient.iter().all(|g| g.is_finite()));
            }
            let found = doe(&s, &s.iter().map(|v| -v).collect::<Vec<_>>());
            assert!(found.nats.is_finite() && found.objective.is_finite());
        }
    }
}

#[test]
fn nan_comes_out_where_nan_goes_in() {
    for sizes in all_sizes() {
        let n = number(sizes);
        for at in 0..n {
            let mut s = scores("nan", n, 3.0);
            s[at] = f64::NAN;
            for bound in trained() {
                let b = second(&bound, sizes);
                for found in [bound.evaluate(&s, &b, sizes), {
                    let narrow = bound.evaluate(&narrow(&s), &narrow(&b), sizes);
                    let wide = |g: Vec<f32>| g.into_iter().map(f64::from).collect();
                    EvaluatedPair {
                        objective: narrow.objective,
                        nats: narrow.nats,
                        gradient: wide(narrow.gradient),
                        second: wide(narrow.second),
                    }
                }] {
                    assert!(found.objective.is_nan(), "{bound:?} {sizes:?} at {at}");
                    // Bounds linear in the joint scores have a gradient that does not depend on them.
                    use BoundKind::{Dv, FDimeKl, FlatNce, Nwj};
                    use TrainedBound::{Mine, Plain, Tuba};
                    let linear = matches!(bound, Plain(Dv | Nwj | FDimeKl | FlatNce) | Mine(_) | Tuba);
                    let hidden = linear && is_joint(sizes, at);
                    assert!(hidden || found.gradient.iter().any(|g| g.is_nan()), "{bound:?} {sizes:?} at {at}");
                    // f-DIME reads the joint pairs alone.
                    let blind = matches!(bound, TrainedBound::Plain(BoundKind::FDimeGan | BoundKind::FDimeKl));
                    assert!(found.nats.is_nan() || blind && !is_joint(sizes, at), "{bound:?} {sizes:?} at {at}");
                }
            }
            for bound in [l1_out::<f64>, club_sample] {
                assert!(bound(&s, sizes).nats.is_nan());
            }
        }
        for bound in trained() {
            let s = scores("nan", n, 3.0);
            let mut b = second(&bound, sizes);
            // The baseline of I₁ has no weight.
            if let Some(last) = b.last_mut() {
                *last = f64::NAN;
                assert!(bound.evaluate(&s, &b, sizes).nats.is_nan(), "{bound:?}");
            }
        }
    }
    assert!(mi_from_jsd(f64::NAN).is_nan());
}

#[test]
fn a_nan_batch_does_not_stay_in_the_moving_average() {
    let sizes = ScoreSizes::matrix(3);
    let mut mine = Mine::new(0.9);
    mine.step(&[0.5; 9], sizes);
    let before = mine;
    assert!(mine.step(&[f64::NAN; 9], sizes).nats.is_nan());
    assert_eq!(mine, before);
}

#[test]
fn both_precisions_agree() {
    for sizes in [ScoreSizes::matrix(64), ScoreSizes { batch: 8, locations: 16, pairing: Pairing::Rolled(3) }] {
        let s = scores("precision", number(sizes), 8.0);
        for bound in trained() {
            let b = second(&bound, sizes);
            let wide = bound.evaluate(&s, &b, sizes);
            let single = bound.evaluate(&narrow(&s), &narrow(&b), sizes);
            let off = |a: f64, b: f64| (a - b).abs() / b.abs().max(1.0);
            assert!(off(single.objective, wide.objective) < 5e-6, "{bound:?}");
            assert!(off(single.nats, wide.nats) < 5e-6, "{bound:?}");
            let gradient: Vec<f64> = single.gradient.iter().map(|&g| f64::from(g)).collect();
            assert!(relative_error(&gradient, &wide.gradient) < 5e-6, "{bound:?}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let sizes = ScoreSizes::matrix(400);
    let s = narrow(&scores("threads", number(sizes), 8.0));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let evaluate = |bound: &TrainedBound| bound.evaluate(&s, &narrow(&second(bound, sizes)), sizes);
            trained().iter().map(evaluate).map(|e| (e.objective, e.nats, e.gradient, e.second)).collect::<Vec<_>>()
        })
    };
    assert!(with(1) == with(3));
}

#[test]
fn names_in_files_stay_what_they_are() {
    let json = |kind: &BoundKind| serde_json::to_string(kind).unwrap();
    assert_eq!(json(&BoundKind::Jsd), "\"jsd\"");
    assert_eq!(json(&BoundKind::InfoNce), "\"info-nce\"");
    assert_eq!(json(&BoundKind::Smile { tau: 5.0 }), r#"{"smile":{"tau":5.0}}"#);
    for kind in KINDS {
        assert_eq!(serde_json::from_str::<BoundKind>(&json(&kind)).unwrap(), kind);
    }
    // A trained bound keeps its state.
    let mut mine = Mine::new(0.9);
    mine.step(&[0.5, 1.0, -1.0, 2.0], ScoreSizes::matrix(2));
    let bound = TrainedBound::Mine(mine);
    assert_eq!(serde_json::from_str::<TrainedBound>(&serde_json::to_string(&bound).unwrap()).unwrap(), bound);
}
