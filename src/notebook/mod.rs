//! Pictures and tables in Rust notebooks, by the conventions of the [evcxr](https://github.com/evcxr/evcxr) kernel.
//!
//! A cell that ends in one of these values shows it: [`ContactSheet`](crate::report::ContactSheet), [`LineChart`],
//! [`PanelChart`](crate::report::PanelChart), [`HeatMap`], [`Scatter`](crate::report::Scatter),
//! [`Table`](crate::report::Table), an [`Estimate`](crate::mi::estimate::Estimate), a [`Live`] curve, or a `Result` of one
//! of them, whose error is shown in words; [`display`] shows one before the cell ends. Pictures are PNG, tables HTML, and each has
//! a line of plain text for frontends without either.
//!
//! ```text
//! :dep infomax = { path = "lib", package = "infomax-notebook" }
//! use infomax::notebook::prelude::*;
//! ```
//!
//! `notebooks/lib` is this crate as one shared library (`lib-data` with feature `data`), so that all cells have the same copy
//! of it. Named directly in `:dep`, every cell has its own, and with it a counter of tensors that begins at 0: tensors of
//! different cells are then taken for each other, and gradients are wrong.
//!
//! What turns numbers into these values:
//!
//! * [`images`], [`feature_maps`], [`filters`], [`patches`]: tensors to contact sheets;
//! * [`mi_curve`], [`score_matrix`], [`confusion`], [`embedding`]: what was measured to charts;
//! * [`layers`], [`estimates`]: a model and estimates to tables;
//! * with feature `data`: `set_images`, `set_patches`, `set_neighbours`, straight from a data set, and `batches` of it;
//! * [`Live`] and [`until_interrupted`]: long loops.

mod charts;
#[cfg(feature = "data")]
mod data;
mod interrupt;
mod live;
pub mod prelude;
mod principal;
mod show;
mod tables;
mod tensors;

pub use charts::{MiPoint, confusion, embedding, mi_curve, score_matrix};
#[cfg(feature = "data")]
pub use data::{batches, set_images, set_neighbours, set_patches};
pub use interrupt::{UntilInterrupted, until_interrupted};
pub use live::Live;
pub use principal::principal_plane;
pub use show::{Content, Show, display};
pub use tables::{estimates, layers};
pub use tensors::{feature_maps, filters, images, patches};

#[cfg(doc)]
use crate::report::{HeatMap, LineChart};
