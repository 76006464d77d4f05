//! From the compiled client and the files of `web/` to the folder that edge serves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, thread};

use anyhow::{Context as _, Result, anyhow, ensure};
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;
use wasm_bindgen_cli_support::Bindgen;

use super::compress::{Compressed, Effort, compress, hex};
use super::split::{self, split};

const HEAD_MARK: &str = "<!-- t11:head -->";
/// Formats that are compressed already.
const INCOMPRESSIBLE: [&str; 6] = ["png", "jpg", "webp", "avif", "woff2", "ico"];

/// Everything a bundle is made of, read into memory.
pub(super) struct Inputs {
    wasm: Vec<u8>,
    index: String,
    styles: Vec<u8>,
    early: Option<Vec<u8>>,
    /// By path relative to the site's root.
    public: BTreeMap<String, Vec<u8>>,
}

impl Inputs {
    pub(super) fn read(web: &Path, wasm: &Path) -> Result<Self> {
        let early = web.join("early.js");
        Ok(Self {
            wasm: read(wasm)?,
            index: String::from_utf8(read(&web.join("index.html"))?)?,
            styles: read_styles(&web.join("style"))?,
            early: early.is_file().then(|| read(&early)).transpose()?,
            public: read_tree(&web.join("public"))?,
        })
    }

    pub(super) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let files = self
            .public
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        let own = [
            ("wasm", self.wasm.as_slice()),
            ("index", self.index.as_bytes()),
            ("styles", &self.styles),
            ("early", self.early.as_deref().unwrap_or_default()),
        ];
        for (name, bytes) in own.into_iter().chain(files) {
            digest.update(name);
            digest.update(bytes.len().to_le_bytes());
            digest.update(bytes);
        }
        hex(&digest.finalize(), 64)
    }
}

/// One file of the bundle, by its path in the site.
struct File {
    bytes: Vec<u8>,
    compressed: Option<Compressed>,
    /// Whether a first visit fetches it.
    is_first_load: bool,
}

impl File {
    /// Bytes a browser that accepts brotli receives.
    fn transferred(&self) -> usize {
        self.compressed
            .as_ref()
            .map_or(self.bytes.len(), |compressed| compressed.brotli.len())
    }
}

pub(super) struct Bundle {
    files: BTreeMap<String, File>,
}

/// Runs wasm-bindgen, names the files by content, links them from the page and compresses all.
pub(super) fn pack(inputs: Inputs, is_dev: bool) -> Result<Bundle> {
    let split = split(&inputs.wasm)?;
    let glue = bind(split.client, is_dev)?;
    let mut site = Site {
        files: BTreeMap::new(),
    };
    for (path, bytes) in glue.snippets {
        site.files.insert(format!("assets/{path}"), (bytes, true));
    }
    let wasm = site.add_asset("t11", "wasm", glue.wasm);
    let mut loader = split.loader;
    for (name, chunk) in split.chunks {
        let file = site.add_later_asset(&name, "wasm", chunk);
        loader = point(&loader, &format!("./{name}.wasm"), &file)?;
    }
    let (js, loader) = site.add_scripts(&String::from_utf8(glue.js)?, &loader)?;
    let boot = format!("import start from \"/{js}\";\nstart({{ module_or_path: \"/{wasm}\" }});\n");
    let boot = site.add_asset("boot", "js", boot.into_bytes());
    let styles = site.add_asset("style", "css", inputs.styles);
    let early = inputs
        .early
        .map(|early| site.add_asset("early", "js", early));

    let index = link(
        &inputs.index,
        &head(&wasm, &[&js, &loader], &boot, &styles, early.as_deref()),
    )?;
    for (path, bytes) in inputs.public {
        let is_first_load = index.contains(&format!("\"/{path}\""));
        site.files.insert(path, (bytes, is_first_load));
    }
    site.files
        .insert("index.html".to_owned(), (index.into_bytes(), true));
    let effort = if is_dev { Effort::Quick } else { Effort::Best };
    Ok(Bundle {
        files: compress_all(site.files, effort)?,
    })
}

/// Lets a script name `file` by its place beside the script instead of `name`.
fn point(script: &str, name: &str, file: &str) -> Result<String> {
    ensure!(script.contains(name), "no script asks for {name}");
    Ok(script.replace(name, &beside(file)))
}

/// A file as others of its folder name it.
fn beside(file: &str) -> String {
    format!("./{}", file.rsplit('/').next().unwrap_or(file))
}

struct Site {
    files: BTreeMap<String, (Vec<u8>, bool)>,
}

