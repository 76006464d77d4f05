//! Phone numbers, made international (ITU-T E.164): `+` and at most 15 digits.
//!
//! With its calling code a number is taken as it is, if the code exists and it is not too short.
//! Without it, it is taken to be of the account's country, where [`COUNTRIES`] knows how numbers of
//! that country are written at home; else it is refused rather than guessed at.

/// Shortest number with its calling code, in digits: those of small islands.
const MIN_DIGITS: usize = 7;
/// ITU-T E.164.
const MAX_DIGITS: usize = 15;

/// How numbers are written within a country.
struct Country {
    code: &'static str,
    /// What is dialled before a number from within, and dropped from abroad.
    trunk: &'static str,
    /// Digits after trunk prefix and calling code.
    lengths: &'static [usize],
}

const fn country(code: &'static str, trunk: &'static str, lengths: &'static [usize]) -> Country {
    Country {
        code,
        trunk,
        lengths,
    }
}

/// By ISO 3166. Numbering plans: ITU operational bulletins. Italy keeps its zero.
const COUNTRIES: [(&str, Country); 44] = [
    ("AE", country("971", "0", &[8, 9])),
    ("AM", country("374", "0", &[8])),
    ("AR", country("54", "0", &[10])),
    ("AT", country("43", "0", &[10, 11, 12, 13])),
    ("AU", country("61", "0", &[9])),
    ("AZ", country("994", "0", &[9])),
    ("BE", country("32", "0", &[8, 9])),
    ("BR", country("55", "0", &[10, 11])),
    ("BY", country("375", "80", &[9])),
    ("CA", country("1", "1", &[10])),
    ("CH", country("41", "0", &[9])),
    ("CL", country("56", "", &[9])),
    ("CO", country("57", "0", &[10])),
    ("CZ", country("420", "", &[9])),
    ("DE", country("49", "0", &[10, 11])),
    ("DO", country("1", "1", &[10])),
    ("EC", country("593", "0", &[8, 9])),
    ("EE", country("372", "", &[7, 8])),
    ("ES", country("34", "", &[9])),
    ("FR", country("33", "0", &[9])),
    ("GB", country("44", "0", &[10])),
    ("GE", country("995", "0", &[9])),
    ("ID", country("62", "0", &[9, 10, 11])),
    ("IL", country("972", "0", &[8, 9])),
    ("IN", country("91", "0", &[10])),
    ("IT", country("39", "", &[9, 10])),
    ("KG", country("996", "0", &[9])),
    ("KZ", country("7", "8", &[10])),
    ("LT", country("370", "0", &[8])),
    ("LV", country("371", "", &[8])),
    ("MD", country("373", "0", &[8])),
    ("MX", country("52", "", &[10])),
    ("NL", country("31", "0", &[9])),
    ("PE", country("51", "0", &[8, 9])),
    ("PL", country("48", "", &[9])),
    ("PT", country("351", "", &[9])),
    ("RU", country("7", "8", &[10])),
    ("SE", country("46", "0", &[8, 9])),
    ("SG", country("65", "", &[8])),
    ("TR", country("90", "0", &[10])),
    ("UA", country("380", "0", &[9])),
    ("US", country("1", "1", &[10])),
    ("UZ", country("998", "", &[9])),
    ("ZA", country("27", "0", &[9])),
];

/// Calling codes of one and two digits; all others have three, and begin with one of
/// [`THREE_DIGITS`].
const SHORT_CODES: [&str; 46] = [
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45",
    "46", "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
    "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];
const THREE_DIGITS: [&str; 22] = [
    "21", "22", "23", "24", "25", "26", "29", "35", "37", "38", "42", "50", "59", "67", "68", "69",
    "80", "85", "88", "96", "97", "99",
];
/// Codes whose numbers have one length, in digits with the code.
const FIXED_LENGTHS: [(&str, usize); 2] = [("1", 11), ("7", 11)];

/// The number as E.164; `None` when it is none, or may be one of several. `country` is that of the
/// account, empty when it is not known.
pub(super) fn e164(text: &str, country: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let is_written_well = text.chars().enumerate().all(|(index, c)| {
        c.is_ascii_digit()
            || (c == '+' && index == 0)
            || matches!(
                c,
                ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')' | '\u{2011}' | '\u{2013}'
            )
    });
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !is_written_well || digits.is_empty() {
        return None;
    }
    if text.starts_with('+') {
        return international(&digits);
    }
    if let Some(digits) = digits.strip_prefix("00") {
        return international(digits);
    }
    let known = COUNTRIES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(country));
    national(&digits, &known?.1)
}

