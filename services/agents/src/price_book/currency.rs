//! The currencies a price may be in.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A currency of ISO 4217.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: &'static str,
}

/// Currencies in use whose minor unit is a hundredth (ISO 4217, 2026).
const HUNDREDTHS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL \
    BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP \
    GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK \
    LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR \
    NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
    SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW";
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// Signs, and words as price lists and letters have them, in lower case.
const WRITTEN: [(&str, &str); 10] = [
    (
        "RUB",
        "₽ р руб рубль рубля рублей рубли рублях рублям рублями рублю рублем рур rur ruble \
         rubles rouble roubles",
    ),
    (
        "USD",
        "$ дол долл доллар доллара долларов доллары долларах dollar dollars buck bucks бакс \
         бакса баксов",
    ),
    ("EUR", "€ евро euro euros"),
    ("GBP", "£ фунт фунта фунтов pound pounds quid"),
    ("KZT", "₸ тенге тг tenge"),
    ("UAH", "₴ грн гривна гривны гривен гривень гривня hryvnia"),
    ("CNY", "¥ юань юаня юаней yuan"),
    ("BYN", "byr белруб"),
    ("TRY", "₺ лира лиры лир lira"),
    ("INR", "₹ рупия рупии рупий rupee rupees"),
];

static WORDS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let words = |(code, words): (&'static str, &'static str)| {
        words.split(' ').map(move |word| (word, code))
    };
    WRITTEN.into_iter().flat_map(words).collect()
});

impl Currency {
    /// By its code, in any case of letters.
    pub fn of_code(code: &str) -> Option<Self> {
        if code.len() != 3 {
            return None;
        }
        [HUNDREDTHS, WHOLE, THOUSANDTHS]
            .into_iter()
            .flat_map(str::split_whitespace)
            .find(|known| known.eq_ignore_ascii_case(code))
            .map(|code| Self { code })
    }

    /// By its code, its sign or its word: `usd`, `$`, `долларов`.
    pub fn parse(written: &str) -> Option<Self> {
        let written = written.trim().trim_end_matches('.').to_lowercase();
        WORDS
            .get(written.as_str())
            .map(|code| Self { code })
            .or_else(|| Self::of_code(&written))
    }

    pub fn code(self) -> &'static str {
        self.code
    }

    /// What stands beside an amount: the sign, else the code.
    pub fn sign(self) -> &'static str {
        let written = WRITTEN.iter().find(|(code, _)| *code == self.code);
        let first = written.and_then(|(_, words)| words.split(' ').next());
        first
            .filter(|sign| sign.chars().count() == 1)
            .unwrap_or(self.code)
    }

    /// Decimal places of the minor unit: 2 for kopecks and cents.
    pub fn digits(self) -> u32 {
        if WHOLE.contains(self.code) {
            0
        } else if THOUSANDTHS.contains(self.code) {
            3
        } else {
            2
        }
    }

    /// Minor units in one unit.
    pub fn minor_units(self) -> i64 {
        10_i64.pow(self.digits())
    }

    /// `45 000 ₽`, `1 200,50 ₽`; English groups: `$1,200.50`.
    pub fn format(self, minor: i64, russian: bool) -> String {
        let units = self.minor_units();
        let (whole, rest) = (minor / units, (minor % units).unsigned_abs());
        let (group, point) = if russian { (' ', ',') } else { (',', '.') };
        let mut amount = grouped(whole, group);
        if rest != 0 {
            let width = self.digits() as usize;
            amount.push_str(&format!("{point}{rest:0width$}"));
        }
        match self.sign() {
            sign @ ("$" | "€" | "£") if !russian => format!("{sign}{amount}"),
            sign => format!("{amount} {sign}"),
        }
    }
}

fn grouped(number: i64, separator: char) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_are_known_by_code_sign_and_word() {
        for (written, code) in [
            ("RUB", "RUB"),
            ("usd", "USD"),
            ("₽", "RUB"),
            ("Руб.", "RUB"),
            ("долларов", "USD"),
            ("€", "EUR"),
            ("тенге", "KZT"),
            ("JPY", "JPY"),
        ] {
            assert_eq!(
                Currency::parse(written).map(Currency::code),
                Some(code),
                "{written}"
            );
        }
        assert_eq!(Currency::parse("руб/м"), None);
        assert_eq!(Currency::of_code("XXX"), None);
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        let rub = Currency::parse("RUB").unwrap();
        assert_eq!(rub.format(4_500_000, true), "45 000 ₽");
        assert_eq!(rub.format(120_050, true), "1 200,50 ₽");
        assert_eq!(rub.format(5, true), "0,05 ₽");
        let usd = Currency::parse("USD").unwrap();
        assert_eq!(usd.format(120_050, false), "$1,200.50");
        let yen = Currency::parse("JPY").unwrap();
        assert_eq!(
            (yen.digits(), yen.format(1_500, false)),
            (0, "1,500 JPY".to_owned())
        );
    }
}
