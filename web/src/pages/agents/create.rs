use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::api::agents::{self, Agent, Creativity};
use crate::i18n::text;
use crate::task;
use crate::ui::{
    Button, Dialog, FormErrors, FormFailure, Look, RadioChoice, RadioOption, TextInput,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Template {
    Seller,
    Support,
    Booking,
    Blank,
}

impl Template {
    const ALL: [Self; 4] = [Self::Seller, Self::Support, Self::Booking, Self::Blank];

    fn of(value: i32) -> Self {
        let found = Self::ALL
            .into_iter()
            .find(|template| *template as i32 == value);
        found.unwrap_or(Self::Blank)
    }
}

/// A name and a template; the editor is next.
#[component]
pub(super) fn CreateAgent(#[prop(into)] on_close: Callback<()>) -> impl IntoView {
    let t = text::agents();
    view! {
        <Dialog title=t.create_title on_close wide=true>
            <CreateForm on_close />
        </Dialog>
    }
}

#[component]
fn CreateForm(on_close: Callback<()>) -> impl IntoView {
    let t = text::agents();
    let errors = FormErrors::provide();
    let name = RwSignal::new(String::new());
    let template = RwSignal::new(Template::Seller as i32);
    let busy = RwSignal::new(false);
    let navigate = use_navigate();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        if !errors.require("agent.display_name", &name.get_untracked()) {
            return;
        }
        let agent = new_agent(name.get_untracked(), Template::of(template.get_untracked()));
        let navigate = navigate.clone();
        busy.set(true);
        task::spawn(async move {
            let answer = agents::create(agent).await;
            busy.set(false);
            match answer {
                Ok(agent) => navigate(&format!("/{}/general", agent.name), Default::default()),
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit novalidate=true>
            <FormFailure />
            <TextInput
                label=t.create_name
                name="agent.display_name"
                value=name
                hint=text::editor().name_hint
                autofocus=true
            />
            <RadioChoice label=t.create_from options=options() value=template row=true />
            <div class="dialog-actions">
                <Button on_press=on_close>{text::common().cancel}</Button>
                <Button look=Look::Primary submit=true busy>
                    {t.create}
                </Button>
            </div>
        </form>
    }
    .into_any()
}

fn options() -> Vec<RadioOption> {
    let t = text::templates();
    [
        (Template::Seller, t.seller, t.seller_text),
        (Template::Support, t.support, t.support_text),
        (Template::Booking, t.booking, t.booking_text),
        (
            Template::Blank,
            text::agents().blank,
            text::agents().blank_text,
        ),
    ]
    .into_iter()
    .map(|(template, label, text)| RadioOption {
        value: template as i32,
        label,
        text,
    })
    .collect()
}

/// An agent with the template's instructions; what is left out is the platform's default.
fn new_agent(display_name: String, template: Template) -> Agent {
    let t = text::templates();
    let (instructions, creativity) = match template {
        Template::Seller => (t.seller_instructions, Creativity::Balanced),
        Template::Support => (t.support_instructions, Creativity::Precise),
        Template::Booking => (t.booking_instructions, Creativity::Precise),
        Template::Blank => ("", Creativity::Balanced),
    };
    Agent {
        display_name,
        instructions: instructions.to_owned(),
        creativity: creativity.into(),
        ..Agent::default()
    }
}
