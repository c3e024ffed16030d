//! What has to fit together: loading as a whole, rules across keys, and what is allowed but worth a warning.

use super::layers::Layers;
use super::problem::{Problem, Problems};
use super::settings::Config;
use super::sources::Sources;
use keyward_auth::tokens::Algorithm;
use keyward_store::redis::RedisUrl;
use std::net::SocketAddr;

impl Config {
    /// The configuration in effect, or everything that is wrong with it.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        let mut layers = Layers::gather(sources);
        let config = Self::read(&mut layers);
        let mut problems = layers.problems;
        problems.extend(config.iter().flat_map(Self::conflicts));
        match config {
            Some(config) if problems.is_empty() => Ok(Self { effective: layers.effective, ..config }),
            _ => Err(Problems(problems)),
        }
    }

    /// Where people reach the service, without a slash at the end: as set, or the listener's own address on loopback.
    pub fn public_url(&self, bound: SocketAddr) -> Option<String> {
        let own = || bound.ip().is_loopback().then(|| format!("http://{bound}"));
        self.server.public_url.as_ref().map(ToString::to_string).or_else(own)
    }

    /// The claim `iss`: as set, or the public URL, or `keyward`.
    pub fn issuer(&self, bound: SocketAddr) -> String {
        let issuer = self.tokens.issuer.clone();
        issuer.or_else(|| self.public_url(bound)).unwrap_or_else(|| "keyward".into())
    }

    fn conflicts(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.tokens.algorithm == Algorithm::Hs256 && self.secrets.key.is_none() {
            found.push(Problem::new(
                "tokens.algorithm",
                "HS256 signs with a secret of yours: give SECRET_KEY, of at least 32 bytes (`openssl rand -hex 32` \
                 makes one)",
            ));
        }
        if self.store.url.file().is_none() && self.secrets.master.is_none() && self.secrets.key.is_none() {
            found.push(Problem::new(
                "secrets.key",
                "a database server may be shared by many Keywards, which need one secret: give each the same SECRET_KEY, \
                 of at least 32 bytes (`openssl rand -hex 32` makes one)",
            ));
        }
        if self.sessions.idle > self.sessions.lifetime {
            found.push(Problem::new(
                "sessions.idle",
                "a session cannot be unused for longer than sessions.lifetime",
            ));
        }
        if self.tokens.access_ttl > self.sessions.lifetime {
            found
                .push(Problem::new("tokens.access_ttl", "a token cannot live longer than sessions.lifetime"));
        }
        if u64::from(self.passwords.argon2_memory) > self.hashing.memory as u64 * 1024 {
            found.push(Problem::new(
                "hashing.memory",
                "a single hash of passwords.argon2_memory needs more than this",
            ));
        }
        found.extend(self.mail_conflicts());
        found.extend(self.picture_conflicts());
        found
    }

    /// What works and is still not as it should be, a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut warn = |text: &str| found.push(text.to_owned());
        if let Some(missing) = self.store.url.lacks_tls() {
            warn(&format!(
                "store.url does not ask for TLS: passwords and hashes may cross the network in the clear; add {missing}"
            ));
        }
        if self.redis.url.as_ref().is_some_and(RedisUrl::is_exposed) {
            warn("redis.url begins with redis://: sessions cross the network in the clear; use rediss://");
        }
        match &self.server.public_url {
            Some(url) if !url.is_https() && !url.is_loopback() => {
                warn(
                    "server.public_url begins with http://: passwords and tokens would cross the network in the clear",
                );
            }
            None if !self.server.listen.ip().is_loopback() => {
                warn(
                    "server.public_url is not set, though other machines reach this address: set it to the https:// \
                     URL that people use",
                );
            }
            _ => {}
        }
        self.mail_warnings().into_iter().for_each(&mut warn);
        self.picture_warnings().iter().for_each(|text| warn(text));
        for network in self.server.trusted_proxies.iter().filter(|network| network.prefix_len() < 8) {
            warn(&format!(
                "server.trusted_proxies holds {network}, which is very wide: everybody in it can choose their own address"
            ));
        }
        if self.tokens.algorithm == Algorithm::Hs256 {
            warn(
                "tokens.algorithm is HS256: whoever can verify a token with SECRET_KEY can also make one; with ES256 \
                 there is no such secret to share",
            );
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::strong;

    #[test]
    fn stores_beyond_ones_own_network_are_to_use_tls() {
        for (database, redis, warnings) in [
            ("postgres://u@db.example.com/d", "redis://redis.example.com", 2),
            ("postgres://u@203.0.113.9/d?sslmode=prefer", "redis://203.0.113.9", 2),
            ("postgres://u@db.example.com/d?sslmode=require", "rediss://redis.example.com", 0),
            ("postgres://u@postgres/d", "redis://redis", 0),
            ("postgres://u@10.0.0.7/d", "redis://127.0.0.1", 0),
            ("postgres://u@db,db2.example.com/d", "redis://[fd00::7]", 1),
        ] {
            let folder = ("KEYWARD_PICTURES_FOLDER", "pictures");
            let env = [("DATABASE_URL", database), ("REDIS_URL", redis), ("SECRET_KEY", &strong()), folder];
            let config = Config::load(&crate::config::tests::env(&env)).unwrap();
            let found = config.warnings();
            assert_eq!(found.len(), warnings, "{database} {redis}: {found:?}");
        }
    }
}
