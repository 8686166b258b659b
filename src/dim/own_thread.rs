//! A model that cannot leave its thread, and who stands for it on the others.

use super::{DimError, Model, Noise, StepInput, StepReport};
use crate::nn::checkpoint::Array;
use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

/// Something to be done with the model.
type Job = Box<dyn FnOnce(&mut dyn Model) + Send>;

/// Hands everything on to a model on a thread of its own, which ends with this.
pub(super) struct OwnThread {
    /// Taken away when this ends.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl OwnThread {
    /// Makes the model on its thread.
    ///
    /// # Errors
    /// What `make` says; when there can be no more threads.
    pub(super) fn new(
        make: impl FnOnce() -> Result<Box<dyn Model>, DimError> + Send + 'static,
    ) -> Result<Self, DimError> {
        let (jobs, work) = channel::<Job>();
        let (made, is_made) = channel();
        let run = move || match make() {
            Ok(mut model) => {
                // Nobody listens any more only if the maker has gone, and then there are no jobs either.
                let _ = made.send(Ok(()));
                work.into_iter().for_each(|job| job(&mut *model));
            }
            Err(e) => drop(made.send(Err(e))),
        };
        let thread = Builder::new().name("model".into()).spawn(run);
        let thread = thread.map_err(|e| DimError::Device(format!("no thread for the model: {e}")))?;
        let model = Self { jobs: Some(jobs), thread: Some(thread) };
        is_made.recv().map_err(|_| gone())??;
        Ok(model)
    }

    /// What `job` makes of the model.
    fn ask<R: Send + 'static>(&self, job: impl FnOnce(&mut dyn Model) -> R + Send + 'static) -> Result<R, DimError> {
        let (answer, answered) = channel();
        let job = Box::new(move |model: &mut dyn Model| drop(answer.send(job(model))));
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())
    }

    /// The same of what cannot fail.
    fn know<R: Send + 'static>(&self, job: impl FnOnce(&mut dyn Model) -> R + Send + 'static) -> R {
        self.ask(job).expect("the model's thread has not panicked")
    }
}

/// Waits for the thread: what the model has on its device is free afterwards.
impl Drop for OwnThread {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // If it has panicked, it has said so.
            let _ = thread.join();
        }
    }
}

fn gone() -> DimError {
    DimError::Device("the model's thread has ended; what it said before is the reason".into())
}

impl Model for OwnThread {
    fn step(&mut self, input: StepInput) -> Result<StepReport, DimError> {
        self.ask(|model| model.step(input))?
    }

    fn noise(&self) -> Noise {
        self.know(|model| model.noise())
    }

    fn features(&self, batch: usize, pixels: Vec<f32>) -> Result<[Vec<f32>; 3], DimError> {
        self.ask(move |model| model.features(batch, pixels))?
    }

    fn image(&self) -> [usize; 3] {
        self.know(|model| model.image())
    }

    fn global_size(&self) -> usize {
        self.know(|model| model.global_size())
    }

    fn parameters(&self) -> [usize; 2] {
        self.know(|model| model.parameters())
    }

    fn arrays(&self) -> BTreeMap<String, Array> {
        self.know(|model| model.arrays())
    }

    fn steps(&self) -> u64 {
        self.know(|model| model.steps())
    }

    fn restore(&mut self, arrays: &BTreeMap<String, Array>, steps: u64) -> Result<(), DimError> {
        let arrays = arrays.clone();
        self.ask(move |model| model.restore(&arrays, steps))?
    }

    fn restore_encoder(&mut self, arrays: &BTreeMap<String, Array>) -> Result<(), DimError> {
        let arrays = arrays.clone();
        self.ask(move |model| model.restore_encoder(&arrays))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dim::{EncoderKind, ModelConfig, around, build};

    fn input(step: u64) -> StepInput {
        let pixels = (0..4 * 784).map(|i| ((i * 37 + step as usize * 101) % 255) as f32 / 127.0 - 1.0).collect();
        let noise = (0..4 * 64).map(|i| (i * 29 % 64) as f32 / 64.0).collect();
        StepInput { batch: 4, pixels, noise, seed: step, ..StepInput::default() }
    }

    #[test]
    fn a_model_on_its_own_thread_is_the_model() {
        let config = ModelConfig::new(EncoderKind::Dcgan28);
        let mut here = build(&config, 5).unwrap();
        let there = move || around::on_cpu::build(&config, 5).map(|model| model as Box<dyn Model>);
        let mut there = OwnThread::new(there).unwrap();
        for step in 0..2 {
            assert_eq!(here.step(input(step)).unwrap(), there.step(input(step)).unwrap());
        }
        let arrays = there.arrays();
        assert!(arrays == here.arrays());
        assert_eq!((there.steps(), there.image(), there.parameters()), (2, [1, 28, 28], here.parameters()));
        assert_eq!(there.features(4, input(0).pixels).unwrap(), here.features(4, input(0).pixels).unwrap());
        here.step(input(2)).unwrap();
        here.restore(&arrays, 2).unwrap();
        assert_eq!(here.step(input(3)).unwrap(), there.step(input(3)).unwrap());
        there.restore(&arrays, 2).unwrap();
        assert!(there.arrays() == arrays);
        // Numbers of noise that do not fit: the model's own error.
        let few = StepInput { noise: Vec::new(), ..input(0) };
        assert!(matches!(there.step(few), Err(DimError::Config(_))));
    }

    #[test]
    fn what_ends_a_thread_is_told() {
        let refused = OwnThread::new(|| Err(DimError::Device("none here".into())));
        assert!(matches!(refused, Err(DimError::Device(why)) if why == "none here"));
        let panics = OwnThread::new(|| panic!("on purpose"));
        assert!(matches!(panics, Err(DimError::Device(why)) if why.contains("ended")));
    }
}
