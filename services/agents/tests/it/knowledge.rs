//! Documents through the confined child, as the service reads them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and its tasks end with it"
)]

mod bad;
mod fetch;
mod good;
mod office;

use std::path::{Path, PathBuf};

use t11_agents::knowledge::extractor::{ExtractError, Limits};
use t11_agents::knowledge::sandbox::Request;
use t11_agents::knowledge::sniff::DocumentType;
use t11_agents::knowledge::{Document, Extractor, Rejection};

fn extractor(limits: Limits) -> Extractor {
    Extractor::new(PathBuf::from(env!("CARGO_BIN_EXE_t11-agents")), 2, limits)
}

async fn read(extractor: &Extractor, name: &str, bytes: &[u8]) -> Result<Document, Rejection> {
    let request = Request {
        file_name: name.to_owned(),
        document_type: DocumentType::of_name(name)?,
        charset: None,
        length: bytes.len() as u64,
    };
    extractor
        .extract(&request, bytes)
        .await
        .map_err(|error| match error {
            ExtractError::Rejected(rejection) => rejection,
            ExtractError::Failed(error) => panic!("{name}: {error}"),
        })
}

fn data(name: &str) -> Vec<u8> {
    let path = Path::new("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
