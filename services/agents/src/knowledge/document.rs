//! What every format is read into: blocks of text that know their heading and page.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::lang::Lang;
use super::rejection::Rejection;

/// Text beyond this is refused: at the target length of a chunk it would be some forty thousand
/// chunks of one document.
pub const MAX_TEXT_BYTES: usize = 50 * 1024 * 1024;

/// So are more blocks than this: each costs memory, however little it says.
const MAX_BLOCKS: usize = 500_000;

/// Longer headings are cut: they are repeated in every chunk under them.
const MAX_HEADING_CHARS: usize = 200;

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// From the document itself, else the name of the file without its extension.
    pub title: String,
    /// The language of most of the text.
    pub lang: Lang,
    /// How many pages, where the format has pages.
    pub pages: Option<u32>,
    /// The distinct heading paths, outermost heading first; [`Block::section`] points in here.
    pub sections: Vec<Vec<String>>,
    /// In reading order, none of them empty.
    pub blocks: Vec<Block>,
}

/// A piece of the document that belongs together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// The place of its heading path in [`Document::sections`].
    pub section: u32,
    /// The page it starts on, from 1.
    pub page: Option<u32>,
    /// Where it starts in [`Document::text`], in characters.
    pub char_start: u32,
    /// Never empty; lines are trimmed and separated by `\n`.
    pub text: String,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading; its own text is the last element of its heading path.
    Heading,
    /// Prose.
    Paragraph,
    /// One item of a list.
    ListItem,
    /// One row of a table or sheet; never divided between chunks.
    TableRow,
}

impl BlockKind {
    /// What stands between a block and the one after it in [`Document::text`].
    pub fn separator(self, next: Self) -> &'static str {
        match (self, next) {
            (Self::TableRow, Self::TableRow) | (Self::ListItem, Self::ListItem) => "\n",
            _ => "\n\n",
        }
    }
}

impl Document {
    /// The whole text: the blocks in order with their separators.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (at, block) in self.blocks.iter().enumerate() {
            if at > 0 {
                text.push_str(self.blocks[at - 1].kind.separator(block.kind));
            }
            text.push_str(&block.text);
        }
        text
    }

    /// The headings above `block`, outermost first.
    pub fn heading_path(&self, block: &Block) -> &[String] {
        self.sections
            .get(block.section as usize)
            .map_or(&[], Vec::as_slice)
    }
}

/// Gathers blocks while a format is walked.
#[derive(Debug)]
pub struct Builder {
    title: Option<String>,
    page: Option<u32>,
    pages: Option<u32>,
    open_headings: Vec<(u8, String)>,
    sections: Vec<Vec<String>>,
    blocks: Vec<Block>,
    chars: usize,
    bytes: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            title: None,
            page: None,
            pages: None,
            open_headings: Vec::new(),
            sections: vec![Vec::new()],
            blocks: Vec::new(),
            chars: 0,
            bytes: 0,
        }
    }
}

impl Builder {
    /// Notes the title that the document gives itself; the first one given stays.
    pub fn title(&mut self, title: &str) {
        let title = tidy(title).replace('\n', " ");
        if self.title.is_none() && !title.is_empty() {
            self.title = Some(cut(&title, MAX_HEADING_CHARS));
        }
    }

    /// What comes next stands on this page, counted from 1.
    pub fn page(&mut self, page: u32) {
        self.page = Some(page);
        self.pages = Some(self.pages.unwrap_or(0).max(page));
    }

    /// Opens a section of `level` (1 is the outermost), closing those as deep or deeper.
    pub fn heading(&mut self, level: u8, text: &str) -> Result<(), Rejection> {
        let text = cut(&tidy(text).replace('\n', " "), MAX_HEADING_CHARS);
        if text.is_empty() {
            return Ok(());
        }
        self.open_headings.retain(|(open, _)| *open < level);
        self.open_headings.push((level, text.clone()));
        self.sections.push(
            self.open_headings
                .iter()
                .map(|(_, text)| text.clone())
                .collect(),
        );
        self.push(BlockKind::Heading, text)
    }

    /// Adds prose.
    pub fn paragraph(&mut self, text: &str) -> Result<(), Rejection> {
        self.push(BlockKind::Paragraph, tidy(text))
    }

    /// Adds an item of a list.
    pub fn list_item(&mut self, text: &str) -> Result<(), Rejection> {
        let text = tidy(text);
        if text.is_empty() {
            return Ok(());
        }
        self.push(BlockKind::ListItem, format!("- {text}"))
    }

    /// Adds a row of a table.
    pub fn table_row(&mut self, text: &str) -> Result<(), Rejection> {
        self.push(BlockKind::TableRow, tidy(text))
    }

    fn push(&mut self, kind: BlockKind, text: String) -> Result<(), Rejection> {
        if text.is_empty() {
            return Ok(());
        }
        if let Some(last) = self.blocks.last() {
            let separator = last.kind.separator(kind).len();
            self.chars += separator;
            self.bytes += separator;
        }
        let start = self.chars;
        self.chars += text.chars().count();
        self.bytes += text.len();
        if self.bytes > MAX_TEXT_BYTES || self.blocks.len() == MAX_BLOCKS {
            return Err(Rejection::TooBig);
        }
        self.blocks.push(Block {
            kind,
            section: u32::try_from(self.sections.len() - 1).map_err(|_| Rejection::TooBig)?,
            page: self.page,
            char_start: u32::try_from(start).map_err(|_| Rejection::TooBig)?,
            text,
        });
        Ok(())
    }