impl Site {
    /// Adds `assets/<stem>-<hash>.<extension>` and returns that path.
    fn add_asset(&mut self, stem: &str, extension: &str, bytes: Vec<u8>) -> String {
        let path = asset(stem, &Sha256::digest(&bytes), extension);
        self.files.insert(path.clone(), (bytes, true));
        path
    }

    /// The same for a file that a first visit does not fetch.
    fn add_later_asset(&mut self, stem: &str, extension: &str, bytes: Vec<u8>) -> String {
        let path = asset(stem, &Sha256::digest(&bytes), extension);
        self.files.insert(path.clone(), (bytes, false));
        path
    }

    /// Adds the client's script and the loader of its chunks. Each imports the other, so that one
    /// hash, of both, names them.
    fn add_scripts(&mut self, client: &str, loader: &str) -> Result<(String, String)> {
        let digest = Sha256::digest([client, loader].concat());
        let client_path = asset("t11", &digest, "js");
        let loader_path = asset("split", &digest, "js");
        // Only where it is imported: the wasm knows the loader by its old name.
        let imported = |name: &str| format!("from \"{name}\"");
        let import = imported(split::LOADER);
        ensure!(client.contains(&import), "the client asks for no chunks");
        let client = client.replace(&import, &imported(&beside(&loader_path)));
        let loader = point(loader, split::CLIENT, &client_path)?;
        self.files
            .insert(client_path.clone(), (client.into_bytes(), true));
        self.files
            .insert(loader_path.clone(), (loader.into_bytes(), true));
        Ok((client_path, loader_path))
    }
}

fn asset(stem: &str, digest: &[u8], extension: &str) -> String {
    format!("assets/{stem}-{}.{extension}", hex(digest, 16))
}

struct Glue {
    wasm: Vec<u8>,
    js: Vec<u8>,
    /// Scripts that libraries bring along; the glue imports them as `./snippets/…`.
    snippets: BTreeMap<String, Vec<u8>>,
}

fn bind(wasm: Vec<u8>, is_dev: bool) -> Result<Glue> {
    let folder = tempfile::tempdir()?;
    Bindgen::new()
        .input_bytes("t11", wasm)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        // The chunks import by these names what they share with the client.
        .keep_lld_exports(true)
        .demangle(false)
        .remove_name_section(!is_dev)
        .remove_producers_section(true)
        .generate(folder.path())
        .context("wasm-bindgen")?;
    let mut files = read_tree(folder.path())?;
    let wasm = files
        .remove("t11_bg.wasm")
        .context("wasm-bindgen writes t11_bg.wasm")?;
    let js = files
        .remove("t11.js")
        .context("wasm-bindgen writes t11.js")?;
    Ok(Glue {
        wasm,
        js,
        snippets: files,
    })
}

/// The wasm is by far the largest file: its download starts before the script that asks for it.
fn head(wasm: &str, scripts: &[&str], boot: &str, styles: &str, early: Option<&str>) -> String {
    let mut lines = Vec::new();
    if let Some(early) = early {
        lines.push(format!("<script src=\"/{early}\"></script>"));
    }
    lines.extend([
        format!("<link rel=\"stylesheet\" href=\"/{styles}\">"),
        format!(
            "<link rel=\"preload\" href=\"/{wasm}\" as=\"fetch\" type=\"application/wasm\" crossorigin>"
        ),
    ]);
    let preloads = scripts
        .iter()
        .map(|script| format!("<link rel=\"modulepreload\" href=\"/{script}\">"));
    lines.extend(preloads);
    lines.push(format!("<script type=\"module\" src=\"/{boot}\"></script>"));
    lines.join("\n    ")
}

fn link(index: &str, head: &str) -> Result<String> {
    ensure!(
        index.matches(HEAD_MARK).count() == 1,
        "web/index.html must hold `{HEAD_MARK}` once, in its head: the links go there"
    );
    Ok(index.replace(HEAD_MARK, head))
}

fn compress_all(
    files: BTreeMap<String, (Vec<u8>, bool)>,
    effort: Effort,
) -> Result<BTreeMap<String, File>> {
    thread::scope(|scope| {
        let tasks: Vec<_> = files
            .into_iter()
            .map(|(path, (bytes, is_first_load))| {
                scope.spawn(move || -> Result<_> {
                    let compressed = is_compressible(&path).then(|| compress(&bytes, effort));
                    let compressed = compressed.transpose()?;
                    Ok((
                        path,
                        File {
                            bytes,
                            compressed,
                            is_first_load,
                        },
                    ))
                })
            })
            .collect();
        tasks
            .into_iter()
            .map(|task| {
                task.join()
                    .map_err(|_| anyhow!("a compressing thread died"))?
            })
            .collect()
    })
}

