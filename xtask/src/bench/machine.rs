//! What the figures were measured on, as Linux tells it.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::dev::Profile;
use crate::shell;

/// One line: processors, memory, kernel, compiler, profile, and how busy the machine was.
pub(super) fn describe(profile: Profile) -> Result<String> {
    let cpus = read("/proc/cpuinfo")?;
    let model = value(&cpus, "model name").unwrap_or("unknown processor");
    let cores = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let memory = read("/proc/meminfo")?;
    let kibibytes: f64 = number(&memory, "MemTotal")?;
    let kernel = read("/proc/sys/kernel/osrelease")?;
    let load = read("/proc/loadavg")?;
    let rustc = shell::output(Command::new("rustc").arg("--version"))?;
    Ok(format!(
        "{cores} × {model}, {:.0} GB, Linux {}, {}, profile {}, load {}",
        kibibytes * 1024.0 / 1e9,
        kernel.trim(),
        rustc.trim(),
        profile.name(),
        load.split(' ').next().unwrap_or_default(),
    ))
}

/// Memory of the process that is in RAM, shared pages included.
pub(super) fn resident_bytes(process: u32) -> Result<u64> {
    let status = read(&format!("/proc/{process}/status"))?;
    let kibibytes: u64 = number(&status, "VmRSS")?;
    Ok(kibibytes * 1024)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {path}"))
}

/// What follows `name:` on its line.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn number<T: std::str::FromStr>(text: &str, name: &str) -> Result<T> {
    let value = value(text, name).and_then(|value| value.split(' ').next()?.parse().ok());
    value.with_context(|| format!("no number `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_name() {
        let text = "Name:\tt11\nVmRSS:\t   1024 kB\n";
        assert_eq!(number::<u64>(text, "VmRSS").unwrap(), 1024);
        assert!(number::<u64>(text, "VmSwap").is_err());
    }
}
