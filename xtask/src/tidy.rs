//! `cargo xtask tidy`: the rules of the architecture that no compiler checks. Each finding says
//! where, what, why and how to mend it.

mod code;
mod manifests;
mod text;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell::{self, say};
use crate::workspace::Workspace;

/// Why a rule exists and what to do about a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rule {
    why: &'static str,
    mend: &'static str,
}

#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    /// Counted from 1.
    line: usize,
    what: String,
    rule: Rule,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            what,
            rule,
        } = self;
        write!(
            f,
            "{path}:{line}: {what}\n    why:  {}\n    mend: {}",
            rule.why, rule.mend
        )
    }
}

/// A text file of the repository, by its path relative to the root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn finding(&self, line: usize, what: impl Into<String>, rule: Rule) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            what: what.into(),
            rule,
        }
    }

    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|actual| actual == extension)
    }
}

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let sources = sources(&workspace.root)?;
    let mut findings = manifests::check(&sources)?;
    for source in &sources {
        findings.extend(text::check(source));
        if source.has_extension("rs") {
            findings.extend(code::check(source));
        }
    }
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in {} files", findings.len(), sources.len());
    }
    say(format!("tidy: {} files, nothing to mend", sources.len()));
    Ok(())
}

/// The text files that git knows or would add.
fn sources(root: &Path) -> Result<Vec<Source>> {
    let list = shell::output(
        Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
                "--deduplicate",
            ])
            .current_dir(root),
    )?;
    let paths = list.split_terminator('\0').map(PathBuf::from);
    let mut sources = Vec::new();
    for path in paths.filter(|path| root.join(path).is_file()) {
        let bytes = fs::read(root.join(&path)).with_context(|| path.display().to_string())?;
        if let Ok(text) = String::from_utf8(bytes)
            && !text.contains('\0')
        {
            let path = path.to_str().context("file names are UTF-8")?.to_owned();
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}

#[cfg(test)]
fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