    /// The document, or [`Rejection::Empty`] when nothing but headings' absence was found.
    /// `file_name` gives the title when the document gives none.
    pub fn finish(self, file_name: &str) -> Result<Document, Rejection> {
        if !self
            .blocks
            .iter()
            .any(|block| block.text.chars().any(char::is_alphanumeric))
        {
            return Err(Rejection::Empty);
        }
        let title = self
            .title
            .or_else(|| self.sections.get(1).and_then(|path| path.first().cloned()))
            .unwrap_or_else(|| stem_of(file_name));
        Ok(Document {
            title,
            lang: lang_of(&self.blocks),
            pages: self.pages,
            sections: self.sections,
            blocks: self.blocks,
        })
    }
}

/// The language of a sample taken from all over the document.
fn lang_of(blocks: &[Block]) -> Lang {
    let step = (blocks.len() / 40).max(1);
    let mut sample = String::new();
    for block in blocks.iter().step_by(step) {
        sample.extend(block.text.chars().take(200));
        sample.push(' ');
    }
    Lang::of(&sample)
}

fn stem_of(file_name: &str) -> String {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    let stem = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    cut(&tidy(stem), MAX_HEADING_CHARS)
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => text[..at].trim_end().to_owned(),
        None => text.to_owned(),
    }
}

/// One spelling of every text: composed characters (some PDFs write `й` as two), plain spaces, no
/// invisible characters, no empty lines.
pub fn tidy(text: &str) -> String {
    let composed: Cow<'_, str> = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfc().collect()),
    };
    let mut tidied = String::with_capacity(composed.len());
    let mut pending: Option<char> = None;
    for char in composed.chars() {
        match char {
            '\n' | '\u{2028}' | '\u{2029}' | '\u{0b}' | '\u{0c}' | '\u{85}' => pending = Some('\n'),
            _ if is_invisible(char) => {}
            _ if char.is_whitespace() => pending = pending.or(Some(' ')),
            _ => {
                if let Some(gap) = pending.take()
                    && !tidied.is_empty()
                {
                    tidied.push(gap);
                }
                tidied.push(char);
            }
        }
    }
    tidied
}

/// Control characters, soft hyphens, zero-width marks, bidirectional controls, the private use
/// area (icon fonts) and the mark of a broken decoding.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\0'..='\u{08}' | '\u{0e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}'
        | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fffd}' | '\u{e000}'..='\u{f8ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tidy_composes_and_collapses() {
        assert_eq!(
            tidy("  и\u{306}од\u{a0}\u{a0}—  цена\r\n\r\n 5\u{ad}00 \u{feff}"),
            "йод — цена\n500"
        );
        assert_eq!(tidy(" \n\t "), "");
    }

    #[test]
    fn offsets_point_into_the_text() {
        let mut builder = Builder::default();
        builder.heading(1, "Доставка").unwrap();
        builder.paragraph("Бесплатно от 5 000 ₽.").unwrap();
        builder.list_item("курьер").unwrap();
        builder.list_item("самовывоз").unwrap();
        builder.heading(2, "Сроки").unwrap();
        builder.table_row("Город: Москва; Дней: 1").unwrap();
        builder.table_row("Город: Тверь; Дней: 2").unwrap();
        let document = builder.finish("правила.txt").unwrap();
        let chars: Vec<char> = document.text().chars().collect();
        for block in &document.blocks {
            let start = block.char_start as usize;
            let text: String = chars[start..start + block.text.chars().count()]
                .iter()
                .collect();
            assert_eq!(text, block.text);
        }
        let last = document.blocks.last().unwrap();
        assert_eq!(document.heading_path(last), ["Доставка", "Сроки"]);
        assert_eq!(
            (document.title.as_str(), document.lang),
            ("Доставка", Lang::Ru)
        );
    }

    #[test]
    fn a_sibling_heading_closes_the_one_before() {
        let mut builder = Builder::default();
        for (level, text) in [(1, "A"), (3, "B"), (2, "C"), (1, "D")] {
            builder.heading(level, text).unwrap();
        }
        let document = builder.finish("x").unwrap();
        let paths: Vec<String> = document
            .sections
            .iter()
            .map(|path| path.join("/"))
            .collect();
        assert_eq!(paths, ["", "A", "A/B", "A/C", "D"]);
    }

    #[test]
    fn without_text_it_is_empty_and_the_file_names_it() {
        assert_eq!(Builder::default().finish("a.txt"), Err(Rejection::Empty));
        let mut builder = Builder::default();
        builder.paragraph("— … —").unwrap();
        assert_eq!(builder.finish("a.txt"), Err(Rejection::Empty));
        let mut builder = Builder::default();
        builder.paragraph("x").unwrap();
        assert_eq!(
            builder.finish("dir/Прайс 2026.v2.csv").unwrap().title,
            "Прайс 2026.v2"
        );
    }
}
