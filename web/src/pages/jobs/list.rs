use leptos::prelude::*;

use super::queues::Queues;
use super::state::{StateBadge, is_open, kind_word};
use crate::api::Problem;
use crate::api::jobs::{self, Job, JobState};
use crate::api::live::LiveJobs;
use crate::i18n::text;
use crate::ingestion;
use crate::query::Query;
use crate::session::Session;
use crate::task;
use crate::ui::{
    Badge, Button, Chip, CopyId, Empty, Glyph, IconButton, LoadMore, Page, Progress, RelativeTime,
    Screen, Sheet, Table, TableRow, Toasts, Tone,
};
use crate::url_state::url_state;

type JobPage = (Vec<Job>, String);

/// What can be done with a job, and which one is looked at.
#[derive(Clone, Copy)]
struct Actions {
    query: Query<JobPage>,
    toasts: Toasts,
    shown: RwSignal<Option<Job>>,
    may_write: bool,
}

impl Actions {
    fn run(self, change: impl Future<Output = Result<Job, Problem>> + 'static, done: &'static str) {
        task::spawn(async move {
            match change.await {
                Ok(job) => {
                    self.toasts.say(done);
                    if job.display_name.is_empty() {
                        // Housekeeping: off the list as long as it goes well.
                        self.query.reload();
                    } else {
                        self.query.patch(|(jobs, _)| replace(jobs, &job));
                    }
                    self.shown.update(|shown| {
                        if shown.as_ref().is_some_and(|shown| shown.name == job.name) {
                            *shown = Some(job);
                        }
                    });
                }
                Err(problem) => self.toasts.problem(&problem),
            }
        });
    }
}

fn replace(jobs: &mut [Job], newer: &Job) {
    if let Some(job) = jobs.iter_mut().find(|job| job.name == newer.name) {
        *job = newer.clone();
    }
}

/// Long work, as it goes on.
#[component]
pub(crate) fn JobList() -> impl IntoView {
    let t = text::jobs();
    let live = expect_context::<LiveJobs>();
    live.subscribe();
    let (show, set_show) = url_state("show");
    let query = Query::keyed(
        move || (show.get(), live.epoch.get()),
        |(show, _)| jobs::list(states_of(&show), String::new()),
    );
    let fresh = follow(live, query, show);
    let actions = Actions {
        query,
        toasts: Toasts::get(),
        shown: RwSignal::new(None),
        may_write: Session::get().may("jobs.write"),
    };
    let filters = [
        ("", text::common().all),
        ("open", t.filter_active),
        ("failed", t.filter_failed),
        ("done", t.filter_done),
    ];
    let chips = filters
        .into_iter()
        .map(|(word, label)| {
            let pressed = Signal::derive(move || show.get() == word);
            view! { <Chip label pressed on_press=move || set_show(word.to_owned()) /> }
        })
        .collect_view();
    let show_fresh = Callback::new(move |()| {
        fresh.set(0);
        query.reload();
    });
    view! {
        <Page title=t.title badge=move || view! { <LiveBadge live /> }>
            <div class="filters">
                {chips}
                <Show when=move || fresh.get() != 0>
                    <Button glyph=Glyph::Refresh on_press=show_fresh>
                        {move || (t.fresh)(fresh.get())}
                    </Button>
                </Show>
            </div>
            <Screen query children=move |page| job_table(page, actions) />
            <MoreJobs query show />
            <Queues may_write=actions.may_write />
            <JobSheet actions />
        </Page>
    }
}

fn states_of(show: &str) -> Vec<JobState> {
    match show {
        "open" => vec![
            JobState::Scheduled,
            JobState::Ready,
            JobState::Running,
            JobState::Retrying,
        ],
        "failed" => vec![JobState::Dead],
        "done" => vec![JobState::Succeeded, JobState::Cancelled],
        _ => Vec::new(),
    }
}

