//! What the queue is measured by: `cargo bench --bench queue -- rates` or `-- crashes`, and
//! `cargo xtask bench jobs` beside a peer that does the same (`../bullmq`). With
//! `T11_TEST_DATABASE_URL` set the queue is on PostgreSQL, all else stays on SQLite. A line of JSON
//! is for programs, the rest for people.
//!
//! Rates depend on the machine and its disk, for every commit is flushed; the ratios much less.

#![expect(clippy::print_stdout, reason = "it prints what it has measured")]

mod bed;
mod crashes;
mod process;
mod rates;

use anyhow::Result;

#[tokio::main]
async fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let told: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let told: Vec<_> = told.iter().map(String::as_str).collect();
    match told.as_slice() {
        [] | ["rates"] => rates::run().await,
        ["crashes"] => crashes::run().await,
        ["worker", name, hold, effects] => process::work(name, hold.parse()?, effects).await,
        _ => anyhow::bail!("tell `rates` or `crashes`"),
    }
}

fn print(figures: &serde_json::Value) {
    println!("{figures}");
}
