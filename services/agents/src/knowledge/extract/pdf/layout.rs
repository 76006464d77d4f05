//! From glyphs on a page to lines, and from lines to headings and paragraphs.

use std::collections::HashMap;

use hayro_interpret::kurbo::{Point, Vec2};

use crate::knowledge::document::Builder;
use crate::knowledge::rejection::Rejection;

/// A glyph: where it stands on the page (y grows downwards), how far it moves the pen, how large
/// its font is, all in points, and what it means.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) origin: Point,
    pub(super) along: Vec2,
    pub(super) size: f64,
    pub(super) text: String,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// The distance of the baseline from the top of the page.
    pub(super) y: f64,
    /// Where the line ends, from the left of the page.
    pub(super) right: f64,
    pub(super) size: f64,
    pub(super) text: String,
}

/// A gap of this part of the font's size is a space; letter-spacing stays below.
const SPACE: f64 = 0.18;
/// The baseline moves more than this between lines; indices and exponents move less.
const NEW_LINE: f64 = 0.45;
/// A gap of more line heights than this parts paragraphs.
const PARAGRAPH_GAP: f64 = 1.75;
/// A line in a font this much larger than the body's is a heading.
const HEADING_SIZE: f64 = 1.15;
/// A line that ends before this share of the widest one was ended on purpose.
const FULL_LINE: f64 = 0.85;
const MAX_HEADING_CHARS: usize = 160;
/// A first or last line repeated on this share of pages is a running header or a page number.
const RUNNING_SHARE: f64 = 0.6;
const RUNNING_MIN_PAGES: usize = 3;

/// Puts glyphs, in the order they are drawn, into lines.
pub(super) fn lines(pieces: Vec<Piece>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut open: Option<OpenLine> = None;
    for piece in pieces {
        match &mut open {
            Some(line) if line.continues(&piece) => line.push(piece),
            _ => {
                lines.extend(open.take().and_then(OpenLine::close));
                open = Some(OpenLine::start(piece));
            }
        }
    }
    lines.extend(open.and_then(OpenLine::close));
    lines
}

struct OpenLine {
    first: Point,
    end: Point,
    direction: Vec2,
    size: f64,
    text: String,
    /// Sizes weighted by characters: a large initial does not make a heading.
    sized: Vec<(f64, usize)>,
}

impl OpenLine {
    fn start(piece: Piece) -> Self {
        let direction = match piece.along.hypot() {
            length if length > 0.0 => piece.along / length,
            _ => Vec2::new(1.0, 0.0),
        };
        let mut line = Self {
            first: piece.origin,
            end: piece.origin,
            direction,
            size: piece.size,
            text: String::new(),
            sized: Vec::new(),
        };
        line.push(piece);
        line
    }

    /// How far the piece stands from the end of the line, along it and across it.
    fn offset(&self, piece: &Piece) -> (f64, f64) {
        let offset = piece.origin - self.end;
        (
            offset.dot(self.direction),
            offset.cross(self.direction).abs(),
        )
    }

    fn continues(&self, piece: &Piece) -> bool {
        let (along, across) = self.offset(piece);
        let size = self.size.max(piece.size);
        // Going back is allowed as far as kerning and accents go.
        across < NEW_LINE * size && along > -size && piece.along.dot(self.direction) >= 0.0
    }

    fn push(&mut self, piece: Piece) {
        let (along, _) = self.offset(&piece);
        let size = self.size.max(piece.size);
        if along > SPACE * size && !self.text.is_empty() && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
        self.text.push_str(&piece.text);
        self.end = piece.origin + piece.along;
        self.size = piece.size;
        let chars = piece
            .text
            .chars()
            .filter(|char| char.is_alphanumeric())
            .count();
        match self.sized.last_mut() {
            Some((last, count)) if (*last - piece.size).abs() < 0.1 => *count += chars,
            _ => self.sized.push((piece.size, chars)),
        }
    }

