//! The load, and the figures of one gateway.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Bench;
use super::face::{Caller, Http, Typed, Went};
use super::gateway::Gateway;

/// Callers that share one gRPC connection.
const PER_CHANNEL: usize = 16;
/// After it, what was freed was given back.
const REST: Duration = Duration::from_secs(10);

/// How long it is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) is_short: bool,
    pub(crate) rounds: usize,
    pub(crate) burst: Duration,
}

impl Plan {
    pub(crate) fn read() -> Self {
        let is_short = super::variable("T11_BENCH_SHORT").is_some();
        Self {
            is_short,
            rounds: if is_short { 1 } else { 5 },
            burst: Duration::from_millis(if is_short { 300 } else { 2_000 }),
        }
    }

    fn rest(self) -> Duration {
        if self.is_short {
            Duration::from_secs(1)
        } else {
            REST
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Whole,
    Streamed,
    Typed,
    TypedStreamed,
}

impl Kind {
    fn model(self) -> &'static str {
        match self {
            Self::Whole | Self::Typed => "mock-1",
            Self::Streamed | Self::TypedStreamed => "mock-64",
        }
    }
}

/// What came of a burst.
struct Load {
    went: Vec<Went>,
    elapsed: Duration,
    cpu: Duration,
    /// At its end, while the connections stand.
    memory: f64,
}

impl Load {
    fn per_second(&self) -> f64 {
        self.went.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn chunks(&self) -> f64 {
        self.went.iter().map(|went| went.chunks).sum::<usize>() as f64
    }

    fn cpu_us(&self, of: f64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / of
    }

    /// In seconds.
    fn at(&self, share: f64, time: fn(&Went) -> Duration) -> f64 {
        let mut times: Vec<_> = self.went.iter().map(time).collect();
        times.sort_unstable();
        times[((times.len() - 1) as f64 * share) as usize].as_secs_f64()
    }
}

async fn callers(gateway: &Gateway, kind: Kind, count: usize) -> Bench<Vec<Caller>> {
    let mut callers = Vec::with_capacity(count);
    let mut channel = None;
    for number in 0..count {
        callers.push(match kind {
            Kind::Whole | Kind::Streamed => {
                let is_stream = matches!(kind, Kind::Streamed);
                let http = Http::connect(gateway, kind.model(), is_stream).await?;
                Caller::Http(Box::new(http))
            }
            Kind::Typed | Kind::TypedStreamed => {
                if number % PER_CHANNEL == 0 {
                    channel = Some(Typed::connect(gateway).await?);
                }
                let key = gateway.typed_key.as_deref().ok_or("no gRPC face")?;
                let shared = channel.clone().ok_or("no connection")?;
                Caller::Typed(Box::new(Typed::new(shared, key, kind.model())))
            }
        });
    }
    Ok(callers)
}

async fn burst(gateway: &Gateway, kind: Kind, count: usize, length: Duration) -> Bench<Load> {
    let mut tasks = JoinSet::new();
    let cpu = || {
        gateway
            .server
            .as_ref()
            .map_or(Ok(Duration::ZERO), |server| server.cpu())
    };
    let callers = callers(gateway, kind, count).await?;
    let (before, began) = (cpu()?, Instant::now());
    for mut caller in callers {
        tasks.spawn(async move {
            let mut went = Vec::new();
            // The error is told as text: it crosses tasks.
            while began.elapsed() < length {
                went.push(caller.call().await.map_err(|error| error.to_string())?);
            }
            Ok::<_, String>((went, caller))
        });
    }
    let (mut went, mut callers) = (Vec::new(), Vec::new());
    while let Some(done) = tasks.join_next().await {
        let (calls, caller) = done??;
        went.extend(calls);
        callers.push(caller);
    }
    Ok(Load {
        went,
        elapsed: began.elapsed(),
        cpu: cpu()?.saturating_sub(before),
        memory: memory(gateway)?,
    })
}

fn memory(gateway: &Gateway) -> Bench<f64> {
    gateway
        .server
        .as_ref()
        .map_or(Ok(0.0), |server| server.memory())
}

/// Fills pools and caches, and shows that the gateway answers.
pub(crate) async fn warm_up(gateway: &Gateway) -> Bench<()> {
    let length = Duration::from_millis(200);
    let named = |error| format!("{}: {error}", gateway.name);
    for kind in [Kind::Whole, Kind::Streamed] {
        burst(gateway, kind, 4, length).await.map_err(named)?;
    }
    if gateway.typed_key.is_some() {
        burst(gateway, Kind::TypedStreamed, 4, length)
            .await
            .map_err(named)?;
    }
    Ok(())
}

/// All rounds of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<&'static str, Vec<f64>>);

impl Figures {
    /// What it takes before it had anything to do.
    pub(crate) fn rest(&mut self, gateway: &Gateway, plan: Plan) -> Bench<()> {
        std::thread::sleep(plan.rest() / 4);
        self.add("idle_mb", memory(gateway)?);
        Ok(())
    }

