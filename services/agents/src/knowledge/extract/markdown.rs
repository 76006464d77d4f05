//! Markdown, CommonMark with tables.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::knowledge::document::Builder;
use crate::knowledge::rejection::Rejection;
use crate::knowledge::table::{Header, TableWriter};

pub(super) fn extract(text: &str, builder: &mut Builder) -> Result<(), Rejection> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut walk = Walk {
        builder,
        text: String::new(),
        list_depth: 0,
        table: None,
        row: Vec::new(),
        silent: false,
    };
    for event in Parser::new_ext(text, options) {
        walk.event(event)?;
    }
    walk.flush()
}

struct Walk<'a> {
    builder: &'a mut Builder,
    text: String,
    list_depth: usize,
    table: Option<TableWriter>,
    row: Vec<String>,
    /// Inside front matter or an image, whose text is not shown as text.
    silent: bool,
}

impl Walk<'_> {
    fn event(&mut self, event: Event<'_>) -> Result<(), Rejection> {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => {
                if !self.silent {
                    self.text.push_str(&text);
                }
                Ok(())
            }
            Event::SoftBreak => {
                self.text.push(' ');
                Ok(())
            }
            Event::HardBreak => {
                self.text.push('\n');
                Ok(())
            }
            // Raw HTML in Markdown is markup around text that comes as text events.
            Event::Html(_) | Event::InlineHtml(_) | Event::Rule => Ok(()),
            Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text.push_str(&text);
                Ok(())
            }
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => Ok(()),
        }
    }

    fn start(&mut self, tag: &Tag<'_>) -> Result<(), Rejection> {
        match tag {
            Tag::Heading { .. } | Tag::Paragraph | Tag::CodeBlock(_) | Tag::BlockQuote(_) => {
                self.flush()
            }
            Tag::List(_) => {
                self.flush()?;
                self.list_depth += 1;
                Ok(())
            }
            Tag::Item => self.flush(),
            Tag::Table(_) => {
                self.flush()?;
                self.table = Some(TableWriter::new(Header::First));
                Ok(())
            }
            Tag::MetadataBlock(_) | Tag::Image { .. } => {
                self.silent = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), Rejection> {
        match tag {
            TagEnd::Heading(level) => {
                let text = std::mem::take(&mut self.text);
                self.builder.heading(level as u8, &text)
            }
            TagEnd::Paragraph | TagEnd::Item | TagEnd::CodeBlock | TagEnd::BlockQuote(_) => {
                self.flush()
            }
            TagEnd::List(_) => {
                self.flush()?;
                self.list_depth = self.list_depth.saturating_sub(1);
                Ok(())
            }
            TagEnd::TableCell => {
                self.row.push(std::mem::take(&mut self.text));
                Ok(())
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                let row = std::mem::take(&mut self.row);
                match &mut self.table {
                    Some(table) => table.row(row, self.builder),
                    None => Ok(()),
                }
            }
            TagEnd::Table => match self.table.take() {
                Some(table) => table.finish(self.builder),
                None => Ok(()),
            },
            TagEnd::MetadataBlock(_) | TagEnd::Image => {
                self.silent = false;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), Rejection> {
        let text = std::mem::take(&mut self.text);
        if self.list_depth > 0 {
            self.builder.list_item(&text)
        } else {
            self.builder.paragraph(&text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::document::BlockKind;

    #[test]
    fn headings_lists_tables_and_code() {
        let text = "---\nauthor: x\n---\n# Доставка\n\nПо *Москве* и [области](https://e.com).\n\n\
            ## Сроки\n\n1. Москва\n   - завтра\n2. Тверь\n\n| Город | Цена |\n|---|---|\n| Тверь | 500 |\n\n\
            ```\ncode\n```\n![alt](a.png)\n";
        let mut builder = Builder::default();
        extract(text, &mut builder).unwrap();
        let document = builder.finish("a.md").unwrap();
        let found: Vec<(BlockKind, &str)> = document
            .blocks
            .iter()
            .map(|block| (block.kind, block.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (BlockKind::Heading, "Доставка"),
                (BlockKind::Paragraph, "По Москве и области."),
                (BlockKind::Heading, "Сроки"),
                (BlockKind::ListItem, "- Москва"),
                (BlockKind::ListItem, "- завтра"),
                (BlockKind::ListItem, "- Тверь"),
                (BlockKind::TableRow, "Город: Тверь; Цена: 500"),
                (BlockKind::Paragraph, "code"),
            ]
        );
        assert_eq!(
            document.heading_path(&document.blocks[6]),
            ["Доставка", "Сроки"]
        );
    }
}
