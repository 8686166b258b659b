//! A page of text, tables and pictures, as Markdown and as one HTML file.

use super::ExperimentError;
use super::error::io;
use crate::files::write_atomic;
use crate::report::{Table, escape_html};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A part of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A heading of the second level.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A list.
    Bullets(Vec<String>),
    /// A table.
    Table(Table),
    /// Lines as they are.
    Code(String),
    /// A picture.
    Picture {
        /// Its SVG file, beside the page.
        file: String,
        /// What it shows, in words.
        alt: String,
        /// The SVG itself.
        svg: String,
    },
}

/// A title and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Heading of the first level.
    pub title: String,
    /// The parts in order.
    pub blocks: Vec<Block>,
}

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
th,td{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:left;white-space:nowrap}
th{border-bottom:2px solid #888}
pre{background:#f4f4f4;padding:.8rem;overflow-x:auto}figure{margin:1rem 0}svg{max-width:100%;height:auto}";

impl Page {
    /// Writes `report.md`, `report.html` and the pictures' files into a folder; returns the two pages' paths.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write(&self, folder: &Path, files: Vec<(String, Vec<u8>)>) -> Result<[PathBuf; 2], ExperimentError> {
        for (name, bytes) in files {
            let file = folder.join(name);
            write_atomic(&file, &bytes).map_err(io("write", file))?;
        }
        let paths = [folder.join("report.md"), folder.join("report.html")];
        for (path, text) in paths.iter().zip([self.to_markdown(), self.to_html()]) {
            write_atomic(path, text.as_bytes()).map_err(io("write", path))?;
        }
        Ok(paths)
    }

    /// As Markdown; pictures are the files beside it.
    pub fn to_markdown(&self) -> String {
        let mut out = format!("# {}\n", self.title);
        for block in &self.blocks {
            // Writing to a string cannot fail.
            let _ = match block {
                Block::Heading(text) => write!(out, "\n## {text}\n"),
                Block::Text(text) => write!(out, "\n{text}\n"),
                Block::Bullets(items) => {
                    let items: String = items.iter().map(|i| format!("- {i}\n")).collect();
                    write!(out, "\n{items}")
                }
                Block::Table(table) => write!(out, "\n{}", table.to_markdown()),
                Block::Code(text) => write!(out, "\n```text\n{}\n```\n", text.trim_end()),
                Block::Picture { file, alt, .. } => write!(out, "\n![{alt}]({file})\n"),
            };
        }
        out
    }

    /// As one HTML file that needs no other.
    pub fn to_html(&self) -> String {
        let mut body = String::new();
        for block in &self.blocks {
            let _ = match block {
                Block::Heading(text) => writeln!(body, "<h2>{}</h2>", escape_html(text)),
                Block::Text(text) => writeln!(body, "<p>{}</p>", escape_html(text)),
                Block::Bullets(items) => {
                    let items: String = items.iter().map(|i| format!("<li>{}</li>\n", escape_html(i))).collect();
                    writeln!(body, "<ul>\n{items}</ul>")
                }
                Block::Table(table) => write!(body, "{}", table.to_html()),
                Block::Code(text) => writeln!(body, "<pre>{}</pre>", escape_html(text.trim_end())),
                Block::Picture { alt, svg, .. } => {
                    let svg = svg.find("<svg").map_or("", |at| &svg[at..]);
                    writeln!(body, "<figure role=\"img\" aria-label=\"{}\">{svg}</figure>", escape_html(alt))
                }
            };
        }
        let title = escape_html(&self.title);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n\
             <body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Align;

    #[test]
    fn both_forms_hold_everything_and_html_is_escaped() {
        let mut table = Table::new(&[("row", Align::Left), ("%", Align::Right)]);
        table.push(["a < b & c", "1.5"]).unwrap();
        let svg = "<?xml version=\"1.0\"?><svg width=\"1\"></svg>".to_owned();
        let picture = Block::Picture { file: "dots.svg".into(), alt: "dots".into(), svg };
        let blocks = vec![Block::Text("x > 0".into()), Block::Table(table), Block::Code("ls".into()), picture];
        let page = Page { title: "T".into(), blocks };
        let (markdown, html) = (page.to_markdown(), page.to_html());
        assert!(markdown.starts_with("# T\n\nx > 0\n") && markdown.contains("![dots](dots.svg)"));
        assert!(html.contains("<p>x &gt; 0</p>") && html.contains(">a &lt; b &amp; c</td>"));
        assert!(html.contains("<td style=\"text-align:right\">1.5</td>") && html.contains("<svg width=\"1\">"));
        assert!(!html.contains("<?xml"));
    }
}
