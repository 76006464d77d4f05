//! What a company teaches its agents: from the bytes of a document to ranked passages.
//!
//! The way of a document: [`fetch`] or an upload brings bytes; [`sniff`] says what they are;
//! [`extract`] reads them inside a [`sandbox`]ed child that [`extractor`] starts; [`chunk`] cuts
//! the text; [`stem`] turns text into terms; [`index`] finds chunks again. Rows in SQL are the
//! truth, the index is made from them and can be thrown away at any time.

pub mod archive;
pub mod charset;
pub mod chunk;
pub mod document;
pub mod extract;
pub mod extractor;
pub mod fetch;
pub mod index;
pub mod lang;
pub mod rejection;
pub mod sandbox;
pub mod sentence;
pub mod sniff;
pub mod stem;
pub mod table;
pub mod terms;

pub use document::{Block, BlockKind, Document};
pub use extractor::Extractor;
pub use lang::Lang;
pub use rejection::Rejection;
pub use sandbox::{is_extraction_child, run_extraction_child};
