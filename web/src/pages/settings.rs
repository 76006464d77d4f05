pub(crate) mod api_keys;
pub(crate) mod detail;
mod new_api_key;
pub(crate) mod notifications;
pub(crate) mod organization;
pub(crate) mod profile;
pub(crate) mod security;
