//! The client as it meets the wire: against small servers that answer what no library would write,
//! and against the stand-in of Kommo, which shares no type with it.

mod accounts;
// Said once more for clippy, which lets tests unwrap.
#[cfg(test)]
mod bots;
#[cfg(test)]
mod cards;
mod chats;
mod downloads;
#[cfg(test)]
mod pacing;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod support;
mod wire;
