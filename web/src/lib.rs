#![cfg(target_arch = "wasm32")]
#![expect(
    unreachable_pub,
    reason = "the props that #[component] generates are public"
)]
//! The browser client: pages in Leptos, rendered in the browser, speaking gRPC-web to edge.
//!
//! Empty for any other target, so that checking the whole workspace stays quick.

mod api;
mod app;
mod browser;
mod csv;
mod i18n;
mod ingestion;
mod later;
mod pages;
mod preferences;
mod query;
mod session;
mod shell;
mod task;
mod ui;
mod url_state;

use leptos::mount::mount_to_body;
use leptos::prelude::document;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page when the module is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    mount_to_body(app::App);
}