    pub(crate) async fn round(&mut self, gateway: &Gateway, plan: Plan) -> Bench<()> {
        let burst = |kind, count| burst(gateway, kind, count, plan.burst);
        let alone = burst(Kind::Whole, 1).await?;
        self.add("call_p50_us", alone.at(0.5, |went| went.whole) * 1e6);
        self.add("call_p99_us", alone.at(0.99, |went| went.whole) * 1e6);
        for (count, calls, cpu) in [
            (16, "calls_per_s_16", "cpu_us_16"),
            (64, "calls_per_s_64", "cpu_us_64"),
        ] {
            let load = burst(Kind::Whole, count).await?;
            self.add(calls, load.per_second());
            self.add(cpu, load.cpu_us(load.went.len() as f64));
        }
        let alone = burst(Kind::Streamed, 1).await?;
        self.add("first_chunk_ms", alone.at(0.5, |went| went.first) * 1e3);
        self.add("stream_ms", alone.at(0.5, |went| went.whole) * 1e3);
        let load = burst(Kind::Streamed, 64).await?;
        self.add(
            "chunks_per_s_64",
            load.chunks() / load.elapsed.as_secs_f64(),
        );
        self.add("cpu_us_per_chunk", load.cpu_us(load.chunks()));
        self.add(
            "first_chunk_64_p95_ms",
            load.at(0.95, |went| went.first) * 1e3,
        );
        self.add("streaming_mb", load.memory);
        if gateway.typed_key.is_some() {
            self.typed(gateway, plan).await?;
        }
        Ok(())
    }

    async fn typed(&mut self, gateway: &Gateway, plan: Plan) -> Bench<()> {
        let burst = |kind, count| burst(gateway, kind, count, plan.burst);
        let alone = burst(Kind::Typed, 1).await?;
        self.add("grpc_call_p50_us", alone.at(0.5, |went| went.whole) * 1e6);
        let load = burst(Kind::Typed, 16).await?;
        self.add("grpc_calls_per_s_16", load.per_second());
        self.add("grpc_cpu_us_16", load.cpu_us(load.went.len() as f64));
        let load = burst(Kind::TypedStreamed, 64).await?;
        self.add(
            "grpc_chunks_per_s_64",
            load.chunks() / load.elapsed.as_secs_f64(),
        );
        self.add("grpc_cpu_us_per_chunk", load.cpu_us(load.chunks()));
        Ok(())
    }

    /// What it takes when it has nothing to do any more.
    pub(crate) async fn after(&mut self, gateway: &Gateway, plan: Plan) -> Bench<()> {
        tokio::time::sleep(plan.rest()).await;
        self.add("after_mb", memory(gateway)?);
        Ok(())
    }

    fn add(&mut self, name: &'static str, value: f64) {
        self.0.entry(name).or_default().push(value);
    }

    fn median(&self, name: &str) -> Option<f64> {
        let mut values = self.0.get(name)?.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    fn known(&self, name: &str) -> f64 {
        self.median(name).unwrap_or(f64::NAN)
    }

    pub(crate) fn p50(&self) -> f64 {
        self.known("call_p50_us")
    }

    pub(crate) fn p99(&self) -> f64 {
        self.known("call_p99_us")
    }

    pub(crate) fn calls_16(&self) -> f64 {
        self.known("calls_per_s_16")
    }

    pub(crate) fn calls_64(&self) -> f64 {
        self.known("calls_per_s_64")
    }

    pub(crate) fn cpu_us(&self) -> f64 {
        self.known("cpu_us_16")
    }

    pub(crate) fn chunks_64(&self) -> f64 {
        self.known("chunks_per_s_64")
    }

    pub(crate) fn typed_chunks_64(&self) -> Option<f64> {
        self.median("grpc_chunks_per_s_64")
    }

    /// In seconds.
    pub(crate) fn first_chunk(&self) -> f64 {
        self.known("first_chunk_ms") / 1e3
    }

    /// All medians.
    pub(crate) fn line(&self, gateway: &Gateway) -> Value {
        let mut line = json!({"bench": format!("llm {}", gateway.name)});
        for name in self.0.keys() {
            line[*name] = self.known(name).into();
        }
        line
    }
}
