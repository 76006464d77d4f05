//! The only shared code that knows tonic: peers that are local or remote, the stack every service
//! is served through, caller tokens, statuses, and streams. Nothing important lives in the
//! transport, so that one process and many behave alike.

mod channels;
mod context;
mod deadline;
mod drain;
mod metrics;
mod peer;
mod policy;
mod request;
mod retry;
mod server;
mod shed;
mod status;
mod stream;
mod tls;
mod token;
mod trace;
mod until;

pub use context::{CallContext, as_service, current, in_context};
pub use metrics::{CLIENT_DURATION, SERVER_DURATION, code_name};
pub use peer::{LocalSlot, Peer};
pub use request::{CallInfo, call_info, caller, scope};
pub use server::ServerStack;
pub use status::{RemoteFault, http_status, status};
pub use stream::{Events, ResponseStream, stream};
pub use tls::{H2, tls_connector};
pub use token::{Signer, TokenError, Verifier, organization_of, parse_key};
pub use trace::{continue_from, continue_from_traceparent, traceparent};
pub use until::until;

/// The longest message of a call, in bytes, unless an RPC's service says otherwise. What is longer
/// is streamed in pieces.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Metadata keys between our own processes. Edge strips every `x-t11-*` header from outside.
pub mod keys {
    /// The signed caller token.
    pub const CALLER: &str = "x-t11-caller";
    /// The address the client came from, as edge saw it.
    pub const CLIENT_ADDRESS: &str = "x-t11-client-address";
    /// What the client calls itself.
    pub const CLIENT_AGENT: &str = "x-t11-client-agent";
    /// The id under which one outer request is found in all logs.
    pub const REQUEST_ID: &str = "x-request-id";
    /// Answer metadata: edge makes a session cookie of it, `<token>;<seconds>`.
    pub const SET_SESSION: &str = "x-t11-set-session";
    /// Answer metadata: edge takes the session cookie away.
    pub const CLEAR_SESSION: &str = "x-t11-clear-session";
    /// Answer metadata of a health check: the time there, in milliseconds since 1970.
    pub const TIME: &str = "x-t11-time";
    /// Which neighbour a call is for, where one address leads to all.
    pub const PEER: &str = "x-t11-peer";
    /// All that only our own processes may say; proxies take it off what comes from outside.
    pub const INTERNAL: [&str; 6] = [
        CALLER,
        CLIENT_ADDRESS,
        CLIENT_AGENT,
        SET_SESSION,
        CLEAR_SESSION,
        PEER,
    ];
}
