//! Tables, charts, contact sheets, files.
#![cfg(feature = "report")]

use infomax::files::write_atomic;
use infomax::report::*;

/// Checks that tags nest, attributes are quoted and entities known; enough for what is written here.
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "stray > in {text:?}");
        for (at, _) in text.match_indices('&') {
            let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#"];
            assert!(known.iter().any(|e| text[at..].starts_with(e)), "bare & in {text:?}");
        }
        let end = start + rest[start..].find('>').expect("tag is closed");
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap());
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "left open: {open:?}");
}

fn curves() -> LineChart {
    let curve = |a: f64, b: f64| [1.0, 2.0, 5.0, 10.0, 50.0, 500.0].map(|n: f64| (n, a + b * n.ln(), 9.0 / (1.0 + n)));
    LineChart::new("Accuracy against labels, CIFAR-10, linear probe", "labels per class", "test accuracy (%)")
        .series(Series::with_errors("conv, local JSD", curve(20.0, 5.2)))
        .series(Series::with_errors("fc, local JSD", curve(18.0, 4.6)))
        .series(Series::with_errors("Y, local InfoNCE & prior <β = 0.1>", curve(17.0, 4.1)))
        .series(Series::with_errors("Y, untrained", curve(12.0, 2.7)))
        .reference(10.0, "chance")
        .log_x()
        .include_y(0.0)
}

fn sheet() -> ContactSheet {
    let mut sheet = ContactSheet::new(6, 3).unwrap().title("Nearest neighbours in Y (L1)");
    for i in 0..18usize {
        let planes = (0..3 * 32 * 32)
            .map(|p| {
                let (c, y, x) = (p / 1024, p / 32 % 32, p % 32);
                ((x * (i + 1) + y * 5 + c * 60) % 256) as u8
            })
            .collect();
        let tile = Tile::new(3, 32, 32, planes).unwrap();
        let frame = if i % 6 == 0 {
            FRAME_QUERY
        } else if i % 5 == 0 {
            FRAME_OTHER
        } else {
            FRAME_SAME
        };
        let caption = if i % 6 == 0 { "automobile" } else { "a very long class name" };
        sheet.push(tile.frame(frame).caption(caption)).unwrap();
    }
    sheet
}

#[test]
fn table_text_and_markdown() {
    let mut table = Table::new(&[("layer", Align::Left), ("accuracy (%)", Align::Right), ("note", Align::Left)]);
    table.push(["conv", "56.9 ± 0.3", ""]).unwrap();
    table.push(["fc | Y", "9.1", "two\nlines"]).unwrap();
    let text = "\
layer   accuracy (%)  note
──────  ────────────  ─────────
conv      56.9 ± 0.3
fc | Y           9.1  two lines
";
    assert_eq!(table.to_text(), text);
    let markdown = "\
| layer   | accuracy (%) | note      |
|:------- | ------------:|:--------- |
| conv    |   56.9 ± 0.3 |           |
| fc \\| Y |          9.1 | two lines |
";
    assert_eq!(table.to_markdown(), markdown);
    let error = table.push(["one"]).unwrap_err();
    assert_eq!(error.to_string(), "row 2 has 1 cells where the table has 3 columns: give one cell per column");
    assert_eq!(table.len(), 2);
}

#[test]
fn chart_as_svg_names_everything() {
    let svg = curves().svg().unwrap();
    assert_well_formed(&svg);
    for label in ["labels per class", "test accuracy (%)", "conv, local JSD", "chance", "untrained", "&lt;β = 0.1&gt;"]
    {
        assert!(svg.contains(label), "{label} is missing");
    }
    assert!(svg.contains("font-family=\"sans-serif\""));
}

#[test]
fn chart_as_png_has_its_size() {
    let image = image::load_from_memory(&curves().size(900, 540).png().unwrap()).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), (900, 540));
    assert_eq!(image.get_pixel(0, 0).0, [255; 3]);
    for color in [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167]] {
        let count = image.pixels().filter(|p| p.0 == color).count();
        assert!(count > 200, "{color:?} drawn on {count} pixels");
    }
    assert_eq!(curves().png().unwrap(), curves().png().unwrap(), "same chart, same bytes");
}

