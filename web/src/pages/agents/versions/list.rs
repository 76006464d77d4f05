use leptos::prelude::*;

use super::changes::Changes;
use super::publish::Published;
use crate::api::versions::{self, AgentVersion};
use crate::i18n::text;
use crate::pages::agents::form::AgentForm;
use crate::query::{Page, Paged};
use crate::session::Session;
use crate::ui::{
    Badge, Button, Checkbox, Dialog, Empty, Glyph, Look, NextPage, RelativeTime, Screen, Sheet,
    Toasts, Tone,
};

/// A comparison that is shown: its title, its base and its other side.
type Compared = (String, String, String);

/// What can be done with the versions.
#[derive(Clone, Copy)]
struct Board {
    form: AgentForm,
    agent: StoredValue<String>,
    published: Published,
    may_write: bool,
    restoring: RwSignal<Option<AgentVersion>>,
    comparing: RwSignal<Option<Compared>>,
    toasts: Toasts,
}

/// The tab «Versions».
#[component]
pub(crate) fn Versions() -> impl IntoView {
    let t = text::versions();
    let form = expect_context::<AgentForm>();
    let agent = form.base.with_untracked(|agent| agent.name.clone());
    let board = Board {
        form,
        agent: StoredValue::new(agent),
        published: expect_context::<Published>(),
        may_write: Session::get().may("agents.write"),
        restoring: RwSignal::new(None),
        comparing: RwSignal::new(None),
        toasts: Toasts::get(),
    };
    let list = Paged::keyed(
        move || (board.agent.get_value(), board.published.count()),
        |(agent, _), token| versions::list(agent, token),
    );
    view! {
        <p class="soft">{t.lead}</p>
        <Screen query=list.query count=4 children=move |page| rows(page, board) />
        <NextPage more=list.more />
        <RestoreDialog board />
        <CompareSheet board />
    }
    .into_any()
}

fn rows(page: Page<AgentVersion>, board: Board) -> AnyView {
    let t = text::versions();
    if page.items.is_empty() {
        return view! { <Empty glyph=Glyph::Archive title=t.empty words=t.empty_text /> }
            .into_any();
    }
    let rows = page
        .items
        .into_iter()
        .map(|version| view! { <Row version board /> })
        .collect_view();
    view! {
        <ul class="stack-tight" aria-label=t.tab>
            {rows}
        </ul>
    }
    .into_any()
}

#[component]
fn Row(version: AgentVersion, board: Board) -> impl IntoView {
    let t = text::versions();
    let (restored, name) = (version.clone(), version.name.clone());
    let title = (t.number)(version.number);
    let is_live = version.live;
    let compare = Callback::new(move |()| {
        // The live version is compared with the draft, another with the live one.
        let (base, other) = if is_live {
            (name.clone(), String::new())
        } else {
            (String::new(), name.clone())
        };
        board.comparing.set(Some((title.clone(), base, other)));
    });
    let holds = (t.holds)(
        version.script_count,
        version.objection_response_count,
        version.source_count,
    );
    view! {
        <li class="card card-body stack-tight">
            <div class="row between row-wrap">
                <div class="row row-wrap">
                    <strong>{(t.number)(version.number)}</strong>
                    <Marks version=version.clone() />
                </div>
                <div class="row row-wrap">
                    <Button look=Look::Ghost on_press=compare>
                        {if is_live { t.compare_draft } else { t.compare }}
                    </Button>
                    {(!is_live && version.restorable)
                        .then(|| {
                            view! {
                                <Button
                                    disabled=!board.may_write
                                    on_press=move |()| {
                                        board.restoring.set(Some(restored.clone()));
                                    }
                                >
                                    {t.restore}
                                </Button>
                            }
                        })}
                </div>
            </div>
            {(!version.note.is_empty()).then(|| view! { <p>{version.note.clone()}</p> })}
            {(!version.override_reason.is_empty())
                .then(|| view! { <p class="soft">{version.override_reason.clone()}</p> })}
            <span class="small muted">
                {holds} " · " <RelativeTime time=version.create_time />
            </span>
        </li>
    }
    .into_any()
}

#[component]
fn Marks(version: AgentVersion) -> impl IntoView {
    let t = text::versions();
    let live = version
        .live
        .then(|| view! { <Badge label=t.live tone=Tone::Success /> });
    let outdated = (!version.restorable).then(|| view! { <Badge label=t.outdated /> });
    let checked = (!version.eval_run.is_empty())
        .then(|| view! { <Badge label=t.checked tone=Tone::Success /> });
    let overridden = (!version.override_reason.is_empty())
        .then(|| view! { <Badge label=t.overridden tone=Tone::Warn /> });
    view! {
        {live}
        {outdated}
        {checked}
        {overridden}
    }
    .into_any()
}

#[component]
fn RestoreDialog(board: Board) -> impl IntoView {
    let t = text::versions();
    move || {
        board.restoring.get().map(|version| {
            let (copy, busy) = (RwSignal::new(false), RwSignal::new(false));
            let close = Callback::new(move |()| board.restoring.set(None));
            let name = version.name.clone();
            let restore = Callback::new(move |()| {
                let asked = versions::restore(name.clone(), copy.get_untracked());
                board.toasts.attempt(busy, asked, move |restored| {
                    let is_copied = copy.get_untracked();
                    close.run(());
                    board.toasts.say(t.restored);
                    board.published.tell(board.form, restored.number);
                    if is_copied {
                        board.published.reload_draft();
                    }
                });
            });
            view! {
                <Dialog title=(t.restore_title)(version.number) on_close=close>
                    <p class="soft">{t.restore_text}</p>
                    <Checkbox
                        label=t.copy_to_draft
                        value=copy
                        on_change=move |on| copy.set(on)
                    />
                    <div class="dialog-actions">
                        <Button on_press=close>{text::common().cancel}</Button>
                        <Button look=Look::Primary busy on_press=restore>
                            {t.restore}
                        </Button>
                    </div>
                </Dialog>
            }
        })
    }
}

#[component]
fn CompareSheet(board: Board) -> impl IntoView {
    move || {
        board.comparing.get().map(|(title, base, other)| {
            let close = Callback::new(move |()| board.comparing.set(None));
            view! {
                <Sheet title on_close=close>
                    <Changes agent=board.agent.get_value() base other />
                </Sheet>
            }
        })
    }
}
