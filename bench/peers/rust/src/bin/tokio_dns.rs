//! Names looked up by Tokio (getaddrinfo on its blocking pool): tokio_dns NAMES AT_ONCE.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

fn number(index: usize, usual: usize) -> usize {
    std::env::args().nth(index).and_then(|t| t.parse().ok()).unwrap_or(usual)
}

fn main() {
    let (names, at_once) = (number(1, 10000), number(2, 100));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (mut taken, failed, total) = runtime.block_on(async {
        let next = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let next = next.clone();
                tokio::spawn(async move {
                    let (mut taken, mut failed) = (Vec::new(), 0);
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= names {
                            return (taken, failed);
                        }
                        let began = Instant::now();
                        let found = tokio::net::lookup_host(format!("{n}.many.test:80")).await;
                        taken.push(began.elapsed().as_nanos() as u64);
                        failed += found.is_err() as usize;
                    }
                })
            })
            .collect();
        let (mut all, mut failures) = (Vec::new(), 0);
        for task in tasks {
            let (taken, failed) = task.await.unwrap();
            all.extend(taken);
            failures += failed;
        }
        (all, failures, began.elapsed())
    });
    taken.sort_unstable();
    let us = |q: f64| taken[((taken.len() - 1) as f64 * q) as usize] as f64 / 1e3;
    println!(
        "{{\"per_second\": {:.0}, \"p50_us\": {:.0}, \"p99_us\": {:.0}, \"max_us\": {:.0}, \
         \"failed\": {}}}",
        names as f64 / total.as_secs_f64(), us(0.5), us(0.99), us(1.0), failed
    );
}
