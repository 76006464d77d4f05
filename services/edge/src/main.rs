//! `t11-edge`: the service by itself.

fn main() -> std::process::ExitCode {
    t11_runtime::main::<t11_edge::Edge>()
}