#[component]
fn LiveBadge(live: LiveJobs) -> impl IntoView {
    let t = text::jobs();
    move || {
        if live.connected.get() {
            view! { <Badge label=t.live tone=Tone::Success live=true /> }
        } else {
            view! { <Badge label=t.live_off tone=Tone::Neutral live=false /> }
        }
    }
}

/// Changes rows in their place; counts those that are not shown yet, so that nothing jumps.
fn follow(live: LiveJobs, query: Query<JobPage>, show: Signal<String>) -> RwSignal<u64> {
    let fresh = RwSignal::new(0);
    let unseen = StoredValue::new(std::collections::HashSet::<String>::new());
    Effect::new(move |_| {
        let Some(job) = live.last.get() else {
            return;
        };
        let is_shown = query.data.with_untracked(|page| {
            page.as_ref()
                .is_some_and(|(jobs, _)| jobs.iter().any(|shown| shown.name == job.name))
        });
        if is_shown {
            query.patch(|(jobs, _)| replace(jobs, &job));
            return;
        }
        let states = states_of(&show.get_untracked());
        let is_loaded = query.data.with_untracked(Option::is_some);
        let is_wanted = states.is_empty() || states.contains(&job.state());
        // A page with nothing on it cannot jump: new rows go straight in.
        let is_empty = query
            .data
            .with_untracked(|page| page.as_ref().is_some_and(|(jobs, _)| jobs.is_empty()));
        if is_loaded && is_wanted && is_empty {
            query.patch(|(jobs, _)| jobs.push(job));
        } else if is_loaded && is_wanted {
            let is_new = unseen.try_update_value(|unseen| unseen.insert(job.name));
            if is_new == Some(true) {
                fresh.update(|fresh| *fresh += 1);
            }
        }
    });
    fresh
}

