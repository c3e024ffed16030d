//! HTTP to S3 and to those who lend keys: HTTP/1.1, certificates always verified, no proxies, and no redirects followed.
//! Owns connections, how long one try may take, and which replies are worth another; what one means is known elsewhere.

use super::trouble::Refusal;
use crate::objects::OpenError;
use async_trait::async_trait;
use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::error::Elapsed;

const CONNECTING: Duration = Duration::from_secs(2);
/// Less than S3 keeps a connection that nobody uses.
const IDLE: Duration = Duration::from_secs(15);
/// No reply has more than a square in it, or some XML.
const REPLY_BYTES: usize = 8 * 1024 * 1024;

/// Makes clients of one kind.
#[derive(Debug)]
pub(super) struct Wire {
    tls: ClientConfig,
    patience: Duration,
}

impl Wire {
    /// `timeout` is for a whole operation: a try that gets no answer in half of it is begun again.
    pub(super) fn new(tls: ClientConfig, timeout: Duration) -> Self {
        Self { tls, patience: timeout / 2 }
    }
}

impl HttpConnector for Wire {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let may_be_plain =
            options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|is| is == "true");
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECTING.min(self.patience)));
        let tls = HttpsConnectorBuilder::new().with_tls_config(self.tls.clone());
        let tls = if may_be_plain { tls.https_or_http() } else { tls.https_only() };
        let mut client = Client::builder(TokioExecutor::new());
        let client = client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
        let client = client.build(tls.enable_http1().wrap_connector(tcp));
        Ok(HttpClient::new(Asker { client, patience: self.patience }))
    }
}

#[derive(Debug)]
struct Asker {
    client: Client<HttpsConnector<Tcp>, HttpRequestBody>,
    patience: Duration,
}

#[async_trait]
impl HttpService for Asker {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let late = |elapsed: Elapsed| HttpError::new(HttpErrorKind::Timeout, elapsed);
        let reply = tokio::time::timeout(self.patience, self.client.request(request)).await.map_err(late)?;
        let reply = reply.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
            HttpError::new(kind, error)
        })?;
        let broken = |error| HttpError::new_boxed(HttpErrorKind::Interrupted, error);
        let reply = reply.map(|body| HttpResponseBody::new(Limited::new(body, REPLY_BYTES).map_err(broken)));
        let status = reply.status();
        if status.is_success() {
            return Ok(reply);
        }
        let said = tokio::time::timeout(self.patience, reply.into_body().bytes()).await.map_err(late)?;
        let for_a_moment = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        let kind = if for_a_moment { HttpErrorKind::Request } else { HttpErrorKind::Unknown };
        Err(HttpError::new(kind, Refusal::new(status.as_u16(), &said.unwrap_or_default())))
    }
}

/// With the system's authorities, which may be missing where no TLS is asked for. Blocks.
pub(super) fn tls(may_lack_authorities: bool) -> Result<ClientConfig, OpenError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() && !may_lack_authorities {
        return Err(OpenError(
            "the system has no trusted authorities, so no https:// bucket can be trusted".into(),
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let begun = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let begun = begun.map_err(|error| OpenError(format!("TLS to the bucket: {error}")))?;
    Ok(begun.with_root_certificates(roots).with_no_client_auth())
}
