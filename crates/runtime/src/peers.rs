//! The neighbours of a process: those in it, and those behind an address.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use t11_core::World;
use t11_grpc::{LocalSlot, Peer, tls_connector};
use tonic::transport::{Channel, Endpoint};

use crate::Settings;
use crate::tls::Tls;

/// The services that serve gRPC, and their ports when they run apart.
pub(crate) const PORTS: [(&str, u16); 5] = [
    ("accounts", 50051),
    ("agents", 50052),
    ("crm", 50053),
    ("llm", 50054),
    ("jobs", 50055),
];
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A neighbour that has gone without a word is noticed within the sum of both.
const PING_EVERY: Duration = Duration::from_secs(10);
const PONG_WITHIN: Duration = Duration::from_secs(5);

pub(crate) type Peers = (
    HashMap<&'static str, Peer>,
    HashMap<&'static str, LocalSlot>,
);

/// A peer for each service; for those `here` also the slot they are put in once built.
///
/// # Errors
/// An address that is malformed, or whose scheme does not fit the TLS settings.
pub(crate) fn peers(
    settings: &Settings,
    here: &[&str],
    tls: Option<&Tls>,
    world: &World,
) -> Result<Peers> {
    let (mut peers, mut slots) = (HashMap::new(), HashMap::new());
    for (name, port) in PORTS {
        if here.contains(&name) {
            let (peer, slot) = Peer::local(name);
            peers.insert(name, peer);
            slots.insert(name, slot);
        } else {
            let given = settings.common.peers.get(name).cloned();
            let scheme = if tls.is_some() { "https" } else { "http" };
            let address = given.unwrap_or_else(|| format!("{scheme}://127.0.0.1:{port}"));
            let channel =
                channel(address, tls).with_context(|| format!("the address `peers.{name}`"))?;
            peers.insert(name, Peer::remote(name, channel, world.clone()));
        }
    }
    Ok((peers, slots))
}

fn channel(address: String, tls: Option<&Tls>) -> Result<Channel> {
    let scheme = address
        .split_once("://")
        .map(|(scheme, _)| scheme.to_owned());
    let endpoint = Endpoint::from_shared(address)?
        .connect_timeout(CONNECT_WITHIN)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    match (scheme.as_deref(), tls) {
        (Some("https"), Some(tls)) => {
            let tls = tls.clone();
            Ok(endpoint.connect_with_connector_lazy(tls_connector(move || tls.client_config())))
        }
        (Some("http"), None) => Ok(endpoint.connect_lazy()),
        (Some("http"), Some(_)) => bail!("must begin with `https://`, because `tls.cert` is set"),
        (Some("https"), None) => bail!("begins with `https://`, but `tls.cert` is not set"),
        _ => bail!("must begin with `http://` or `https://`"),
    }
}

#[cfg(test)]
mod tests {
    use crate::Sources;

    use super::*;

    fn made(address: &str) -> Result<Peers> {
        let mut sources = Sources::default();
        let variable = ("T11_PEERS__CRM".to_owned(), address.to_owned());
        sources.variables.extend([variable]);
        let settings = Settings::load(&sources).unwrap();
        peers(&settings, &["agents"], None, &World::system())
    }

    #[tokio::test]
    async fn an_address_must_fit_the_settings_of_tls() {
        let (peers, slots) = made("http://crm:50053").unwrap();
        assert_eq!((peers.len(), slots.len()), (5, 1));
        for bad in ["https://crm:50053", "crm:50053", "unix:/run/crm"] {
            let error = format!("{:#}", made(bad).err().unwrap());
            assert!(error.contains("peers.crm"), "{error}");
        }
    }
}
