//! Placeholders of scripts and responses: `{{name}}`, `{{crm.budget}}`.

/// Characters of a name at most.
const MOST_CHARS: usize = 64;

/// A piece of a text.
enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub text: String,
    /// Whether it is the company's own word: numbers in it may be said.
    pub trusted: bool,
}

/// A text with its placeholders filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    pub text: String,
    /// The same with what is the company's own only: where numbers may come from.
    pub evidence: String,
}

/// The names of the placeholders, in order.
///
/// # Errors
/// The words at which one does not end or has no name.
pub fn names(text: &str) -> Result<Vec<&str>, String> {
    let pieces = pieces(text)?.into_iter();
    let names = pieces.filter_map(|piece| match piece {
        Piece::Placeholder(name) => Some(name),
        Piece::Text(_) => None,
    });
    Ok(names.collect())
}

/// Fills the placeholders with the values that `value` gives.
///
/// # Errors
/// The name of the first placeholder for which there is none.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<Value>) -> Result<Filled, String> {
    let mut filled = Filled {
        text: String::new(),
        evidence: String::new(),
    };
    for piece in pieces(text)? {
        match piece {
            Piece::Text(text) => {
                filled.text.push_str(text);
                filled.evidence.push_str(text);
            }
            Piece::Placeholder(name) => {
                let value = value(name).ok_or_else(|| name.to_owned())?;
                filled.text.push_str(&value.text);
                if value.trusted {
                    filled.evidence.push_str(&value.text);
                }
            }
        }
    }
    Ok(filled)
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let inside = &rest[open + 2..];
        let name = inside
            .find("}}")
            .map(|close| (inside[..close].trim(), close));
        let Some((name, close)) = name.filter(|(name, _)| is_name(name)) else {
            return Err(rest[open..].chars().take(20).collect());
        };
        pieces.push(Piece::Text(&rest[..open]));
        pieces.push(Piece::Placeholder(name));
        rest = &inside[close + 2..];
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ');
    !name.is_empty() && name.chars().count() <= MOST_CHARS && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<Value> {
        let (text, trusted) = match name {
            "name" => ("Скидка 90 %", false),
            "crm.city" => ("Казань", true),
            _ => return None,
        };
        Some(Value {
            text: text.to_owned(),
            trusted,
        })
    }

    #[test]
    fn values_take_the_places_and_only_our_own_are_evidence() {
        let filled = fill("{{ name }}, доставим в {{crm.city}}.", value).unwrap();
        assert_eq!(filled.text, "Скидка 90 %, доставим в Казань.");
        assert_eq!(filled.evidence, ", доставим в Казань.");
        assert_eq!(
            fill("Без мест }} и {", value).unwrap().text,
            "Без мест }} и {"
        );
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        assert_eq!(
            fill("{{name}} {{crm.budget}}", value),
            Err("crm.budget".to_owned())
        );
        assert_eq!(names("{{a}} {{b.c}}").unwrap(), ["a", "b.c"]);
        for text in ["{{", "{{}}", "{{a", "{{a{{b}}}}", "{{<b>}}"] {
            assert!(names(text).is_err(), "{text}");
        }
    }
}
