use leptos::prelude::*;
use send_wrapper::SendWrapper;
use web_sys::File;

use super::list::Library;
use crate::api::knowledge::{self, FILE_LIMIT};
use crate::api::{Problem, UploadHandle, UploadProgress};
use crate::i18n::text;
use crate::ingestion;
use crate::ui::{Button, Glyph, IconButton, Look, Progress};

/// Where one file is on its way to the server.
#[derive(Clone)]
enum Step {
    Sending(i32),
    Failed(Problem),
}

#[derive(Clone)]
struct Upload {
    id: u64,
    file: SendWrapper<File>,
    category: String,
    step: Step,
}

/// Files under way. Dropped with the page, and with them their transfers.
#[derive(Clone, Copy)]
pub(super) struct Uploads {
    shown: RwSignal<Vec<Upload>>,
    handles: StoredValue<Vec<(u64, UploadHandle)>, LocalStorage>,
    next: StoredValue<u64>,
}

impl Uploads {
    pub(super) fn new() -> Self {
        Self {
            shown: RwSignal::new(Vec::new()),
            handles: StoredValue::new_local(Vec::new()),
            next: StoredValue::new(0),
        }
    }

    /// Sends files into a category, all at once: the browser queues what is too many.
    pub(super) fn send(self, library: Library, files: Vec<File>, category: &str) {
        for file in files {
            self.next.update_value(|next| *next += 1);
            let upload = Upload {
                id: self.next.get_value(),
                file: SendWrapper::new(file),
                category: category.to_owned(),
                step: Step::Sending(0),
            };
            self.shown.update(|shown| shown.push(upload.clone()));
            self.begin(library, &upload);
        }
    }

    fn begin(self, library: Library, upload: &Upload) {
        let id = upload.id;
        if upload.file.size() > FILE_LIMIT {
            let code = tonic::Code::InvalidArgument;
            let reason = "FILE_TOO_BIG".to_owned();
            self.set(id, Step::Failed(Problem::from_reason(code, reason, "")));
            return;
        }
        self.set(id, Step::Sending(0));
        let on_progress = move |progress| match progress {
            UploadProgress::Sent { done, total } => {
                #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
                let percent = (done / total.max(1.0) * 100.0) as i32;
                self.set(id, Step::Sending(percent));
            }
            UploadProgress::Done(_) => {
                self.forget(id);
                library.reload();
            }
            UploadProgress::Failed(problem) => self.set(id, Step::Failed(problem)),
        };
        match knowledge::upload_file(&upload.file, &upload.category, on_progress) {
            Ok(handle) => self
                .handles
                .update_value(|handles| handles.push((id, handle))),
            Err(problem) => self.set(id, Step::Failed(problem)),
        }
    }

    fn set(self, id: u64, step: Step) {
        self.shown.update(|shown| {
            if let Some(upload) = shown.iter_mut().find(|upload| upload.id == id) {
                upload.step = step;
            }
        });
    }

    fn step(self, id: u64) -> Option<Step> {
        self.shown.with(|shown| {
            let upload = shown.iter().find(|upload| upload.id == id);
            upload.map(|upload| upload.step.clone())
        })
    }

    /// Takes a file off the list; one still under way is stopped.
    fn forget(self, id: u64) {
        self.shown
            .update(|shown| shown.retain(|upload| upload.id != id));
        // Its own listener may be running now: the handle goes when that has returned.
        let handles = self.handles;
        set_timeout(
            move || {
                let _ = handles.try_update_value(|handles| handles.retain(|(it, _)| *it != id));
            },
            std::time::Duration::ZERO,
        );
    }
}

/// The files under way, each with its progress or its mishap.
#[component]
pub(super) fn UploadList(library: Library) -> impl IntoView {
    let uploads = library.uploads;
    view! {
        <Show when=move || !uploads.shown.with(Vec::is_empty)>
            <ul class="card uploads" aria-live="polite">
                <For each=move || uploads.shown.get() key=|upload| upload.id let:upload>
                    <UploadRow upload library />
                </For>
            </ul>
        </Show>
    }
}

#[component]
fn UploadRow(upload: Upload, library: Library) -> impl IntoView {
    let uploads = library.uploads;
    let id = upload.id;
    let name = upload.file.name();
    let upload = StoredValue::new(upload);
    let again = Callback::new(move |()| upload.with_value(|upload| uploads.begin(library, upload)));
    view! {
        <li class="card-head">
            <div class="grow">
                <strong class="clip">{name}</strong>
                {move || uploads.step(id).map(step_view)}
            </div>
            <Show when=move || matches!(uploads.step(id), Some(Step::Failed(_)))>
                <Button look=Look::Ghost glyph=Glyph::Refresh on_press=again>
                    {text::common().retry}
                </Button>
            </Show>
            <IconButton
                glyph=Glyph::Close
                label=text::common().cancel
                on_press=move || uploads.forget(id)
            />
        </li>
    }
}

fn step_view(step: Step) -> AnyView {
    match step {
        Step::Sending(percent) => {
            let label = text::knowledge().uploading;
            view! { <Progress percent=Some(percent) label /> }.into_any()
        }
        Step::Failed(problem) => failed(&problem),
    }
}

fn failed(problem: &Problem) -> AnyView {
    let is_file = ["FILE_", "UNREADABLE", "EMPTY", "PASSWORD"]
        .iter()
        .any(|prefix| problem.reason.starts_with(prefix));
    let (what, fix) = if is_file {
        let (what, fix) = ingestion::error_words(&problem.reason);
        (what.to_owned(), fix.to_owned())
    } else {
        (problem.text.clone(), problem.next.clone())
    };
    view! { <p class="field-error" role="alert">{format!("{what} {fix}")}</p> }.into_any()
}
