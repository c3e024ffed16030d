//! Sending by SMTP (RFC 5321), on connections that are kept for the next mails. Every step is our own to tell what a
//! refusal is about; lettre speaks the protocol.
//!
//! lettre's pool is not used: it puts a connection back whose mail was given up half-way, and takes the late answer for
//! that of the next mail. Here a connection goes back once its mail was taken, and is closed in every other case.

mod idle;
mod refusal;
mod stream;
mod url;

#[cfg(test)]
mod tests;

pub use url::SmtpUrl;

use crate::message::Message;
use idle::{Idle, quit};
use keyward_auth::outside::Undelivered;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection as Connection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use refusal::{Refusal, Stage};
use std::fs;
use std::time::Duration;
use stream::Stream;
use tokio::time::{Instant, timeout_at};
use url::Tls;

pub(crate) struct Smtp {
    url: SmtpUrl,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    /// How we call ourselves.
    hello: ClientId,
    idle: Idle,
}

/// How long a kept connection may take to show that it still is one, before another is made.
const STILL_THERE: Duration = Duration::from_secs(5);
/// How long an address of the host may take to answer, before the next is tried.
const EACH_ADDRESS: Duration = Duration::from_secs(8);
/// How a certificate begins in a file (RFC 7468, section 5).
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";

impl Smtp {
    /// Reads the certificates; connects to nobody. `domain` is what the sender's address ends in.
    ///
    /// # Errors
    /// What is wrong with the file that the URL names.
    pub(crate) fn open(url: &SmtpUrl, domain: &str) -> Result<Self, String> {
        let login = url.login.as_ref();
        Ok(Self {
            tls: (url.tls != Tls::None).then(|| tls(url)).transpose()?,
            credentials: login.map(|login| Credentials::new(login.user.clone(), login.password.to_string())),
            hello: ClientId::Domain(domain.to_owned()),
            idle: Idle::default(),
            url: url.clone(),
        })
    }

    /// Hands a message over; it is the server's once this is `Ok`. Takes no longer than `timeout`. No reason holds one of
    /// the secrets.
    pub(crate) async fn send(
        &self,
        message: &Message,
        secrets: &[&str],
        timeout: Duration,
    ) -> Result<(), Undelivered> {
        let refusal = Refusal { url: &self.url, secrets, timeout };
        let deadline = Instant::now() + timeout;
        let mut line = match timeout_at(deadline, self.begin(message, deadline)).await {
            Ok(begun) => begun.map_err(|(stage, error)| refusal.told(stage, &error))?,
            Err(_) => return Err(refusal.silence()),
        };
        match timeout_at(deadline, hand_over(&mut line, message)).await {
            Ok(Ok(())) => {
                self.idle.keep(line);
                Ok(())
            }
            Ok(Err((stage, error))) => {
                quit(line);
                Err(refusal.told(stage, &error))
            }
            // What comes now is no answer to anything else: the connection is dropped.
            Err(_) => Err(refusal.silence_about_this_mail()),
        }
    }

    /// A connection on which the server has taken our address: one that was kept, or a new one.
    async fn begin(&self, message: &Message, deadline: Instant) -> Result<Connection, Failed> {
        while let Some(mut line) = self.idle.take() {
            let soon = deadline.min(Instant::now() + STILL_THERE);
            // Whatever is wrong with it, a new one will say it better.
            match timeout_at(soon, introduce(&mut line, message)).await {
                Ok(Ok(())) => return Ok(line),
                Ok(Err(_)) => quit(line),
                Err(_) => {}
            }
        }
        let mut line = self.connect().await?;
        introduce(&mut line, message).await?;
        Ok(line)
    }

    async fn connect(&self) -> Result<Connection, Failed> {
        let url = &self.url;
        let place = (url.host.as_str(), url.port);
        let at = |stage: Stage| move |error| (stage, Trouble::Smtp(error));
        let mut line = if url.tls == Tls::Implicit {
            Connection::connect_tokio1(place, Some(EACH_ADDRESS), &self.hello, self.tls.clone(), None)
                .await
                .map_err(at(Stage::Connecting))?
        } else {
            let stream = Stream::connect(place, EACH_ADDRESS)
                .await
                .map_err(|error| (Stage::Connecting, Trouble::Io(error)))?;
            let begun = Connection::connect_with_transport(Box::new(stream), &self.hello);
            begun.await.map_err(at(Stage::Connecting))?
        };
        if let Some(tls) = self.tls.clone().filter(|_| line.can_starttls()) {
            line.starttls(tls, &self.hello).await.map_err(at(Stage::Connecting))?;
        } else if url.tls == Tls::Required {
            quit(line);
            return Err((Stage::Connecting, Trouble::NoStartTls));
        }
        if let Some(credentials) = &self.credentials {
            if !line.is_encrypted() && !url.may_tell_in_the_clear() {
                quit(line);
                return Err((Stage::SigningIn, Trouble::NoTlsForPassword));
            }
            line.auth(DEFAULT_MECHANISMS, credentials).await.map_err(at(Stage::SigningIn))?;
        }
        Ok(line)
    }
}

/// Where it failed, and why.
type Failed = (Stage, Trouble);

/// Why there is no connection, or no mail on it.
#[derive(Debug)]
enum Trouble {
    Io(std::io::Error),
    Smtp(lettre::transport::smtp::Error),
    NoStartTls,
    NoTlsForPassword,
}

async fn introduce(line: &mut Connection, message: &Message) -> Result<(), Failed> {
    let mail = Mail::new(message.envelope.from().cloned(), Vec::new());
    line.command(mail).await.map_err(|error| (Stage::Sender, Trouble::Smtp(error)))?;
    Ok(())
}

async fn hand_over(line: &mut Connection, message: &Message) -> Result<(), Failed> {
    let failed = |error| (Stage::Mail, Trouble::Smtp(error));
    for to in message.envelope.to() {
        line.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(failed)?;
    }
    line.command(Data).await.map_err(failed)?;
    line.message(&message.bytes).await.map_err(failed)?;
    Ok(())
}

fn tls(url: &SmtpUrl) -> Result<TlsParameters, String> {
    let mut tls = TlsParameters::builder(url.host.clone());
    if let Some(path) = &url.ca {
        let unusable = |cause: String| format!("ca={} of the URL cannot be used: {cause}", path.display());
        let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
        // lettre would take it, and trust nobody.
        if !pem.windows(PEM.len()).any(|part| part == PEM) {
            return Err(unusable("there is no certificate in it".into()));
        }
        let authority = Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
        tls = tls.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    if !url.must_prove_itself() {
        tls = tls.dangerous_accept_invalid_certs(true).dangerous_accept_invalid_hostnames(true);
    }
    tls.build().map_err(|error| format!("TLS cannot be set up: {error}"))
}
