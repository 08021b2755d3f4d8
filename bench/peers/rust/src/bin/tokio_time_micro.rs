//! What sleeps and limits cost in Tokio: the rows of bench/weir/time_micro.c. Arguments: the
//! workers; how many sleep, then only this is measured.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, Notify, Semaphore};
use tokio::time::{sleep, sleep_until, timeout};
use weir_bench_peers::{block_on, each, number, runtime, Figures};

const ROUNDS: usize = 100_000;
const BATCH: usize = 1_000;
const SLEEPS: usize = 20;
const PAIRS: usize = 8;
const PINGS: usize = 2_500;
const REPEATS: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);

/// Polls a future once, whatever it answers.
struct PollOnce<'a, F>(Pin<&'a mut F>);

impl<F: Future> Future for PollOnce<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _ = self.0.as_mut().poll(cx);
        Poll::Ready(())
    }
}

/// Starts a timer (its first poll registers it) and stops it again by dropping it.
async fn timer() -> f64 {
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        let sleep = sleep(MINUTE);
        tokio::pin!(sleep);
        PollOnce(sleep.as_mut()).await;
    }
    each(begun, ROUNDS)
}

async fn sleeping() -> f64 {
    let begun = Instant::now();
    for _ in 0..SLEEPS {
        let tasks: Vec<_> = (0..BATCH).map(|_| tokio::spawn(sleep(MINUTE))).collect();
        tokio::task::yield_now().await;
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            assert!(task.await.is_err());
        }
    }
    each(begun, SLEEPS * BATCH)
}

async fn timeout_ready() -> f64 {
    let semaphore = Semaphore::new(1);
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        drop(timeout(MINUTE, semaphore.acquire()).await.unwrap().unwrap());
    }
    each(begun, ROUNDS)
}

async fn timeout_ping() -> f64 {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..PAIRS {
        let there = Arc::new(Notify::new());
        let back = Arc::new(Notify::new());
        let (other_there, other_back) = (there.clone(), back.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..PINGS {
                there.notify_one();
                timeout(MINUTE, back.notified()).await.unwrap();
            }
        }));
        tasks.push(tokio::spawn(async move {
            for _ in 0..PINGS {
                timeout(MINUTE, other_there.notified()).await.unwrap();
                other_back.notify_one();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    each(begun, PAIRS * PINGS)
}

async fn select_message(messages: &mut mpsc::Receiver<u8>) {
    tokio::select! {
        message = messages.recv() => assert!(message.is_some()),
        _ = sleep(MINUTE) => unreachable!(),
    }
}

async fn select_after() -> f64 {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..PAIRS {
        let (to, mut messages) = mpsc::channel(1);
        let (back, mut answers) = mpsc::channel(1);
        tasks.push(tokio::spawn(async move {
            for _ in 0..PINGS {
                to.send(0u8).await.unwrap();
                select_message(&mut answers).await;
            }
        }));
        tasks.push(tokio::spawn(async move {
            for _ in 0..PINGS {
                select_message(&mut messages).await;
                back.send(0u8).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    each(begun, PAIRS * PINGS)
}

/// Processor time of this process so far.
fn processor_ns() -> f64 {
    let mut sum = 0.0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        sum += text.split(' ').next().unwrap().parse::<f64>().unwrap();
    }
    sum
}

async fn sleepers(count: usize) -> f64 {
    let first = Instant::now() + Duration::from_nanos(1_000_000_000 + 5_000 * count as u64);
    let cpu = processor_ns();
    let mut tasks = Vec::with_capacity(count);
    for i in 0..count as u32 {
        let spread = u64::from(i.wrapping_mul(2_654_435_761)) % 1_000_000_000;
        let moment = first + Duration::from_nanos(spread);
        tasks.push(tokio::spawn(sleep_until(moment.into())));
        if i as usize % BATCH == 0 {
            tokio::task::yield_now().await;
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    (processor_ns() - cpu) / count as f64
}

fn main() {
    let runtime = runtime(number(1, 1));
    let count = number(2, 0);
    let mut figures = Figures::default();
    if count > 0 {
        for _ in 0..2 {
            figures.keep("sleepers_ns", block_on(&runtime, sleepers(count)));
        }
    } else {
        for _ in 0..REPEATS {
            figures.keep("timer_ns", block_on(&runtime, timer()));
            figures.keep("sleeping_ns", block_on(&runtime, sleeping()));
            figures.keep("timeout_ready_ns", block_on(&runtime, timeout_ready()));
            figures.keep("timeout_ping_ns", block_on(&runtime, timeout_ping()));
            figures.keep("select_after_ns", block_on(&runtime, select_after()));
        }
    }
    figures.print();
}
