//! What messages cost in Tokio, in the shapes of bench/weir/chan_micro.c; one line of JSON, in
//! nanoseconds a message. The best of 60 repetitions. Argument: the workers.
//!
//! Tokio 1.24 receives no batches: that figure takes what is there one by one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::yield_now;
use weir_bench_peers::{block_on, each, number, runtime, Figures};

const MESSAGES: usize = 1000;
const PRODUCERS: usize = 5;
const PAIRS: usize = 1000;
const WATCHERS: usize = 100;
const VERSIONS: i32 = 100;
const LISTENERS: usize = 10;
const REPEATS: usize = 60;

async fn uncontended_ns() -> f64 {
    let begun = Instant::now();
    let (tx, mut rx) = mpsc::channel::<usize>(1_000_000);
    for i in 0..PRODUCERS * MESSAGES {
        tx.send(i).await.unwrap();
    }
    for _ in 0..PRODUCERS * MESSAGES {
        rx.recv().await.unwrap();
    }
    each(begun, PRODUCERS * MESSAGES)
}

async fn producers_ns(capacity: usize, batch: bool) -> f64 {
    let begun = Instant::now();
    let (tx, mut rx) = mpsc::channel::<usize>(capacity);
    let mut tasks = Vec::with_capacity(PRODUCERS);
    for _ in 0..PRODUCERS {
        let tx = tx.clone();
        tasks.push(tokio::spawn(async move {
            for i in 0..MESSAGES {
                tx.send(i).await.unwrap();
            }
        }));
    }
    let mut left = PRODUCERS * MESSAGES;
    while left > 0 {
        rx.recv().await.unwrap();
        left -= 1;
        while batch && rx.try_recv().is_ok() {
            left -= 1;
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    each(begun, PRODUCERS * MESSAGES)
}

async fn ping_pong_ns() -> f64 {
    let begun = Instant::now();
    let left = Arc::new(AtomicUsize::new(PAIRS));
    let (done, all_done) = oneshot::channel::<()>();
    let done = Arc::new(std::sync::Mutex::new(Some(done)));
    for _ in 0..PAIRS {
        let left = left.clone();
        let done = done.clone();
        tokio::spawn(async move {
            let (tx1, rx1) = oneshot::channel::<u8>();
            let (tx2, rx2) = oneshot::channel::<u8>();
            tokio::spawn(async move {
                let byte = rx1.await.unwrap();
                tx2.send(byte).unwrap();
            });
            tx1.send(1).unwrap();
            rx2.await.unwrap();
            if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                done.lock().unwrap().take().unwrap().send(()).unwrap();
            }
        });
    }
    all_done.await.unwrap();
    each(begun, PAIRS)
}

async fn watch_ns() -> f64 {
    let begun = Instant::now();
    let (tx, rx) = watch::channel(0i32);
    let (seen, mut all_seen) = mpsc::channel::<u8>(1);
    let left = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::with_capacity(WATCHERS);
    for _ in 0..WATCHERS {
        let mut rx = rx.clone();
        let seen = seen.clone();
        let left = left.clone();
        tasks.push(tokio::spawn(async move {
            loop {
                rx.changed().await.unwrap();
                let value = *rx.borrow_and_update();
                if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                    seen.send(0).await.unwrap();
                }
                if value == VERSIONS {
                    break;
                }
            }
        }));
    }
    for value in 1..=VERSIONS {
        left.store(WATCHERS, Ordering::SeqCst);
        tx.send(value).unwrap();
        all_seen.recv().await.unwrap();
    }
    for task in tasks {
        task.await.unwrap();
    }
    each(begun, WATCHERS * VERSIONS as usize)
}

async fn broadcast_ns() -> f64 {
    let begun = Instant::now();
    let (tx, rx) = broadcast::channel::<u64>(MESSAGES);
    let mut tasks = Vec::with_capacity(LISTENERS);
    for _ in 0..LISTENERS {
        let mut rx = rx.resubscribe();
        tasks.push(tokio::spawn(async move {
            while rx.recv().await.is_ok() {}
        }));
    }
    drop(rx);
    for i in 0..MESSAGES {
        tx.send(i as u64).unwrap();
        if i % 100 == 0 {
            yield_now().await;
        }
    }
    drop(tx);
    for task in tasks {
        task.await.unwrap();
    }
    each(begun, LISTENERS * MESSAGES)
}

async fn all() -> Figures {
    let mut figures = Figures::default();
    for _ in 0..REPEATS {
        figures.keep("uncontended_ns", uncontended_ns().await);
    }
    for _ in 0..REPEATS {
        figures.keep("producers_ns", producers_ns(1_000_000, false).await);
    }
    for _ in 0..REPEATS {
        figures.keep("full_ns", producers_ns(100, false).await);
    }
    for _ in 0..REPEATS {
        figures.keep("batch_ns", producers_ns(1_000_000, true).await);
    }
    for _ in 0..REPEATS {
        figures.keep("ping_pong_ns", ping_pong_ns().await);
    }
    for _ in 0..REPEATS {
        figures.keep("watch_ns", watch_ns().await);
    }
    for _ in 0..REPEATS {
        figures.keep("broadcast_ns", broadcast_ns().await);
    }
    figures
}

fn main() {
    block_on(&runtime(number(1, 1)), all()).print();
}
