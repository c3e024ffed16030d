//! Who sees the inbox: whoever sits at this machine, and nobody through a proxy or by way of another site. Everybody else
//! meets the other routes, in which there is no inbox.

use super::page;
use crate::Shared;
use crate::problem::{self, Problem};
use crate::routes::Routes;
use crate::scope::Scope;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::net::{IpAddr, Ipv4Addr};
use tower::Service;

/// The routes of the inbox, but for the page's script.
pub(crate) fn routes() -> Routes {
    Routes::default().get("inbox", &["/dev/mail"], page::get).get(
        "inbox_mails",
        &["/dev/mail.json"],
        super::list,
    )
}

/// The inbox before all other routes, for those who may see it. It stands outside of their layers: no other origin may
/// ever read it, whichever are allowed to call the service.
pub(crate) fn beside(others: Router, web: Shared) -> Router {
    let inside = routes()
        .router
        .route(page::SCRIPT, get(page::script))
        .method_not_allowed_fallback(async || {
            Problem::new(&problem::METHOD_NOT_ALLOWED, "see the Allow header")
        })
        .with_state(web)
        .fallback_service(others.clone());
    others.layer(middleware::from_fn_with_state(inside, choose))
}

async fn choose(State(mut inside): State<Router>, request: Request, next: Next) -> Response {
    let is_let_in = request.uri().path().starts_with("/dev/")
        && Scope::of(request.extensions()).is_ok_and(|scope| may_look(scope.peer, &request));
    if is_let_in { inside.call(request).await.into_response() } else { next.run(request).await }
}

/// Whether a request was made at this machine by the person who sits there, or by a program of that person.
fn may_look<B>(peer: IpAddr, request: &axum::http::Request<B>) -> bool {
    let headers = request.headers();
    peer.to_canonical().is_loopback()
        // Proxies that add no header at all, such as nginx before 1.29.7 left to itself, speak 1.0 to what is behind them.
        // Later ones cannot be told from a program at this machine, but for the pages that people come from.
        && request.version() >= Version::HTTP_11
        && names_this_machine(request)
        && comes_from_this_machine(headers)
        && !headers.keys().any(tells_of_a_proxy)
        && is_of_no_other_site(headers)
}

/// A name that is bound to this machine's address somewhere (DNS rebinding) is another name still.
fn names_this_machine<B>(request: &axum::http::Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let asked = request.uri().authority().map(|authority| authority.as_str());
    host.to_str().is_ok_and(is_loopback) && asked.is_none_or(is_loopback)
}

/// The page that a request says it comes from, if it says so, is of this machine. Through a proxy, pages of the service
/// itself have another name.
fn comes_from_this_machine(headers: &HeaderMap) -> bool {
    let pages = [header::ORIGIN, header::REFERER].map(|name| headers.get_all(name));
    pages.iter().flatten().all(|page| page.to_str().is_ok_and(|page| is_loopback(host_of(page))))
}

