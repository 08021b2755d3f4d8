//! What a task switch, a spawn with its join, a timer and a blocking job cost in Tokio: the rows of
//! bench/weir/micro.c. The best of five repetitions. Argument: the workers; with one the
//! current-thread runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{spawn_blocking, yield_now};
use weir_bench_peers::{block_on, each, number, runtime, Figures};

const ROUNDS: usize = 200_000;
const JOBS: usize = 2_000;
const JOB_BATCH: usize = 16;

/// Polls a future once, whatever it answers.
struct PollOnce<'a, F>(Pin<&'a mut F>);

impl<F: Future> Future for PollOnce<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _ = self.0.as_mut().poll(cx);
        Poll::Ready(())
    }
}

/// There and back between two tasks: each yields to the other.
async fn switch() -> f64 {
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

async fn spawn_join() -> f64 {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        tokio::spawn(async {}).await.unwrap();
    }
    each(begun, ROUNDS)
}

/// Starts a timer (its first poll registers it) and stops it again by dropping it.
async fn timer() -> f64 {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let sleep = tokio::time::sleep(Duration::from_secs(60));
        tokio::pin!(sleep);
        PollOnce(sleep.as_mut()).await;
    }
    each(begun, ROUNDS)
}

/// A job of the blocking pool that does nothing, there and back.
async fn blocking() -> f64 {
    let begun = Instant::now();
    for _ in 0..JOBS {
        spawn_blocking(|| {}).await.unwrap();
    }
    each(begun, JOBS)
}

/// 16 at once; the time is that of the 16.
async fn blocking_batch() -> f64 {
    let begun = Instant::now();
    for _ in 0..JOBS / JOB_BATCH {
        let jobs: [_; JOB_BATCH] = std::array::from_fn(|_| spawn_blocking(|| {}));
        for job in jobs {
            job.await.unwrap();
        }
    }
    each(begun, JOBS / JOB_BATCH)
}

fn runtime_of(workers: usize) -> Runtime {
    if workers > 1 {
        return runtime(workers);
    }
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn main() {
    let runtime = runtime_of(number(1, 1));
    let mut figures = Figures::default();
    for _ in 0..5 {
        figures.keep("switch_ns", block_on(&runtime, switch()));
        figures.keep("spawn_join_ns", block_on(&runtime, spawn_join()));
        figures.keep("timer_ns", block_on(&runtime, timer()));
        figures.keep("blocking_ns", block_on(&runtime, blocking()));
        figures.keep("blocking_batch_ns", block_on(&runtime, blocking_batch()));
    }
    figures.print();
}
