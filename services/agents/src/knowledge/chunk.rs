//! Passages: the pieces of a document that are found, shown and cited.
//!
//! A chunk is an exact piece of [`Document::text`]: what is cited can be found again at its place.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::document::{BlockKind, Document};
use super::lang::Lang;
use super::sentence;

/// Chunks are filled up to this many characters. About 300–450 tokens: enough for an answer to
/// stand in one chunk, little enough that six of them fit a prompt.
pub const TARGET_CHARS: usize = 1_200;
/// The limit of a stored chunk; only a table row or a sentence as long as this is cut.
pub const MAX_CHARS: usize = 8_000;
/// Prose that goes on in the next chunk is repeated there up to this much, by whole sentences, so
/// that "it costs" still has what it is about.
const OVERLAP_CHARS: usize = 160;

/// A passage of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The place among the chunks of the document, from 0.
    pub index: u32,
    /// The passage, as it is in the document.
    pub text: String,
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// The page it starts on, from 1.
    pub page: Option<u32>,
    /// Where it starts in [`Document::text`], in characters.
    pub char_start: u32,
    /// Where it ends, in characters.
    pub char_end: u32,
    /// An estimate, see [`estimate_tokens`].
    pub tokens: u32,
    /// The language of the passage; that of the document where the passage is too short to tell.
    pub lang: Lang,
    /// SHA-256 of heading path and text: equal means that embeddings can be kept.
    pub hash: [u8; 32],
}

/// Cuts a document into chunks: at headings first, then between blocks, then between sentences.
pub fn chunks(document: &Document) -> Vec<Chunk> {
    let mut cutter = Cutter {
        document,
        chunks: Vec::new(),
        open: None,
        reached: (0, 0, 0),
    };
    for (at, block) in document.blocks.iter().enumerate() {
        let pieces = match block.kind {
            BlockKind::Heading | BlockKind::TableRow => pieces(&block.text, false),
            BlockKind::Paragraph | BlockKind::ListItem => pieces(&block.text, true),
        };
        for piece in pieces {
            cutter.add(at, piece);
        }
    }
    cutter.close();
    cutter.chunks
}

/// How many tokens a model will see: four characters of Latin text, a little over two of Cyrillic,
/// one of anything else make a token, on the safe side of what the usual vocabularies need.
pub fn estimate_tokens(text: &str) -> u32 {
    let mut quarters: usize = 0;
    for char in text.chars() {
        quarters += match char {
            ' ' | '\n' => 0,
            'a'..='z' | 'A'..='Z' => 10,
            '\u{400}'..='\u{52f}' => 16,
            '0'..='9' => 20,
            _ if char.is_ascii() => 25,
            _ => 40,
        };
    }
    u32::try_from(quarters.div_ceil(40)).unwrap_or(u32::MAX)
}

/// Byte ranges of a block that must stay whole: sentences of prose, or the whole block. Anything
/// over the limit of a chunk is cut between words.
fn pieces(text: &str, by_sentence: bool) -> Vec<Range<usize>> {
    let short = text.len() <= TARGET_CHARS;
    let ends = if by_sentence && !short {
        sentence::ends(text)
    } else {
        vec![text.len()]
    };
    let mut pieces = Vec::with_capacity(ends.len());
    let mut start = 0;
    for end in ends {
        // Sentences that are only slightly over stay whole; monsters are cut at the target.
        let limit = if by_sentence { TARGET_CHARS } else { MAX_CHARS };
        while is_longer(&text[start..end], MAX_CHARS) {
            let cut = start + cut_between_words(&text[start..end], limit);
            pieces.push(start..cut);
            start = cut;
        }
        if start < end {
            pieces.push(start..end);
        }
        start = end;
    }
    pieces
}

/// Has `text` more characters than `limit`? Reads no further than it must.
fn is_longer(text: &str, limit: usize) -> bool {
    text.len() > limit && text.chars().nth(limit).is_some()
}

/// The byte offset of the last space within the first `limit` characters, else the limit itself.
fn cut_between_words(text: &str, limit: usize) -> usize {
    let hard = text
        .char_indices()
        .nth(limit)
        .map_or(text.len(), |(at, _)| at);
    match text[..hard].rfind(char::is_whitespace) {
        Some(space) if space > hard / 2 => space + 1,
        _ => hard,
    }
}

/// A piece put into a chunk: which block, which bytes of it, where in the document's characters.
#[derive(Debug, Clone)]
struct Part {
    block: usize,
    bytes: Range<usize>,
    char_start: usize,
    chars: usize,
}

