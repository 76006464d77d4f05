pub mod knowledge;
