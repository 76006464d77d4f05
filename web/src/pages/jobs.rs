pub(crate) mod list;
mod queues;
mod state;
