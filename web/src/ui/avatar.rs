use leptos::prelude::*;

use crate::browser;

/// Two letters for a person, an organization or an agent.
#[component]
pub(crate) fn Avatar(
    #[prop(into)] name: String,
    #[prop(optional)] square: bool,
    #[prop(optional)] bot: bool,
) -> impl IntoView {
    view! {
        <span class="avatar" class:avatar-square=square class:avatar-bot=bot aria-hidden="true">
            {initials(&name)}
        </span>
    }
}

fn initials(name: &str) -> String {
    let is_mark = |letter: char| letter.is_ascii_punctuation() || "«»„“”—–".contains(letter);
    let words = name.split(|letter: char| letter.is_whitespace() || is_mark(letter));
    let letters = words.filter_map(|word| word.chars().next());
    browser::uppercase(&letters.take(2).collect::<String>())
}
