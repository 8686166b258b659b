//! Whether a cell's fresh outputs are those that it was committed with.
//!
//! Text is the same when all its words are and its numbers nearly: a machine with other vector instructions rounds
//! differently. Pictures are the same when they are of one size and nearly the same pixels, where the caller wants that. Lines that begin with a time do
//! not count, nor do the words beside a picture, how a text is cut into pieces, and what goes to stderr.

use super::document::text;
use crate::report::from_base64;
use serde_json::Value;

/// Numbers may differ by this share of the old one …
const RELATIVE: f64 = 0.03;
/// … and this much more.
const ABSOLUTE: f64 = 0.02;
/// Pixels may differ by so much in the mean, of 255.
pub(crate) const NEARLY: f64 = 4.0;
/// The tag of a cell whose pictures show what was trained, and so what a processor's rounding made of it.
pub(crate) const VARIES: &str = "picture-varies";
/// Letters of a text that a message shows.
const SHOWN: usize = 200;

/// What differs between the outputs of a cell, in words; nothing when they are the same. Pixels of pictures may differ by
/// `pixels` in the mean, of 255.
pub(crate) fn differences(before: &[Value], after: &[Value], pixels: f64) -> Vec<String> {
    let (before, after) = (counted(before), counted(after));
    let kinds = |outputs: &[Output]| match outputs {
        [] => "nothing".to_owned(),
        _ => outputs.iter().map(|o| o.kind.as_str()).collect::<Vec<_>>().join(", "),
    };
    let (old, new) = (kinds(&before), kinds(&after));
    if old != new {
        return vec![format!("it gave {old}, now {new}")];
    }
    before.iter().zip(&after).flat_map(|(old, new)| old.differ(new, pixels)).collect()
}

/// What counts of an output.
struct Output {
    kind: String,
    /// A picture in base64.
    png: Option<String>,
    words: String,
}

fn counted(outputs: &[Value]) -> Vec<Output> {
    let mut counted: Vec<Output> = Vec::new();
    for output in outputs {
        let of = |key: &str| output.get(key).map(text).unwrap_or_default();
        let kind = of("output_type");
        if kind == "stream" {
            let words = of("text");
            match counted.last_mut() {
                _ if of("name") == "stderr" => (),
                Some(last) if last.kind == kind => last.words.push_str(&words),
                _ => counted.push(Output { kind, png: None, words }),
            }
        } else if let Some(data) = output.get("data").and_then(Value::as_object) {
            let kind = data.keys().map(String::as_str).collect::<Vec<_>>().join("+");
            let of = |mime: &str| data.get(mime).map(text);
            counted.push(Output { kind, png: of("image/png"), words: of("text/plain").unwrap_or_default() });
        } else {
            let lines = output.get("traceback").and_then(Value::as_array).into_iter().flatten();
            let words: Vec<String> = lines.filter_map(Value::as_str).map(without_colours).collect();
            counted.push(Output { kind, png: None, words: words.join("\n") });
        }
    }
    counted
}

impl Output {
    fn differ(&self, new: &Self, pixels: f64) -> Vec<String> {
        match (&self.png, &new.png) {
            (Some(old), Some(new)) => pictures(old, new, pixels).into_iter().collect(),
            _ => texts(&self.words, &new.words),
        }
    }
}

/// The words with `#` for each number, and the numbers.
fn pieces(text: &str) -> (String, Vec<&str>) {
    let (mut words, mut numbers, mut rest) = (String::new(), Vec::new(), text);
    while let Some(c) = rest.chars().next() {
        let length = number(rest);
        if length == 0 {
            words.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            let (found, behind) = rest.split_at(length);
            words.push('#');
            numbers.push(found);
            rest = behind;
        }
    }
    (words.split_whitespace().collect::<Vec<_>>().join(" "), numbers)
}

/// The length of the number that a text begins with: `-1`, `0.25`, `3e-5`.
fn number(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with('-'));
    let mut end = sign + digits(sign);
    if end == sign {
        return 0;
    }
    if text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if text[end..].starts_with('e') {
        let exponent = end + 1 + usize::from(text[end + 1..].starts_with('-'));
        if digits(exponent) > 0 {
            end = exponent + digits(exponent);
        }
    }
    end
}

fn texts(before: &str, after: &str) -> Vec<String> {
    let [before, after] = [before, after].map(|t| t.lines().filter(|l| !timed(l)).collect::<Vec<_>>().join("\n"));
    let ((old_words, old), (new_words, new)) = (pieces(&before), pieces(&after));
    if old_words != new_words {
        let shown = |text: &str| text.trim().chars().take(SHOWN).collect::<String>();
        return vec![format!("it said {:?}, now {:?}", shown(&before), shown(&after))];
    }
    let apart = |(old, new): &(&str, &str)| match (old.parse::<f64>(), new.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() > ABSOLUTE + RELATIVE * a.abs(),
        _ => old != new,
    };
    old.into_iter().zip(new).filter(apart).map(|(old, new)| format!("{old} is now {new}")).collect()
}

