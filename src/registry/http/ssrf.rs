//! Which addresses may be connected to. A name in a scanned file must not lead to this machine, to the network's own
//! services, or to a cloud's metadata service (issue 4, point 9).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::registry::error::RefusedAddress;

/// How far the names of images are trusted. Registries that are configured are trusted always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The user typed them: any address.
    Typed,
    /// They come from a file: no loopback, link-local, or metadata address. Private networks are normal.
    #[default]
    Scanned,
    /// They come from somebody who may not be trusted, as in a pull request from a fork: public addresses only.
    Untrusted,
}

/// Cloud metadata and similar services outside of link-local: AWS on IPv6 (instances, pods), Google and Scaleway on IPv6, Alibaba,
/// Azure, Oracle.
const METADATA: [IpAddr; 7] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// Returns what kind of address `address` is, if names of this trust may not lead there.
pub(crate) fn refusal(address: IpAddr, trust: Trust) -> Option<&'static str> {
    if trust == Trust::Typed {
        return None;
    }
    if METADATA.contains(&address) {
        return Some("a metadata service");
    }
    let (always, private) = match address {
        IpAddr::V4(address) => (special_v4(address), private_v4(address)),
        IpAddr::V6(address) => {
            if let Some(inner) = embedded(address) {
                return refusal(IpAddr::V4(inner), trust);
            }
            // Unique local (RFC 4193), and NAT64 of one's own network (RFC 8215).
            let is_local = matches!(address.segments(), [0xfc00..=0xfdff, ..] | [0x64, 0xff9b, 1, ..]);
            (special_v6(address), is_local)
        }
    };
    always.or((private && trust == Trust::Untrusted).then_some("a private network"))
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [127, ..] => Some("this machine"),
        [0, ..] => Some("this machine"),
        [169, 254, ..] => Some("a link-local address"),
        [224..=255, ..] => Some("no host's address"),
        _ => None,
    }
}

fn private_v4(address: Ipv4Addr) -> bool {
    // 100.64/10 is carrier-grade NAT (RFC 6598), 198.18/15 is for benchmarks (RFC 2544).
    address.is_private()
        || matches!(address.octets(), [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18 | 19, ..])
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    match address.segments()[0] {
        _ if address.is_loopback() || address.is_unspecified() => Some("this machine"),
        // Link-local, and site-local, which is no longer in use (RFC 3879).
        0xfe80..=0xfeff => Some("a link-local address"),
        0xff00..=0xffff => Some("no host's address"),
        _ => None,
    }
}

/// Returns the IPv4 address inside: mapped and compatible (RFC 4291), translated (RFC 2765), NAT64 (RFC 6052),
/// 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// Returns why `url` may not be asked, as far as its host tells without a look-up.
pub(crate) fn refused_host(url: &Url, trust: Trust) -> Option<RefusedAddress> {
    let kind = match url.host()? {
        Host::Ipv4(address) => refusal(address.into(), trust),
        Host::Ipv6(address) => refusal(address.into(), trust),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            // RFC 6761, section 6.3: never anything else.
            let local = name == "localhost" || name.ends_with(".localhost");
            (local && trust != Trust::Typed).then_some("this machine")
        }
    };
    kind.map(|kind| RefusedAddress { host: url.host_str().unwrap_or_default().to_owned(), kind })
}

/// The system's resolver without the addresses that are refused: what is checked is what is connected to.
#[derive(Debug)]
pub(crate) struct Resolver(pub(crate) Trust);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let trust = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(allowed(name.as_str(), found, trust)?)
        })
    }
}

fn allowed(
    name: &str,
    found: impl Iterator<Item = SocketAddr>,
    trust: Trust,
) -> Result<Addrs, RefusedAddress> {
    let (mut addresses, mut refused) = (Vec::new(), None);
    for address in found {
        match refusal(address.ip(), trust) {
            None => addresses.push(address),
            Some(kind) => {
                refused = Some(RefusedAddress { host: format!("{name} → {}", address.ip()), kind });
            }
        }
    }
    match refused {
        Some(refused) if addresses.is_empty() => Err(refused),
        _ => Ok(Box::new(addresses.into_iter())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> [Option<&'static str>; 3] {
        let address = text.parse().unwrap();
        [Trust::Typed, Trust::Scanned, Trust::Untrusted].map(|trust| refusal(address, trust))
    }

    #[test]
    fn this_machine_link_local_and_metadata_are_never_for_scanned_names() {
        for (address, kind) in [
            ("127.0.0.1", "this machine"),
            ("127.9.8.7", "this machine"),
            ("0.0.0.0", "this machine"),
            ("169.254.169.254", "a link-local address"),
            ("255.255.255.255", "no host's address"),
            ("224.0.0.1", "no host's address"),
            ("100.100.100.200", "a metadata service"),
            ("168.63.129.16", "a metadata service"),
            ("fd00:ec2::254", "a metadata service"),
            ("fd00:ec2::23", "a metadata service"),
            ("fd20:ce::254", "a metadata service"),
            ("fd00:42::42", "a metadata service"),
            ("::ffff:0:7f00:1", "this machine"),
            ("::1", "this machine"),
            ("::", "this machine"),
            ("fe80::1", "a link-local address"),
            ("fec0::1", "a link-local address"),
            ("ff02::1", "no host's address"),
            ("::ffff:127.0.0.1", "this machine"),
            ("::ffff:169.254.169.254", "a link-local address"),
            ("::169.254.169.254", "a link-local address"),
            ("64:ff9b::a9fe:a9fe", "a link-local address"),
            ("2002:7f00:1::", "this machine"),
        ] {
            assert_eq!(kinds(address), [None, Some(kind), Some(kind)], "{address}");
        }
    }

    #[test]
    fn private_networks_are_refused_for_untrusted_names_only() {
        for address in
            ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "fc00::1", "::ffff:10.0.0.1"]
        {
            assert_eq!(kinds(address), [None, None, Some("a private network")], "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert_eq!(kinds(address), [None; 3], "{address}");
        }
    }

    #[test]
    fn a_literal_in_any_spelling_is_seen_through() {
        for host in ["169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"] {
            let url = Url::parse(&format!("http://{host}/latest/meta-data")).unwrap();
            assert!(refused_host(&url, Trust::Scanned).is_some(), "{host}");
        }
        for host in ["localhost", "LOCALHOST", "localhost.", "a.localhost", "[::1]", "[::ffff:7f00:1]"] {
            let url = Url::parse(&format!("https://{host}:5000/v2/")).unwrap();
            assert!(refused_host(&url, Trust::Scanned).is_some(), "{host}");
            assert!(refused_host(&url, Trust::Typed).is_none(), "{host}");
        }
        for host in ["ghcr.io", "10.0.0.1", "localhost.example"] {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            assert_eq!(refused_host(&url, Trust::Scanned), None, "{host}");
        }
    }

    #[test]
    fn of_several_answers_the_good_ones_are_used() {
        let found = |texts: &[&str]| {
            let addresses: Vec<_> =
                texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
            allowed("r.example", addresses.into_iter(), Trust::Scanned).map(|found| found.count())
        };
        assert_eq!(found(&["127.0.0.1", "1.1.1.1"]), Ok(1));
        let error = found(&["127.0.0.1"]).unwrap_err().to_string();
        assert!(error.starts_with("`r.example → 127.0.0.1` is this machine"), "{error}");
    }
}
