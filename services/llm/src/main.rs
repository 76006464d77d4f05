//! The service `llm` by itself.

fn main() -> std::process::ExitCode {
    t11_runtime::main::<t11_llm::Llm>()
}
