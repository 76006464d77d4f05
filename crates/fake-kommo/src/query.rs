//! Query strings as PHP reads them: `filter[id][0]=1`, `filter[id][]=1`, `filter[id]=1`.

use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Default, Clone)]
pub(crate) struct Query {
    /// Each key cut at its brackets, in the order they came.
    pairs: Vec<(Vec<String>, String)>,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes())
            .map(|(key, value)| (path_of(&key), value.into_owned()))
            .collect();
        Self { pairs }
    }

    pub(crate) fn text(&self, path: &[&str]) -> Option<&str> {
        let is_it = |key: &[String]| key.iter().map(String::as_str).eq(path.iter().copied());
        self.pairs
            .iter()
            .rev()
            .find(|(key, _)| is_it(key))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, path: &[&str]) -> Option<i64> {
        self.text(path)?.trim().parse().ok()
    }

    /// Every value at this path, whether it came alone, comma-joined, or in brackets.
    pub(crate) fn list(&self, path: &[&str]) -> Vec<&str> {
        let below = |key: &[String]| {
            key.len() <= path.len() + 1
                && key.iter().zip(path).all(|(part, wanted)| part == wanted)
                && key.len() >= path.len()
                && key.get(path.len()).is_none_or(|last| is_index(last))
        };
        self.pairs
            .iter()
            .filter(|(key, _)| below(key))
            .flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
            .collect()
    }

    pub(crate) fn numbers(&self, path: &[&str]) -> Vec<i64> {
        let list = self.list(path).into_iter();
        list.filter_map(|value| value.trim().parse().ok()).collect()
    }

    /// `filter[statuses][0][pipeline_id]=…`: the maps below this path, by their index.
    pub(crate) fn groups(&self, path: &[&str]) -> Vec<HashMap<&str, &str>> {
        let mut groups: BTreeMap<&str, HashMap<&str, &str>> = BTreeMap::new();
        for (key, value) in &self.pairs {
            let (head, tail) = key.split_at(path.len().min(key.len()));
            if let [index, name] = tail
                && head.iter().map(String::as_str).eq(path.iter().copied())
            {
                groups.entry(index).or_default().insert(name, value);
            }
        }
        groups.into_values().collect()
    }

    /// The names that follow this path: `filter[custom_fields_values][8001][]` has `8001`.
    pub(crate) fn names(&self, path: &[&str]) -> Vec<&str> {
        let mut names = Vec::new();
        for (key, _) in &self.pairs {
            let (head, tail) = key.split_at(path.len().min(key.len()));
            if let Some(name) = tail.first()
                && head.iter().map(String::as_str).eq(path.iter().copied())
                && !names.contains(&name.as_str())
            {
                names.push(name.as_str());
            }
        }
        names
    }

    /// Whether `with=` names this.
    pub(crate) fn is_with(&self, what: &str) -> bool {
        self.list(&["with"]).contains(&what)
    }
}

fn is_index(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}

fn path_of(key: &str) -> Vec<String> {
    let (first, rest) = key.split_once('[').unwrap_or((key, ""));
    let mut path = vec![first.to_owned()];
    if key.contains('[') {
        let rest = rest.strip_suffix(']').unwrap_or(rest);
        path.extend(rest.split("][").map(str::to_owned));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_three_forms() {
        let forms = [
            "filter[id]=1,2",
            "filter[id][]=1&filter[id][]=2",
            "filter%5Bid%5D%5B0%5D=1&filter%5Bid%5D%5B1%5D=2",
        ];
        for form in forms {
            let query = Query::parse(form);
            assert_eq!(query.numbers(&["filter", "id"]), [1, 2], "{form}");
        }
    }

    #[test]
    fn a_range_is_not_a_list() {
        let query = Query::parse("filter[price][from]=5&filter[price][to]=7");
        assert!(query.list(&["filter", "price"]).is_empty());
        assert_eq!(query.number(&["filter", "price", "to"]), Some(7));
    }

    #[test]
    fn groups_keep_what_belongs_together() {
        let query = Query::parse(
            "filter[statuses][0][pipeline_id]=1&filter[statuses][0][status_id]=2&filter[statuses][1][pipeline_id]=3",
        );
        let groups = query.groups(&["filter", "statuses"]);
        assert_eq!(groups.len(), 2);
        assert_eq!(
            (groups[0]["pipeline_id"], groups[0]["status_id"]),
            ("1", "2")
        );
    }
}