fn job_table((jobs, _): JobPage, actions: Actions) -> AnyView {
    if jobs.is_empty() {
        return view! {
            <Empty glyph=Glyph::Jobs title=text::jobs().empty_title words=text::jobs().empty_text />
        }
        .into_any();
    }
    let columns = vec![
        text::jobs().job,
        text::common().status,
        text::jobs().progress,
        text::jobs().attempts,
        text::common().updated,
        "",
    ];
    let rows = jobs
        .into_iter()
        .map(|job| view! { <JobRow job actions /> })
        .collect_view();
    view! {
        <Table caption=text::jobs().caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

#[component]
fn JobRow(job: Job, actions: Actions) -> impl IntoView {
    let t = text::jobs();
    let title = if job.display_name.is_empty() {
        kind_word(&job)
    } else {
        job.display_name.clone()
    };
    let opened = job.clone();
    view! {
        <TableRow on_open=move |()| actions.shown.set(Some(opened.clone()))>
            <td>
                <strong>{title}</strong>
                <div class="small muted">{kind_word(&job)}</div>
            </td>
            <td>
                <StateBadge state=job.state() />
            </td>
            <td>{progress(&job)}</td>
            <td class="numeric" data-label=t.attempts>
                {format!("{} / {}", job.attempt, job.max_attempts)}
            </td>
            <td>
                <RelativeTime time=job.update_time />
            </td>
            <td class="actions">
                <JobButtons job actions />
            </td>
        </TableRow>
    }
}

/// How far it is, or why it failed.
fn progress(job: &Job) -> AnyView {
    match (job.state(), &job.progress, &job.error) {
        (JobState::Running, Some(progress), _) => {
            let label = ingestion::step_word(&progress.step);
            view! { <Progress percent=Some(progress.percent) label /> }.into_any()
        }
        (JobState::Running, None, _) => {
            view! { <Progress percent=None label=text::jobs().state_running /> }.into_any()
        }
        (JobState::Dead | JobState::Retrying, _, Some(error)) => {
            let (what, _) = ingestion::error_words(&error.reason);
            view! { <span class="small soft">{what}</span> }.into_any()
        }
        _ => ().into_any(),
    }
}

#[component]
fn JobButtons(job: Job, actions: Actions) -> impl IntoView {
    let t = text::jobs();
    let state = job.state();
    let name = StoredValue::new(job.name);
    let retry = move || actions.run(jobs::retry(name.get_value()), t.retried);
    let cancel = move || actions.run(jobs::cancel(name.get_value()), t.cancelled);
    let can_retry = matches!(state, JobState::Dead | JobState::Cancelled);
    view! {
        {(actions.may_write && can_retry)
            .then(|| view! { <IconButton glyph=Glyph::Refresh label=t.retry on_press=retry /> })}
        {(actions.may_write && is_open(state))
            .then(|| view! { <IconButton glyph=Glyph::Stop label=t.cancel on_press=cancel /> })}
    }
}

/// Everything about one job.
#[component]
fn JobSheet(actions: Actions) -> impl IntoView {
    move || {
        actions.shown.get().map(|job| {
            let title = if job.display_name.is_empty() {
                kind_word(&job)
            } else {
                job.display_name.clone()
            };
            view! {
                <Sheet title on_close=move |()| actions.shown.set(None)>
                    <JobFacts job=job.clone() />
                    <div class="row">
                        <JobButtons job actions />
                    </div>
                </Sheet>
            }
        })
    }
}

#[component]
fn JobFacts(job: Job) -> impl IntoView {
    let is_retrying = job.state() == JobState::Retrying;
    let error = job.error.clone();
    let error = error.filter(|error| !error.reason.is_empty()).map(|error| {
        let (what, fix) = ingestion::error_words(&error.reason);
        view! {
            <div class="failure">
                <div class="grow">
                    <h3>{what}</h3>
                    <p class="soft">{fix}</p>
                    <div class="failure-meta">
                        <span class="mono">{error.reason}</span>
                        <span>{error.message}</span>
                    </div>
                </div>
            </div>
        }
    });
    view! {
        {error}
        <dl class="facts">
            <dt>{text::common().status}</dt>
            <dd>
                <StateBadge state=job.state() />
            </dd>
            <dt>{text::jobs().kind}</dt>
            <dd>{kind_word(&job)}</dd>
            <dt>{text::jobs().queue}</dt>
            <dd>{job.queue}</dd>
            <dt>{text::jobs().attempts}</dt>
            <dd class="numeric">{format!("{} / {}", job.attempt, job.max_attempts)}</dd>
            <dt>{text::jobs().lost}</dt>
            <dd class="numeric">{job.lost}</dd>
            <dt>{text::common().created}</dt>
            <dd>
                <RelativeTime time=job.create_time />
            </dd>
            {is_retrying
                .then(|| {
                    view! {
                        <dt>{text::jobs().runs_at}</dt>
                        <dd>
                            <RelativeTime time=job.run_time />
                        </dd>
                    }
                })}
            <dt>{text::jobs().started}</dt>
            <dd>
                <RelativeTime time=job.start_time />
            </dd>
            <dt>{text::jobs().ended}</dt>
            <dd>
                <RelativeTime time=job.end_time />
            </dd>
            <dt>{text::settings().identifier}</dt>
            <dd>
                <CopyId id=job.name />
            </dd>
        </dl>
    }
}

#[component]
fn MoreJobs(query: Query<JobPage>, show: Signal<String>) -> impl IntoView {
    let busy = RwSignal::new(false);
    let toasts = Toasts::get();
    let token = move || {
        query
            .data
            .with(|page| page.as_ref().map(|(_, token)| token.clone()))
            .unwrap_or_default()
    };
    let more = Callback::new(move |()| {
        let states = states_of(&show.get_untracked());
        let token = untrack(token);
        busy.set(true);
        task::spawn(async move {
            match jobs::list(states, token).await {
                Ok((jobs, token)) => query.patch(|page| {
                    page.0.extend(jobs);
                    page.1 = token;
                }),
                Err(problem) => toasts.problem(&problem),
            }
            busy.set(false);
        });
    });
    let available = Signal::derive(move || !token().is_empty());
    view! { <LoadMore available busy on_more=more /> }
}
