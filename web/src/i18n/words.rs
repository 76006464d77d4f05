/// Declares a group of texts: `key: "English", "русский";`, then after `=>` texts with arguments:
/// `key(count: u64): english expression, russian expression;`.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $group:ident {
            $($key:ident: $english:literal, $russian:literal;)*
            $(=> $($phrase:ident($($argument:ident: $kind:ty),*): $phrase_en:expr, $phrase_ru:expr;)*)?
        }
    ) => {
        $(#[$doc])*
        pub(crate) struct $group {
            $(pub(crate) $key: &'static str,)*
            $($(pub(crate) $phrase: fn($($kind),*) -> String,)*)?
        }

        impl $group {
            pub(crate) const EN: Self = Self {
                $($key: $english,)*
                $($($phrase: |$($argument: $kind),*| $phrase_en,)*)?
            };
            pub(crate) const RU: Self = Self {
                $($key: $russian,)*
                $($($phrase: |$($argument: $kind),*| $phrase_ru,)*)?
            };
        }
    };
}
