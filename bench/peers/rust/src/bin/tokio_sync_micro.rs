//! What locks and signals cost in Tokio; one line of JSON. The rows are those of
//! bench/weir/sync_micro.c. The best of five repetitions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Barrier, Mutex, Notify, RwLock, Semaphore};
use weir_bench_peers::{each, Figures};

const ROUNDS: usize = 200_000;
const GROUPS: usize = 5_000;
const TURNS: usize = 5_000;
const RIVAL_ROUNDS: usize = 50_000;
const WAKES: u32 = 500;
const WAKE_ROUNDS: usize = 40;

async fn mutex_free() -> f64 {
    let mutex = Mutex::new(());
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        drop(mutex.lock().await);
    }
    each(begun, ROUNDS)
}

async fn semaphore_free() -> f64 {
    let semaphore = Semaphore::new(10);
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        drop(semaphore.acquire().await.unwrap());
    }
    each(begun, ROUNDS)
}

async fn rwlock_read_free() -> f64 {
    let rwlock = RwLock::new(());
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        drop(rwlock.read().await);
    }
    each(begun, ROUNDS)
}

async fn notify_free() -> f64 {
    let notify = Notify::new();
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        notify.notify_one();
        notify.notified().await;
    }
    each(begun, ROUNDS)
}

/// Six tasks, each of which takes one permit and gives it back.
async fn six(permits: usize) -> f64 {
    let semaphore = Arc::new(Semaphore::new(permits));
    let begun = Instant::now();
    for _ in 0..GROUPS {
        let tasks: [_; 6] = std::array::from_fn(|_| {
            let semaphore = semaphore.clone();
            tokio::spawn(async move { drop(semaphore.acquire().await.unwrap()) })
        });
        for task in tasks {
            task.await.unwrap();
        }
    }
    each(begun, GROUPS)
}

/// So many tasks that lock and unlock one mutex, and yield while they hold it or not.
async fn rivals(tasks: usize, rounds: usize, yields: bool) -> f64 {
    let mutex = Arc::new(Mutex::new(()));
    let begun = Instant::now();
    let tasks_now: Vec<_> = (0..tasks)
        .map(|_| {
            let mutex = mutex.clone();
            tokio::spawn(async move {
                for _ in 0..rounds {
                    let held = mutex.lock().await;
                    if yields {
                        tokio::task::yield_now().await;
                    }
                    drop(held);
                }
            })
        })
        .collect();
    for task in tasks_now {
        task.await.unwrap();
    }
    each(begun, tasks * rounds)
}

async fn ping() -> f64 {
    let there = Arc::new(Notify::new());
    let back = Arc::new(Notify::new());
    let (other_there, other_back) = (there.clone(), back.clone());
    let other = tokio::spawn(async move {
        loop {
            other_there.notified().await;
            other_back.notify_one();
        }
    });
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        there.notify_one();
        back.notified().await;
    }
    let ns = each(begun, ROUNDS);
    other.abort();
    ns
}

fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

/// A thread that notifies one, or all, of so many tasks.
fn notify(tasks: usize, all: bool) -> f64 {
    let runtime = two_workers();
    let notify = Arc::new(Notify::new());
    let woken = Arc::new(AtomicU32::new(0));
    let ready = Arc::new(Barrier::new(tasks + 1));
    for _ in 0..tasks {
        let (notify, woken, ready) = (notify.clone(), woken.clone(), ready.clone());
        runtime.spawn(async move {
            ready.wait().await;
            loop {
                notify.notified().await;
                woken.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    runtime.block_on(ready.wait());
    let begun = Instant::now();
    for _ in 0..WAKE_ROUNDS {
        woken.store(0, Ordering::Relaxed);
        loop {
            if all {
                notify.notify_waiters();
            } else {
                notify.notify_one();
            }
            if woken.load(Ordering::Relaxed) >= WAKES {
                break;
            }
        }
    }
    each(begun, WAKE_ROUNDS * WAKES as usize)
}

/// In a task of its own, so that every wake goes through the scheduler's queue.
async fn on_one_worker() -> Vec<(&'static str, f64)> {
    tokio::spawn(async {
        vec![
            ("mutex_free_ns", mutex_free().await),
            ("semaphore_free_ns", semaphore_free().await),
            ("rwlock_read_free_ns", rwlock_read_free().await),
            ("notify_free_ns", notify_free().await),
            ("semaphore_six_enough_ns", six(10).await),
            ("semaphore_six_ns", six(5).await),
            ("mutex_turns_ns", rivals(8, TURNS, true).await),
            ("notify_ping_ns", ping().await),
        ]
    })
    .await
    .unwrap()
}

async fn on_two_workers() -> Vec<(&'static str, f64)> {
    tokio::spawn(async {
        vec![
            ("semaphore_six_enough_2w_ns", six(10).await),
            ("semaphore_six_2w_ns", six(5).await),
            ("mutex_rivals_2w_ns", rivals(4, RIVAL_ROUNDS, false).await),
        ]
    })
    .await
    .unwrap()
}

fn main() {
    let mut figures = Figures::default();
    for _ in 0..5 {
        let one = Builder::new_current_thread().build().unwrap();
        let mut now = one.block_on(on_one_worker());
        now.extend(two_workers().block_on(on_two_workers()));
        now.push(("notify_one_10_ns", notify(10, false)));
        now.push(("notify_one_500_ns", notify(500, false)));
        now.push(("notify_all_10_ns", notify(10, true)));
        now.push(("notify_all_500_ns", notify(500, true)));
        for (name, ns) in now {
            figures.keep(name, ns);
        }
    }
    figures.print();
}