fn international(digits: &str) -> Option<String> {
    let is_long_enough = (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len());
    let mut codes = SHORT_CODES.iter().chain(&THREE_DIGITS);
    let has_code = codes.any(|code| digits.starts_with(code));
    let mut fixed = FIXED_LENGTHS.iter();
    let has_length =
        fixed.all(|(code, length)| !digits.starts_with(code) || digits.len() == *length);
    (is_long_enough && has_code && has_length).then(|| format!("+{digits}"))
}

fn national(digits: &str, country: &Country) -> Option<String> {
    let fits = |number: &str| country.lengths.contains(&number.len());
    let without_trunk = digits
        .strip_prefix(country.trunk)
        .filter(|_| !country.trunk.is_empty());
    let without_code = digits.strip_prefix(country.code);
    let number = without_trunk
        .filter(|number| fits(number))
        // Where there is a trunk prefix, no number begins with it.
        .or_else(|| Some(digits).filter(|number| fits(number) && without_trunk.is_none()))
        .or_else(|| without_code.filter(|number| fits(number)))?;
    Some(format!("+{}{number}", country.code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_their_code_are_taken_from_anywhere() {
        for (text, read) in [
            ("+1 (555) 010-0123", "+15550100123"),
            ("+7 912 345-67-89", "+79123456789"),
            ("0044 20 7946 0958", "+442079460958"),
            ("+351 912 345 678", "+351912345678"),
            ("+39 06 698 12345", "+390669812345"),
            ("tel:+65-6123-4567", "+6561234567"),
            ("+374 10 123456", "+37410123456"),
        ] {
            assert_eq!(e164(text, "").as_deref(), Some(read), "{text}");
        }
    }

    #[test]
    fn numbers_without_it_are_of_the_accounts_country() {
        for (country, text, read) in [
            ("RU", "8 (912) 345-67-89", "+79123456789"),
            ("RU", "912 345 67 89", "+79123456789"),
            ("RU", "79123456789", "+79123456789"),
            ("US", "(555) 010-0123", "+15550100123"),
            ("US", "1-555-010-0123", "+15550100123"),
            ("br", "11 91234-5678", "+5511912345678"),
            ("BR", "5511912345678", "+5511912345678"),
            ("GB", "020 7946 0958", "+442079460958"),
            ("ES", "912 345 678", "+34912345678"),
            ("BY", "80 29 1234567", "+375291234567"),
        ] {
            assert_eq!(e164(text, country).as_deref(), Some(read), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_or_could_be_two_is_refused() {
        for (country, text) in [
            ("", "912 345 67 89"),
            ("AQ", "123456789"),
            ("RU", "12345"),
            ("RU", "812 345 67 89 00"),
            ("US", "+1 555 010"),
            ("US", "call me"),
            ("US", "555-0100 ext. 7"),
            ("US", "5550+100123"),
            ("", "+0123456789"),
            ("", "+1234567890123456"),
            ("", "+210"),
            ("", ""),
            ("", "+"),
        ] {
            assert_eq!(e164(text, country), None, "{text}");
        }
    }

    #[test]
    fn a_number_stays_what_it_is() {
        for (country, text) in [("RU", "8 912 345-67-89"), ("US", "555 010 0123")] {
            let once = e164(text, country).unwrap();
            assert_eq!(e164(&once, country), Some(once));
        }
    }
}
