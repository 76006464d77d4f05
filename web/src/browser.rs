//! The few things the pages ask of the browser, each with a harmless answer when it refuses.

use std::time::Duration;

use futures::channel::oneshot;
use js_sys::{Array, Date, Function, Intl, JsString, Object, Reflect, encode_uri_component};
use leptos::prelude::{document, set_timeout, window};
use prost_types::Timestamp;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, Element, HtmlAnchorElement, HtmlDocument, HtmlElement, KeyboardEvent,
    Url,
};

/// `https://host:port` of the page.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// A value kept in this browser.
pub(crate) fn stored(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(key).ok()?
}

/// Keeps a value in this browser; where storage is refused, for nobody's harm, it is not kept.
pub(crate) fn store(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

pub(crate) fn forget(key: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(key);
    }
}

/// The value of a cookie that scripts may read.
pub(crate) fn cookie(name: &str) -> Option<String> {
    let cookies = document().dyn_into::<HtmlDocument>().ok()?.cookie().ok()?;
    cookies.split("; ").find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}

pub(crate) fn fill_random(bytes: &mut [u8]) {
    if let Ok(crypto) = window().crypto() {
        let _ = crypto.get_random_values_with_u8_array(bytes);
    }
}

/// Waits without blocking the page.
pub(crate) async fn sleep(duration: Duration) {
    let (done, wait) = oneshot::channel::<()>();
    set_timeout(
        move || {
            // The waiting side may have been dropped: then nobody needs to hear.
            let _ = done.send(());
        },
        duration,
    );
    let _ = wait.await;
}

/// The browser's own idea of the time zone, `Europe/Moscow`.
pub(crate) fn time_zone() -> String {
    let options = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    Reflect::get(&options, &JsValue::from_str("timeZone"))
        .ok()
        .and_then(|zone| zone.as_string())
        .unwrap_or_default()
}

/// Every IANA time zone the browser knows.
pub(crate) fn time_zones() -> Vec<String> {
    let list = || {
        let intl = Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
        let values: Function = Reflect::get(&intl, &"supportedValuesOf".into())
            .ok()?
            .dyn_into()
            .ok()?;
        let zones: Array = values
            .call1(&intl, &"timeZone".into())
            .ok()?
            .dyn_into()
            .ok()?;
        Some(zones.iter().filter_map(|zone| zone.as_string()).collect())
    };
    list().unwrap_or_default()
}

/// The languages the reader prefers, best first.
pub(crate) fn languages() -> Vec<String> {
    window()
        .navigator()
        .languages()
        .iter()
        .filter_map(|tag| tag.as_string())
        .collect()
}

/// True once the text is on the clipboard.
pub(crate) async fn copy(text: &str) -> bool {
    let navigator: JsValue = window().navigator().into();
    // Pages without a secure context have no clipboard.
    let has_clipboard = Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|clipboard| !clipboard.is_undefined());
    if !has_clipboard {
        return false;
    }
    let promise = window().navigator().clipboard().write_text(text);
    JsFuture::from(promise).await.is_ok()
}

/// Offers `text` to the reader as a file.
pub(crate) fn download(file_name: &str, mime_type: &str, text: &str) -> Option<()> {
    let options = BlobPropertyBag::new();
    options.set_type(mime_type);
    let parts = Array::of1(&JsValue::from_str(text));
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options).ok()?;
    let url = Url::create_object_url_with_blob(&blob).ok()?;
    let link: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_href(&url);
    link.set_download(file_name);
    link.click();
    Url::revoke_object_url(&url).ok()
}

// The browser knows the letters of every script: Rust's own tables would be downloaded.

pub(crate) fn lowercase(words: &str) -> String {
    JsString::from(words).to_lower_case().into()
}

pub(crate) fn uppercase(words: &str) -> String {
    JsString::from(words).to_upper_case().into()
}

/// A number as people type it, with a point or a comma.
pub(crate) fn parse_number(words: &str) -> Option<f64> {
    let number = JsValue::from_str(&words.trim().replace(',', ".")).unchecked_into_f64();
    (number.is_finite() && !words.trim().is_empty()).then_some(number)
}

/// The shortest words for a number: `0.5`, `12`.
pub(crate) fn number_words(number: f64) -> String {
    let words = js_sys::Number::from(number).to_string_with_radix(10);
    words.map(String::from).unwrap_or_default()
}

/// A value made fit for a query string.
pub(crate) fn escape(value: &str) -> String {
    encode_uri_component(value).into()
}

/// `days` ago, as the wire says times.
pub(crate) fn days_ago(days: u32) -> Timestamp {
    let milliseconds = Date::now() - f64::from(days) * 86_400_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "seconds fit an i64")]
    let seconds = (milliseconds / 1000.0) as i64;
    Timestamp { seconds, nanos: 0 }
}

/// Pretty-prints JSON; gives it back as it is when it is none.
pub(crate) fn pretty_json(json: &str) -> String {
    js_sys::JSON::parse(json)
        .and_then(|value| {
            js_sys::JSON::stringify_with_replacer_and_space(
                &value,
                &JsValue::NULL,
                &JsValue::from_f64(2.0),
            )
        })
        .map_or_else(|_| json.to_owned(), String::from)
}

/// Moves the focus among the elements of `container` that match, with the arrows or j and k.
pub(crate) fn walk(event: &KeyboardEvent, container: &Element, selector: &str) {
    let by = match (event.key().as_str(), event.code().as_str()) {
        ("ArrowDown", _) | (_, "KeyJ") => 1,
        ("ArrowUp", _) | (_, "KeyK") => -1,
        _ => return,
    };
    let active = document().active_element();
    // Keys typed into a field are the field's.
    let is_typing = active.as_ref().is_some_and(|active| {
        matches!(active.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    });
    let Ok(rows) = container.query_selector_all(selector) else {
        return;
    };
    if is_typing || rows.length() == 0 {
        return;
    }
    event.prevent_default();
    let present = (0..rows.length()).find(|&place| {
        let row = rows.item(place);
        row.as_ref() == active.as_ref().map(|element| element.as_ref())
    });
    let last = i64::from(rows.length()) - 1;
    let next = present.map_or(0, |place| (i64::from(place) + by).clamp(0, last));
    let row = u32::try_from(next).ok().and_then(|next| rows.item(next));
    if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
        let _ = row.focus();
    }
}

/// Moves the focus to the first element of `container` that matches.
pub(crate) fn focus(container: &Element, selector: &str) {
    let first = container.query_selector(selector).ok().flatten();
    if let Some(first) = first.and_then(|first| first.dyn_into::<HtmlElement>().ok()) {
        let _ = first.focus();
    }
}

/// Whether the text is JSON.
pub(crate) fn is_json(text: &str) -> bool {
    js_sys::JSON::parse(text).is_ok()
}
