//! Lists (AIP-158): page sizes and opaque tokens bound to the arguments of the list.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::{Fault, FaultKind};

/// Bytes of the signature kept in a token.
const TAG_LEN: usize = 16;

/// The list request cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    #[error("`page_size` must not be negative")]
    NegativeSize,
    #[error("`page_token` is not a token of this list with these arguments")]
    BadToken,
}

impl Fault for PageError {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::NegativeSize => "PAGE_SIZE_INVALID",
            Self::BadToken => "PAGE_TOKEN_INVALID",
        }
    }
}

/// A page to read: at most `size` rows after `cursor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// From 1 to the list's own maximum.
    pub size: u64,
    /// Where the page before ended; its form is the list's own.
    pub cursor: Option<String>,
}

/// A page of domain values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of rows that were read with `limit = size + 1`: the extra row only says that
    /// there is more.
    pub fn from_rows(mut rows: Vec<T>, size: u64, cursor: impl Fn(&T) -> String) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let next_cursor = if rows.len() > size {
            rows.truncate(size);
            rows.last().map(cursor)
        } else {
            None
        };
        Self {
            items: rows,
            next_cursor,
        }
    }

    /// The same page of other values.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

/// Signs and checks page tokens, so that a token works only for the list and arguments it was
/// given for.
#[derive(Clone)]
pub struct PageTokens {
    key: [u8; 32],
}

impl PageTokens {
    /// Tokens signed with `key`; replicas of a service share it.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Reads `page_size` and `page_token`. Zero size means `default`, too large is cut to `max`.
    /// `arguments` is everything else that chooses the rows: method, organization, filters, order.
    ///
    /// # Errors
    /// [`PageError`] for a negative size or a token that is not of this list.
    pub fn read(
        &self,
        arguments: &str,
        page_size: i32,
        page_token: &str,
        default: u64,
        max: u64,
    ) -> Result<PageRequest, PageError> {
        let size = match u64::try_from(page_size).map_err(|_| PageError::NegativeSize)? {
            0 => default,
            size => size.min(max),
        };
        let cursor = if page_token.is_empty() {
            None
        } else {
            Some(self.open(arguments, page_token)?)
        };
        Ok(PageRequest { size, cursor })
    }

    /// The token that continues at `cursor`, empty at the end.
    pub fn write(&self, arguments: &str, cursor: Option<&str>) -> String {
        cursor.map_or_else(String::new, |cursor| {
            let mut token = self.tag(arguments, cursor).to_vec();
            token.extend_from_slice(cursor.as_bytes());
            URL_SAFE_NO_PAD.encode(token)
        })
    }

    fn open(&self, arguments: &str, token: &str) -> Result<String, PageError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| PageError::BadToken)?;
        let (tag, cursor) = bytes.split_at_checked(TAG_LEN).ok_or(PageError::BadToken)?;
        let cursor = std::str::from_utf8(cursor).map_err(|_| PageError::BadToken)?;
        if bool::from(self.tag(arguments, cursor).ct_eq(tag)) {
            Ok(cursor.to_owned())
        } else {
            Err(PageError::BadToken)
        }
    }

    fn tag(&self, arguments: &str, cursor: &str) -> [u8; TAG_LEN] {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a 32-byte key");
        for part in [arguments, cursor] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        let full = mac.finalize().into_bytes();
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&full[..TAG_LEN]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_opens_only_with_its_arguments(args in ".*", other in ".*", cursor in ".*") {
            let tokens = PageTokens::new([7; 32]);
            let token = tokens.write(&args, Some(&cursor));
            prop_assert_eq!(tokens.open(&args, &token), Ok(cursor));
            if args != other {
                prop_assert_eq!(tokens.open(&other, &token), Err(PageError::BadToken));
            }
        }

        #[test]
        fn no_text_panics(token in ".*") {
            let _ = PageTokens::new([7; 32]).read("list", 0, &token, 10, 100);
        }
    }

    #[test]
    fn sizes() {
        let tokens = PageTokens::new([7; 32]);
        assert_eq!(
            tokens.read("l", -1, "", 10, 100),
            Err(PageError::NegativeSize)
        );
        assert_eq!(tokens.read("l", 0, "", 10, 100).map(|p| p.size), Ok(10));
        assert_eq!(tokens.read("l", 1000, "", 10, 100).map(|p| p.size), Ok(100));
    }

    #[test]
    fn the_extra_row_is_only_a_sign() {
        let page = Page::from_rows(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(page.next_cursor.as_deref(), Some("2"));
        assert_eq!(
            Page::from_rows(vec![1, 2], 2, ToString::to_string).next_cursor,
            None
        );
    }
}
