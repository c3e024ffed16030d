//! Who is at the other end, when there may be proxies between: the peer's address, unless the peer is a trusted proxy;
//! then the rightmost address of `X-Forwarded-For` or `Forwarded` (RFC 7239) that is not one.

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_proxy = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_proxy(&peer) {
        return peer;
    }
    let [simple, standard] =
        [simple(headers), standard(headers)].map(|chain| client(peer, &chain, &is_proxy));
    match (simple, standard) {
        (Some(client), None) | (None, Some(client)) => client,
        (Some(client), Some(same)) if client == same => client,
        // A proxy writes one of them, and the client may have written the other: neither is to be believed.
        _ => peer,
    }
}

/// The rightmost of a chain that is no proxy; `None` where there is no chain.
fn client(peer: IpAddr, chain: &[Option<IpAddr>], is_proxy: &impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    if chain.is_empty() {
        return None;
    }
    let mut last = peer;
    for address in chain.iter().rev() {
        // What a trusted proxy wrote and we cannot read hides whatever stands left of it.
        let Some(address) = address else { return Some(last) };
        last = *address;
        if !is_proxy(address) {
            return Some(*address);
        }
    }
    Some(last)
}

fn lines(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let texts = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("unreadable"));
    texts.flat_map(|line| line.split(',')).map(|part| part.trim().to_owned()).collect()
}

/// The chain of `X-Forwarded-For`, client first; `None` for what is no address.
fn simple(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    lines(headers, X_FORWARDED_FOR).iter().map(|part| address(part)).collect()
}

/// The chain of `Forwarded`.
fn standard(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let parameter = |part: &String| {
        let pairs = part.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("for"))
            .and_then(|(_, value)| address(value))
    };
    lines(headers, header::FORWARDED).iter().map(parameter).collect()
}

/// An address as proxies write it: bare, quoted, in brackets, with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, name: &'static str, value: &str) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn l_01_a_header_from_an_untrusted_peer_is_nothing() {
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip"] {
            assert_eq!(seen("192.0.2.1", name, "203.0.113.9"), "192.0.2.1");
        }
    }

    #[test]
    fn two_headers_that_differ_are_not_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let of = |simple: &'static str, standard: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", simple.parse().unwrap());
            headers.insert("forwarded", standard.parse().unwrap());
            client_address("10.0.0.1".parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(of("203.0.113.9", "for=203.0.113.9"), "203.0.113.9");
        assert_eq!(of("203.0.113.9", "for=198.51.100.7"), "10.0.0.1");
    }

    #[test]
    fn l_02_the_rightmost_untrusted_address_counts() {
        for (value, client) in [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, 10.1.2.3", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("203.0.113.9, nonsense", "10.0.0.1"),
            ("10.1.1.1", "10.1.1.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(seen("10.0.0.1", "x-forwarded-for", value), client, "{value}");
        }
        assert_eq!(
            seen("::1", "forwarded", "for=198.51.100.7, for=\"[2001:db8::9]:1\";proto=https"),
            "2001:db8::9"
        );
        assert_eq!(seen("10.0.0.1", "forwarded", "for=unknown"), "10.0.0.1");
    }
}