#[test]
fn charts_that_cannot_be_drawn_say_why() {
    let chart = || LineChart::new("t", "x", "y");
    assert!(matches!(chart().svg(), Err(ReportError::Empty { .. })));
    assert!(matches!(chart().series(Series::new("a", [])).png(), Err(ReportError::Empty { item: "point", .. })));
    let nan = chart().series(Series::new("a", [(0.0, 1.0), (1.0, f64::NAN)])).svg().unwrap_err();
    assert_eq!(nan.to_string(), "series \"a\" has NaN at index 1: leave such points out before plotting");
    let bar = chart().series(Series::with_errors("a", [(0.0, 1.0, f64::INFINITY)])).svg();
    assert!(matches!(bar, Err(ReportError::NonFinite { index: 0, .. })));
    let line = chart().series(Series::new("a", [(0.0, 1.0)])).reference(f64::NAN, "r").svg();
    assert!(matches!(line, Err(ReportError::NonFinite { .. })));
    let log = chart().series(Series::new("a", [(0.0, 1.0)])).log_x().svg();
    assert!(matches!(log, Err(ReportError::LogRange { index: 0, .. })));
    assert!(matches!(chart().series(Series::new("a", [(0.0, 1.0)])).size(10, 10).svg(), Err(ReportError::Size { .. })));
}

#[test]
fn odd_charts_are_drawn() {
    let draw = |chart: LineChart| {
        assert_well_formed(&chart.svg().unwrap());
        chart.png().unwrap();
    };
    draw(LineChart::new("one point", "", "").series(Series::new("", [(3.0, 3.0)])));
    draw(LineChart::new("one point", "", "").series(Series::new("a", [(3.0, 0.0)])).log_x());
    draw(LineChart::new("large", "x", "y").series(Series::new("a", [(-1e12, 1e15), (1e12, -1e15)])));
    draw(
        LineChart::new("long\u{1}\n".repeat(80), "x".repeat(300), "y".repeat(300))
            .size(300, 300)
            .series(Series::new("series ".repeat(60), [(0.0, 1.0), (1.0, 2.0)])),
    );
    let many = (0..16).fold(LineChart::new("many", "x", "y"), |chart, i| {
        chart.series(Series::new(format!("line {i}"), (0..99).map(|x| (f64::from(x), f64::from(x * i)))))
    });
    draw(many);
}

#[test]
fn sheets_have_their_size_and_pixels() {
    let sheet = sheet();
    let image = image::load_from_memory(&sheet.png().unwrap()).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), (6 * (96 + 8) + 5 * 8 + 32, 16 + 36 + 3 * (96 + 8 + 22) + 2 * 8 + 16));
    assert_eq!(image.get_pixel(16, 52).0, FRAME_QUERY);
    assert_eq!(image.get_pixel(20, 56).0, [0, 60, 120], "first pixel of the first image");
    assert_eq!(image.get_pixel(23, 56).0, [1, 61, 121], "enlarged three times");
    let svg = sheet.svg().unwrap();
    assert_well_formed(&svg);
    assert!(svg.contains("data:image/png;base64,iVBORw0KGgo") && svg.contains("Nearest neighbours in Y"));
    let mut gray = ContactSheet::new(10, 1).unwrap();
    gray.push(Tile::new(1, 2, 2, vec![0, 255, 128, 7]).unwrap()).unwrap();
    let image = image::load_from_memory(&gray.png().unwrap()).unwrap().to_rgb8();
    assert_eq!((image.dimensions(), image.get_pixel(20, 21).0), ((42, 42), [128; 3]));
}

#[test]
fn sheets_that_cannot_be_drawn_say_why() {
    assert!(matches!(Tile::new(2, 1, 1, vec![0; 2]), Err(ReportError::Size { .. })));
    assert!(matches!(Tile::new(3, 2, 2, vec![0; 11]), Err(ReportError::Size { .. })));
    assert!(matches!(ContactSheet::new(0, 1), Err(ReportError::Size { .. })));
    assert!(matches!(ContactSheet::new(1, 1).unwrap().png(), Err(ReportError::Empty { .. })));
    let mut sheet = ContactSheet::new(1, 16_000).unwrap();
    sheet.push(Tile::new(1, 2, 2, vec![0; 4]).unwrap()).unwrap();
    assert!(matches!(sheet.png(), Err(ReportError::Size { .. })));
    let other = sheet.push(Tile::new(1, 2, 3, vec![0; 6]).unwrap()).unwrap_err();
    assert_eq!(other.to_string(), "tile 1 is 2 x 3: all tiles of a sheet must be 2 x 2");
}

#[test]
fn files_are_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/table.md");
    write_atomic(&path, b"old").unwrap();
    write_atomic(&path, b"new").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    let [svg, png] = curves().write(folder.path().join("new/curve.v2")).unwrap();
    assert!(svg.ends_with("curve.v2.svg") && png.ends_with("curve.v2.png"));
    sheet().write(folder.path().join("new/sheet")).unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["curve.v2.png", "curve.v2.svg", "sheet.png", "sheet.svg", "table.md"]);
    let error = write_atomic(path.join("below/a/file"), b"").unwrap_err();
    assert!(!error.to_string().contains('\n'));
}