fn is_compressible(path: &str) -> bool {
    let extension = Path::new(path)
        .extension()
        .and_then(|extension| extension.to_str());
    extension.is_none_or(|extension| !INCOMPRESSIBLE.contains(&extension))
}

impl Bundle {
    /// Bytes of a first visit.
    pub(super) fn first_load(&self) -> usize {
        self.files
            .values()
            .filter(|file| file.is_first_load)
            .map(File::transferred)
            .sum()
    }

    /// Replaces `folder`, so that a server sees the old bundle or the new one, hardly ever neither.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let next = folder.with_extension("next");
        remove(&next)?;
        for (path, file) in &self.files {
            let path = next.join(path);
            write(&path, &file.bytes)?;
            if let Some(compressed) = &file.compressed {
                write(&with_suffix(&path, ".br"), &compressed.brotli)?;
                write(&with_suffix(&path, ".gz"), &compressed.gzip)?;
            }
        }
        remove(folder)?;
        fs::rename(&next, folder).with_context(|| format!("writing {}", folder.display()))
    }

    pub(super) fn table(&self) -> String {
        let mut table = format!("{:>10} {:>10}  file\n", "bytes", "brotli");
        for (path, file) in &self.files {
            let later = if file.is_first_load {
                ""
            } else {
                "  (not in the first load)"
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                table,
                "{:>10} {:>10}  {path}{later}",
                file.bytes.len(),
                file.transferred()
            );
        }
        let _ = write!(table, "first load: {} bytes of brotli", self.first_load());
        table
    }
}

fn read_styles(folder: &Path) -> Result<Vec<u8>> {
    let sheets = read_tree(folder)?;
    let sheets = sheets
        .into_iter()
        .filter(|(path, _)| path.ends_with(".css"));
    Ok(sheets
        .flat_map(|(_, sheet)| sheet.into_iter().chain(*b"\n"))
        .collect())
}

/// Every file under `folder` by its relative path with forward slashes; none if it does not exist.
fn read_tree(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if !folder.exists() {
        return Ok(files);
    }
    for entry in WalkDir::new(folder) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(folder)?;
            let path = path
                .to_str()
                .context("file names are UTF-8")?
                .replace('\\', "/");
            files.insert(path, read(entry.path())?);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_links_what_it_needs_once() {
        let head = head(
            "assets/a.wasm",
            &["assets/a.js"],
            "assets/b.js",
            "assets/c.css",
            None,
        );
        let page = link(&format!("<head>{HEAD_MARK}</head>"), &head).unwrap();
        for link in [
            "\"/assets/a.wasm\"",
            "\"/assets/a.js\"",
            "\"/assets/b.js\"",
            "\"/assets/c.css\"",
        ] {
            assert_eq!(page.matches(link).count(), 1, "{link} in {page}");
        }
        assert!(link("<head></head>", &head).is_err());
    }

    #[test]
    fn scripts_that_import_each_other_share_a_hash() {
        let mut site = Site {
            files: BTreeMap::new(),
        };
        let client = "import * as loader from \"./split.js\"; imports[\"./split.js\"] = loader;";
        let (client, loader) = site.add_scripts(client, "import \"./t11.js\";").unwrap();
        let hash = |path: &str| path.split(['-', '.']).nth(1).map(ToOwned::to_owned);
        assert_eq!(hash(&client), hash(&loader));
        let written = |path: &str| String::from_utf8(site.files[path].0.clone()).unwrap();
        assert!(written(&client).contains(loader.trim_start_matches("assets/")));
        assert!(written(&client).contains("imports[\"./split.js\"]"));
        assert!(written(&loader).contains(client.trim_start_matches("assets/")));
    }

    #[test]
    fn a_written_bundle_replaces_the_old_one() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("web");
        write(&folder.join("assets/old.js"), b"old").unwrap();
        let files = BTreeMap::from([("index.html".to_owned(), (b"<html>".to_vec(), true))]);
        let bundle = Bundle {
            files: compress_all(files, Effort::Quick).unwrap(),
        };
        bundle.write(&folder).unwrap();
        assert!(!folder.join("assets/old.js").exists());
        for name in ["index.html", "index.html.br", "index.html.gz"] {
            assert!(folder.join(name).is_file(), "{name}");
        }
    }

    #[test]
    fn only_what_the_page_fetches_counts_as_first_load() {
        let files = BTreeMap::from([
            ("a.png".to_owned(), (vec![0; 700], true)),
            ("b.png".to_owned(), (vec![0; 300], false)),
        ]);
        let bundle = Bundle {
            files: compress_all(files, Effort::Quick).unwrap(),
        };
        assert_eq!(bundle.first_load(), 700);
    }
}
