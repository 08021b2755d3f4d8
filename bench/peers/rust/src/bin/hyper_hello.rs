//! hyper's HTTP/1.1 keep-alive server with a fixed body, on Tokio's current-thread runtime.

use hyper::server::conn::Http;
use hyper::service::service_fn;
use hyper::{Body, Request, Response};
use std::convert::Infallible;
use weir_bench_peers::{argument, listen, run};

fn main() -> std::io::Result<()> {
    run(async {
        let body: &'static [u8] = vec![b'x'; argument("--body", 128)].leak();
        let listener = listen()?;
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            };
            stream.set_nodelay(true)?;
            let service = service_fn(move |_: Request<Body>| async move {
                let mut response = Response::new(Body::from(body));
                response
                    .headers_mut()
                    .insert("content-type", "text/plain".parse().unwrap());
                Ok::<_, Infallible>(response)
            });
            tokio::spawn(
                Http::new()
                    .http1_only(true)
                    .pipeline_flush(true)
                    .serve_connection(stream, service),
            );
        }
    })
}
