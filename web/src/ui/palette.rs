use leptos::html;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::dialog::{is_beside, open_modal};
use super::{Glyph, Icon, next_id};
use crate::browser;
use crate::i18n::text;

/// Something the palette can do.
#[derive(Clone)]
pub(crate) struct Command {
    pub(crate) group: &'static str,
    pub(crate) label: String,
    pub(crate) glyph: Glyph,
    pub(crate) run: Callback<()>,
}

/// Every page and action behind one line of text. Render it while it is open.
#[component]
pub(crate) fn Palette(
    #[prop(into)] commands: Signal<Vec<Command>>,
    #[prop(into)] on_close: Callback<()>,
) -> impl IntoView {
    let t = text::shell();
    let dialog = NodeRef::<html::Dialog>::new();
    open_modal(dialog);
    let words = RwSignal::new(String::new());
    let chosen = RwSignal::new(0usize);
    let list_id = next_id("palette");
    let found = Memo::new(move |_| matching(&commands.get(), &words.get()));
    let run = move |index: usize| {
        let command = found.with_untracked(|found| {
            let place = found.get(index).copied();
            place.and_then(|place| commands.with_untracked(|all| all.get(place).cloned()))
        });
        if let Some(command) = command {
            on_close.run(());
            command.run.run(());
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let last = found.with_untracked(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|chosen| *chosen = (*chosen + 1).min(last)),
            "ArrowUp" => chosen.update(|chosen| *chosen = chosen.saturating_sub(1)),
            "Enter" => run(chosen.get_untracked()),
            _ => return,
        }
        event.prevent_default();
    };
    let (controls, box_id, option_prefix) = (list_id.clone(), list_id.clone(), list_id.clone());
    let active = move || format!("{option_prefix}-{}", chosen.get());
    view! {
        <dialog
            class="dialog palette"
            node_ref=dialog
            aria-label=t.palette
            on:cancel=move |event: leptos::ev::Event| {
                event.prevent_default();
                on_close.run(());
            }
            on:click=move |event| {
                if is_beside(&event, dialog) {
                    on_close.run(());
                }
            }
        >
            <input
                class="palette-input"
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls=controls
                aria-activedescendant=active
                aria-label=t.command
                placeholder=t.command
                autofocus=true
                on:keydown=on_key
                on:input=move |event| {
                    words.set(event_target_value(&event));
                    chosen.set(0);
                }
            />
            <div class="palette-list" id=box_id role="listbox" aria-label=t.palette>
                {move || results(&commands.get(), &found.get(), chosen, &list_id, run)}
            </div>
        </dialog>
    }
    .into_any()
}

/// Places of the commands in which every typed word begins some word.
fn matching(commands: &[Command], words: &str) -> Vec<usize> {
    let typed: Vec<String> = words.split_whitespace().map(browser::lowercase).collect();
    let fits = |command: &Command| {
        let label = browser::lowercase(&command.label);
        typed.iter().all(|word| label.contains(word.as_str()))
    };
    commands
        .iter()
        .enumerate()
        .filter(|(_, command)| fits(command))
        .map(|(index, _)| index)
        .take(50)
        .collect()
}

fn results(
    commands: &[Command],
    found: &[usize],
    chosen: RwSignal<usize>,
    list_id: &str,
    run: impl Fn(usize) + Copy + 'static,
) -> AnyView {
    if found.is_empty() {
        return view! { <p class="menu-label">{text::shell().palette_empty}</p> }.into_any();
    }
    let mut group = "";
    found
        .iter()
        .enumerate()
        .filter_map(|(place, &index)| commands.get(index).map(|command| (place, command)))
        .map(|(place, command)| {
            let heading = (command.group != group).then_some(command.group);
            group = command.group;
            view! {
                {heading.map(|heading| view! { <div class="menu-label">{heading}</div> })}
                <div
                    class="menu-item"
                    id=format!("{list_id}-{place}")
                    role="option"
                    aria-selected=move || (chosen.get() == place).to_string()
                    on:click=move |_| run(place)
                    on:pointermove=move |_| {
                        if chosen.get_untracked() != place {
                            chosen.set(place);
                        }
                    }
                >
                    <Icon glyph=command.glyph />
                    {command.label.clone()}
                </div>
            }
        })
        .collect_view()
        .into_any()
}
