//! Plural forms of the two languages (CLDR rules for whole numbers).

/// `1 agent`, `2 agents`.
pub(crate) fn en<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// `1 агент`, `2 агента`, `5 агентов`, `11 агентов`, `21 агент`.
pub(crate) fn ru<'a>(count: u64, one: &'a str, few: &'a str, many: &'a str) -> &'a str {
    match (count % 10, count % 100) {
        (_, 11..=14) => many,
        (1, _) => one,
        (2..=4, _) => few,
        _ => many,
    }
}
