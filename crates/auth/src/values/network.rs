//! Networks: the beginning of an address, for those who count more than single addresses. Owns which part that is, not
//! what is counted.

use std::net::IpAddr;

/// All addresses that share a beginning. IPv4 lies in IPv6 as RFC 4291, section 2.5.5.2 maps it, so the two never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network([u8; 16]);

impl Network {
    /// What one subscriber has for certain: an address of IPv4, a /64 of IPv6.
    pub fn host(address: IpAddr) -> Self {
        Self::of(address, 32, 64)
    }

    /// Where one subscriber comes from, if not always with the same address: a /24, a /64.
    pub fn near(address: IpAddr) -> Self {
        Self::of(address, 24, 64)
    }

    /// What one customer of a provider may have at most, as a rule: a /24, a /48.
    pub fn wide(address: IpAddr) -> Self {
        Self::of(address, 24, 48)
    }

    fn of(address: IpAddr, of_ipv4: u32, of_ipv6: u32) -> Self {
        let (bits, kept) = match address.to_canonical() {
            IpAddr::V4(address) => (address.to_ipv6_mapped().to_bits(), 96 + of_ipv4),
            IpAddr::V6(address) => (address.to_bits(), of_ipv6),
        };
        Self((bits & (u128::MAX << (128 - kept))).to_be_bytes())
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(of: fn(IpAddr) -> Network, one: &str, other: &str) -> bool {
        of(one.parse().unwrap()) == of(other.parse().unwrap())
    }

    #[test]
    fn who_shares_a_network() {
        for (one, other, host, near, wide) in [
            ("192.0.2.1", "192.0.2.1", true, true, true),
            ("192.0.2.1", "::ffff:192.0.2.1", true, true, true),
            ("192.0.2.1", "192.0.2.255", false, true, true),
            ("192.0.2.1", "192.0.3.1", false, false, false),
            ("2001:db8::1", "2001:db8::ffff:0:0:1", true, true, true),
            ("2001:db8::1", "2001:db8:0:1::1", false, false, true),
            ("2001:db8::1", "2001:db8:1::1", false, false, false),
            ("::", "0.0.0.0", false, false, false),
        ] {
            let found = [Network::host, Network::near, Network::wide].map(|of| is_same(of, one, other));
            assert_eq!(found, [host, near, wide], "{one} {other}");
        }
    }
}