/// `localhost:8000` of `http://localhost:8000/path`; all of what is no such URL.
fn host_of(url: &str) -> &str {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or(url);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// `localhost`, a name below it, an address of `127.0.0.0/8` or `[::1]`, with or without a port.
fn is_loopback(host: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let mut labels = name.rsplit('.');
    let is_local =
        labels.next().is_some_and(|top| top.eq_ignore_ascii_case("localhost")) && labels.all(is_label);
    is_local || name == "[::1]" || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a header is one that proxies add, whoever they are: to trust one's own is to forget another's.
fn tells_of_a_proxy(name: &HeaderName) -> bool {
    const EXACTLY: [&str; 2] = ["via", "cdn-loop"];
    const BEGINS: [&str; 6] = ["cf-", "fly-", "fastly-", "x-amzn-", "x-envoy-", "x-original-"];
    const HOLDS: [&str; 8] = [
        "forwarded",
        "proxy",
        "real-ip",
        "client-ip",
        "clientip",
        "remote-ip",
        "connecting-ip",
        "originating-ip",
    ];
    let name = name.as_str();
    EXACTLY.contains(&name)
        || BEGINS.iter().any(|begin| name.starts_with(begin))
        || HOLDS.iter().any(|part| name.contains(part))
}

/// Browsers say whose page has asked (Fetch Metadata); programs say nothing. Another site may lead a person here, but not
/// read what is here.
fn is_of_no_other_site(headers: &HeaderMap) -> bool {
    let is_all = |name: &str, known: &[&str]| {
        headers.get_all(name).iter().all(|value| known.iter().any(|k| value == k))
    };
    let is_led_here = headers.contains_key("sec-fetch-mode")
        && is_all("sec-fetch-mode", &["navigate"])
        && headers.contains_key("sec-fetch-dest")
        && is_all("sec-fetch-dest", &["document"]);
    is_led_here || is_all("sec-fetch-site", &["same-origin", "none"])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request as a browser at this machine sends it, but for these headers.
    fn asked(peer: &str, uri: &str, version: Version, headers: &[(&str, &str)]) -> bool {
        let mut request = axum::http::Request::builder().uri(uri).version(version);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost:8000");
        }
        for (name, value) in headers.iter().filter(|(_, value)| *value != "-") {
            request = request.header(*name, *value);
        }
        may_look(peer.parse().unwrap(), &request.body(()).unwrap())
    }

    fn with(headers: &[(&str, &str)]) -> bool {
        asked("127.0.0.1", "/dev/mail", Version::HTTP_11, headers)
    }

    #[test]
    fn the_peer_is_this_machine() {
        for (peer, may) in [
            ("127.0.0.1", true),
            ("127.8.9.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("::", false),
            ("10.0.0.1", false),
            ("172.17.0.1", false),
            ("192.168.1.2", false),
            ("169.254.1.1", false),
            ("203.0.113.9", false),
            ("fe80::1", false),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(asked(peer, "/dev/mail", Version::HTTP_11, &[]), may, "{peer}");
        }
    }

    #[test]
    fn the_host_is_this_machine() {
        for (host, may) in [
            ("localhost", true),
            ("LocalHost:8000", true),
            ("app.localhost", true),
            ("a.b-c.localhost:65535", true),
            ("127.0.0.1", true),
            ("127.0.0.1:8000", true),
            ("127.1.2.3:1", true),
            ("[::1]", true),
            ("[::1]:8000", true),
            ("-", false),
            ("", false),
            (":8000", false),
            ("localhost:", false),
            ("localhost:x", false),
            ("localhost:+80", false),
            ("localhost:65536", false),
            ("localhost:80:80", false),
            ("localhost.", false),
            (".localhost", false),
            ("a..localhost", false),
            ("a@localhost", false),
            ("evil.test/.localhost", false),
            ("localhost.evil.test", false),
            ("evillocalhost", false),
            ("127.0.0.1.evil.test", false),
            ("127.0.0.1.nip.io:8000", false),
            ("128.0.0.1", false),
            ("0.0.0.0:8000", false),
            ("127.1", false),
            ("0177.0.0.1", false),
            ("2130706433", false),
            ("::1", false),
            ("[::]", false),
            ("[::ffff:127.0.0.1]", false),
            ("10.0.0.1:8000", false),
            ("keyward:8000", false),
            ("example.com", false),
            ("localhost, evil.test", false),
            ("localhost evil", false),
        ] {
            assert_eq!(with(&[("host", host)]), may, "{host:?}");
        }
        assert!(!with(&[("host", "localhost"), ("host", "localhost")]));
        assert!(!with(&[("host", "localhost"), ("host", "evil.test")]));
    }

    #[test]
    fn the_host_of_an_absolute_form_counts_too() {
        for (uri, may) in [
            ("http://localhost:8000/dev/mail", true),
            ("http://127.0.0.1/dev/mail", true),
            ("http://evil.test/dev/mail", false),
            ("http://evil.test@localhost/dev/mail", false),
            ("http://localhost@evil.test/dev/mail", false),
        ] {
            assert_eq!(asked("127.0.0.1", uri, Version::HTTP_11, &[]), may, "{uri}");
        }
    }

    #[test]
    fn no_proxy_stands_between() {
        for name in [
            "forwarded",
            "x-forwarded",
            "x-forwarded-for",
            "X-Forwarded-Host",
            "x-forwarded-proto",
            "x-forwarded-server",
            "x-original-forwarded-for",
            "x-original-url",
            "x-real-ip",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-azure-clientip",
            "x-remote-ip",
            "x-originating-ip",
            "x-proxyuser-ip",
            "x-envoy-external-address",
            "x-amzn-trace-id",
            "via",
            "cdn-loop",
            "cf-connecting-ip",
            "cf-connecting-ipv6",
            "cf-ray",
            "true-client-ip",
            "fastly-client-ip",
            "fly-client-ip",
            "wl-proxy-client-ip",
            "proxy-connection",
        ] {
            for value in ["127.0.0.1", "for=127.0.0.1", ""] {
                assert!(!with(&[(name, value)]), "{name}: {value}");
            }
        }
        assert!(!asked("127.0.0.1", "/dev/mail", Version::HTTP_10, &[]));
        let of_browsers =
            [("user-agent", "x"), ("referer", "http://localhost/"), ("cookie", "a=b"), ("dnt", "1")];
        assert!(with(&of_browsers));
    }

    #[test]
    fn the_page_before_is_of_this_machine() {
        for (page, may) in [
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000/dev/mail?mail=1", true),
            ("https://app.localhost/a#b", true),
            ("http://[::1]:8000?x", true),
            ("https://id.example.com", false),
            ("https://id.example.com/dev/mail", false),
            ("http://10.0.0.1:8000/", false),
            ("http://localhost.evil.test/", false),
            ("http://localhost@evil.test/", false),
            ("http://evil.test@localhost/", false),
            ("http://evil.test/http://localhost/", false),
            ("http://http://localhost/", false),
            ("http:/localhost", false),
            ("file://localhost/", false),
            ("null", false),
            ("", false),
        ] {
            for name in ["origin", "referer"] {
                assert_eq!(with(&[(name, page)]), may, "{name}: {page}");
                assert!(!with(&[(name, page), (name, "https://evil.test")]), "{name}: {page}");
            }
        }
        // A link of another site leads here only where that does not say who it is.
        let led = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(with(&led));
        assert!(!with(&[&led[..], &[("referer", "https://evil.test/")]].concat()));
    }

    #[test]
    fn no_other_site_asks() {
        for (site, may) in
            [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false), ("", false)]
        {
            assert_eq!(with(&[("sec-fetch-site", site)]), may, "{site}");
        }
        assert!(with(&[]));
        assert!(!with(&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")]));
        for (mode, dest, may) in [
            ("navigate", "document", true),
            ("navigate", "iframe", false),
            ("no-cors", "document", false),
            ("cors", "empty", false),
            ("navigate", "-", false),
        ] {
            let led = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            assert_eq!(with(&led), may, "{mode} {dest}");
        }
    }
}
