//! Finite differences against the tape.

use dfdx::prelude::*;
use infomax::seed::stream;
use rand::Rng;

pub type Taped<S> = Tensor<S, f64, Cpu, OwnedTape<f64, Cpu>>;

/// Numbers from a named stream, uniform on ±1 but no nearer to zero than 0.02.
pub fn numbers(name: &str, n: usize) -> Vec<f64> {
    let mut rng = stream(17, name, 0);
    (0..n).map(|_| rng.gen_range(0.02..1.0) * if rng.r#gen() { 1.0 } else { -1.0 }).collect()
}

/// A tensor of [`numbers`].
pub fn tensor<S: ConstShape>(name: &str) -> Tensor<S, f64, Cpu> {
    Cpu::default().tensor_from_vec(numbers(name, S::NUMEL), S::default())
}

/// ‖a − b‖ / max(‖a‖, ‖b‖), zero when both are.
pub fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    let scale = norm(&mut a.iter().copied()).max(norm(&mut b.iter().copied()));
    let off = norm(&mut a.iter().zip(b).map(|(x, y)| x - y));
    assert!(off.is_finite(), "not finite");
    if scale == 0.0 { 0.0 } else { off / scale }
}

/// Central differences of `f` at `x`.
pub fn differences(x: &[f64], mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let h = 1e-6;
    let mut at = x.to_vec();
    (0..x.len())
        .map(|i| {
            at[i] = x[i] + h;
            let up = f(&at);
            at[i] = x[i] - h;
            let down = f(&at);
            at[i] = x[i];
            (up - down) / (2.0 * h)
        })
        .collect()
}

/// The accuracy that is asked of every gradient.
pub const TOLERANCE: f64 = 1e-6;

/// Checks the gradient of `Σ c·f(x)`, with fixed random `c`, at the input `x`.
pub fn check_input<S: ConstShape, O: Shape>(
    name: &str,
    x: &Tensor<S, f64, Cpu>,
    mut f: impl FnMut(Taped<S>) -> Taped<O>,
) {
    let grads = weighted(f(x.clone().leaky_traced())).backward();
    let found = grads.get(x).as_vec();
    let expected = differences(&x.as_vec(), |v| {
        let at: Tensor<S, f64, Cpu> = x.device().tensor_from_vec(v.to_vec(), S::default());
        weighted(f(at.leaky_traced())).as_vec()[0]
    });
    let error = relative_error(&found, &expected);
    assert!(error < TOLERANCE, "{name}: input gradient is off by {error:e}");
}

/// Checks the gradients of `Σ c·f(module)` at every learned tensor of `module`.
pub fn check_parameters<M, O: Shape>(name: &str, module: &M, mut f: impl FnMut(&mut M) -> Taped<O>)
where
    M: TensorCollection<f64, Cpu, To<f64, Cpu> = M> + Clone,
{
    let mut grads = weighted(f(&mut module.clone())).backward();
    let parameters = parameters(module, Some(&mut grads));
    assert!(!parameters.is_empty());
    for (path, values, found) in parameters {
        let expected = differences(&values, |v| {
            let mut changed = module.clone();
            set(&mut changed, &path, v);
            weighted(f(&mut changed)).as_vec()[0]
        });
        let error = relative_error(&found, &expected);
        assert!(error < TOLERANCE, "{name}: gradient of {path} is off by {error:e}");
    }
}

/// `Σ c·y` with fixed random `c`.
fn weighted<O: Shape>(y: Taped<O>) -> Taped<Rank0> {
    let c = numbers("weights of the sum", y.shape().num_elements());
    let c = y.device().tensor_from_vec(c, *y.shape());
    (y * c).sum()
}

/// Path, values and gradient of each learned tensor.
pub fn parameters<M: TensorCollection<f64, Cpu>>(
    module: &M,
    grads: Option<&mut Gradients<f64, Cpu>>,
) -> Vec<(String, Vec<f64>, Vec<f64>)> {
    struct List<'a>(Vec<(String, Vec<f64>, Vec<f64>)>, Option<&'a mut Gradients<f64, Cpu>>);
    impl TensorVisitor<f64, Cpu> for List<'_> {
        type Viewer = (ViewTensorRef, ViewTensorName);
        type Err = CpuError;
        type E2 = f64;
        type D2 = Cpu;

        fn visit<S: Shape>(
            &mut self,
            options: TensorOptions<S, f64, Cpu>,
            (t, name): (&Tensor<S, f64, Cpu>, String),
        ) -> Result<Option<Tensor<S, f64, Cpu>>, CpuError> {
            if options.do_gradient_update {
                let gradient = match &mut self.1 {
                    Some(grads) => grads.get_or_alloc_mut(t)?.to_vec(),
                    None => Vec::new(),
                };
                self.0.push((name, t.as_vec(), gradient));
            }
            Ok(None)
        }
    }
    let mut list = List(Vec::new(), grads);
    M::iter_tensors(&mut RecursiveWalker { m: (module, String::new()), f: &mut list }).unwrap();
    list.0
}

/// Sets one tensor by its path.
pub fn set<M: TensorCollection<f64, Cpu>>(module: &mut M, path: &str, values: &[f64]) {
    struct Set<'a>(&'a str, &'a [f64], bool);
    impl TensorVisitor<f64, Cpu> for Set<'_> {
        type Viewer = (ViewTensorMut, ViewTensorName);
        type Err = CpuError;
        type E2 = f64;
        type D2 = Cpu;

        fn visit<S: Shape>(
            &mut self,
            _: TensorOptions<S, f64, Cpu>,
            (t, name): (&mut Tensor<S, f64, Cpu>, String),
        ) -> Result<Option<Tensor<S, f64, Cpu>>, CpuError> {
            if name == self.0 {
                t.copy_from(self.1);
                self.2 = true;
            }
            Ok(None)
        }
    }
    let mut visitor = Set(path, values, false);
    M::iter_tensors(&mut RecursiveWalker { m: (module, String::new()), f: &mut visitor }).unwrap();
    assert!(visitor.2, "no tensor `{path}`");
}
