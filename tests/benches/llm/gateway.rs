//! What calls can be made to.

use std::any::Any;
use std::net::SocketAddr;

use super::process::{self, Core, Server};
use super::{Bench, floor};

/// A gateway that runs, or the mock itself.
pub(crate) struct Gateway {
    pub(crate) name: String,
    /// Somebody else's.
    pub(crate) is_peer: bool,
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    /// Beyond those that every request has, each with its line's end.
    pub(crate) headers: String,
    /// What it calls a model of the mock.
    pub(crate) model_prefix: &'static str,
    /// `None`: the mock, which shares its core with the load.
    pub(crate) server: Option<Server>,
    /// The key for its gRPC face, if it has one.
    pub(crate) typed_key: Option<String>,
    /// What it needs as long as it runs.
    pub(crate) _kept: Vec<Box<dyn Any>>,
}

impl Gateway {
    pub(crate) fn of(name: &str, server: Server) -> Self {
        Self {
            name: name.to_owned(),
            is_peer: false,
            address: server.address,
            path: "/v1/chat/completions",
            headers: String::new(),
            model_prefix: "",
            server: Some(server),
            typed_key: None,
            _kept: Vec::new(),
        }
    }

    pub(crate) fn with_key(self, key: &str) -> Self {
        let header = format!("authorization: Bearer {key}\r\n");
        self.with_header(&header)
    }

    pub(crate) fn with_header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self
    }
}

/// No gateway: what everything else is compared with.
pub(crate) fn direct(upstream: SocketAddr) -> Gateway {
    Gateway {
        name: "direct".to_owned(),
        is_peer: false,
        address: upstream,
        path: "/v1/chat/completions",
        headers: String::new(),
        model_prefix: "",
        server: None,
        typed_key: None,
        _kept: Vec::new(),
    }
}

pub(crate) fn floor(upstream: SocketAddr) -> Bench<Gateway> {
    let server = process::own("floor", &[&upstream.to_string()], Core::Gateway)?;
    Ok(Gateway::of("floor", server).with_key(floor::KEY))
}
