//! What files cost with tokio::fs; one line of JSON. The rows are those of
//! bench/weir/file_micro.c: nanoseconds of processor time for one operation, the best of three.
//! tokio::fs has no read at a place: a seek and a read, each for itself, is how a program gets one.

use std::io::SeekFrom;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::runtime::{Builder, Runtime};

const PIECE: usize = 4096;
const SMALL: u64 = 10_000;
const CACHED_READS: u64 = 60_000;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, out: *mut Timespec) -> i32;
}

fn processor_ns() -> f64 {
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(2, &mut now) };
    now.seconds as f64 * 1e9 + now.nanoseconds as f64
}

fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

/// One task's reads, of a file of its own: a File does one thing at a time.
async fn read_some(path: String, number: u64, count: u64) {
    let mut file = File::open(path).await.unwrap();
    let pieces = file.metadata().await.unwrap().len() / PIECE as u64;
    let mut random = 88172645463325252u64 + number * 7919;
    let mut buffer = vec![0u8; PIECE];
    for _ in 0..count {
        let at = next(&mut random) % pieces * PIECE as u64;
        file.seek(SeekFrom::Start(at)).await.unwrap();
        file.read_exact(&mut buffer).await.unwrap();
    }
}

async fn stat_some(folder: String, number: u64, tasks: u64) {
    for i in (number..SMALL).step_by(tasks as usize) {
        tokio::fs::metadata(format!("{folder}/small/{i}")).await.unwrap();
    }
}

async fn open_some(folder: String, number: u64, tasks: u64) {
    let mut buffer = vec![0u8; PIECE];
    for i in (number..SMALL).step_by(tasks as usize) {
        let mut file = File::open(format!("{folder}/small/{i}")).await.unwrap();
        assert!(file.read(&mut buffer).await.unwrap() > 0);
    }
}

fn measure<F, Fut>(runtime: &Runtime, tasks: u64, count: u64, start: F) -> f64
where
    F: Fn(u64) -> Fut,
    Fut: std::future::Future<Output = ()> + Send + 'static,
{
    let mut best = f64::MAX;
    for _ in 0..3 {
        let begun = processor_ns();
        runtime.block_on(async {
            let all: Vec<_> = (0..tasks).map(|number| tokio::spawn(start(number))).collect();
            for one in all {
                one.await.unwrap();
            }
        });
        best = best.min((processor_ns() - begun) / count as f64);
    }
    best
}

fn main() {
    let folder = std::env::args().nth(1).expect("the folder's name");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let big = format!("{folder}/big");
    let reads = |tasks: u64, count: u64| {
        measure(&runtime, tasks, count, |number| {
            read_some(big.clone(), number, count / tasks)
        })
    };
    print!("{{\"cached_1_ns\": {:.1}", reads(1, CACHED_READS));
    print!(", \"cached_64_ns\": {:.1}", reads(64, CACHED_READS));
    // no direct reads: Tokio reads into a buffer of its own, which nothing aligns
    let stat = measure(&runtime, 64, SMALL, |number| stat_some(folder.clone(), number, 64));
    print!(", \"stat_ns\": {stat:.1}");
    let small = measure(&runtime, 64, SMALL, |number| open_some(folder.clone(), number, 64));
    println!(", \"small_ns\": {small:.1}}}");
}
