//! Tokio's echo server on the current-thread runtime; `--buffer` bytes for each connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use weir_bench_peers::{argument, listen, run};

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

fn main() -> std::io::Result<()> {
    run(async {
        let buffer_len = argument("--buffer", 16384);
        let listener = listen()?;
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream, buffer_len));
            }
        }
    })
}
