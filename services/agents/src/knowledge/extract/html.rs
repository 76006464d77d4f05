//! Pages of the web: the text a reader sees, without scripts, styles and menus.

use ego_tree::iter::Edge;
use scraper::{Html, Node, node::Element};

use crate::knowledge::document::Builder;
use crate::knowledge::rejection::Rejection;
use crate::knowledge::table::{Header, TableWriter};

/// Everything under these is not the text of the page.
const SKIPPED: [&str; 22] = [
    "script", "style", "nav", "noscript", "template", "svg", "math", "iframe", "object", "embed",
    "canvas", "audio", "video", "button", "select", "datalist", "textarea", "input", "dialog",
    "head", "map", "progress",
];

/// These flow inside a line; every other element parts blocks.
const INLINE: [&str; 34] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "img", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
];

/// Where a charset declaration must stand (the HTML standard, prescan).
const PRESCAN_BYTES: usize = 1024;

pub(super) fn extract(text: &str, builder: &mut Builder) -> Result<(), Rejection> {
    let page = Html::parse_document(text);
    let mut walk = Walk {
        builder,
        text: String::new(),
        skipped: 0,
        preformatted: 0,
        items: 0,
        tables: Vec::new(),
    };
    for edge in page.tree.root().traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Element(element) => walk.open(element)?,
                Node::Text(text) => walk.text(text),
                _ => {}
            },
            Edge::Close(node) => {
                if let Node::Element(element) = node.value() {
                    walk.close(element)?;
                }
            }
        }
    }
    walk.flush()?;
    title(&page, walk.builder);
    Ok(())
}

/// The charset in `<meta>`, for bytes that are not decoded yet.
pub(super) fn declared_charset(bytes: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN_BYTES)]).to_lowercase();
    let after = start.split_once("charset=")?.1;
    let label: String = after
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|char| char.is_ascii_alphanumeric() || "-_:".contains(*char))
        .collect();
    // A page that could be read so far is not UTF-16, whatever it says.
    (!label.is_empty() && !label.starts_with("utf-16")).then_some(label)
}

fn title(page: &Html, builder: &mut Builder) {
    for node in page.tree.root().descendants() {
        if let Node::Element(element) = node.value()
            && element.name() == "title"
        {
            let text: String = node
                .descendants()
                .filter_map(|node| node.value().as_text())
                .map(|text| &**text)
                .collect();
            return builder.title(&text);
        }
    }
}

struct Walk<'a> {
    builder: &'a mut Builder,
    text: String,
    skipped: usize,
    preformatted: usize,
    items: usize,
    tables: Vec<Table>,
}

/// A table that is open. One that turns out to lay the page out (another table or a heading is
/// inside) gives its cells as plain blocks.
#[derive(Default)]
struct Table {
    is_layout: bool,
    has_header: bool,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
}

impl Walk<'_> {
    fn open(&mut self, element: &Element) -> Result<(), Rejection> {
        if self.skipped > 0 || is_skipped(element) {
            self.skipped += 1;
            return Ok(());
        }
        match element.name() {
            "br" => self.text.push('\n'),
            name if INLINE.contains(&name) => {}
            "td" | "th" if self.in_data_table() => {
                self.text.clear();
                if element.name() == "th"
                    && let Some(table) = self.tables.last_mut()
                {
                    table.has_header |= table.rows.is_empty();
                }
            }
            "tr" | "tbody" | "thead" | "tfoot" | "caption" | "colgroup" if self.in_data_table() => {
            }
            "table" => {
                self.give_up_table()?;
                self.flush()?;
                self.tables.push(Table::default());
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.give_up_table()?;
                self.flush()?;
            }
            _ if self.in_data_table() => self.text.push(' '),
            name => {
                self.flush()?;
                self.items += usize::from(name == "li");
                self.preformatted += usize::from(name == "pre");
            }
        }
        Ok(())
    }

    fn close(&mut self, element: &Element) -> Result<(), Rejection> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        match element.name() {
            "br" => {}
            name if INLINE.contains(&name) => {}
            "td" | "th" if self.in_data_table() => {
                let cell = std::mem::take(&mut self.text);
                if let Some(table) = self.tables.last_mut() {
                    table.row.push(cell);
                }
            }
            "tr" if self.in_data_table() => {
                if let Some(table) = self.tables.last_mut() {
                    let row = std::mem::take(&mut table.row);
                    table.rows.push(row);
                }
            }
            "caption" if self.in_data_table() => {
                let text = std::mem::take(&mut self.text);
                self.builder.paragraph(&text)?;
            }
            "table" => {
                self.flush()?;
                if let Some(table) = self.tables.pop() {
                    table.write(self.builder)?;
                }
            }
            name @ ("h1" | "h2" | "h3" | "h4" | "h5" | "h6") => {
                let text = std::mem::take(&mut self.text);
                self.builder.heading(name.as_bytes()[1] - b'0', &text)?;
            }
            _ if self.in_data_table() => self.text.push(' '),
            name => {
                self.flush()?;
                self.items -= usize::from(name == "li").min(self.items);
                self.preformatted -= usize::from(name == "pre").min(self.preformatted);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if self.skipped > 0 {
        } else if self.preformatted > 0 {
            self.text.push_str(text);
        } else {
            self.text.extend(text.chars().map(|char| {
                if char == '\n' || char == '\r' {
                    ' '
                } else {
                    char
                }
            }));
        }
    }

    fn flush(&mut self) -> Result<(), Rejection> {
        let text = std::mem::take(&mut self.text);
        if self.items > 0 {
            self.builder.list_item(&text)
        } else {
            self.builder.paragraph(&text)
        }
    }

    fn in_data_table(&self) -> bool {
        self.tables.last().is_some_and(|table| !table.is_layout)
    }

    fn give_up_table(&mut self) -> Result<(), Rejection> {
        if let Some(table) = self.tables.last_mut()
            && !table.is_layout
        {
            table.is_layout = true;
            let rows = std::mem::take(&mut table.rows);
            let row = std::mem::take(&mut table.row);
            for cell in rows.into_iter().flatten().chain(row) {
                self.builder.paragraph(&cell)?;
            }
        }
        Ok(())
    }
}

