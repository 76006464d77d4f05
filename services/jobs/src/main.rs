//! The jobs service as a process of its own.

fn main() -> std::process::ExitCode {
    t11_runtime::main::<t11_jobs::Jobs>()
}
