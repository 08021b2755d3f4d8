//! What the Rust peers share: arguments, the listener, runtimes, and the figures of micro programs.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};

/// The value of `--name` among the arguments, or `default`.
pub fn argument(name: &str, default: usize) -> usize {
    let all: Vec<String> = std::env::args().collect();
    all.windows(2)
        .find(|pair| pair[0] == name)
        .map_or(default, |pair| pair[1].parse().expect("a number"))
}

/// A listener on `--port` of the loopback address, announced on stdout.
pub fn listen() -> std::io::Result<tokio::net::TcpListener> {
    let socket = TcpSocket::new_v4()?;
    let port = argument("--port", 0) as u16;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into())?;
    let listener = socket.listen(4096)?;
    println!("listening {}", listener.local_addr()?.port());
    Ok(listener)
}

/// Runs `main` to its end on Tokio's current-thread runtime.
pub fn run<F: Future<Output = std::io::Result<()>>>(main: F) -> std::io::Result<()> {
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(main)
}

/// Figures by name, of each the smallest that was seen: the line of JSON of the micro programs.
#[derive(Default)]
pub struct Figures(Vec<(&'static str, f64)>);

impl Figures {
    pub fn keep(&mut self, name: &'static str, value: f64) {
        match self.0.iter_mut().find(|figure| figure.0 == name) {
            Some(figure) => figure.1 = figure.1.min(value),
            None => self.0.push((name, value)),
        }
    }

    pub fn kept(&self, name: &str) -> f64 {
        self.0.iter().find(|figure| figure.0 == name).map_or(0.0, |figure| figure.1)
    }

    pub fn print(&self) {
        let rows: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value:.4}"))
            .collect();
        println!("{{{}}}", rows.join(","));
    }
}

/// Nanoseconds for each of `count` repetitions of what happened since `begun`.
pub fn each(begun: Instant, count: usize) -> f64 {
    begun.elapsed().as_nanos() as f64 / count as f64
}

/// The argument of this number, or what stands for it.
pub fn number(at: usize, otherwise: usize) -> usize {
    std::env::args().nth(at).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// A runtime with so many workers.
pub fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

/// Runs a future as a task, so that every wake goes through the scheduler of the workers.
pub fn block_on<F>(runtime: &Runtime, future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime.block_on(async { tokio::spawn(future).await.unwrap() })
}

/// Computes for about so many microseconds: the same work as in bench/weir/micro.h.
pub fn compute(microseconds: u64) {
    let mut x = microseconds | 1;
    for _ in 0..microseconds * 500 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    let mut sink = 0u64;
    // A volatile write: what is computed may not be left out.
    unsafe { std::ptr::write_volatile(&mut sink, x) };
}
