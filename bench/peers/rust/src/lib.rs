//! What the Rust peers share: arguments, the listener, and the runtime on one thread.

use std::net::{Ipv4Addr, SocketAddrV4};
use tokio::net::TcpSocket;

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
pub fn run<F: std::future::Future<Output = std::io::Result<()>>>(main: F) -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(main)
}
