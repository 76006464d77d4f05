//! Numbers as people write them.

use t11_kommo::Decimal;

/// Blanks between groups of digits, and what stands for them.
const GROUPING: [char; 6] = [' ', '\u{a0}', '\u{2009}', '\u{202f}', '\'', '\u{2019}'];

/// Reads `1500`, `1 500,50`, `1,234,567.8`. A single mark before exactly three digits, `1.500`, is
/// not read: it is a thousand and a half to some and one and a half to others.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let bare: String = text
        .trim()
        .chars()
        .filter(|c| !GROUPING.contains(c))
        .collect();
    let (sign, digits) = match bare.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", bare.as_str()),
    };
    let marks: Vec<(usize, char)> = digits
        .char_indices()
        .filter(|(_, c)| matches!(c, '.' | ','))
        .collect();
    let Some((place, mark)) = marks.last().copied() else {
        return Decimal::parse(&bare).ok();
    };
    let (head, tail) = (&digits[..place], &digits[place + 1..]);
    let is_only_kind = marks.iter().all(|(_, other)| *other == mark);
    let whole = match (marks.len(), is_only_kind) {
        (1, _) if tail.len() == 3 && head != "0" => return None,
        (1, _) => return Decimal::parse(&format!("{sign}{head}.{tail}")).ok(),
        // `1,234,567`
        (_, true) => grouped(digits, mark)?,
        // `1,234.5`
        (_, false) => {
            let other = if mark == '.' { ',' } else { '.' };
            if head.contains(mark) {
                return None;
            }
            format!("{}.{tail}", grouped(head, other)?)
        }
    };
    Decimal::parse(&format!("{sign}{whole}")).ok()
}

/// The digits of `1,234,567`.
fn grouped(text: &str, mark: char) -> Option<String> {
    let mut groups = text.split(mark);
    let first = groups.next()?;
    let is_well = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
    is_well.then(|| text.replace(mark, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_several_countries_are_read() {
        for (text, read) in [
            ("1500", "1500"),
            (" 1 500 ", "1500"),
            ("1\u{a0}500,50", "1500.50"),
            ("1500.5", "1500.5"),
            ("1,234.5", "1234.5"),
            ("1.234,5", "1234.5"),
            ("1,234,567", "1234567"),
            ("1.234.567", "1234567"),
            ("1'500", "1500"),
            ("0.125", "0.125"),
            ("-7,5", "-7.5"),
            ("1500.00", "1500.00"),
        ] {
            assert_eq!(number(text).unwrap().as_str(), read, "{text}");
        }
    }

    #[test]
    fn what_could_be_two_numbers_is_not_read() {
        for text in [
            "1.500", "1,500", "12,345", "1,23,456", "1,234,56", "", "-", "x", "1.2.3", "5 USD",
            "1,2.3,4",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
