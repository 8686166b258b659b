//! `infomax data scenes`.

use super::{CliError, bar};
use crate::data::Split;
use crate::data::scene::{CLASS_NAMES, Rendered, Scene, SceneConfig, SceneSet, Variant};
use crate::files::write_atomic;
use crate::report::{ContactSheet, ReportError, Tile, viridis};
use clap::Args;
use rayon::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infomax data scenes --out scenes
  infomax data scenes --out plain --variant=- --count 50000
  infomax data scenes --out crowd --size 128 --objects 4 --variant TCVL
  infomax data scenes --out small --size 32 && infomax train --data small/scenes.toml

Classes, factors and strengths are those of Newell & Deng 2020; shapes and textures are procedural. The folder holds
data/*.parquet (image, label, pose, shape, mask, depth), the card scenes.toml, and sheets/ to look at.")]
pub(super) struct ScenesArgs {
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Training images
    #[arg(long, value_name = "IMAGES", default_value_t = 10_000)]
    count: u64,
    /// Validation images
    #[arg(long, value_name = "IMAGES", default_value_t = 1_000)]
    valid: u64,
    /// Test images
    #[arg(long, value_name = "IMAGES", default_value_t = 2_000)]
    test: u64,
    /// What varies: T (texture), C (colour), V (viewpoint), L (lighting); - for nothing
    #[arg(long, value_name = "LETTERS", default_value = "TCVL", allow_hyphen_values = true)]
    variant: String,
    /// Side of an image, pixels: 32, 64 or 128
    #[arg(long, value_name = "PIXELS", default_value_t = 64)]
    size: usize,
    /// Objects in a scene, 1 to 4
    #[arg(long, default_value_t = 1)]
    objects: usize,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print as JSON
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &ScenesArgs) -> Result<(), CliError> {
    let variant = args.variant.parse()?;
    let config = SceneConfig { variant, size: args.size, objects: args.objects, seed: args.seed };
    let set = SceneSet { config, train: args.count, valid: args.valid, test: args.test };
    let mut progress = bar::progress(args.quiet);
    let start = Instant::now();
    progress.task_begins("scenes", set.images());
    let written = set.write(&args.out, |images| progress.task_advances(images));
    progress.task_ends();
    let written = written?;
    let seconds = start.elapsed().as_secs_f64();
    let sheets = sheets(&config, &args.out.join("sheets"))?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let value = serde_json::json!({
            "card_file": written.card_file, "card": written.card, "files": written.files, "sheets": sheets,
            "images": set.images(), "seconds": seconds, "images_per_second": set.images() as f64 / seconds,
        });
        writeln!(out, "{value}")?;
        return Ok(());
    }
    for path in written.files.iter().chain(&sheets).chain([&written.card_file]) {
        writeln!(out, "{}", path.display())?;
    }
    let rate = set.images() as f64 / seconds;
    writeln!(out, "{} scenes in {seconds:.1} s ({rate:.0} a second, encoded and written)", set.images())?;
    Ok(())
}

/// Scenes of a class on the sheet of a switch.
const ROWS: u64 = 3;

/// What a tile shows of an image: planes of red, green and blue.
type Show = fn(&Rendered) -> Vec<u8>;

/// A sheet for each switch, and one of all.
fn sheets(config: &SceneConfig, folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let off = Variant::default();
    let switches = [
        ("texture", Variant { texture: true, ..off }),
        ("colour", Variant { colour: true, ..off }),
        ("viewpoint", Variant { viewpoint: true, ..off }),
        ("lighting", Variant { lighting: true, ..off }),
    ];
    let mut written = Vec::new();
    let mut write = |name: &str, sheet: &ContactSheet| -> Result<(), CliError> {
        let path = folder.join(format!("{name}.png"));
        write_atomic(&path, &sheet.png()?).map_err(|source| ReportError::Io { path: path.clone(), source })?;
        written.push(path);
        Ok(())
    };
    for (name, variant) in switches {
        let title = format!("Scenes where nothing varies, and below them the same with another {name}");
        let mut sheet = ContactSheet::new(CLASS_NAMES.len(), 1)?.title(title);
        for (variant, index) in [off, variant].into_iter().flat_map(|v| (0..ROWS).map(move |i| (v, i))) {
            let name = if variant == off { "" } else { name };
            row(&mut sheet, &SceneConfig { variant, ..*config }, index, name, color)?;
        }
        write(name, &sheet)?;
    }
    let mut sheet =
        ContactSheet::new(CLASS_NAMES.len(), 1)?.title("The same scenes where nothing varies, one thing, all");
    let all: [(&str, Variant, Show); 3] =
        [("all", Variant::ALL, color), ("mask", Variant::ALL, mask), ("depth", Variant::ALL, depth)];
    let one = switches.map(|(name, variant)| (name, variant, color as Show));
    for (name, variant, show) in [("", off, color as Show)].into_iter().chain(one).chain(all) {
        row(&mut sheet, &SceneConfig { variant, ..*config }, 0, name, show)?;
    }
    write("all", &sheet)?;
    Ok(written)
}

/// A scene of each class; of several objects, all of that class. The first row names the classes, others what they show.
fn row(sheet: &mut ContactSheet, config: &SceneConfig, index: u64, name: &str, show: Show) -> Result<(), CliError> {
    let first = sheet.is_empty();
    let render = |class: usize| {
        let scene = index * CLASS_NAMES.len() as u64 + class as u64;
        Ok(Scene::draw_of(config, Split::Train, scene, Some(class))?.render())
    };
    let images: Vec<Rendered> =
        (0..CLASS_NAMES.len()).into_par_iter().map(render).collect::<Result<_, crate::data::DataError>>()?;
    for (class, image) in images.iter().enumerate() {
        let caption = match class {
            _ if first => CLASS_NAMES[class],
            0 => name,
            _ => "",
        };
        sheet.push(Tile::new(3, image.size, image.size, show(image))?.caption(caption))?;
    }
    Ok(())
}

fn color(image: &Rendered) -> Vec<u8> {
    image.pixels.clone()
}

/// Each class in a colour of its own.
fn mask(image: &Rendered) -> Vec<u8> {
    let colours: Vec<[u8; 3]> = (0..=CLASS_NAMES.len()).map(|i| viridis(i as f64 / CLASS_NAMES.len() as f64)).collect();
    let of = |m: u8| colours.get(usize::from(m)).copied().unwrap_or_default();
    (0..3).flat_map(|c| image.mask.iter().map(move |&m| of(m)[c])).collect()
}

/// Near is light; the background is black.
fn depth(image: &Rendered) -> Vec<u8> {
    let near = image.depth.iter().copied().fold(f32::INFINITY, f32::min);
    let far = image.depth.iter().copied().filter(|d| d.is_finite()).fold(near, f32::max);
    let grey = |d: f32| if d.is_finite() { 255.0 - 195.0 * (d - near) / (far - near).max(1e-3) } else { 0.0 };
    (0..3).flat_map(|_| image.depth.iter().map(|&d| grey(d) as u8)).collect()
}
