//! Dollars as people type them.

/// A million dollars: more than anybody means.
const MOST: i64 = 1_000_000_000_000;

/// Why typed words are no sum of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MoneyError {
    NotANumber,
    Negative,
    /// Finer than a millionth of a dollar.
    TooPrecise,
    TooLarge,
}

/// Micro-USD of `12`, `$12.50`, `1 000,5`; `1,000` is refused.
pub(super) fn parse_usd(words: &str) -> Result<i64, MoneyError> {
    let is_kept = |letter: &char| !letter.is_whitespace() && *letter != '$';
    let words: String = words.chars().filter(is_kept).collect();
    if let Some(rest) = words.strip_prefix(['-', '−']) {
        // Not nothing: a bare sign is no number.
        return Err(match parse_usd(rest) {
            Ok(_) => MoneyError::Negative,
            Err(error) => error,
        });
    }
    let (whole, part) = words.split_once(['.', ',']).unwrap_or((&words, ""));
    // A thousand to some, one to others.
    if words.contains(',') && part.len() == 3 {
        return Err(MoneyError::NotANumber);
    }
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !is_digits(whole) || !is_digits(part) {
        return Err(MoneyError::NotANumber);
    }
    let part = part.trim_end_matches('0');
    if part.len() > 6 {
        return Err(MoneyError::TooPrecise);
    }
    let micro_usd = format!("{whole}{part:0<6}").parse::<i64>();
    let micro_usd = micro_usd.map_err(|_| MoneyError::TooLarge)?;
    if micro_usd > MOST {
        return Err(MoneyError::TooLarge);
    }
    Ok(micro_usd)
}

/// `12.5`: exact, and the same in every language.
pub(super) fn usd_words(micro_usd: i64) -> String {
    let (sign, size) = (
        if micro_usd < 0 { "-" } else { "" },
        micro_usd.unsigned_abs(),
    );
    let (whole, part) = (size / 1_000_000, size % 1_000_000);
    let part = format!("{part:06}");
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}
