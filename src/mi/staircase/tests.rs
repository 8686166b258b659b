//! Short staircases.

use super::*;
use std::sync::Mutex;

fn short() -> Staircase {
    Staircase { dim: 5, levels: vec![0.5, 2.0], steps_per_level: 200, ..Staircase::default() }
}

struct Kept(Mutex<Vec<Climb>>);

impl Watch for Kept {
    type Error = MiError;

    fn finished(&self, climb: Climb) -> Result<(), MiError> {
        self.0.lock().unwrap().push(climb);
        Ok(())
    }
}

/// All runs on so many threads, in the order of `runs`.
fn all(stairs: &Staircase, runs: &[Run], threads: usize) -> Vec<Climb> {
    let kept = Kept(Mutex::new(Vec::new()));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| climb_all(stairs, runs, &kept)).unwrap();
    let mut found = kept.0.into_inner().unwrap();
    found.sort_by_key(|c| runs.iter().position(|r| *r == c.run));
    found
}

#[test]
fn the_same_with_one_thread_and_with_two_and_another_for_another_seed() {
    let stairs = Staircase { steps_per_level: 40, ..short() };
    let run = |objective, seed| Run { critic: CriticKind::Separable, objective, seed };
    let runs = [run(Objective::Dv, 0), run(Objective::Flo, 0), run(Objective::Mine, 0), run(Objective::Dv, 1)];
    let one = all(&stairs, &runs, 1);
    assert_eq!(one.len(), 4);
    assert_eq!(one, all(&stairs, &runs, 2));
    // Within a pool of two threads, the products of one run are shared out.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    assert_eq!(pool.install(|| climb(&stairs, runs[1], |_| true)).unwrap().as_ref(), Some(&one[1]));
    assert_ne!(one[0].nats, one[3].nats);
    // The same samples and first weights: MINE's first value is DV's.
    assert_eq!(one[0].nats[0], one[2].nats[0]);
    assert_ne!(one[0].nats, one[2].nats);
}

#[test]
fn values_climb_and_infonce_stays_under_its_ceiling() {
    let stairs = short();
    let objectives = [Objective::InfoNce, Objective::Nwj, Objective::Smile { tau: 5.0 }];
    let runs = objectives.map(|objective| Run { critic: CriticKind::Separable, objective, seed: 3 });
    for climb in all(&stairs, &runs, 2) {
        assert_eq!(climb.nats.len(), stairs.steps());
        assert_eq!(climb.diverged(&stairs), None);
        let levels = summarise(&stairs, &[&climb]);
        let values = levels.iter().map(|l| l.bias + l.truth).collect::<Vec<_>>();
        assert!(values[1] > values[0] + 0.5, "{:?} {values:?}", climb.run);
        if climb.run.objective == Objective::InfoNce {
            let ceiling = 64f64.ln();
            assert!(climb.nats.iter().all(|&v| f64::from(v) <= ceiling + 1e-5));
            assert!(levels[0].bias.abs() < 0.1 && levels[1].bias.abs() < 0.35, "{levels:?}");
        }
    }
}

#[test]
fn infonce_is_held_by_its_ceiling_on_a_high_level() {
    // 10 nats for 12 pairs: log 12 = 2.48.
    let stairs = Staircase { dim: 5, batch: 12, levels: vec![10.0], steps_per_level: 200, ..Staircase::default() };
    let run = Run { critic: CriticKind::Separable, objective: Objective::InfoNce, seed: 0 };
    let nats = climb(&stairs, run, |_| true).unwrap().unwrap().nats;
    let top = nats.iter().copied().fold(f32::MIN, f32::max);
    assert!(f64::from(top) <= 12f64.ln() + 1e-5 && top > 2.3, "{top}");
}

#[test]
fn every_objective_climbs_with_both_critics() {
    let stairs = Staircase { dim: 5, batch: 12, levels: vec![1.0, 2.0], steps_per_level: 3, ..Staircase::default() };
    for critic in [CriticKind::Separable, CriticKind::Concat] {
        for objective in Objective::ALL {
            let run = Run { critic, objective, seed: 0 };
            let nats = climb(&stairs, run, |_| true).unwrap().unwrap().nats;
            assert!(nats.len() == 6 && nats.iter().all(|v| v.abs() < 3.0), "{run:?} {nats:?}");
        }
    }
}

#[test]
fn the_second_network_learns() {
    let stairs = Staircase { dim: 5, levels: vec![2.0], steps_per_level: 300, ..Staircase::default() };
    for objective in [Objective::Tuba, Objective::Flo, Objective::IAlphaLearned { alpha: 0.01 }] {
        let run = Run { critic: CriticKind::Separable, objective, seed: 1 };
        let climb = climb(&stairs, run, |_| true).unwrap().unwrap();
        let level = summarise(&stairs, &[&climb])[0];
        // With u = 0, FLO stays under 1.
        assert!(level.bias.abs() < 0.9, "{objective} {level:?}");
    }
}

#[test]
fn a_stop_ends_it_without_a_result() {
    let run = Run { critic: CriticKind::Separable, objective: Objective::Dv, seed: 0 };
    let mut last = 0;
    let found = climb(&short(), run, |step| {
        last = step;
        step < 7
    });
    assert_eq!((found, last), (Ok(None), 7));
}

