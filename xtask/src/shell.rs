//! Running other programs: what is run is shown, and a failure names it.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, bail};

/// Says which step is under way. Kept to one form so that logs can be searched for it.
pub(crate) fn say(message: impl AsRef<str>) {
    println!("xtask: {}", message.as_ref());
}

/// Runs `command` with its output on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("could not start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs `command` with its output on the terminal, of which `hear` is told every line too.
pub(crate) fn run_heard(command: &mut Command, hear: impl Fn(&str) + Sync) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start `{line}`"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let pass_on = |said: &mut dyn BufRead| {
        for line in said.lines().map_while(Result::ok) {
            println!("{line}");
            hear(&line);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| stdout.map(|said| pass_on(&mut BufReader::new(said))));
        scope.spawn(|| stderr.map(|said| pass_on(&mut BufReader::new(said))));
    });
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs `command` silently and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("could not start `{line}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed: {}\n{}", output.status, said.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed no UTF-8"))
}

/// The program's path, if it can be found.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
