//! Tokio's echo of datagrams on the current-thread runtime: one task, recv_from and send_to.

use tokio::net::UdpSocket;
use weir_bench_peers::{argument, run};

fn main() -> std::io::Result<()> {
    run(async {
        let port = argument("--port", 0) as u16;
        let socket = UdpSocket::bind(("127.0.0.1", port)).await?;
        let mut bytes = vec![0u8; 65536];
        loop {
            if let Ok((n, from)) = socket.recv_from(&mut bytes).await {
                let _ = socket.send_to(&bytes[..n], from).await;
            }
        }
    })
}
