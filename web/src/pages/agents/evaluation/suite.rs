use leptos::prelude::*;

use super::case_form::CaseForm;
use super::run::RunSheet;
use super::suites::Board;
use super::words::RunBadge;
use crate::api::evaluation::{self, EvalCase, EvalRun, EvalSuite};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{
    Button, DeleteDialog, Glyph, IconButton, RelativeTime, Screen, Sheet, Switch, Toasts,
};

/// What can be done with the cases of a suite.
#[derive(Clone, Copy)]
pub(super) struct Cases {
    pub(super) suite: StoredValue<String>,
    pub(super) list: Query<Vec<EvalCase>>,
    pub(super) editing: RwSignal<Option<EvalCase>>,
    deleting: RwSignal<Option<EvalCase>>,
    pub(super) may_write: bool,
    busy: RwSignal<bool>,
    pub(super) toasts: Toasts,
}

/// A suite with its cases and runs.
#[component]
pub(super) fn SuiteSheet(suite: EvalSuite, board: Board, on_close: Callback<()>) -> impl IntoView {
    let t = text::evaluation();
    let (of_cases, of_runs) = (suite.name.clone(), suite.name.clone());
    let cases = Cases {
        suite: StoredValue::new(suite.name),
        list: Query::once(move || evaluation::cases(of_cases.clone())),
        editing: RwSignal::new(None),
        deleting: RwSignal::new(None),
        may_write: board.may_write,
        busy: RwSignal::new(false),
        toasts: board.toasts,
    };
    let runs = Query::once(move || evaluation::runs(of_runs.clone()));
    let opened = RwSignal::new(None::<(EvalRun, Option<String>)>);
    let create = Callback::new(move |()| {
        cases.editing.set(Some(EvalCase {
            enabled: Some(true),
            ..EvalCase::default()
        }));
    });
    view! {
        <Sheet title=suite.display_name on_close>
            <div class="row between row-wrap">
                <h3>{t.cases}</h3>
                <Button glyph=Glyph::Plus disabled=!cases.may_write on_press=create>
                    {t.new_case}
                </Button>
            </div>
            <Screen query=cases.list count=3 children=move |all| case_rows(all, cases) />
            <h3>{t.runs}</h3>
            <Screen query=runs count=2 children=move |all| run_rows(all, opened) />
            <CaseEditor cases />
            <DeleteDialog
                doomed=cases.deleting
                title=t.delete_case
                words=t.delete_case_text
                gone=t.deleted
                delete=|case: EvalCase| evaluation::delete_case(case.name, case.etag)
                on_gone=move |()| cases.list.reload()
            />
            {move || {
                opened
                    .get()
                    .map(|(run, before)| {
                        let close = Callback::new(move |()| opened.set(None));
                        view! { <RunSheet run=run.name before on_close=close /> }
                    })
            }}
        </Sheet>
    }
    .into_any()
}

fn case_rows(all: Vec<EvalCase>, cases: Cases) -> AnyView {
    let t = text::evaluation();
    if all.is_empty() {
        return view! { <p class="soft">{t.cases_empty}</p> }.into_any();
    }
    let rows = all
        .into_iter()
        .map(|case| view! { <CaseRow case cases /> })
        .collect_view();
    view! {
        <ul class="stack-tight" aria-label=t.cases>
            {rows}
        </ul>
    }
    .into_any()
}

#[component]
fn CaseRow(case: EvalCase, cases: Cases) -> impl IntoView {
    let t = text::evaluation();
    let (opened, turned, doomed) = (case.clone(), case.clone(), case.clone());
    let enabled = case.enabled.unwrap_or(true);
    let turn = move |on: bool| {
        let case = EvalCase {
            enabled: Some(on),
            ..turned.clone()
        };
        let asked = evaluation::save_case(cases.suite.get_value(), case);
        cases
            .toasts
            .attempt(cases.busy, asked, move |_| cases.list.reload());
    };
    view! {
        <li class="card card-body row between row-wrap">
            <button
                type="button"
                class="link grow"
                on:click=move |_| cases.editing.set(Some(opened.clone()))
            >
                {case.display_name}
            </button>
            <Switch label=t.enabled value=enabled disabled=!cases.may_write on_change=turn />
            <IconButton
                glyph=Glyph::Trash
                label=text::common().delete
                disabled=!cases.may_write
                on_press=move || cases.deleting.set(Some(doomed.clone()))
            />
        </li>
    }
    .into_any()
}

fn run_rows(all: Vec<EvalRun>, opened: RwSignal<Option<(EvalRun, Option<String>)>>) -> AnyView {
    let t = text::evaluation();
    if all.is_empty() {
        return view! { <p class="soft">{t.runs_empty}</p> }.into_any();
    }
    let names: Vec<_> = all.iter().map(|run| run.name.clone()).collect();
    let rows = all
        .into_iter()
        .zip(1..)
        .map(|(run, next)| {
            let before = names.get(next).cloned();
            let (state, cost) = (run.state(), format::micro_usd(run.cost_micro_usd));
            let passed = (t.passed_of)(run.passed_count, run.case_count);
            let time = run.create_time;
            view! {
                <li class="card card-body row between row-wrap">
                    <button
                        type="button"
                        class="link"
                        on:click=move |_| opened.set(Some((run.clone(), before.clone())))
                    >
                        <RunBadge state />
                        " "
                        {passed}
                    </button>
                    <span class="small muted">
                        {cost} " · " <RelativeTime time />
                    </span>
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="stack-tight" aria-label=t.runs>
            {rows}
        </ul>
    }
    .into_any()
}

#[component]
fn CaseEditor(cases: Cases) -> impl IntoView {
    let t = text::evaluation();
    move || {
        cases.editing.get().map(|case| {
            let title = if case.name.is_empty() {
                t.new_case
            } else {
                t.edit_case
            };
            view! {
                <Sheet title on_close=move |()| cases.editing.set(None)>
                    <CaseForm before=case cases />
                </Sheet>
            }
        })
    }
}
