//! Compiles `proto/` without protoc and writes the table of RPC options.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script by the environment"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ReflectMessage as _, Value};

fn main() -> Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root.join("t11"), &mut files)?;
    // No file of ours imports the error details, yet every error carries them.
    collect(&root.join("google/rpc"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;
    let descriptors = compiler.encode_file_descriptor_set();

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), &descriptors)?;
    let pool = DescriptorPool::decode(descriptors.as_slice())?;
    fs::write(out.join("methods.rs"), methods(&pool)?)?;

    let set = prost_types::FileDescriptorSet::decode(descriptors.as_slice())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .build_server(env::var_os("CARGO_FEATURE_SERVER").is_some())
        .bytes(".")
        .include_file("packages.rs")
        .compile_fds(set)?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// One `MethodInfo { … }` line for each RPC of our packages.
fn methods(pool: &DescriptorPool) -> Result<String> {
    let rpc = pool
        .get_extension_by_name("t11.common.v1.rpc")
        .context("option rpc")?;
    let http = pool
        .get_extension_by_name("google.api.http")
        .context("option http")?;
    let mut code = String::from("pub static METHODS: &[MethodInfo] = &[\n");
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        let options = method.options();
        let rules = options.get_extension(&rpc);
        let rules = rules.as_message().context("rpc is a message")?;
        let has_http = options.has_extension(&http);
        writeln!(
            code,
            "    MethodInfo {{ path: \"/{}/{}\", auth: Auth::{}, permission: {:?}, idempotency: \
             Idempotency::{}, audit: {}, rate_class: RateClass::{}, deadline_ms: {}, \
             client_streaming: {}, server_streaming: {}, public: {} }},",
            method.parent_service().full_name(),
            method.name(),
            variant(rules, "auth", "AUTH_")?,
            field(rules, "permission")?.as_str().unwrap_or_default(),
            variant(rules, "idempotency", "IDEMPOTENCY_")?,
            field(rules, "audit")?.as_bool().unwrap_or_default(),
            variant(rules, "rate_class", "RATE_CLASS_")?,
            deadline(&method, rules)?,
            method.is_client_streaming(),
            method.is_server_streaming(),
            has_http,
        )?;
    }
    code.push_str("];\n");
    Ok(code)
}

fn deadline(method: &MethodDescriptor, rules: &DynamicMessage) -> Result<u32> {
    let given = field(rules, "deadline_ms")?.as_u32().unwrap_or_default();
    Ok(match given {
        0 if method.is_server_streaming() => 0,
        0 => 10_000,
        given => given,
    })
}

fn field(message: &DynamicMessage, name: &str) -> Result<Value> {
    Ok(message
        .get_field_by_name(name)
        .with_context(|| name.to_owned())?
        .into_owned())
}

/// The Rust name of an enum value: `AUTH_PUBLIC` → `Public`.
fn variant(message: &DynamicMessage, name: &str, prefix: &str) -> Result<String> {
    let number = field(message, name)?
        .as_enum_number()
        .with_context(|| name.to_owned())?;
    let descriptor = message
        .descriptor()
        .get_field_by_name(name)
        .with_context(|| name.to_owned())?;
    let kind = descriptor.kind();
    let value = kind
        .as_enum()
        .and_then(|e| e.get_value(number))
        .with_context(|| name.to_owned())?;
    let word = value.name().trim_start_matches(prefix).to_owned();
    Ok(word
        .split('_')
        .map(|part| {
            let (first, rest) = part.split_at(1);
            format!("{first}{}", rest.to_lowercase())
        })
        .collect())
}