impl Table {
    fn write(self, builder: &mut Builder) -> Result<(), Rejection> {
        let mut writer = TableWriter::new(if self.has_header {
            Header::First
        } else {
            Header::Guess
        });
        for row in self.rows {
            writer.row(row, builder)?;
        }
        writer.row(self.row, builder)?;
        writer.finish(builder)
    }
}

fn is_skipped(element: &Element) -> bool {
    SKIPPED.contains(&element.name())
        || element.attr("hidden").is_some()
        || matches!(
            element.attr("role"),
            Some("navigation" | "menu" | "menubar")
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::document::{BlockKind, Document};

    fn read(html: &str) -> Document {
        let mut builder = Builder::default();
        extract(html, &mut builder).unwrap();
        builder.finish("a.html").unwrap()
    }

    fn texts(document: &Document) -> Vec<(BlockKind, &str)> {
        document
            .blocks
            .iter()
            .map(|block| (block.kind, block.text.as_str()))
            .collect()
    }

    #[test]
    fn text_without_the_furniture() {
        let document = read(
            "<!doctype html><html><head><title>Магазин — О нас</title><style>p{}</style></head><body>\
             <nav><ul><li>Главная</li></ul></nav><div role=navigation>меню</div>\
             <h1>О <b>нас</b></h1><p>Мы шьём\n  диваны<br>с 1999 года.<script>alert(1)</script></p>\
             <h2>Адреса</h2><ul><li>Москва<li>Тверь</ul><div>без <span>тега</span> абзаца<p>и с ним</div>\
             <p hidden>тайна</p><button>Купить</button></body></html>",
        );
        assert_eq!(document.title, "Магазин — О нас");
        assert_eq!(
            texts(&document),
            [
                (BlockKind::Heading, "О нас"),
                (BlockKind::Paragraph, "Мы шьём диваны\nс 1999 года."),
                (BlockKind::Heading, "Адреса"),
                (BlockKind::ListItem, "- Москва"),
                (BlockKind::ListItem, "- Тверь"),
                (BlockKind::Paragraph, "без тега абзаца"),
                (BlockKind::Paragraph, "и с ним"),
            ]
        );
    }

    #[test]
    fn tables_of_data_and_tables_of_layout() {
        let document = read(
            "<table><tr><th>Товар<th>Цена</tr><tr><td><p>Диван</p><td>45&nbsp;000</tr></table>\
             <table><tr><td>слева<td><h2>Центр</h2><table><tr><td>Тел.<td>112</tr></table></tr></table>",
        );
        assert_eq!(
            texts(&document),
            [
                (BlockKind::TableRow, "Товар: Диван; Цена: 45 000"),
                (BlockKind::Paragraph, "слева"),
                (BlockKind::Heading, "Центр"),
                (BlockKind::TableRow, "Тел.: 112"),
            ]
        );
    }

    #[test]
    fn the_declared_charset_is_found() {
        assert_eq!(
            declared_charset(b"<meta charset=\"windows-1251\">").as_deref(),
            Some("windows-1251")
        );
        assert_eq!(
            declared_charset(b"<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>")
                .as_deref(),
            Some("koi8-r")
        );
        assert_eq!(declared_charset(b"<meta charset=utf-16>"), None);
        assert_eq!(declared_charset(b"<p>"), None);
    }

    #[test]
    fn deep_nesting_neither_overflows_nor_loses_the_text() {
        let html = format!(
            "{}глубоко{}",
            "<div><b>".repeat(1_000),
            "</b></div>".repeat(1_000)
        );
        assert_eq!(texts(&read(&html)), [(BlockKind::Paragraph, "глубоко")]);
    }
}