struct Cutter<'a> {
    document: &'a Document,
    chunks: Vec<Chunk>,
    open: Option<Vec<Part>>,
    /// Where the last piece ended: block, bytes and characters into it. Pieces come in order, so
    /// characters are counted once.
    reached: (usize, usize, usize),
}

impl Cutter<'_> {
    fn add(&mut self, block: usize, bytes: Range<usize>) {
        let part = self.part(block, bytes);
        let Some(open) = &self.open else {
            self.open = Some(vec![part]);
            return;
        };
        if self.breaks_before(open, &part) {
            let overlap = self.overlap(&part);
            self.close();
            let mut parts = overlap;
            parts.push(part);
            self.open = Some(parts);
        } else if let Some(open) = &mut self.open {
            open.push(part);
        }
    }

    fn part(&mut self, block: usize, bytes: Range<usize>) -> Part {
        let whole = &self.document.blocks[block];
        let before = match self.reached {
            (reached, at, chars) if reached == block && at == bytes.start => chars,
            _ => whole.text[..bytes.start].chars().count(),
        };
        let chars = whole.text[bytes.clone()].chars().count();
        self.reached = (block, bytes.end, before + chars);
        Part {
            block,
            bytes,
            char_start: whole.char_start as usize + before,
            chars,
        }
    }

    fn breaks_before(&self, open: &[Part], part: &Part) -> bool {
        let blocks = &self.document.blocks;
        let only_headings = open
            .iter()
            .all(|part| blocks[part.block].kind == BlockKind::Heading);
        let starts_section = part.bytes.start == 0 && blocks[part.block].kind == BlockKind::Heading;
        let start = open
            .first()
            .map_or(part.char_start, |first| first.char_start);
        let length = part.char_start + part.chars - start;
        if only_headings {
            // A heading alone says nothing: it goes with what follows, unless that is a sibling
            // or would not fit.
            let deeper = self.depth(part) > open.last().map_or(0, |last| self.depth(last));
            return length > MAX_CHARS || (starts_section && !deeper);
        }
        starts_section || length > TARGET_CHARS
    }

    fn depth(&self, part: &Part) -> usize {
        self.document
            .heading_path(&self.document.blocks[part.block])
            .len()
    }

    /// The last sentences of the open chunk when `next` goes on with the same block or the next
    /// paragraph of the same section.
    fn overlap(&self, next: &Part) -> Vec<Part> {
        let blocks = &self.document.blocks;
        let is_prose = |part: &Part| blocks[part.block].kind == BlockKind::Paragraph;
        let Some(last) = self.open.as_ref().and_then(|open| open.last()) else {
            return Vec::new();
        };
        let same_section = blocks[last.block].section == blocks[next.block].section;
        if !is_prose(last) || !is_prose(next) || !same_section || last.block != next.block {
            return Vec::new();
        }
        let repeated = last.chars <= OVERLAP_CHARS && next.chars + last.chars <= TARGET_CHARS;
        // The whole chunk must not be repeated, or cutting would not advance.
        let advances = self.open.as_ref().is_some_and(|open| open.len() > 1);
        if repeated && advances {
            vec![last.clone()]
        } else {
            Vec::new()
        }
    }

    fn close(&mut self) {
        let Some(parts) = self.open.take() else {
            return;
        };
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return;
        };
        let text = self.text(&parts);
        let blocks = &self.document.blocks;
        let heading_path = self.document.heading_path(&blocks[last.block]).to_vec();
        let char_start = first.char_start;
        let trimmed = text.trim_end();
        let chunk = Chunk {
            index: u32::try_from(self.chunks.len()).unwrap_or(u32::MAX),
            page: blocks[first.block].page,
            char_start: u32::try_from(char_start).unwrap_or(u32::MAX),
            char_end: u32::try_from(char_start + trimmed.chars().count()).unwrap_or(u32::MAX),
            tokens: estimate_tokens(trimmed),
            lang: self.document.lang.of_part(trimmed),
            hash: hash(&heading_path, trimmed),
            heading_path,
            text: trimmed.to_owned(),
        };
        self.chunks.push(chunk);
    }

    /// The pieces with what stands between them in the document.
    fn text(&self, parts: &[Part]) -> String {
        let blocks = &self.document.blocks;
        let mut text = String::new();
        for (at, part) in parts.iter().enumerate() {
            if let Some(before) = at.checked_sub(1).map(|before| &parts[before])
                && before.block != part.block
            {
                text.push_str(blocks[before.block].kind.separator(blocks[part.block].kind));
            }
            text.push_str(&blocks[part.block].text[part.bytes.clone()]);
        }
        text
    }
}

