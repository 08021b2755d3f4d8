//! What a task switch, a spawn with its join, and a timer cost in Tokio; one line of JSON.
//! The best of five repetitions.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::task::{spawn_blocking, yield_now};

const ROUNDS: u32 = 200_000;

/// Polls a future once, whatever it answers.
struct PollOnce<'a, F>(Pin<&'a mut F>);

impl<F: Future> Future for PollOnce<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _ = self.0.as_mut().poll(cx);
        Poll::Ready(())
    }
}

/// Nanoseconds for each of `count` repetitions of what happened since `begun`.
fn each(begun: Instant, count: u32) -> f64 {
    begun.elapsed().as_nanos() as f64 / f64::from(count)
}

/// There and back between two tasks: each yields to the other.
async fn switch_ns() -> f64 {
    let other = tokio::spawn(async {
        for _ in 0..ROUNDS {
            yield_now().await;
        }
    });
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        yield_now().await;
    }
    let ns = each(begun, ROUNDS);
    other.await.unwrap();
    ns
}

async fn spawn_join_ns() -> f64 {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        tokio::spawn(async {}).await.unwrap();
    }
    each(begun, ROUNDS)
}

/// Starts a timer (its first poll registers it) and stops it again by dropping it.
async fn timer_ns() -> f64 {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let sleep = tokio::time::sleep(Duration::from_secs(60));
        tokio::pin!(sleep);
        PollOnce(sleep.as_mut()).await;
    }
    each(begun, ROUNDS)
}

const JOBS: u32 = 2_000;
const JOB_BATCH: u32 = 16;

/// A job of the blocking pool that does nothing, there and back.
async fn blocking_ns() -> f64 {
    let begun = Instant::now();
    for _ in 0..JOBS {
        spawn_blocking(|| {}).await.unwrap();
    }
    each(begun, JOBS)
}

/// The same by 16 tasks at once; the time is that of the 16.
async fn blocking_batch_ns() -> f64 {
    let begun = Instant::now();
    for _ in 0..JOBS / JOB_BATCH {
        let mut tasks = Vec::new();
        for _ in 0..JOB_BATCH {
            tasks.push(tokio::spawn(async { spawn_blocking(|| {}).await.unwrap() }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
    each(begun, JOBS / JOB_BATCH)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        // In a task of its own, so that every wake goes through the scheduler's queue.
        tokio::spawn(async {
            let mut best = [f64::INFINITY; 5];
            for _ in 0..5 {
                let now = [
                    switch_ns().await,
                    spawn_join_ns().await,
                    timer_ns().await,
                    blocking_ns().await,
                    blocking_batch_ns().await,
                ];
                for (best, ns) in best.iter_mut().zip(now) {
                    *best = best.min(ns);
                }
            }
            println!(
                "{{\"switch_ns\":{:.1},\"spawn_join_ns\":{:.1},\"timer_ns\":{:.1},\
                 \"blocking_ns\":{:.1},\"blocking_batch_ns\":{:.1}}}",
                best[0], best[1], best[2], best[3], best[4]
            );
        })
        .await
        .unwrap();
    });
}
