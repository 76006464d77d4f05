use leptos::prelude::*;

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
    let mut words = name
        .split(|letter: char| !letter.is_alphanumeric())
        .filter_map(|word| word.chars().next());
    let letters: String = words.by_ref().take(2).collect();
    letters.to_uppercase()
}
