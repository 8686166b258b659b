//! Models and estimates as tables.

use crate::mi::estimate::Estimate;
use crate::nn::Backend;
use crate::nn::walk::{Leaf, read};
use crate::report::{Align, ReportError, Table};
use dfdx::prelude::TensorCollection;

/// A row for each tensor of a module, in the module's order: its name, its sizes as the types have them, and how many
/// numbers it has and learns (running statistics are not learned).
///
/// # Errors
/// Never for a module of this crate.
///
/// ```
/// use infomax::notebook::prelude::*;
/// let encoder = Cpu::default().build_module::<builder::Dcgan28<1, 64, 128, 1024, 64>, f32>();
/// println!("{}", layers(&encoder)?.to_text());
/// # Ok::<(), infomax::report::ReportError>(())
/// ```
pub fn layers<D: Backend<f32>, M: TensorCollection<f32, D>>(module: &M) -> Result<Table, ReportError> {
    let mut list = Vec::new();
    read(module, Some(""), &mut |place, tensor: &dyn Leaf<f32, D>| {
        list.push((place.name.to_owned(), tensor.sizes(), place.learned));
    });
    let mut table = Table::new(&[
        ("tensor", Align::Left),
        ("sizes", Align::Left),
        ("learned", Align::Right),
        ("kept", Align::Right),
    ]);
    let mut totals = [0; 2];
    for (name, sizes, learned) in list {
        let count: usize = sizes.iter().product();
        totals[usize::from(!learned)] += count;
        let shown = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
        let cells = if learned { [count.to_string(), String::new()] } else { [String::new(), count.to_string()] };
        let [learned, kept] = cells;
        table.push([name.trim_start_matches('.').to_owned(), shown, learned, kept])?;
    }
    table.push(["all".to_owned(), String::new(), totals[0].to_string(), totals[1].to_string()])?;
    Ok(table)
}

/// A row for each estimate, under the name it is given: nats, interval, lower bound, ceiling, p-value and rows.
///
/// # Errors
/// Never.
pub fn estimates<'a>(named: impl IntoIterator<Item = (&'a str, &'a Estimate)>) -> Result<Table, ReportError> {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("estimator", Align::Left),
        ("nats", Align::Right),
        ("interval", Align::Right),
        ("bound", Align::Right),
        ("ceiling", Align::Right),
        ("p", Align::Right),
        ("rows", Align::Right),
    ]);
    for (name, e) in named {
        let number = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{v:.3}"));
        let interval = e.interval.map_or_else(String::new, |[low, high]| format!("{low:.3} to {high:.3}"));
        table.push([
            name.to_owned(),
            e.estimator.to_string(),
            number(Some(e.nats)),
            interval,
            number(e.bound),
            number(e.ceiling),
            number(e.p_value),
            e.n.to_string(),
        ])?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mi::Samples;
    use crate::mi::estimate::{EstimateConfig, Estimator, estimate};
    use crate::nn::builder;
    use dfdx::prelude::*;

    #[test]
    fn a_layer_and_its_statistics() {
        type Net = (builder::Conv2d<3, 8, 4, 2, 1>, builder::BatchNorm2d<8, true>);
        let text = layers(&Cpu::default().build_module::<Net, f32>()).unwrap().to_text();
        assert!(text.contains("0.weight") && text.contains("8 × 3 × 4 × 4      384"), "{text}");
        // Scale and shift are learned, mean and variance are kept.
        assert!(text.trim_end().lines().last().unwrap().split_whitespace().eq(["all", "400", "16"]), "{text}");
    }

    #[test]
    fn an_estimate_in_a_row() {
        let wave: Vec<f64> = (0..60).map(|i| (f64::from(i) * 0.37).sin()).collect();
        let x = Samples::new(wave.clone(), 1).unwrap();
        let y = Samples::new(wave.iter().map(|v| v + (v * 1e3).sin()).collect(), 1).unwrap();
        let config = EstimateConfig { estimator: Estimator::Cca, ..EstimateConfig::default() };
        let found = estimate(&x, &y, &config).unwrap();
        let text = estimates([("wave", &found)]).unwrap().to_text();
        assert!(text.contains(&format!("wave  cca        {:.3}", found.nats)), "{text}");
    }
}
