use leptos::prelude::*;
use leptos_router::components::A;

use crate::api::Problem;
use crate::api::evaluation::{self, EvalSuite};
use crate::api::inbox;
use crate::i18n::text;
use crate::query::Query;
use crate::session::Session;
use crate::ui::{Button, Choice, Dialog, Glyph, Look, Screen, Select, Toasts};

/// An agent and its suites.
type Suites = (String, Vec<EvalSuite>);

/// The way from an answer to a test that asks for the same.
#[component]
pub(super) fn CaseButton(
    /// `conversations/{conversation}/turns/{turn}`.
    turn: String,
) -> impl IntoView {
    let t = text::trace();
    let choosing = RwSignal::new(false);
    let turn = StoredValue::new(turn);
    Session::get().may("agents.write").then(|| {
        view! {
            <div class="row">
                <Button glyph=Glyph::Plus on_press=move |()| choosing.set(true)>
                    {t.to_case}
                </Button>
            </div>
            <Show when=move || choosing.get()>
                <CaseDialog turn=turn.get_value() choosing />
            </Show>
        }
    })
}

#[component]
fn CaseDialog(turn: String, choosing: RwSignal<bool>) -> impl IntoView {
    let t = text::trace();
    let of_suites = turn.clone();
    let query = Query::once(move || suites(of_suites.clone()));
    view! {
        <Dialog title=t.to_case on_close=move |()| choosing.set(false)>
            <p class="soft">{t.to_case_text}</p>
            <Screen
                query
                count=2
                children=move |(agent, suites)| choice(&agent, suites, turn.clone(), choosing)
            />
        </Dialog>
    }
    .into_any()
}

/// Those of the agent that answered.
async fn suites(turn: String) -> Result<Suites, Problem> {
    let conversation = turn.split("/turns/").next().unwrap_or_default();
    let agent = inbox::get(conversation.to_owned()).await?.agent;
    let suites = evaluation::suites(agent.clone()).await?;
    Ok((agent, suites))
}

fn choice(agent: &str, suites: Vec<EvalSuite>, turn: String, choosing: RwSignal<bool>) -> AnyView {
    let t = text::trace();
    let Some(first) = suites.first() else {
        let href = format!("/{agent}/tests");
        return view! {
            <p>{t.no_suites}</p>
            <div class="dialog-actions">
                <A href attr:class="button button-primary">
                    {t.make_suite}
                </A>
            </div>
        }
        .into_any();
    };
    let (toasts, busy) = (Toasts::get(), RwSignal::new(false));
    let suite = RwSignal::new(first.name.clone());
    let choices: Vec<_> = suites
        .into_iter()
        .map(|suite| Choice::new(suite.name, suite.display_name))
        .collect();
    let copy = Callback::new(move |()| {
        let asked = evaluation::copy_turn(suite.get_untracked(), turn.clone());
        toasts.attempt(busy, asked, move |_| {
            choosing.set(false);
            toasts.say(t.case_made);
        });
    });
    view! {
        <Select label=t.suite name="parent" value=suite choices />
        <div class="dialog-actions">
            <Button look=Look::Primary busy on_press=copy>
                {text::common().add}
            </Button>
        </div>
    }
    .into_any()
}
