mod check;
mod import;
pub(crate) mod list;
mod versions;
