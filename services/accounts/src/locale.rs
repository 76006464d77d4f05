//! Languages that people and agents are spoken to in, and time zones.

use t11_core::Violations;

/// A language of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locale {
    Ru,
    En,
}

impl Locale {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    /// The locale written as `text`; anything else is noted and read as Russian.
    pub(crate) fn parse(violations: &mut Violations, field: &str, text: &str) -> Self {
        Self::known(text).unwrap_or_else(|| {
            violations.add(
                field,
                "UNKNOWN_VALUE",
                format!("`{field}` must be `ru` or `en`"),
            );
            Self::Ru
        })
    }

    pub(crate) fn known(text: &str) -> Option<Self> {
        [Self::Ru, Self::En]
            .into_iter()
            .find(|locale| locale.as_str() == text)
    }
}

/// The IANA name of a time zone; any other text is noted.
pub(crate) fn time_zone(violations: &mut Violations, field: &str, text: &str) -> String {
    match text.parse::<chrono_tz::Tz>() {
        Ok(zone) => zone.name().to_owned(),
        Err(_) => {
            let description = format!("`{field}` must be an IANA time zone, as `Europe/Moscow`");
            violations.add(field, "UNKNOWN_VALUE", description);
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_pass() {
        let mut violations = Violations::default();
        assert_eq!(Locale::parse(&mut violations, "locale", "en"), Locale::En);
        assert_eq!(
            time_zone(&mut violations, "time_zone", "Asia/Almaty"),
            "Asia/Almaty"
        );
        assert!(violations.0.is_empty());
        Locale::parse(&mut violations, "locale", "EN");
        for bad in ["", "Mars/Base", "europe moscow", "+03:00"] {
            time_zone(&mut violations, "time_zone", bad);
        }
        assert_eq!(violations.0.len(), 5);
    }
}
