//! What the words around digits say of them.

/// What the words before a number say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Phone,
    /// An order, a contract, an id: something with a number that is no one's.
    Other,
    None,
}

/// Beginnings of words before phones.
const PHONE: &[&str] = &[
    "телеф",
    "мобил",
    "звон",
    "позвон",
    "созвон",
    "перезвон",
    "набер",
    "набир",
    "сотов",
    "ватсап",
    "вотсап",
    "вацап",
    "вайбер",
    "whatsapp",
    "viber",
    "смс",
    "sms",
    "факс",
    "fax",
    "phone",
    "mobile",
    "call",
    "hotline",
    "whats",
];
/// Such words as a whole.
const PHONE_WHOLE: &[&str] = &[
    "тел", "моб", "cell", "dial", "tel", "text", "tg", "wa", "ring", "reach", "msisdn", "т", "ph",
    "tlf",
];
/// Beginnings of words before other numbers.
const OTHER: &[&str] = &[
    "артикул",
    "накладн",
    "договор",
    "счет",
    "счёт",
    "трек",
    "посылк",
    "сделк",
    "заявк",
    "серийн",
    "паспорт",
    "квитанц",
    "позици",
    "полис",
    "штрихкод",
    "order",
    "invoice",
    "item",
    "track",
    "ticket",
    "account",
    "contract",
    "serial",
    "reference",
    "parcel",
    "shipment",
    "barcode",
    "passport",
    "policy",
    "batch",
    "timestamp",
    "модел",
    "model",
    "отправлен",
];
/// Such words as a whole.
const OTHER_WHOLE: &[&str] = &[
    "заказ",
    "заказа",
    "заказу",
    "заказом",
    "заказе",
    "заказы",
    "арт",
    "инн",
    "кпп",
    "огрн",
    "огрнип",
    "снилс",
    "бик",
    "код",
    "кода",
    "чек",
    "чека",
    "лид",
    "лида",
    "id",
    "ид",
    "sku",
    "ref",
    "po",
    "acct",
    "part",
    "deal",
    "lead",
    "imei",
    "isbn",
    "ean",
    "gtin",
    "vin",
    "inn",
    "uid",
    "key",
    "code",
    "номенклатура",
    "рс",
    "кс",
    "udid",
    "iccid",
    "оквэд",
    "окпо",
    "case",
];
/// Words that say nothing, and let the one before them speak.
const SILENT: &[&str] = &[
    "номер",
    "номера",
    "номеру",
    "номером",
    "№",
    "#",
    "no",
    "nr",
    "number",
    "num",
    "is",
    "at",
    "на",
    "по",
    "от",
    "мне",
    "me",
    "us",
    "нам",
    "это",
    "my",
    "мой",
    "on",
    "can",
    "you",
];
const LOOKS_BACK: usize = 3;

/// What the words before `start` say.
pub(super) fn before(text: &str, start: usize) -> Context {
    let head = &text[..start];
    let from = head.char_indices().rev().nth(60).map_or(0, |(at, _)| at);
    // What another sentence or line said does not count.
    let head = head[from..]
        .rsplit(['\n', ';', '!', '?'])
        .next()
        .unwrap_or_default();
    let words = head
        .rsplit(|char: char| !char.is_alphanumeric() && !"№#".contains(char))
        .filter(|word| !word.is_empty());
    let mut own = false;
    for word in words.take(LOOKS_BACK) {
        let word = word.trim_matches('#').to_lowercase();
        match meaning(&word) {
            Context::None if word.is_empty() || SILENT.contains(&word.as_str()) => {
                own |= matches!(word.as_str(), "мой" | "my");
            }
            Context::None => break,
            said => return said,
        }
    }
    match own {
        true => Context::Phone,
        false if head.trim_end().ends_with(['№', '#']) => Context::Other,
        false => Context::None,
    }
}

fn meaning(word: &str) -> Context {
    let begins = |known: &[&str]| known.iter().any(|beginning| word.starts_with(beginning));
    if OTHER_WHOLE.contains(&word) || begins(OTHER) {
        Context::Other
    } else if PHONE_WHOLE.contains(&word) || begins(PHONE) {
        Context::Phone
    } else {
        Context::None
    }
}

/// Whether the digits at `start` belong to what stands right before them: a word, a fraction, a
/// path, an amount.
pub(super) fn touches(text: &str, start: usize) -> bool {
    let head = &text[..start];
    let mut before = head.chars().rev();
    let (last, other) = (before.next(), before.next());
    match last {
        Some(last) if last.is_alphanumeric() || "_@%$€£₽&\\".contains(last) => true,
        Some('.' | ',') => other.is_some_and(|other| other.is_ascii_digit()),
        Some(':') => other.is_some_and(|other| other.is_ascii_digit()),
        Some('-') => other.is_some_and(char::is_alphanumeric),
        Some('/') => !head.ends_with("wa.me/"),
        _ => false,
    }
}

/// Whether what follows a number's end goes on with it.
pub(super) fn goes_on(tail: &str) -> bool {
    let mut after = tail.chars();
    let (next, other) = (after.next(), after.next());
    match next {
        Some(next) if next.is_alphanumeric() || next == '_' => true,
        Some('-') => other.is_some_and(char::is_alphabetic),
        Some('.' | ',' | ':') => other.is_some_and(|other| other.is_ascii_digit()),
        Some('%' | '@') => true,
        _ => false,
    }
}

/// Whether what follows a number makes it an amount.
pub(super) fn is_amount(tail: &str) -> bool {
    const UNITS: [&str; 24] = [
        "руб",
        "р",
        "₽",
        "тыс",
        "млн",
        "usd",
        "eur",
        "rub",
        "шт",
        "кг",
        "г",
        "мм",
        "см",
        "м",
        "км",
        "м²",
        "м2",
        "$",
        "€",
        "%",
        "тенге",
        "dollars",
        "units",
        "pcs",
    ];
    let word = tail.trim_start_matches([' ', '\u{a0}']);
    let word = word
        .split(|char: char| !char.is_alphanumeric() && !"₽$€%".contains(char))
        .next()
        .unwrap_or_default();
    let word = word.to_lowercase();
    word.starts_with("руб")
        || word.starts_with(['₽', '$', '€', '%'])
        || UNITS.contains(&word.as_str())
}
