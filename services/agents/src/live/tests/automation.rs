//! What an agent does by itself: triggers and sequences.

mod sequences;
mod triggers;
