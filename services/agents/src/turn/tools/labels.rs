//! Names that the model chooses by: short, one line, each once.

/// Characters of a label at most.
const MOST: usize = 80;

/// Labels in the order of what they stand for.
pub(super) struct Labels(Vec<String>);

impl Labels {
    /// Labels for names; what is named alike is numbered.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut labels: Vec<String> = Vec::new();
        for name in names {
            let name = plain(name, MOST);
            let mut label = name.clone();
            let mut number = 1;
            while labels.iter().any(|other| same(other, &label)) {
                number += 1;
                label = format!("{name} ({number})");
            }
            labels.push(label);
        }
        Self(labels)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What the label stands for.
    pub(super) fn find(&self, label: &str) -> Option<usize> {
        let label = plain(label, MOST + 8);
        self.0.iter().position(|own| same(own, &label))
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// One line without quotes, angle brackets and control characters, of at most `most` characters.
pub(super) fn plain(text: &str, most: usize) -> String {
    let allowed = |c: &char| !c.is_control() && !matches!(c, '"' | '<' | '>');
    let spaced = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c });
    let text: String = spaced.filter(allowed).collect();
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(most).collect()
}
