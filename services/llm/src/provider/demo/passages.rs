//! The blocks of material in a prompt:
//! `<passage id="p1" source="Прайс.xlsx" section="Доставка > Сроки">text</passage>`.

/// A piece of the company's material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) id: String,
    /// The document's name; may be empty.
    pub(super) source: String,
    /// The path of headings; may be empty.
    pub(super) section: String,
    pub(super) text: String,
}

const OPEN: &str = "<passage";
const CLOSE: &str = "</passage>";

/// Splits a message into its passages and the text around them.
pub(super) fn split(message: &str) -> (Vec<Passage>, String) {
    let (mut passages, mut around) = (Vec::new(), String::new());
    let mut rest = message;
    while let Some((before, block, after)) = next_block(rest) {
        around.push_str(before);
        passages.extend(passage(block));
        rest = after;
    }
    around.push_str(rest);
    (passages, around.trim().to_owned())
}

/// What stands before, inside (attributes, `>` and text) and after the next block.
fn next_block(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find(OPEN)?;
    let inside = &text[start + OPEN.len()..];
    let end = inside.find(CLOSE)?;
    Some((&text[..start], &inside[..end], &inside[end + CLOSE.len()..]))
}

fn passage(block: &str) -> Option<Passage> {
    // Values are escaped, so the first `>` ends the tag.
    let (attributes, text) = block.split_once('>')?;
    let value = |name: &str| attribute(attributes, name).unwrap_or_default();
    let id = value("id");
    let text = unescaped(text).trim().to_owned();
    (!id.is_empty() && !text.is_empty()).then(|| Passage {
        id,
        source: value("source"),
        section: value("section"),
        text,
    })
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let start = attributes.find(&format!(" {name}=\""))?;
    let value = &attributes[start + name.len() + 3..];
    Some(unescaped(&value[..value.find('"')?]))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        // Last, so that `&amp;lt;` stays `&lt;`.
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_are_taken_out_of_the_text() {
        let message = "Материалы:\n<passage id=\"p1\" source=\"A &amp; B.pdf\" section=\"Цены &gt; Опт\">\n\
                       5 &lt; 6 &amp;lt;\n</passage>\n<passage id=\"p2\">x</passage>Вопрос?";
        let (passages, around) = split(message);
        let expected = Passage {
            id: "p1".into(),
            source: "A & B.pdf".into(),
            section: "Цены > Опт".into(),
            text: "5 < 6 &lt;".into(),
        };
        assert_eq!(passages[0], expected);
        assert_eq!((passages.len(), passages[1].source.as_str()), (2, ""));
        assert_eq!(around, "Материалы:\n\nВопрос?");
    }

    #[test]
    fn a_block_without_end_or_id_is_no_passage() {
        for text in [
            "<passage id=\"p1\">text",
            "<passage>text</passage>",
            "<passage id=\"p\"></passage>",
        ] {
            assert_eq!(split(text).0, [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r#"(<passage|</passage>| id="|"|>|a|ж|&lt;|&){0,12}"#) {
            let _ = split(&text);
        }
    }
}
