//! Who is at the other end of the connection.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result};
use axum::extract::ConnectInfo;
use http::uri::Authority;
use http::{HeaderMap, Request};
use ipnet::IpNet;

/// The client of a request, as far as it can be believed.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// `None` where there is no socket, in tests.
    pub(crate) address: Option<IpAddr>,
    /// Whether the client's own connection is encrypted.
    pub(crate) secure: bool,
    /// The host it asked for.
    pub(crate) host: Option<Authority>,
}

/// Which hops may speak for others.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedHops(Vec<IpNet>);

impl TrustedHops {
    /// Reads networks (`10.0.0.0/8`) and single addresses.
    ///
    /// # Errors
    /// Names the text that is neither.
    pub(crate) fn parse(networks: &[String]) -> Result<Self> {
        networks
            .iter()
            .map(|text| {
                let address = text.parse::<IpAddr>().map(IpNet::from);
                address.or_else(|_| text.parse()).with_context(|| {
                    format!("trusted_proxies: `{text}` is neither a network nor an address")
                })
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Reads the client off a request. Forwarding headers count only when the connection comes
    /// from a trusted hop, and only up to the last hop that is not.
    pub(crate) fn client<B>(&self, request: &Request<B>) -> Client {
        let socket = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let peer = socket.map(|address| address.to_canonical());
        let headers = request.headers();
        let host = host(request);
        if !peer.is_some_and(|address| self.trusts(address)) {
            return Client {
                address: peer,
                secure: false,
                host,
            };
        }
        let address = self.forwarded_for(headers).or(peer);
        let secure = last(headers, "x-forwarded-proto").is_some_and(|proto| proto == "https");
        Client {
            address,
            secure,
            host,
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    fn forwarded_for(&self, headers: &HeaderMap) -> Option<IpAddr> {
        headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .map_while(|hop| hop.trim().parse::<IpAddr>().ok())
            .find(|address| !self.trusts(*address))
    }
}

fn last<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(name)
        .iter()
        .next_back()?
        .to_str()
        .ok()?
        .rsplit(',')
        .next()
        .map(str::trim)
}

fn host<B>(request: &Request<B>) -> Option<Authority> {
    let in_uri = request.uri().authority().cloned();
    in_uri.or_else(|| {
        request
            .headers()
            .get(http::header::HOST)?
            .to_str()
            .ok()?
            .parse()
            .ok()
    })
}

impl Client {
    /// What limits by address count against: one IPv4 address, or one IPv6 /64, which is what a
    /// single household or machine is given.
    pub(crate) fn bucket(&self) -> IpAddr {
        match self.address {
            Some(IpAddr::V6(address)) => {
                let prefix = address.to_bits() & (u128::MAX << 64);
                Ipv6Addr::from_bits(prefix).into()
            }
            Some(address) => address,
            None => Ipv6Addr::UNSPECIFIED.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&str, &str)]) -> Client {
        let hops = TrustedHops::parse(&["10.0.0.0/8".to_owned(), "::1".to_owned()]).unwrap();
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        hops.client(&request)
    }

    fn address(peer: &str, forwarded: &str) -> String {
        client(peer, &[("x-forwarded-for", forwarded)])
            .address
            .unwrap()
            .to_string()
    }

    #[test]
    fn only_trusted_hops_speak_for_others() {
        assert_eq!(address("203.0.113.9:1", "198.51.100.1"), "203.0.113.9");
        assert_eq!(address("10.0.0.1:1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(
            address("10.0.0.1:1", "1.1.1.1, 198.51.100.1, 10.2.3.4"),
            "198.51.100.1"
        );
        assert_eq!(address("10.0.0.1:1", "198.51.100.1, nonsense"), "10.0.0.1");
        assert_eq!(
            address("[::ffff:10.0.0.1]:1", "198.51.100.1"),
            "198.51.100.1"
        );
    }

    #[test]
    fn encryption_is_believed_only_from_a_trusted_hop() {
        let https = [("x-forwarded-proto", "https")];
        assert!(client("10.0.0.1:1", &https).secure);
        assert!(!client("203.0.113.9:1", &https).secure);
        assert!(!client("10.0.0.1:1", &[("x-forwarded-proto", "https, http")]).secure);
    }

    #[test]
    fn a_wrong_network_is_named() {
        let error = TrustedHops::parse(&["10.0.0.0/99".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("10.0.0.0/99"));
    }
}