#[test]
fn figures_are_of_the_second_half_of_each_level() {
    let stairs = Staircase { levels: vec![1.0, 2.0], steps_per_level: 4, ..short() };
    let run = Run { critic: CriticKind::Separable, objective: Objective::Dv, seed: 0 };
    let first = Climb { run, nats: vec![9.0, 9.0, 1.5, 2.5, -9.0, -9.0, 1.0, 3.0] };
    let second = Climb { run: Run { seed: 1, ..run }, nats: vec![7.0, 7.0, 3.0, 5.0, 0.0] };
    let alone = summarise(&stairs, &[&first]);
    let of = |l: &LevelSummary| [l.truth, l.bias, l.variance, l.mse];
    assert_eq!(of(&alone[0]), [1.0, 1.0, 0.25, 1.25]);
    assert_eq!(of(&alone[1]), [2.0, 0.0, 1.0, 1.0]);
    assert_eq!(alone[0].spread, None);
    let both = summarise(&stairs, &[&first, &second]);
    // 1.5, 2.5, 3 and 5 together.
    assert_eq!(of(&both[0]), [1.0, 2.0, 1.625, 5.625]);
    assert_eq!((both[0].spread, both[0].diverged), (Some(2f64.sqrt()), 0));
    // The second run's scores stopped being numbers on the second level.
    assert_eq!(of(&both[1]), of(&alone[1]));
    assert_eq!((both[1].spread, both[1].diverged), (None, 1));
    assert_eq!(second.diverged(&stairs), Some(5));
}

#[test]
fn averages_are_not_drawn_to_zero() {
    // pandas.Series([1, 2, 4, 3]).ewm(span=3).mean()
    let expected = [1.0, 5.0 / 3.0, 3.0, 3.0];
    let found = moving_average(&[1.0, 2.0, 4.0, 3.0], 3);
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    assert!(moving_average(&[], 200).is_empty());
}

#[test]
fn the_shipped_figures_are_read_and_agree_with_themselves() {
    let table = reference();
    assert_eq!(table.rows.len(), 23);
    let stairs = Staircase::default();
    for row in &table.rows {
        assert_eq!(row.figures.len(), table.levels.len());
        for [bias, variance, mse] in &row.figures {
            // Printed with two or three digits.
            let sum = bias * bias + variance;
            let rounding = 0.011 * (1.0 + bias.abs()) + 0.007 * mse + 0.13 * variance * f64::from(*variance > 1e5);
            assert!((sum - mse).abs() <= rounding, "{row:?}: {sum} {mse}");
        }
    }
    let row = table.row(&stairs, CriticKind::Separable, Objective::InfoNce).unwrap();
    assert_eq!(row.figures[2], [-2.42, 0.02, 5.86]);
    assert!(table.row(&stairs, CriticKind::Concat, Objective::Dv).is_none());
    let cubic = Staircase { cubic: true, ..stairs.clone() };
    assert_eq!(table.row(&cubic, CriticKind::Separable, Objective::Dv).unwrap().figures[0], [-1.0, 0.05, 1.05]);
    assert!(table.row(&Staircase { dim: 10, ..stairs }, CriticKind::Separable, Objective::Dv).is_none());
}

#[test]
fn objectives_have_names() {
    for objective in Objective::ALL {
        assert_eq!(objective.to_string().parse(), Ok(objective));
        let json = serde_json::to_string(&objective).unwrap();
        assert_eq!(serde_json::from_str::<Objective>(&json).unwrap(), objective);
    }
    assert_eq!("i-alpha-learned-0.5".parse(), Ok(Objective::IAlphaLearned { alpha: 0.5 }));
    for name in ["", "DV", "smile-", "smile-x", "i-alpha-"] {
        assert!(name.parse::<Objective>().is_err(), "{name}");
    }
}

#[test]
fn what_is_out_of_range_is_said() {
    let says = |stairs: Staircase, objective: Objective| stairs.check(&[objective]).map_err(|e| e.to_string());
    let stairs = Staircase::default();
    assert_eq!(says(stairs.clone(), Objective::Dv), Ok(()));
    assert_eq!(
        says(Staircase { dim: 7, ..stairs.clone() }, Objective::Dv),
        Err("dim = 7 is out of range; it must be 5, 10, 20 or 50".to_owned())
    );
    for wrong in [
        Staircase { batch: 2, ..stairs.clone() },
        Staircase { levels: vec![], ..stairs.clone() },
        Staircase { levels: vec![2.0, -1.0], ..stairs.clone() },
        Staircase { steps_per_level: 1, ..stairs.clone() },
        Staircase { adam: AdamConfig { lr: f64::NAN, ..stairs.adam }, ..stairs.clone() },
    ] {
        assert!(says(wrong.clone(), Objective::Dv).is_err(), "{wrong:?}");
    }
    assert!(says(stairs.clone(), Objective::Smile { tau: -1.0 }).is_err());
    assert!(says(stairs, Objective::IAlpha { alpha: 2.0 }).is_err());
}

#[test]
fn finished_climbs_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("new"));
    let stairs = short();
    let run = Run { critic: CriticKind::Concat, objective: Objective::Smile { tau: f64::INFINITY }, seed: 4 };
    let climb = Climb { run, nats: vec![0.1, -1e-7, f32::MAX, 1.0 / 3.0] };
    assert_eq!(store.load(&stairs, run).unwrap(), None);
    store.save(&stairs, &climb).unwrap();
    assert_eq!(store.load(&stairs, run).unwrap(), Some(climb.clone()));
    assert_eq!(store.load(&Staircase { batch: 65, ..stairs.clone() }, run).unwrap(), None);
    assert_eq!(store.load(&stairs, Run { seed: 5, ..run }).unwrap(), None);
    // A file that was cut short or renamed is not taken for a result.
    let path = store.path(&stairs, run).unwrap();
    std::fs::rename(&path, store.path(&stairs, Run { seed: 5, ..run }).unwrap()).unwrap();
    assert!(store.load(&stairs, Run { seed: 5, ..run }).unwrap_err().to_string().contains("other settings"));
    std::fs::write(&path, "{").unwrap();
    assert!(store.load(&stairs, run).unwrap_err().to_string().contains("delete it"));
}
