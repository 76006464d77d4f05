//! The child that reads documents, for meshes that run inside a test.

fn main() -> std::process::ExitCode {
    t11_agents::knowledge::run_extraction_child()
}
