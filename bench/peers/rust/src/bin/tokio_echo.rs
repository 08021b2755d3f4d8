//! Tokio's echo server on the current-thread runtime; `--buffer` bytes for each connection. With
//! `--workers` on so many, beside a task that computes for 50 ms at a time, and sleeps for as long
//! between.

use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use weir_bench_peers::{argument, block_on, compute, listen, run, runtime};

async fn echo(mut stream: TcpStream, buffer_len: usize) -> std::io::Result<()> {
    let mut bytes = vec![0u8; buffer_len];
    stream.set_nodelay(true)?;
    loop {
        let n = stream.read(&mut bytes).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&bytes[..n]).await?;
    }
}

async fn serve() -> std::io::Result<()> {
    let buffer_len = argument("--buffer", 16384);
    let listener = listen()?;
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream, buffer_len));
        }
    }
}

async fn compute_long() {
    loop {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {
            compute(1000);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn main() -> std::io::Result<()> {
    let workers = argument("--workers", 0);
    if workers == 0 {
        return run(serve());
    }
    block_on(&runtime(workers), async {
        tokio::spawn(compute_long());
        serve().await
    })
}
