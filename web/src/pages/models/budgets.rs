use leptos::prelude::*;

use super::budget_form::BudgetForm;
use super::shared::{ReadOnly, resource_words};
use super::usage::share;
use crate::api::agents::{self, Agent};
use crate::api::budgets::{self, Budget, BudgetExhaustion, BudgetPeriod};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::session::Session;
use crate::ui::{
    Badge, Button, DeleteDialog, Dialog, Empty, Glyph, IconButton, Look, Meter, Screen, Toasts,
    Tone,
};

/// What can be done with the budgets.
#[derive(Clone, Copy)]
struct Board {
    list: Query<Vec<Budget>>,
    agents: Query<Vec<Agent>>,
    /// A budget without a name is a new one.
    editing: RwSignal<Option<Budget>>,
    deleting: RwSignal<Option<Budget>>,
    toasts: Toasts,
    may_write: bool,
}

/// The tab «Budgets».
#[component]
pub(crate) fn Budgets() -> impl IntoView {
    let t = text::budgets();
    let board = Board {
        list: Query::once(budgets::all),
        agents: Query::once(agents::all),
        editing: RwSignal::new(None),
        deleting: RwSignal::new(None),
        toasts: Toasts::get(),
        may_write: Session::get().may("llm.write"),
    };
    let create = Callback::new(move |()| board.editing.set(Some(Budget::default())));
    view! {
        <ReadOnly />
        <div class="row row-wrap between">
            <p class="soft grow">{t.lead}</p>
            <Button look=Look::Primary glyph=Glyph::Plus disabled=!board.may_write on_press=create>
                {t.create}
            </Button>
        </div>
        <Screen query=board.list count=3 children=move |all| cards(all, board) />
        <section class="card card-body stack-tight">
            <h2>{t.at_limit}</h2>
            <ul class="numbered">
                <li>{t.at_80}</li>
                <li>{t.at_100}</li>
                <li>{t.at_reset}</li>
            </ul>
        </section>
        <Editor board />
        <DeleteDialog
            doomed=board.deleting
            title=t.delete_title
            words=t.delete_text
            gone=t.deleted
            delete=|budget: Budget| budgets::delete(budget.name)
            on_gone=move |()| board.list.reload()
        />
    }
    .into_any()
}

fn cards(all: Vec<Budget>, board: Board) -> AnyView {
    let t = text::budgets();
    if all.is_empty() {
        return view! { <Empty glyph=Glyph::Price title=t.empty words=t.empty_text /> }.into_any();
    }
    let rows = all
        .into_iter()
        .map(|budget| view! { <Card budget board /> })
        .collect_view();
    view! { <div class="stack">{rows}</div> }.into_any()
}

#[component]
fn Card(budget: Budget, board: Board) -> impl IntoView {
    let t = text::budgets();
    let (opened, doomed) = (budget.clone(), budget.clone());
    let used = used(&budget);
    let (label, tone) = state_words(used);
    let resource = budget.resource.clone();
    let name = move || resource_words(&board.agents.data.get().unwrap_or_default(), &resource);
    let spent = format::micro_usd(budget.spent_micro_usd);
    let cap = format::micro_usd(budget.cap_micro_usd);
    let sum = (t.spent_of)(&spent, &cap);
    view! {
        <section class="card card-body stack-tight">
            <div class="row row-wrap between">
                <div class="row row-wrap">
                    <strong>{name}</strong>
                    <span class="muted">{period_word(budget.period())}</span>
                    <Badge label tone />
                </div>
                <div class="row">
                    <IconButton
                        glyph=Glyph::Edit
                        label=text::common().edit
                        disabled=!board.may_write
                        on_press=move || board.editing.set(Some(opened.clone()))
                    />
                    <IconButton
                        glyph=Glyph::Trash
                        label=text::common().delete
                        disabled=!board.may_write
                        on_press=move || board.deleting.set(Some(doomed.clone()))
                    />
                </div>
            </div>
            <Meter label=t.meter share=used tone />
            <div class="row row-wrap between small">
                <span class="numeric">{sum} " · " {format::percent(used)}</span>
                <span class="muted">{forecast_words(&budget)}</span>
            </div>
            <p class="small muted">{details(&budget)}</p>
        </section>
    }
    .into_any()
}

/// With nothing to spend, all of it is spent.
fn used(budget: &Budget) -> f64 {
    if budget.cap_micro_usd == 0 {
        return 1.0;
    }
    share(budget.spent_micro_usd, budget.cap_micro_usd)
}

fn state_words(used: f64) -> (&'static str, Tone) {
    let t = text::budgets();
    if used >= 1.0 {
        (t.spent_all, Tone::Danger)
    } else if used >= 0.8 {
        (t.spent_most, Tone::Warn)
    } else {
        (t.within, Tone::Success)
    }
}

pub(super) fn period_word(period: BudgetPeriod) -> &'static str {
    let t = text::budgets();
    match period {
        BudgetPeriod::Day => t.a_day,
        BudgetPeriod::Month | BudgetPeriod::Unspecified => t.a_month,
    }
}

fn forecast_words(budget: &Budget) -> String {
    let t = text::budgets();
    let forecast = format::micro_usd(budget.forecast_micro_usd);
    if budget.forecast_micro_usd > budget.cap_micro_usd {
        (t.forecast_over)(&forecast)
    } else {
        (t.forecast)(&forecast)
    }
}

/// What runs now, what happens at the limit, and when it begins anew.
fn details(budget: &Budget) -> String {
    let t = text::budgets();
    let reset = budget.reset_time.as_ref().map(format::exact_time);
    let reset = (t.resets)(&reset.unwrap_or_default());
    let rule = match budget.exhaustion() {
        BudgetExhaustion::Unspecified | BudgetExhaustion::Degrade => t.then_degrade,
        BudgetExhaustion::Refuse => t.then_refuse,
    };
    if budget.reserved_micro_usd == 0 {
        return format!("{rule} · {reset}");
    }
    let reserved = format::micro_usd(budget.reserved_micro_usd);
    format!("{} · {rule} · {reset}", (t.reserved)(&reserved))
}

#[component]
fn Editor(board: Board) -> impl IntoView {
    let t = text::budgets();
    move || {
        board.editing.get().map(|before| {
            let title = if before.name.is_empty() {
                t.create
            } else {
                t.edit
            };
            let close = Callback::new(move |()| board.editing.set(None));
            let saved = Callback::new(move |()| {
                board.editing.set(None);
                board.toasts.say(text::common().saved);
                board.list.reload();
            });
            view! {
                <Dialog title on_close=close>
                    <BudgetForm before agents=board.agents on_saved=saved on_close=close />
                </Dialog>
            }
        })
    }
}
