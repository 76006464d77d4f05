//! What our gateway to models adds to a call, beside a bare proxy of the same stack and beside other
//! gateways: `cargo xtask bench llm` brings what it needs.
//!
//! One mock of a provider for all. It and the load share a core; the gateway under test has the
//! other one for itself (`taskset`), with all that it does besides: ours checks an API key, reserves
//! the worst price in a budget, and keeps a usage record, each durable before it goes on. Rounds are
//! made by turns, and medians count. Processor time is that of the gateway's process and of its
//! children. Prints lines of JSON.
//!
//! | variable | is |
//! | --- | --- |
//! | `T11_BENCH_SHORT` | set = ours and the floor alone, for a moment |
//! | `T11_TEST_DATABASE_URL` | ours on that PostgreSQL too |
//! | `T11_BENCH_LITELLM`, `T11_BENCH_TENSORZERO` | the `bin` of an environment in which it is installed |
//! | `T11_BENCH_PORTKEY` | the `node_modules` in which it is installed |

mod face;
mod floor;
mod gateway;
mod http;
mod measure;
mod mock;
mod ours;
mod peers;
mod process;

use std::io::Write as _;

use serde_json::{Value, json};
use t11_tests::processes::OwnDatabase;

use self::gateway::Gateway;
use self::measure::{Figures, Plan};
use self::process::Core;

type Bench<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Bench<()> {
    t11_runtime::init_process();
    let arguments: Vec<_> = std::env::args().collect();
    // On one core more threads would only be in each other's way.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match arguments.get(1).map(String::as_str) {
        Some("mock") => runtime.block_on(mock::serve()),
        Some("floor") => runtime.block_on(floor::serve(&arguments[2])),
        _ => runtime.block_on(bench()),
    }
}

async fn bench() -> Bench<()> {
    let plan = Plan::read();
    process::pin_self(Core::Load)?;
    let mock = process::own("mock", &[], Core::Load)?;
    let upstream = mock.address;
    let mut gateways = vec![gateway::direct(upstream), gateway::floor(upstream)?];
    gateways.push(ours::start(upstream, None).await?);
    if !plan.is_short {
        if let Some(database) = OwnDatabase::given().await {
            gateways.push(ours::start(upstream, Some(database)).await?);
        }
        gateways.extend(peers::start(upstream).await?);
    }
    let mut all: Vec<_> = gateways.iter().map(|_| Figures::default()).collect();
    for (gateway, figures) in gateways.iter().zip(&mut all) {
        figures.rest(gateway, plan)?;
        measure::warm_up(gateway).await?;
    }
    for _ in 0..plan.rounds {
        for (gateway, figures) in gateways.iter().zip(&mut all) {
            figures.round(gateway, plan).await?;
        }
    }
    for (gateway, figures) in gateways.iter().zip(&mut all) {
        figures.after(gateway, plan).await?;
        print(&figures.line(gateway))?;
    }
    compare(&gateways, &all)
}

/// Ours in terms of the others'.
fn compare(gateways: &[Gateway], all: &[Figures]) -> Bench<()> {
    let named = |name: &str| {
        let place = gateways.iter().position(|gateway| gateway.name == name)?;
        Some(&all[place])
    };
    let (Some(direct), Some(floor)) = (named("direct"), named("floor")) else {
        return Ok(());
    };
    for gateway in gateways
        .iter()
        .filter(|gateway| gateway.name.starts_with("ours"))
    {
        let Some(ours) = named(&gateway.name) else {
            continue;
        };
        let beside = |other: &Figures| {
            json!({
                "added_p50": (ours.p50() - direct.p50()) / (other.p50() - direct.p50()),
                "added_p99": (ours.p99() - direct.p99()) / (other.p99() - direct.p99()),
                "calls_per_s_16": ours.calls_16() / other.calls_16(),
                "calls_per_s_64": ours.calls_64() / other.calls_64(),
                "cpu": ours.cpu_us() / other.cpu_us(),
                "chunks_per_s": ours.chunks_64() / other.chunks_64(),
                "first_chunk_above_ms": (ours.first_chunk() - other.first_chunk()) * 1_000.0,
            })
        };
        print(&titled(
            beside(floor),
            &format!("llm {} beside floor", gateway.name),
        ))?;
        let others = gateways.iter().zip(all);
        for (other, figures) in others.filter(|(other, _)| other.is_peer) {
            let title = format!("llm {} beside {}", gateway.name, other.name);
            print(&titled(beside(figures), &title))?;
        }
        if let Some(chunks) = ours.typed_chunks_64() {
            let faces = json!({"chunks_per_s": chunks / ours.chunks_64()});
            print(&titled(
                faces,
                &format!("llm {} grpc beside sse", gateway.name),
            ))?;
        }
    }
    Ok(())
}

fn titled(mut figures: Value, title: &str) -> Value {
    figures["bench"] = title.into();
    figures
}

fn print(figures: &Value) -> Bench<()> {
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
