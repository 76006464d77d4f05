//! Edge as its clients see it, before services that are made up here.

mod client;
mod events;
mod grpc;
mod mesh;
mod pages;
mod rest;
mod sessions;
mod upload;
