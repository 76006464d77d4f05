use leptos::prelude::*;

use crate::api::prices::{self, PriceBookState, PriceBookVersion};
use crate::i18n::text;
use crate::query::Query;
use crate::task;
use crate::ui::{Badge, Button, Look, RelativeTime, Screen, Toasts, Tone};

/// Every import, which one is live, and the way back.
#[component]
pub(super) fn Versions(
    versions: Query<Vec<PriceBookVersion>>,
    on_change: Callback<()>,
    /// The version whose items are shown; empty = the live one.
    selected: Signal<String>,
    on_select: impl Fn(String) + Copy + Send + Sync + 'static,
    may_write: bool,
) -> impl IntoView {
    let section = move |versions: Vec<PriceBookVersion>| {
        let rows = versions
            .into_iter()
            .map(|version| view! { <Version version on_change selected on_select may_write /> })
            .collect_view();
        view! {
            <section class="stack-tight">
                <h2>{text::prices().versions}</h2>
                <div class="card">{rows}</div>
            </section>
        }
    };
    let draw =
        move |versions: Vec<PriceBookVersion>| (!versions.is_empty()).then(|| section(versions));
    view! { <Screen query=versions count=2 children=draw /> }.into_any()
}

#[component]
fn Version(
    version: PriceBookVersion,
    on_change: Callback<()>,
    selected: Signal<String>,
    on_select: impl Fn(String) + Copy + Send + Sync + 'static,
    may_write: bool,
) -> impl IntoView {
    let t = text::prices();
    let state = version.state();
    let count = u64::try_from(version.item_count).unwrap_or_default();
    let errors = u64::try_from(version.error_count).unwrap_or_default();
    let (added, changed, removed) = (
        version.added_count,
        version.changed_count,
        version.removed_count,
    );
    let difference = (added + changed + removed > 0)
        .then(|| format!("{} · ", (t.difference)(added, changed, removed)));
    let shown = if state == PriceBookState::Live {
        String::new()
    } else {
        version.name.clone()
    };
    let is_shown = {
        let shown = shown.clone();
        move || selected.get() == shown
    };
    let is_shown = Memo::new(move |_| is_shown());
    view! {
        <div class="card-head row-wrap">
            <div class="grow">
                <div class="row row-wrap">
                    <strong>{format!("{} {}", t.version, version.number)}</strong>
                    <StateBadge state />
                    {(errors > 0)
                        .then(|| view! { <Badge label=(t.errors)(errors) tone=Tone::Danger /> })}
                </div>
                <div class="small muted">
                    {version.file_name.clone()} " · " {(t.items)(count)} " · " {difference}
                    <RelativeTime time=version.create_time />
                </div>
            </div>
            <div class="row">
                <Button
                    look=Look::Ghost
                    disabled=is_shown
                    on_press=move |()| on_select(shown.clone())
                >
                    {text::common().open}
                </Button>
                {(may_write && state != PriceBookState::Live)
                    .then(|| view! { <Publish name=version.name state on_change /> })}
            </div>
        </div>
    }
}

#[component]
fn StateBadge(state: PriceBookState) -> impl IntoView {
    let t = text::prices();
    let (label, tone) = match state {
        PriceBookState::Live => (t.live, Tone::Success),
        PriceBookState::Unspecified | PriceBookState::Draft => (t.draft, Tone::Info),
        PriceBookState::Retired => (t.retired, Tone::Neutral),
    };
    view! { <Badge label tone /> }
}

#[component]
fn Publish(name: String, state: PriceBookState, on_change: Callback<()>) -> impl IntoView {
    let t = text::prices();
    let toasts = Toasts::get();
    let busy = RwSignal::new(false);
    let publish = Callback::new(move |()| {
        let name = name.clone();
        busy.set(true);
        task::spawn(async move {
            match prices::publish(name).await {
                Ok(_) => toasts.say(t.published),
                Err(problem) => toasts.problem(&problem),
            }
            busy.set(false);
            on_change.run(());
        });
    });
    let verb = if state == PriceBookState::Retired {
        t.go_back
    } else {
        t.publish
    };
    view! {
        <Button busy on_press=publish>
            {verb}
        </Button>
    }
}
