use leptos::prelude::*;
use leptos_router::components::{A, Outlet};
use leptos_router::hooks::use_params_map;

use super::deals::form::CrmForm;
use super::form::AgentForm;
use super::state::StateBadge;
use super::versions::publish::{PublishButton, Published, VersionBadge};
use crate::api::agents::{self, Agent, AgentState};
use crate::api::{Problem, ProblemKind};
use crate::i18n::text;
use crate::query::Query;
use crate::session::Session;
use crate::shell::UnsavedGuard;
use crate::task;
use crate::ui::{
    Button, Dialog, FormErrors, FormFailure, Glyph, Icon, Look, Notice, Page, Screen, Tab, Tabs,
    Toasts,
};

/// One agent: its header and the tabs.
#[component]
pub(crate) fn AgentEditor() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| {
        let id = params
            .with(|params| params.get("agent"))
            .unwrap_or_default();
        format!("agents/{id}")
    });
    let query = Query::keyed(move || name.get(), agents::get);
    view! {
        <Screen
            query
            children=move |agent: Agent| view! { <LoadedEditor agent query /> }
        />
    }
}

#[component]
fn LoadedEditor(agent: Agent, query: Query<Agent>) -> impl IntoView {
    let base = format!("/{}", agent.name);
    let id = agent.name.clone();
    let form = AgentForm::new(agent);
    let crm = CrmForm::new(id.clone());
    let errors = FormErrors::provide();
    provide_context(form);
    provide_context(crm);
    provide_context(Published::new(query));
    let dirty = Memo::new(move |_| form.is_dirty() || crm.is_dirty());
    UnsavedGuard::watch(dirty.into());
    let saver = Saver::new(form, crm, errors, query);
    let title = Signal::derive(move || form.base.with(|agent| agent.display_name.clone()));
    let may_write = Session::get().may("agents.write");
    let chat = format!("/chat?agent={id}");
    let tab = |place: &str, label| Tab {
        href: format!("{base}/{place}"),
        label,
    };
    let tabs = vec![
        tab("general", text::editor().tab_general),
        tab("pipelines", text::deals().tab_pipelines),
        tab("leads-contacts", text::deals().tab_deals),
        tab("triggers", text::automation().tab_triggers),
        tab("sequences", text::automation().tab_sequences),
        tab("advanced", text::editor().tab_advanced),
        tab("tests", text::evaluation().tab),
        tab("versions", text::versions().tab),
    ];
    let disabled = Signal::derive(move || !may_write || !dirty.get());
    view! {
        <Page
            title
            narrow=true
            badge=move || {
                view! {
                    <StateBadge state=form.base.with(Agent::state) />
                    <VersionBadge form />
                }
            }
            actions=move || {
                view! {
                    <A href=chat attr:class="button">
                        <Icon glyph=Glyph::Chat small=true />
                        {text::editor().test}
                    </A>
                    <StateButton form />
                    <PublishButton form dirty=dirty.into() may_write />
                    <Button
                        look=Look::Primary
                        busy=saver.busy
                        disabled
                        on_press=move |()| saver.save()
                    >
                        {text::common().save}
                    </Button>
                }
            }
        >
            <Tabs label=text::agents().title tabs />
            <FormFailure />
            <Show when=move || form.base.with(|agent| agent.state() == AgentState::Draft)>
                <Notice>{text::editor().only_draft}</Notice>
            </Show>
            <Outlet />
        </Page>
        <StaleDialog saver />
    }
    .into_any()
}

/// Saves the form, and knows what to do when someone else was quicker.
#[derive(Clone, Copy)]
struct Saver {
    form: AgentForm,
    crm: CrmForm,
    errors: FormErrors,
    query: Query<Agent>,
    toasts: Toasts,
    busy: RwSignal<bool>,
    stale: RwSignal<bool>,
}

impl Saver {
    fn new(form: AgentForm, crm: CrmForm, errors: FormErrors, query: Query<Agent>) -> Self {
        Self {
            form,
            crm,
            errors,
            query,
            toasts: Toasts::get(),
            busy: RwSignal::new(false),
            stale: RwSignal::new(false),
        }
    }

    fn save(self) {
        self.errors.clear();
        let (agent, is_whole) = untrack(|| self.form.agent(Some(self.errors)));
        let has_name = self
            .errors
            .require("agent.display_name", &agent.display_name);
        if is_whole && has_name {
            self.send(agent);
        }
    }

    fn send(self, agent: Agent) {
        self.busy.set(true);
        task::spawn(async move {
            let answer = self.replace(agent).await;
            self.busy.set(false);
            self.take(answer);
        });
    }

    /// Sends what was changed: the agent, then its part in the CRM.
    async fn replace(self, agent: Agent) -> Result<(), Problem> {
        if untrack(|| self.form.is_dirty()) {
            let saved = agents::replace(agent).await?;
            self.form.base.set(saved);
        }
        self.crm.save().await
    }

    fn take(self, answer: Result<(), Problem>) {
        match answer {
            Ok(()) => self.toasts.say(text::common().saved),
            Err(problem) if problem.kind == ProblemKind::Stale => self.stale.set(true),
            Err(problem) => self.errors.refuse(problem),
        }
    }

    /// Takes the newest etag and puts this form over whatever it stands for.
    fn overwrite(self) {
        self.stale.set(false);
        let name = self.form.base.with_untracked(|agent| agent.name.clone());
        task::spawn(async move {
            let newest = async {
                self.crm.renew_etag().await?;
                agents::get(name).await
            };
            match newest.await {
                Ok(newest) => {
                    let (mut agent, _) = untrack(|| self.form.agent(None));
                    agent.etag = newest.etag;
                    self.send(agent);
                }
                Err(problem) => self.errors.refuse(problem),
            }
        });
    }

    /// Shows what the other person saved.
    fn reload(self) {
        self.stale.set(false);
        self.query.reload();
        self.crm.reload();
    }
}

#[component]
fn StaleDialog(saver: Saver) -> impl IntoView {
    let t = text::common();
    move || {
        saver.stale.get().then(|| {
            view! {
                <Dialog title=t.stale_title on_close=move |()| saver.stale.set(false)>
                    <p class="soft">{t.stale_text}</p>
                    <div class="dialog-actions">
                        <Button on_press=move |()| saver.reload()>{t.stale_reload}</Button>
                        <Button look=Look::Danger on_press=move |()| saver.overwrite()>
                            {t.stale_overwrite}
                        </Button>
                    </div>
                </Dialog>
            }
        })
    }
}

/// Activates or pauses. Its answer brings a new etag, and keeps what is not saved yet.
#[component]
fn StateButton(form: AgentForm) -> impl IntoView {
    let t = text::agents();
    let toasts = Toasts::get();
    let busy = RwSignal::new(false);
    let may_write = Session::get().may("agents.write");
    let is_active = Memo::new(move |_| form.base.with(|agent| agent.state() == AgentState::Active));
    let turn = Callback::new(move |()| {
        let name = form.base.with_untracked(|agent| agent.name.clone());
        let pause = is_active.get_untracked();
        busy.set(true);
        task::spawn(async move {
            let answer = if pause {
                agents::pause(name).await
            } else {
                agents::activate(name).await
            };
            busy.set(false);
            match answer {
                Ok(agent) => {
                    toasts.say(if pause { t.paused } else { t.activated });
                    form.base.set(agent);
                }
                Err(problem) => toasts.problem(&problem),
            }
        });
    });
    view! {
        <Button busy disabled=!may_write on_press=turn>
            {move || if is_active.get() { t.pause } else { t.activate }}
        </Button>
    }
}