    fn close(self) -> Option<Line> {
        let size = self
            .sized
            .iter()
            .max_by_key(|(_, chars)| *chars)
            .map_or(self.size, |(size, _)| *size);
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some(Line {
            y: self.first.y,
            right: self.end.x,
            size,
            text,
        })
    }
}

/// Writes the lines of all pages as headings and paragraphs.
pub(super) fn write(mut pages: Vec<Vec<Line>>, builder: &mut Builder) -> Result<(), Rejection> {
    remove_running_lines(&mut pages);
    let body = body_size(&pages);
    let levels = heading_sizes(&pages, body);
    for (number, lines) in (1..).zip(&pages) {
        builder.page(number);
        let mut paragraph = Vec::new();
        let full = FULL_LINE * lines.iter().map(|line| line.right).fold(0.0, f64::max);
        for line in lines {
            let level = levels
                .iter()
                .position(|size| (size - line.size).abs() < 0.25);
            if let Some(level) = level.filter(|_| is_heading(line)) {
                builder.paragraph(&joined(&paragraph, full))?;
                paragraph.clear();
                builder.heading(u8::try_from(level + 1).unwrap_or(u8::MAX), &line.text)?;
                continue;
            }
            if paragraph.last().is_some_and(|before| parts(before, line)) {
                builder.paragraph(&joined(&paragraph, full))?;
                paragraph.clear();
            }
            paragraph.push(line);
        }
        builder.paragraph(&joined(&paragraph, full))?;
    }
    Ok(())
}

fn is_heading(line: &Line) -> bool {
    line.text.chars().any(char::is_alphabetic)
        && line.text.chars().count() <= MAX_HEADING_CHARS
        && !line.text.ends_with([',', ';'])
}

/// A new paragraph begins at a wider gap, at a jump back up the page, and at a bullet.
fn parts(before: &Line, line: &Line) -> bool {
    let gap = line.y - before.y;
    gap < -before.size
        || gap > PARAGRAPH_GAP * before.size.max(line.size)
        || line.text.starts_with(['•', '·', '–', '—', '▪', '●', '◦'])
        || (before.size - line.size).abs() > 0.25 * before.size
}

/// One line after another; a word divided by a soft hyphen is put together, a hyphen that was typed
/// stays. A line that ends before `full` keeps its break: rows of tables and addresses do.
fn joined(lines: &[&Line], full: f64) -> String {
    let mut text = String::new();
    let mut before_is_full = false;
    for line in lines {
        if text.ends_with('\u{ad}') {
            text.pop();
        } else if !text.is_empty() && !ends_with_hyphen(&text) {
            text.push(if before_is_full { ' ' } else { '\n' });
        }
        text.push_str(&line.text);
        before_is_full = line.right >= full;
    }
    text
}

fn ends_with_hyphen(text: &str) -> bool {
    let mut last = text.chars().rev();
    matches!(last.next(), Some('-' | '\u{2010}')) && last.next().is_some_and(char::is_alphabetic)
}

/// The size most characters are set in.
fn body_size(pages: &[Vec<Line>]) -> f64 {
    let mut chars: HashMap<i64, usize> = HashMap::new();
    for line in pages.iter().flatten() {
        *chars.entry(quarter_points(line.size)).or_default() += line.text.chars().count();
    }
    let most = chars
        .into_iter()
        .max_by_key(|(size, count)| (*count, -*size));
    most.map_or(0.0, |(size, _)| size as f64 / 4.0)
}

/// The sizes of headings, the largest first: at most six.
fn heading_sizes(pages: &[Vec<Line>], body: f64) -> Vec<f64> {
    let mut sizes: Vec<i64> = pages
        .iter()
        .flatten()
        .filter(|line| line.size > body * HEADING_SIZE && is_heading(line))
        .map(|line| quarter_points(line.size))
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes.truncate(6);
    sizes.into_iter().map(|size| size as f64 / 4.0).collect()
}

fn quarter_points(size: f64) -> i64 {
    (size * 4.0).round() as i64
}

