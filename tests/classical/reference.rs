//! Equal to what scipy and scikit-learn give (`tests/reference/make_classical.py`).

use crate::near;
use infomax::mi::Samples;
use infomax::mi::classical::*;
use serde_json::Value;

const TIGHT: f64 = 1e-9;

struct Set(Value);

impl Set {
    fn numbers(&self, name: &str) -> Vec<f64> {
        self.0[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    fn get(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or_else(|| panic!("no {name}"))
    }

    fn pair(&self) -> (Samples, Samples) {
        let columns = self.numbers("columns");
        let of = |name: &str, columns: f64| Samples::new(self.numbers(name), columns as usize).unwrap();
        (of("x", columns[0]), of("y", columns[1]))
    }

    fn labels(&self, name: &str) -> Labels {
        Labels::new(self.numbers(name).iter().map(|v| *v as i64)).unwrap()
    }

    fn first_of_x(&self) -> Samples {
        Samples::new(self.pair().0.column(0).collect(), 1).unwrap()
    }
}

fn sets() -> Vec<(String, Set)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/classical.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let sets: Vec<_> = file["sets"].as_object().unwrap().iter().map(|(n, s)| (n.clone(), Set(s.clone()))).collect();
    assert_eq!(sets.len(), 3);
    sets
}

#[test]
fn neighbours() {
    for (name, set) in sets() {
        let (x, y) = set.pair();
        for (key, variant, norm) in [
            ("ksg1", KsgVariant::One, Norm::Max),
            ("ksg2", KsgVariant::Two, Norm::Max),
            ("ksg1_euclidean", KsgVariant::One, Norm::Euclidean),
        ] {
            for (k, expected) in set.0[key].as_object().unwrap() {
                let config = KsgConfig { variant, k: k.parse().unwrap(), norm, ties: Ties::Refuse };
                let found = ksg(&x, &y, &config).unwrap();
                println!("{name} {key} {k}");
                near(found.nats, expected.as_f64().unwrap(), TIGHT);
            }
        }
        for (key, norm) in [("entropy_max", Norm::Max), ("entropy_euclidean", Norm::Euclidean)] {
            near(knn_entropy(&x, 3, norm, Ties::Refuse).unwrap().nats, set.get(key), TIGHT);
        }
        let mixed = mixed_mi(&set.first_of_x(), &set.labels("label"), 3, Norm::Max, Ties::Refuse).unwrap();
        near(mixed.nats, set.get("mixed"), TIGHT);
        assert_eq!(mixed.warnings, []);
    }
}

#[test]
fn canonical_correlations() {
    for (_, set) in sets() {
        let (x, y) = set.pair();
        let found = gaussian_mi(&x, &y, &CcaConfig::default()).unwrap();
        for (rho, expected) in found.model.correlations().iter().zip(set.numbers("rho")) {
            near(*rho, expected, TIGHT);
        }
        near(found.plug_in, set.get("cca"), TIGHT);
        near(found.bias, set.get("wishart"), TIGHT);
        near(found.nats, set.get("cca") - set.get("wishart"), TIGHT);
        near(found.p_value.unwrap() / set.get("p_value"), 1.0, 1e-6);
        near(copula_mi(&x, &y, &CcaConfig::default()).unwrap().plug_in, set.get("copula"), TIGHT);
    }
}

#[test]
fn counts() {
    for (name, set) in sets() {
        let found = discrete_mi(&Table::of(&set.labels("label"), &set.labels("other")).unwrap());
        near(found.plug_in, set.get("discrete"), TIGHT);
        near(found.nats, set.get("miller_madow"), TIGHT);
        near(2.0 * 200.0 * found.plug_in, set.get("g"), 1e-6);
        near(found.p_value / set.get("g_p_value"), 1.0, 1e-6);
        let [x, y, both] = found.entropies;
        near(x + y - both, found.plug_in, TIGHT);
        if name == "one" {
            let (x, y) = set.pair();
            let found = histogram_mi(&x, &y, Bins::Count(8), Edges::EqualWidth).unwrap();
            near(found.plug_in, set.get("histogram"), TIGHT);
            // scikit-learn's own estimator of two continuous variables is KSG I.
            near(set.get("sklearn"), set.0["ksg1"]["3"].as_f64().unwrap(), TIGHT);
        }
    }
}
