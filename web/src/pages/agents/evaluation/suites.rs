use leptos::prelude::*;

use super::suite::SuiteSheet;
use super::suite_form::SuiteForm;
use super::words::{RunBadge, has_ended};
use crate::api::evaluation::{self, EvalRun, EvalSuite};
use crate::api::live::LiveJobs;
use crate::i18n::text;
use crate::pages::agents::form::AgentForm;
use crate::query::Query;
use crate::session::Session;
use crate::ui::{
    Badge, Button, DeleteDialog, Empty, Glyph, IconButton, Look, Progress, RelativeTime, Screen,
    Sheet, Toasts, Tone,
};

/// What can be done with the suites.
#[derive(Clone, Copy)]
pub(super) struct Board {
    pub(super) agent: StoredValue<String>,
    pub(super) list: Query<Vec<EvalSuite>>,
    pub(super) may_write: bool,
    pub(super) editing: RwSignal<Option<EvalSuite>>,
    opened: RwSignal<Option<EvalSuite>>,
    deleting: RwSignal<Option<EvalSuite>>,
    pub(super) toasts: Toasts,
}

/// The tab «Tests».
#[component]
pub(crate) fn Suites() -> impl IntoView {
    let t = text::evaluation();
    let form = expect_context::<AgentForm>();
    let agent = form.base.with_untracked(|agent| agent.name.clone());
    let of_agent = agent.clone();
    let board = Board {
        agent: StoredValue::new(agent),
        list: Query::once(move || evaluation::suites(of_agent.clone())),
        may_write: Session::get().may("agents.write"),
        editing: RwSignal::new(None),
        opened: RwSignal::new(None),
        deleting: RwSignal::new(None),
        toasts: Toasts::get(),
    };
    expect_context::<LiveJobs>().subscribe();
    let create = Callback::new(move |()| board.editing.set(Some(EvalSuite::default())));
    view! {
        <div class="row between row-wrap">
            <p class="soft grow">{t.lead}</p>
            <Button
                look=Look::Primary
                glyph=Glyph::Plus
                disabled=!board.may_write
                on_press=create
            >
                {t.new_suite}
            </Button>
        </div>
        <Screen query=board.list count=3 children=move |all| cards(all, board) />
        <Editor board />
        <Opened board />
        <DeleteDialog
            doomed=board.deleting
            title=t.delete_suite
            words=t.delete_suite_text
            gone=t.deleted
            delete=|suite: EvalSuite| evaluation::delete_suite(suite.name, suite.etag)
            on_gone=move |()| board.list.reload()
        />
    }
    .into_any()
}

fn cards(all: Vec<EvalSuite>, board: Board) -> AnyView {
    let t = text::evaluation();
    if all.is_empty() {
        return view! {
            <Empty glyph=Glyph::Check title=t.suites_empty words=t.suites_empty_text />
        }
        .into_any();
    }
    let cards = all
        .into_iter()
        .map(|suite| view! { <Card suite board /> })
        .collect_view();
    view! { <div class="stack-tight">{cards}</div> }.into_any()
}

#[component]
fn Card(suite: EvalSuite, board: Board) -> impl IntoView {
    let t = text::evaluation();
    let (opened, edited, doomed) = (suite.clone(), suite.clone(), suite.clone());
    view! {
        <section class="card card-body stack-tight">
            <div class="row between">
                <div class="grow">
                    <button
                        type="button"
                        class="link"
                        on:click=move |_| board.opened.set(Some(opened.clone()))
                    >
                        <strong>{suite.display_name.clone()}</strong>
                    </button>
                    <div class="row row-wrap">
                        <span class="small muted">{(t.counted)(suite.case_count)}</span>
                        {suite
                            .required_for_publish
                            .then(|| view! { <Badge label=t.required tone=Tone::Info /> })}
                    </div>
                </div>
                <IconButton
                    glyph=Glyph::Edit
                    label=t.edit_suite
                    disabled=!board.may_write
                    on_press=move || board.editing.set(Some(edited.clone()))
                />
                <IconButton
                    glyph=Glyph::Trash
                    label=text::common().delete
                    disabled=!board.may_write
                    on_press=move || board.deleting.set(Some(doomed.clone()))
                />
            </div>
            <LastRun suite=suite.name board />
        </section>
    }
    .into_any()
}

/// The newest run of a suite, kept up with its job.
#[component]
fn LastRun(suite: String, board: Board) -> impl IntoView {
    let (of_runs, of_jobs) = (suite.clone(), suite.clone());
    let runs = Query::once(move || evaluation::runs(of_runs.clone()));
    let live = expect_context::<LiveJobs>();
    Effect::new(move |_| {
        let is_own = |resource: &str| resource.starts_with(&of_jobs);
        if live
            .last
            .with(|job| job.as_ref().is_some_and(|job| is_own(&job.resource)))
        {
            runs.reload();
        }
    });
    let suite = StoredValue::new(suite);
    let busy = RwSignal::new(false);
    let start = Callback::new(move |()| {
        let asked = evaluation::run(suite.get_value());
        board.toasts.attempt(busy, asked, move |_| runs.reload());
    });
    let last = move |all: Vec<EvalRun>| {
        let t = text::evaluation();
        let last = all.into_iter().next();
        let is_under_way = last.as_ref().is_some_and(|run| !has_ended(run.state()));
        let button = (!is_under_way).then(|| {
            view! {
                <Button glyph=Glyph::Play busy disabled=!board.may_write on_press=start>
                    {t.run_all}
                </Button>
            }
        });
        let shown = match last {
            None => view! { <span class="soft">{t.runs_empty}</span> }.into_any(),
            Some(run) => view! { <RunLine run board runs /> }.into_any(),
        };
        view! { <div class="row between row-wrap">{shown} {button}</div> }
    };
    view! { <Screen query=runs count=1 children=last /> }.into_any()
}

#[component]
fn RunLine(run: EvalRun, board: Board, runs: Query<Vec<EvalRun>>) -> impl IntoView {
    let t = text::evaluation();
    let (state, busy) = (run.state(), RwSignal::new(false));
    let passed = (t.passed_of)(run.passed_count, run.case_count);
    if has_ended(state) {
        return view! {
            <div class="row row-wrap">
                <RunBadge state />
                <span class="small">{passed}</span>
                <span class="small muted">
                    <RelativeTime time=run.create_time />
                </span>
            </div>
        }
        .into_any();
    }
    let name = run.name.clone();
    let cancel = Callback::new(move |()| {
        let asked = evaluation::cancel_run(name.clone());
        board.toasts.attempt(busy, asked, move |_| runs.reload());
    });
    let done = run.passed_count + run.failed_count;
    let percent = (done * 100).checked_div(run.case_count);
    view! {
        <div class="grow">
            <Progress percent label=passed />
        </div>
        <Button glyph=Glyph::Stop busy disabled=!board.may_write on_press=cancel>
            {t.cancel}
        </Button>
    }
    .into_any()
}

#[component]
fn Editor(board: Board) -> impl IntoView {
    let t = text::evaluation();
    move || {
        board.editing.get().map(|suite| {
            let title = if suite.name.is_empty() {
                t.new_suite
            } else {
                t.edit_suite
            };
            view! {
                <Sheet title on_close=move |()| board.editing.set(None)>
                    <SuiteForm before=suite board />
                </Sheet>
            }
        })
    }
}

#[component]
fn Opened(board: Board) -> impl IntoView {
    move || {
        board.opened.get().map(|suite| {
            let close = Callback::new(move |()| {
                board.opened.set(None);
                board.list.reload();
            });
            view! { <SuiteSheet suite board on_close=close /> }
        })
    }
}
