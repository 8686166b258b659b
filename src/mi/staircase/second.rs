//! The second network of bounds that train one beside the critic.

use crate::mi::Pairing;
use crate::mi::bound::{SecondInput, TrainedBound};
use crate::mi::critic::{JointCritic, Tower, VectorCritic};
use crate::nn::{Adam, AdamConfig, builder};
use dfdx::prelude::*;

type Baseline<const I: usize> = Tower<I, 512, 1, 1, f32, Cpu>;
type OfPairs<const I: usize> = JointCritic<I, I, 256, f32, Cpu>;

/// None, a baseline of y, or a function of joint pairs; with its optimiser.
pub(super) enum Second<const I: usize> {
    None,
    Baseline(Box<(Baseline<I>, Adam<f32, Cpu>)>),
    OfPairs(Box<(OfPairs<I>, Adam<f32, Cpu>)>),
}

impl<const I: usize> Second<I> {
    /// What `bound` takes, freshly made on `dev`.
    pub fn new(dev: &Cpu, bound: &TrainedBound, config: AdamConfig) -> Result<Self, CpuError> {
        Ok(match bound.second_input() {
            None => Self::None,
            Some(SecondInput::Baseline) => {
                let net = dev.build_module::<builder::Tower<I, 512, 1, 1>, f32>();
                let adam = Adam::new(&net, config)?;
                Self::Baseline(Box::new((net, adam)))
            }
            Some(SecondInput::Joint) => {
                let net = dev.build_module::<builder::JointCritic<I, I, 256>, f32>();
                let adam = Adam::new(&net, config)?;
                Self::OfPairs(Box::new((net, adam)))
            }
        })
    }

    /// Its output `[B]` at a batch, put on `tape`, which comes back.
    pub fn output<T: Tape<f32, Cpu>>(
        &self,
        x: &Tensor<(usize, Const<I>), f32, Cpu>,
        y: &Tensor<(usize, Const<I>), f32, Cpu>,
        tape: T,
    ) -> Result<(Option<Tensor<(usize,), f32, Cpu>>, T), CpuError> {
        let flat = (x.shape().0,);
        let (second, tape) = match self {
            Self::None => return Ok((None, tape)),
            Self::Baseline(net) => net.0.try_forward(y.clone().put_tape(tape))?.try_reshape_like(&flat)?.split_tape(),
            Self::OfPairs(net) => {
                // No rotation but the one by nothing: each x with its own y.
                let scores = net.0.try_scores(x.clone().put_tape(tape), y.clone(), Pairing::Rolled(0))?;
                scores.try_reshape_like(&flat)?.split_tape()
            }
        };
        Ok((Some(second), tape))
    }

    /// Moves it one step down its gradients.
    pub fn update(&mut self, gradients: &mut Gradients<f32, Cpu>) -> Result<(), CpuError> {
        match self {
            Self::None => Ok(()),
            Self::Baseline(both) => {
                let (net, adam) = &mut **both;
                adam.update(net, gradients)
            }
            Self::OfPairs(both) => {
                let (net, adam) = &mut **both;
                adam.update(net, gradients)
            }
        }
    }
}
