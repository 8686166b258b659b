//! Tables, line charts and contact sheets of a run.
//!
//! * [`Table`]: for the terminal and for Markdown;
//! * [`LineChart`]: SVG and PNG from one description;
//! * [`PanelChart`]: small charts side by side over common axes;
//! * [`ErrorMap`]: a table of signed values whose cells are coloured by their values;
//! * [`DotChart`]: named rows of dots over one axis;
//! * [`HeatMap`]: a matrix as coloured cells; [`Scatter`]: points in the plane, by group;
//! * [`ContactSheet`]: small images in rows and columns, captioned and framed;
//! * [`utility_table`], [`utility_chart`]: labels that pretraining saves, with what cannot be told in grey;
//! * [`patch_tile`]: an image beside its patches, for a sheet.
//!
//! PNG text is set in a subset of DejaVu Sans that is part of the library (`src/report/assets/DejaVu-LICENSE.txt`); SVG text asks
//! for any sans-serif font.

mod colour;
mod dots;
mod error;
mod error_map;
mod font;
mod grid;
mod heat;
#[cfg(feature = "data")]
mod neighbours;
mod panels;
mod patches;
mod plot;
mod scatter;
mod table;
mod ticks;
mod utility;
mod write;

pub use colour::viridis;
#[cfg(feature = "notebook")]
pub(crate) use colour::{ends, share};
pub use dots::{Dot, DotChart, DotRow};
pub use error::ReportError;
pub use error_map::ErrorMap;
#[cfg(any(feature = "notebook", test))]
pub(crate) use grid::base64;
#[cfg(feature = "cli")]
pub(crate) use grid::from_base64;
pub use grid::{ContactSheet, FRAME_OTHER, FRAME_QUERY, FRAME_SAME, Tile};
pub use heat::HeatMap;
#[cfg(feature = "data")]
pub use neighbours::{NeighboursError, neighbour_sheet};
pub use panels::{Curve, Panel, PanelChart};
pub use patches::patch_tile;
pub use plot::{LineChart, Point, Series};
pub use scatter::Scatter;
#[cfg(feature = "data")]
pub(crate) use table::escape_html;
pub use table::{Align, Table};
pub use utility::{score_chart, utility_chart, utility_reading, utility_table};
