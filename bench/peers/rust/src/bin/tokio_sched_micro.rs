//! What spawning, yielding and waking cost in Tokio: the rows of bench/weir/sched_micro.c, which
//! are shapes of Tokio's own benchmarks. Argument: the workers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Mutex};
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use weir_bench_peers::{block_on, each, number, runtime, Figures};

const JOINS: usize = 20_000;
const SPAWNS: usize = 10_000;
const YIELDERS: usize = 200;
const YIELDS: usize = 1_000;
const CHAIN: usize = 1_000;
const REPEATS: usize = 10;

async fn spawn_join() -> f64 {
    let begun = Instant::now();
    for _ in 0..JOINS {
        tokio::spawn(async {}).await.unwrap();
    }
    each(begun, JOINS)
}

/// Counts the tasks of a crowd; the last one sends.
struct Crowd {
    left: AtomicUsize,
    done: Mutex<Option<oneshot::Sender<()>>>,
}

impl Crowd {
    fn new(count: usize) -> (Arc<Crowd>, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let crowd = Crowd {
            left: AtomicUsize::new(count),
            done: Mutex::new(Some(sender)),
        };
        (Arc::new(crowd), receiver)
    }

    fn leave(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.lock().unwrap().take().unwrap().send(()).unwrap();
        }
    }
}

async fn spawn_local() -> f64 {
    let begun = Instant::now();
    let (crowd, done) = Crowd::new(SPAWNS);
    for _ in 0..SPAWNS {
        let crowd = crowd.clone();
        tokio::spawn(async move { crowd.leave() });
    }
    done.await.unwrap();
    each(begun, SPAWNS)
}

async fn yield_many() -> f64 {
    let begun = Instant::now();
    let (crowd, done) = Crowd::new(YIELDERS);
    for _ in 0..YIELDERS {
        let crowd = crowd.clone();
        tokio::spawn(async move {
            for _ in 0..YIELDS {
                tokio::task::yield_now().await;
            }
            crowd.leave();
        });
    }
    done.await.unwrap();
    each(begun, YIELDERS * YIELDS)
}

fn link(left: usize, done: oneshot::Sender<()>) {
    if left == 0 {
        done.send(()).unwrap();
    } else {
        tokio::spawn(async move { link(left - 1, done) });
    }
}

async fn chained() -> f64 {
    let begun = Instant::now();
    let (sender, done) = oneshot::channel();
    link(CHAIN, sender);
    done.await.unwrap();
    each(begun, CHAIN)
}

/// Threads that are none of the runtime's spawn; each of theirs, until the last one has run.
fn remote(runtime: &Runtime, threads: usize) -> f64 {
    let ready = Arc::new(Barrier::new(threads));
    let left = Arc::new(AtomicUsize::new(SPAWNS));
    let (sender, done) = mpsc::sync_channel(1);
    let handles: Vec<_> = (0..threads)
        .map(|_| {
            let (ready, left, sender) = (ready.clone(), left.clone(), sender.clone());
            let handle = runtime.handle().clone();
            std::thread::spawn(move || {
                ready.wait();
                let begun = Instant::now();
                for _ in 0..SPAWNS / threads {
                    let (left, sender) = (left.clone(), sender.clone());
                    handle.spawn(async move {
                        if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                            sender.send(()).unwrap();
                        }
                    });
                }
                begun
            })
        })
        .collect();
    done.recv().unwrap();
    let ended = Instant::now();
    let first = handles.into_iter().map(|handle| handle.join().unwrap()).min().unwrap();
    (ended - first).as_nanos() as f64 / SPAWNS as f64
}

fn main() {
    let runtime = runtime(number(1, 1));
    let mut figures = Figures::default();
    for _ in 0..REPEATS {
        figures.keep("spawn_join_ns", block_on(&runtime, spawn_join()));
        figures.keep("spawn_local_ns", block_on(&runtime, spawn_local()));
        figures.keep("yield_ns", block_on(&runtime, yield_many()));
        figures.keep("chained_ns", block_on(&runtime, chained()));
        figures.keep("remote_1_ns", remote(&runtime, 1));
        figures.keep("remote_2_ns", remote(&runtime, 2));
        figures.keep("remote_4_ns", remote(&runtime, 4));
        figures.keep("remote_8_ns", remote(&runtime, 8));
    }
    figures.print();
}