fn hash(heading_path: &[String], text: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for heading in heading_path {
        hasher.update(heading.as_bytes());
        hasher.update([0]);
    }
    hasher.update([0xff]);
    hasher.update(text.as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::document::Builder;

    /// Chunks are pieces of the text, within the limits, in order, and lose nothing.
    fn check(document: &Document) -> Vec<Chunk> {
        let text: Vec<char> = document.text().chars().collect();
        let found = chunks(document);
        let mut covered = 0;
        for (at, chunk) in found.iter().enumerate() {
            let (start, end) = (chunk.char_start as usize, chunk.char_end as usize);
            assert_eq!(text[start..end].iter().collect::<String>(), chunk.text);
            assert_eq!(chunk.index as usize, at);
            assert!(!chunk.text.is_empty() && chunk.text.chars().count() <= MAX_CHARS);
            assert!(
                start <= covered || text[covered..start].iter().all(|char| char.is_whitespace())
            );
            covered = covered.max(end);
        }
        assert!(text[covered..].iter().all(|char| char.is_whitespace()));
        found
    }

    fn prose(sentences: usize) -> String {
        (0..sentences)
            .map(|n| format!("Предложение номер {n} говорит о доставке и сроках. "))
            .collect()
    }

    #[test]
    fn sections_are_not_mixed_and_headings_go_with_their_text() {
        let mut builder = Builder::default();
        builder.heading(1, "Доставка").unwrap();
        builder.heading(2, "Сроки").unwrap();
        builder.paragraph("Один день.").unwrap();
        builder.heading(2, "Цена").unwrap();
        builder.paragraph("500 рублей.").unwrap();
        builder.heading(2, "Пусто").unwrap();
        builder.heading(2, "Конец").unwrap();
        let found = check(&builder.finish("a").unwrap());
        let texts: Vec<&str> = found.iter().map(|chunk| chunk.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Доставка\n\nСроки\n\nОдин день.",
                "Цена\n\n500 рублей.",
                "Пусто",
                "Конец"
            ]
        );
        assert_eq!(found[0].heading_path, ["Доставка", "Сроки"]);
        assert_eq!(found[1].heading_path, ["Доставка", "Цена"]);
    }

    #[test]
    fn long_prose_is_cut_between_sentences_with_overlap() {
        let mut builder = Builder::default();
        builder.page(3);
        builder.paragraph(&prose(120)).unwrap();
        let found = check(&builder.finish("a").unwrap());
        assert!(found.len() >= 4);
        for pair in found.windows(2) {
            assert!(pair[0].text.ends_with('.') && pair[1].text.starts_with("Предложение"));
            assert!(pair[1].char_start < pair[0].char_end);
            assert!(pair[0].text.chars().count() <= TARGET_CHARS);
        }
        assert!(
            found
                .iter()
                .all(|chunk| chunk.page == Some(3) && chunk.lang == Lang::Ru)
        );
    }

    #[test]
    fn rows_stay_whole() {
        let mut builder = Builder::default();
        for n in 0..60 {
            builder
                .table_row(&format!(
                    "Артикул: P-{n}; Описание: {}",
                    "мягкий диван ".repeat(12)
                ))
                .unwrap();
        }
        let found = check(&builder.finish("a").unwrap());
        assert!(found.len() > 5);
        for chunk in &found {
            assert!(
                chunk
                    .text
                    .lines()
                    .all(|row| row.starts_with("Артикул: P-") && row.ends_with("диван"))
            );
        }
        let rows: usize = found.iter().map(|chunk| chunk.text.lines().count()).sum();
        assert_eq!(rows, 60);
    }

    #[test]
    fn a_monster_row_and_a_monster_word_are_cut_all_the_same() {
        let mut builder = Builder::default();
        builder.table_row(&"ячейка ".repeat(3_000)).unwrap();
        builder.paragraph(&"я".repeat(30_000)).unwrap();
        builder.paragraph("конец").unwrap();
        assert!(check(&builder.finish("a").unwrap()).len() > 4);
    }

    #[test]
    fn the_hash_knows_text_and_place() {
        let of = |heading: &str, text: &str| {
            let mut builder = Builder::default();
            builder.heading(1, heading).unwrap();
            builder.paragraph(text).unwrap();
            chunks(&builder.finish("a").unwrap())[0].hash
        };
        assert_eq!(of("A", "x y"), of("A", "x  y"));
        assert_ne!(of("A", "x"), of("B", "x"));
        assert_ne!(of("A", "x"), of("A", "z"));
    }

    #[test]
    fn tokens_are_estimated_by_script() {
        assert_eq!(estimate_tokens(""), 0);
        assert!((2..=4).contains(&estimate_tokens("delivery price")));
        assert!((6..=9).contains(&estimate_tokens("стоимость доставки")));
    }
}
