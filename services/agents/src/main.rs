//! The agents service as a process of its own.

fn main() -> std::process::ExitCode {
    // Before anything else: the child that reads documents has no runtime, settings or log.
    if t11_agents::knowledge::is_extraction_child() {
        return t11_agents::knowledge::run_extraction_child();
    }
    t11_runtime::main::<t11_agents::Agents>()
}
