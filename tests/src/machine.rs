//! What the machine itself adds to a time that is measured: a virtual one may be given no processor
//! for a tenth of a second, whatever runs on it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// How long Linux's unit of processor time is (`USER_HZ`, proc_stat(5)).
const TICK: Duration = Duration::from_millis(10);
const NAP: Duration = Duration::from_millis(5);

/// What all processors have done since the machine was started.
#[derive(Debug, Clone, Copy)]
pub struct Processors {
    busy: u64,
    stolen: u64,
    all: u64,
}

impl Processors {
    /// What they have done by now.
    ///
    /// # Panics
    /// Where there is no `/proc/stat`.
    pub fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let line = stat.lines().next().unwrap();
        let times = line.split_whitespace().skip(1);
        let times: Vec<u64> = times.map(|time| time.parse().unwrap()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; what follows is in user already.
        let [user, nice, system, idle, iowait, irq, softirq, stolen] = times[..8] else {
            panic!("`{line}` has other columns")
        };
        let busy = user + nice + system + irq + softirq;
        Self {
            busy,
            stolen,
            all: busy + idle + iowait + stolen,
        }
    }

    /// How long one of them would have been busy with what was done since.
    pub fn busy_since(self, before: Self) -> Duration {
        TICK * u32::try_from(self.busy.saturating_sub(before.busy)).unwrap()
    }

    /// The share of the time since in which somebody wanted a processor and other machines had it.
    pub fn stolen_since(self, before: Self) -> f64 {
        let stolen = self.stolen.saturating_sub(before.stolen);
        stolen as f64 / self.all.saturating_sub(before.all).max(1) as f64
    }
}

/// Watches, until it is dropped, how late the machine wakes somebody who sleeps.
pub struct Hiccups {
    longest_micros: Arc<AtomicU64>,
    has_ended: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

impl Hiccups {
    /// Watches from now on.
    pub fn watch() -> Self {
        let longest_micros = Arc::new(AtomicU64::new(0));
        let has_ended = Arc::new(AtomicBool::new(false));
        let watcher = spawn({
            let (longest, has_ended) = (longest_micros.clone(), has_ended.clone());
            move || {
                while !has_ended.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    sleep(NAP);
                    let late = began.elapsed().saturating_sub(NAP).as_micros();
                    let late = u64::try_from(late).unwrap_or(u64::MAX);
                    longest.fetch_max(late, Ordering::Relaxed);
                }
            }
        });
        Self {
            longest_micros,
            has_ended,
            watcher: Some(watcher),
        }
    }

    /// The longest so far.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_micros.load(Ordering::Relaxed))
    }
}

impl Drop for Hiccups {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            // It has measured all there was; a panic in it would be one of this test.
            let _ended = watcher.join();
        }
    }
}
