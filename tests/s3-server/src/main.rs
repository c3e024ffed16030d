//! An S3 for tests: objects as files, and real signature checks. Owns who listens where; S3 itself is s3s's, with the name of
//! the bucket in the path. Nothing is kept durably, and there is no limit of anything.

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use std::error::Error;
use std::net::Ipv4Addr;
use std::path::Path;
use tokio::net::TcpListener;

const USAGE: &str =
    "s3-server FOLDER PORT ID SECRET: serves FOLDER on 127.0.0.1, with an empty bucket `pictures`";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, port, id, secret] = arguments.as_slice() else { return Err(USAGE.into()) };
    std::fs::create_dir_all(Path::new(folder).join("pictures"))?;
    let files = FileSystem::new(folder).map_err(|error| format!("{folder}: {error:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(id.as_str(), secret.as_str()));
    let service = service.build();

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let s3 = service.clone();
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let s3 = s3.clone();
            async move {
                if names_another_algorithm(request.uri().query().unwrap_or_default()) {
                    let mut refused = Response::new(Body::empty());
                    *refused.status_mut() = StatusCode::BAD_REQUEST;
                    return Ok(refused);
                }
                s3.call(request.map(Body::from)).await
            }
        });
        tokio::spawn(async move {
            let mut connection = http1::Builder::new();
            // Who breaks off is not this one's concern.
            let _ = connection.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// S3 says 400 to such a signature; s3s says 501, as if it were no mistake of the client.
fn names_another_algorithm(query: &str) -> bool {
    let named = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Algorithm="));
    named.is_some_and(|name| name != "AWS4-HMAC-SHA256")
}
