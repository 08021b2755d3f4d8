//! What tasks of Tokio cost that wait at a semaphore each, and what it costs to wake them: the rows
//! of bench/weir/cold_micro.c that are not about packing. Arguments: the workers, the tasks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};
use weir_bench_peers::{block_on, number, runtime, Figures};

const TASKS: usize = 20_000;
const WAKES: usize = 5_000;

fn field_of(path: &str, name: &str) -> f64 {
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    1024.0 * line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
}

fn memory() -> (f64, f64) {
    let user = field_of("/proc/self/smaps_rollup", "Private_Dirty:");
    (user, field_of("/proc/self/status", "VmPTE:"))
}

async fn measure(count: usize) -> Figures {
    let mut figures = Figures::default();
    let mut beds = vec![None; count];
    let woken = Arc::new(Notify::new());
    let woken_ns = Arc::new(AtomicU64::new(0));
    let origin = Instant::now();
    let before = memory();
    for bed in beds.iter_mut() {
        let semaphore = Arc::new(Semaphore::new(0));
        let (woken, woken_ns) = (woken.clone(), woken_ns.clone());
        *bed = Some(semaphore.clone());
        tokio::spawn(async move {
            while let Ok(permit) = semaphore.acquire().await {
                permit.forget();
                woken_ns.store(origin.elapsed().as_nanos() as u64, Ordering::Relaxed);
                woken.notify_one();
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let now = memory();
    figures.keep("user_warm_bytes", (now.0 - before.0) / count as f64);
    figures.keep("tables_warm_bytes", (now.1 - before.1) / count as f64);
    let mut took_ns = Vec::with_capacity(WAKES);
    for i in 0..WAKES {
        let begun = origin.elapsed().as_nanos() as u64;
        beds[i * 7919 % count].as_ref().unwrap().add_permits(1);
        woken.notified().await;
        took_ns.push((woken_ns.load(Ordering::Relaxed) - begun) as f64);
    }
    took_ns.sort_by(f64::total_cmp);
    figures.keep("wake_warm_p50_us", took_ns[WAKES / 2] / 1e3);
    figures.keep("wake_warm_p99_us", took_ns[WAKES / 100 * 99] / 1e3);
    figures
}

fn main() {
    let runtime = runtime(number(1, 1));
    block_on(&runtime, measure(number(2, TASKS))).print();
}
