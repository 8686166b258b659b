//! Tables, line charts and contact sheets of a run.
//!
//! * [`Table`]: for the terminal and for Markdown;
//! * [`LineChart`]: SVG and PNG from one description;
//! * [`PanelChart`]: small charts side by side over common axes;
//! * [`DotChart`]: named rows of dots over one axis;
//! * [`ContactSheet`]: small images in rows and columns, captioned and framed;
//! * [`patch_tile`]: an image beside its patches, for a sheet.
//!
//! PNG text is set in a subset of DejaVu Sans that is part of the library (`src/report/assets/DejaVu-LICENSE.txt`); SVG text asks
//! for any sans-serif font.

mod dots;
mod error;
mod font;
mod grid;
mod panels;
mod patches;
mod plot;
mod table;
mod ticks;
mod write;

pub use dots::{Dot, DotChart, DotRow};
pub use error::ReportError;
pub use grid::{ContactSheet, FRAME_OTHER, FRAME_QUERY, FRAME_SAME, Tile};
pub use panels::{Curve, Panel, PanelChart};
pub use patches::patch_tile;
pub use plot::{LineChart, Point, Series};
#[cfg(feature = "data")]
pub(crate) use table::escape_html;
pub use table::{Align, Table};
