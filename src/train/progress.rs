//! How a run tells what it is doing.

use super::{EpochReport, OnlineReport};
use crate::dim::StepReport;

/// A listener; terminals, notebooks and scripts each have their own.
pub trait Progress {
    /// An epoch begins at step `done` of `total` steps in it.
    fn epoch_begins(&mut self, epoch: u64, epochs: u64, done: u64, total: u64);
    /// A step is done.
    fn step(&mut self, images: usize, report: &StepReport);
    /// An epoch is done.
    fn epoch_ends(&mut self, report: &EpochReport);
    /// The encoder was probed on the way.
    fn probed(&mut self, _report: &OnlineReport) {}
    /// A longer piece of work of `total` parts begins (probing, decoding).
    fn task_begins(&mut self, what: &str, total: u64);
    /// Another part of it is done.
    fn task_advances(&mut self, parts: u64);
    /// It is done.
    fn task_ends(&mut self);
}

/// Says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn epoch_begins(&mut self, _: u64, _: u64, _: u64, _: u64) {}
    fn step(&mut self, _: usize, _: &StepReport) {}
    fn epoch_ends(&mut self, _: &EpochReport) {}
    fn task_begins(&mut self, _: &str, _: u64) {}
    fn task_advances(&mut self, _: u64) {}
    fn task_ends(&mut self) {}
}
