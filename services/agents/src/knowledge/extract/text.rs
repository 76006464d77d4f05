//! Plain text: an empty line parts paragraphs, a form feed parts pages.

use crate::knowledge::document::Builder;
use crate::knowledge::rejection::Rejection;

pub(super) fn extract(text: &str, builder: &mut Builder) -> Result<(), Rejection> {
    let paged = text.contains('\u{0c}');
    for (page, text) in (1..).zip(text.split('\u{0c}')) {
        if paged {
            builder.page(page);
        }
        let mut paragraph = String::new();
        for line in text.lines() {
            if line.trim().is_empty() {
                builder.paragraph(&paragraph)?;
                paragraph.clear();
            } else {
                paragraph.push_str(line);
                paragraph.push('\n');
            }
        }
        builder.paragraph(&paragraph)?;
    }
    Ok(())
}
