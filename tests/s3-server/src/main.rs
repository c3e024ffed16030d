//! An S3 for tests: objects as files, and real signature checks. Owns who listens where; S3 itself is s3s's, with the name of
//! the bucket in the path. Nothing is kept durably, and there is no limit of anything.

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
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
        let service = service.clone();
        tokio::spawn(async move {
            let mut connection = http1::Builder::new();
            // Who breaks off is not this one's concern.
            let _ = connection.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