/// Takes away the first and last lines that are the same, but for numbers, on most pages.
fn remove_running_lines(pages: &mut [Vec<Line>]) {
    if pages.len() < RUNNING_MIN_PAGES {
        return;
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for page in pages.iter() {
        for line in page
            .first()
            .into_iter()
            .chain(page.last().filter(|_| page.len() > 1))
        {
            *counts.entry(without_numbers(&line.text)).or_default() += 1;
        }
    }
    let enough = (pages.len() as f64 * RUNNING_SHARE).ceil() as usize;
    let running = |line: &Line| {
        counts
            .get(&without_numbers(&line.text))
            .is_some_and(|count| *count >= enough)
    };
    for page in pages {
        while page.last().is_some_and(running) {
            page.pop();
        }
        let first = page.iter().take_while(|line| running(line)).count();
        page.drain(..first);
    }
}

fn without_numbers(text: &str) -> String {
    text.chars().filter(|char| !char.is_numeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, x: f64, y: f64, size: f64) -> Vec<Piece> {
        let width = size * 0.5;
        text.chars()
            .enumerate()
            .map(|(at, char)| Piece {
                origin: Point::new(x + width * at as f64, y),
                along: Vec2::new(width, 0.0),
                size,
                text: char.to_string(),
            })
            .collect()
    }

    fn line(text: &str, y: f64, size: f64) -> Line {
        let right = 10.0 + size * 0.5 * text.chars().count() as f64;
        Line {
            y,
            right,
            size,
            text: text.to_owned(),
        }
    }

    #[test]
    fn gaps_become_spaces_and_lines() {
        let pieces = [
            word("Цена", 10.0, 50.0, 10.0),
            word("500", 34.0, 50.0, 10.0),
            word("₽", 10.0, 64.0, 10.0),
        ];
        let found = lines(pieces.concat());
        let found: Vec<(&str, f64)> = found
            .iter()
            .map(|line| (line.text.as_str(), line.y))
            .collect();
        assert_eq!(found, [("Цена 500", 50.0), ("₽", 64.0)]);
    }

    #[test]
    fn an_exponent_stays_in_its_line_and_a_column_does_not() {
        let mut pieces = word("12 м", 10.0, 50.0, 10.0);
        pieces.extend(word("2", 30.0, 46.0, 6.0));
        pieces.extend(word("слева", 10.0, 50.0, 10.0));
        let found = lines(pieces);
        assert_eq!(
            found
                .iter()
                .map(|line| line.text.as_str())
                .collect::<Vec<_>>(),
            ["12 м2", "слева"]
        );
    }

    #[test]
    fn sizes_make_headings_and_gaps_make_paragraphs() {
        let page = vec![
            line("Доставка", 40.0, 18.0),
            line("Бесплатно по Моск\u{ad}", 70.0, 10.0),
            line("ве и интернет-", 82.0, 10.0),
            line("магазин.", 94.0, 10.0),
            line("Самовывоз.", 120.0, 10.0),
        ];
        let mut builder = Builder::default();
        write(vec![page], &mut builder).unwrap();
        let document = builder.finish("a.pdf").unwrap();
        let texts: Vec<&str> = document
            .blocks
            .iter()
            .map(|block| block.text.as_str())
            .collect();
        assert_eq!(
            texts,
            [
                "Доставка",
                "Бесплатно по Москве и интернет-магазин.",
                "Самовывоз."
            ]
        );
        assert_eq!(document.heading_path(&document.blocks[2]), ["Доставка"]);
    }

    #[test]
    fn running_headers_and_page_numbers_go() {
        let page = |number: usize| {
            vec![
                line("ООО «Мебель»", 10.0, 8.0),
                line(
                    &format!(
                        "Текст страницы {}",
                        ["один", "два", "три", "четыре"][number]
                    ),
                    50.0,
                    10.0,
                ),
                line(&format!("Страница {number} из 4"), 800.0, 8.0),
            ]
        };
        let mut pages: Vec<Vec<Line>> = (0..4).map(page).collect();
        remove_running_lines(&mut pages);
        assert!(pages.iter().all(|page| page.len() == 1));
        assert_eq!(pages[2][0].text, "Текст страницы три");
    }
}
