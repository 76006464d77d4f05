pub(crate) mod detail;
pub(crate) mod models;
pub(crate) mod organization;
pub(crate) mod profile;
pub(crate) mod security;