/// Whether a line begins with a time, such as `  12 s  row`.
fn timed(line: &str) -> bool {
    let line = line.trim_start();
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let behind = rest.strip_prefix(" s").filter(|_| rest.len() < line.len());
    behind.is_some_and(|b| !b.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Text without what colours it in a terminal.
pub(crate) fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').get(1..).unwrap_or_default());
    }
    plain
}

/// What differs between two PNG files in base64.
fn pictures(before: &str, after: &str, pixels: f64) -> Option<String> {
    if before.trim_end() == after.trim_end() {
        return None;
    }
    let read = |coded: &str| {
        from_base64(coded).and_then(|png| image::load_from_memory_with_format(&png, image::ImageFormat::Png).ok())
    };
    let [Some(old), Some(new)] = [before, after].map(read) else {
        return Some("a picture is no PNG that can be read".into());
    };
    let [(a, b), (c, d)] = [&old, &new].map(|p| (p.width(), p.height()));
    if (a, b) != (c, d) {
        return Some(format!("a picture of {a}x{b} is now {c}x{d}"));
    }
    let clear = old.color().has_alpha() || new.color().has_alpha();
    let [old, new] = [old, new].map(|p| if clear { p.into_rgba8().into_raw() } else { p.into_rgb8().into_raw() });
    let sum: u64 = old.iter().zip(&new).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    let apart = sum as f64 / old.len().max(1) as f64;
    (apart > pixels).then(|| format!("a picture's pixels differ by {apart:.1} of 255 in the mean"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::base64;
    use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
    use serde_json::json;

    fn differences(before: &[Value], after: &[Value]) -> Vec<String> {
        super::differences(before, after, NEARLY)
    }

    fn said(text: &str) -> Vec<Value> {
        vec![json!({ "output_type": "stream", "name": "stdout", "text": [text] })]
    }

    #[test]
    fn numbers_may_differ_a_little() {
        let same =
            [("a 1.00\n", "a 1.02\n"), ("  3 s  row\n", " 12 s  row\n"), ("x  10", "x 10.1"), ("-1e-3é", "1e-4é")];
        for (before, after) in same {
            assert_eq!(differences(&said(before), &said(after)), [""; 0], "{before}");
        }
        let other = [
            ("a 1.0", "a 1.2"),
            ("a", "b"),
            ("1 2", "1"),
            ("", "x"),
            ("1 sec", "2 sec"),
            ("1e3", "1e4"),
            ("1-2", "1-3"),
        ];
        for (before, after) in other {
            assert_ne!(differences(&said(before), &said(after)), [""; 0], "{before}");
        }
        assert_eq!(differences(&said("a"), &[]), ["it gave stream, now nothing"]);
        assert_eq!(differences(&said("10 and 20"), &said("11 and 20")), ["10 is now 11"]);
    }

    #[test]
    fn pieces_of_a_text_and_stderr_do_not_count() {
        let noise = json!({ "output_type": "stream", "name": "stderr", "text": "noise" });
        let pieces = [said("a\n"), vec![noise], said("b\n")].concat();
        assert_eq!(differences(&pieces, &said("a\nb\n")), [""; 0]);
        assert_eq!(differences(&pieces, &said("a\nc\n")).len(), 1);
    }

    #[test]
    fn colours_of_an_error_do_not_count() {
        let error = |line: &str| vec![json!({ "output_type": "error", "traceback": [line] })];
        assert_eq!(differences(&error("\x1b[31m[E1]\x1b[0m of \x1b[38;5;54mx\x1b[0m"), &error("[E1] of x")), [""; 0]);
        assert_eq!(differences(&error("[E1] of x"), &error("[E1] of y")).len(), 1);
    }

    #[test]
    fn pictures_have_one_size_and_nearly_the_same_pixels() {
        let shown = |width: u32, height: u32, grey: u8| {
            let (mut png, pixels) = (Vec::new(), vec![grey; (width * height * 3) as usize]);
            PngEncoder::new(&mut png).write_image(&pixels, width, height, ExtendedColorType::Rgb8).unwrap();
            vec![
                json!({ "output_type": "display_data", "data": { "image/png": base64(&png), "text/plain": format!("{grey}") } }),
            ]
        };
        assert_eq!(differences(&shown(5, 4, 100), &shown(5, 4, 103)), [""; 0]);
        assert_eq!(
            differences(&shown(5, 4, 100), &shown(5, 4, 110)),
            ["a picture's pixels differ by 10.0 of 255 in the mean"]
        );
        assert_eq!(differences(&shown(5, 5, 1), &shown(5, 4, 1)), ["a picture of 5x5 is now 5x4"]);
        let broken = vec![json!({ "output_type": "display_data", "data": { "image/png": "AAAA", "text/plain": "" } })];
        assert!(differences(&shown(5, 5, 1), &broken)[0].contains("no PNG"));
        // Where any pixels will do, it is still a picture of the same size.
        let any = |after: &[Value]| super::differences(&shown(5, 4, 0), after, 255.0);
        assert_eq!((any(&shown(5, 4, 255)).len(), any(&shown(4, 4, 0)).len(), any(&broken).len()), (0, 1, 1));
    }
}
