//! Work that outlives a call: the handlers of the service's jobs.

pub(crate) mod ingest;
