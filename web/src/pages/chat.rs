mod composer;
mod conversations;
pub(crate) mod detail;
mod talk;
mod thread;
mod version;
