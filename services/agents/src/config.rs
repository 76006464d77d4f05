//! Settings of the service.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The section `agents`; every field as `T11_AGENTS__<FIELD>`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Largest file that may be uploaded, in bytes.
    pub max_file_bytes: u64,
    /// Files being read at a time, each in a process of its own.
    pub extractions: usize,
    /// The program started to read a document; unset = this one.
    pub extract_program: Option<PathBuf>,
    /// Hosts a web page may be read from although their address is not public, `host:port`, for
    /// tests; refused in production.
    pub fetch_test_hosts: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_file_bytes: 50 * 1024 * 1024,
            extractions: 2,
            extract_program: None,
            fetch_test_hosts: Vec::new(),
        }
    }
}
