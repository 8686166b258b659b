//! What an encoder is worth on a task: it is trained on, or held, with labels, and scored on images it has not seen.
//!
//! Tasks and measures are those of Newell & Deng 2020 (arXiv 2003.14323): a class or a pose of an image, a class or a depth
//! of every location of the local feature map. Heads for images read the hidden layer `fc`, heads for locations the map.
//! The schedule is the same for every encoder: so many steps of Adam, the learning rate rising linearly over the first
//! twentieth of them and falling linearly to nothing over the rest. Images are seen as they are.
//!
//! The same seed gives the same bits, whatever the number of threads.

mod build;
mod examples;
mod learner;
mod loss;
mod run;
mod task;

pub use examples::{Examples, Targets};
pub use loss::depth_loss;
pub use run::{Transfer, TransferConfig, TransferScore, transfer};
pub use task::{Mode, Task};
