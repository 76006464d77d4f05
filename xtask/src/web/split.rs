//! Cuts the compiled client where `web/src/later.rs` says: what every visit needs, and chunks that
//! come with the first visit of their screens.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, anyhow, ensure};
use wasm_split_cli_support::{Options, transform};

/// How the client asks for the script that fetches chunks, and that script for the client.
pub(super) const LOADER: &str = "./split.js";
pub(super) const CLIENT: &str = "./t11.js";

const MAGIC: &[u8] = b"\0asm\x01\0\0\0";
const CUSTOM_SECTION: u8 = 0;

pub(super) struct Split {
    /// To be processed by wasm-bindgen.
    pub(super) client: Vec<u8>,
    /// Fetches the chunks, which it names as the keys below.
    pub(super) loader: String,
    /// By file name without its extension.
    pub(super) chunks: BTreeMap<String, Vec<u8>>,
}

/// `wasm` must be linked with `--emit-relocs`.
pub(super) fn split(wasm: &[u8]) -> Result<Split> {
    let folder = tempfile::tempdir()?;
    let client = folder.path().join("client.wasm");
    let mut options = Options::new(wasm);
    options.output_dir = folder.path();
    options.main_out_path = &client;
    options.link_name = LOADER;
    options.main_module = CLIENT;
    let made = transform(options).map_err(|error| anyhow!("cutting the client: {error:#}"))?;
    let mut chunks = BTreeMap::new();
    for path in made.split_modules {
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.context("a chunk has a name")?.to_owned();
        chunks.insert(name, without_names(&fs::read(&path)?)?);
    }
    Ok(Split {
        client: fs::read(&client)?,
        loader: fs::read_to_string(folder.path().join(LOADER))?,
        chunks,
    })
}

/// The module without its custom sections: names of functions, which nobody reads in a browser.
fn without_names(module: &[u8]) -> Result<Vec<u8>> {
    let mut rest = module
        .strip_prefix(MAGIC)
        .context("a chunk is a wasm module")?;
    let mut kept = MAGIC.to_vec();
    while let Some((&id, after)) = rest.split_first() {
        let (size, digits) = leb128(after)?;
        let length = 1 + digits + size;
        ensure!(length <= rest.len(), "a chunk ends in the middle");
        let (section, next) = rest.split_at(length);
        if id != CUSTOM_SECTION {
            kept.extend_from_slice(section);
        }
        rest = next;
    }
    Ok(kept)
}

/// A number, and how many bytes it takes.
fn leb128(bytes: &[u8]) -> Result<(usize, usize)> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok((value, place + 1));
        }
    }
    Err(anyhow!("a chunk has a broken number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_sections_are_left_out() {
        let mut module = MAGIC.to_vec();
        let types = [1, 4, 1, 0x60, 0, 0];
        // A length of two bytes, as linkers write them.
        let names = [0, 0x86, 0x00, 4, b'n', b'a', b'm', b'e', 7];
        module.extend(names);
        module.extend(types);
        let kept = without_names(&module).unwrap();
        assert_eq!(kept, [MAGIC, &types].concat());
    }

    #[test]
    fn a_broken_module_is_refused() {
        assert!(without_names(b"no wasm").is_err());
        let mut module = MAGIC.to_vec();
        module.extend([1, 200, 1, 0]);
        assert!(without_names(&module).is_err());
    }
}
