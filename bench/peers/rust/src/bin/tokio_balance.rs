//! What a second worker is good for in Tokio, and what it costs: the rows of bench/weir/balance.c
//! that Tokio 1.24 can tell. The best of five repetitions.

use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use weir_bench_peers::{block_on, compute, each, runtime, Figures};

const COMPUTERS: u64 = 64;
const TURNS: u64 = 10;
const PAIRS: usize = 8;
const MESSAGES: usize = 10_000;
const REPEATS: usize = 5;

/// 20 us to 1 ms, the same sequence in each run.
fn length_us(task: u64, turn: u64) -> u64 {
    20 + (task * 7919 + turn * 104_729) % 981
}

/// All tasks are spawned by one, so they begin in the queue of its worker.
async fn unbalanced() -> f64 {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for task in 0..COMPUTERS {
        tasks.push(tokio::spawn(async move {
            for turn in 0..TURNS {
                compute(length_us(task, turn));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    each(begun, 1_000_000)
}

async fn messages() -> f64 {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..PAIRS {
        let (to, mut there) = mpsc::channel::<u8>(1);
        let (from, mut back) = mpsc::channel::<u8>(1);
        tasks.push(tokio::spawn(async move {
            for _ in 0..MESSAGES {
                to.send(0).await.unwrap();
                back.recv().await.unwrap();
            }
        }));
        tasks.push(tokio::spawn(async move {
            for _ in 0..MESSAGES {
                from.send(there.recv().await.unwrap()).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    each(begun, PAIRS * MESSAGES)
}

fn main() {
    let mut figures = Figures::default();
    for _ in 0..REPEATS {
        let (one, two) = (runtime(1), runtime(2));
        figures.keep("unbalanced_1w_ms", block_on(&one, unbalanced()));
        figures.keep("messages_1w_ns", block_on(&one, messages()));
        figures.keep("unbalanced_2w_ms", block_on(&two, unbalanced()));
        figures.keep("messages_2w_ns", block_on(&two, messages()));
    }
    let speedup = figures.kept("unbalanced_1w_ms") / figures.kept("unbalanced_2w_ms");
    figures.keep("unbalanced_speedup", speedup);
    figures.print();
}
