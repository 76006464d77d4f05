use leptos::prelude::*;
use web_sys::File;

use crate::api::prices::{self, ImportOptions, ImportReport, RowError};
use crate::api::{Problem, UploadHandle, UploadProgress};
use crate::browser;
use crate::csv;
use crate::i18n::{Language, language, text};
use crate::ui::{
    Button, Checkbox, Choice, Dialog, DropZone, Failure, Look, Notice, Progress, Select, Table,
    Tone,
};

const CURRENCIES: [&str; 10] = [
    "RUB", "USD", "EUR", "KZT", "UZS", "BYN", "AMD", "GEL", "TRY", "BRL",
];
/// Errors shown on the page; the file to download holds all.
const ROWS_SHOWN: usize = 50;

/// Where an import is.
#[derive(Clone)]
enum Step {
    Choose,
    Sending(Option<i32>),
    Done(ImportReport),
    Failed(Problem),
}

/// A price list from a file, with every bad row named.
#[component]
pub(super) fn ImportPrices(
    on_done: Callback<()>,
    #[prop(into)] on_close: Callback<()>,
) -> impl IntoView {
    let t = text::prices();
    let step = RwSignal::new(Step::Choose);
    let again = Callback::new(move |()| step.set(Step::Choose));
    view! {
        <Dialog title=t.import_title on_close wide=true>
            <Chooser step on_done />
            {move || match step.get() {
                Step::Choose => ().into_any(),
                Step::Sending(percent) => {
                    view! { <Progress percent label=t.uploading /> }.into_any()
                }
                Step::Done(report) => view! { <Report report on_close /> }.into_any(),
                Step::Failed(problem) => view! { <Failure problem on_retry=again /> }.into_any(),
            }}
        </Dialog>
    }
}

#[component]
fn Chooser(step: RwSignal<Step>, on_done: Callback<()>) -> impl IntoView {
    let t = text::prices();
    let first = if language() == Language::Russian {
        "RUB"
    } else {
        "USD"
    };
    let currency = RwSignal::new(first.to_owned());
    let skip_bad_rows = RwSignal::new(false);
    let publish = RwSignal::new(true);
    // Dropping the handle, with the dialog, stops the transfer.
    let handle = StoredValue::new_local(None::<UploadHandle>);
    let choices: Vec<Choice> = CURRENCIES
        .into_iter()
        .map(|code| Choice::new(code, code))
        .collect();
    let on_files = move |files: Vec<File>| {
        let Some(file) = files.first() else {
            return;
        };
        let options = ImportOptions {
            currency: currency.get_untracked(),
            skip_bad_rows: skip_bad_rows.get_untracked(),
            publish: publish.get_untracked(),
        };
        step.set(Step::Sending(Some(0)));
        match prices::import(file, &options, move |progress| {
            follow(step, on_done, progress)
        }) {
            Ok(sending) => handle.set_value(Some(sending)),
            Err(problem) => step.set(Step::Failed(problem)),
        }
    };
    let sample = Callback::new(move |()| {
        let _ = browser::download("prices.csv", "text/csv", sample_csv());
    });
    let is_choosing = move || matches!(step.get(), Step::Choose);
    view! {
        <div class="stack" hidden=move || !is_choosing()>
            <div class="grid-2">
                <Select label=t.currency name="currency" value=currency choices />
                <div>
                    <Checkbox
                        label=t.skip_bad
                        value=skip_bad_rows
                        on_change=move |on| skip_bad_rows.set(on)
                    />
                    <Checkbox
                        label=t.publish_now
                        value=publish
                        on_change=move |on| publish.set(on)
                    />
                </div>
            </div>
            <DropZone hint=t.import_hint accept=".csv,.xlsx" on_files />
            <div class="row">
                <Button look=Look::Ghost on_press=sample>
                    {t.sample}
                </Button>
            </div>
        </div>
    }
    .into_any()
}

fn follow(step: RwSignal<Step>, on_done: Callback<()>, progress: UploadProgress) {
    match progress {
        UploadProgress::Sent { done, total } => {
            #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
            let percent = (done / total.max(1.0) * 100.0) as i32;
            // All bytes are sent: the server reads the rows for as long as it takes.
            step.set(Step::Sending((percent < 100).then_some(percent)));
        }
        UploadProgress::Done(json) => {
            step.set(Step::Done(ImportReport::from_json(&json)));
            on_done.run(());
        }
        UploadProgress::Failed(problem) => step.set(Step::Failed(problem)),
    }
}

#[component]
fn Report(report: ImportReport, on_close: Callback<()>) -> impl IntoView {
    let t = text::prices();
    let version = report.version;
    let count = u64::try_from(version.item_count).unwrap_or_default();
    let errors = u64::try_from(version.error_count).unwrap_or_default();
    let difference = (t.difference)(
        version.added_count,
        version.changed_count,
        version.removed_count,
    );
    let tone = if errors > 0 {
        Tone::Warn
    } else {
        Tone::Success
    };
    let rows = report.row_errors;
    view! {
        <Notice tone>
            <strong>{(t.imported)(count)}</strong>
            <p>{difference}</p>
            {(errors > 0).then(|| view! { <p>{(t.errors)(errors)} ". " {text::problems().price_errors_next}</p> })}
        </Notice>
        {(!rows.is_empty()).then(|| view! { <RowErrors rows /> })}
        <div class="dialog-actions">
            <Button look=Look::Primary on_press=on_close>
                {text::common().close}
            </Button>
        </div>
    }
}

#[component]
fn RowErrors(rows: Vec<RowError>) -> impl IntoView {
    let t = text::prices();
    let csv = errors_csv(&rows);
    let save = Callback::new(move |()| {
        let _ = browser::download("errors.csv", "text/csv", &csv);
    });
    let columns = vec![t.row, t.column, t.problem, t.value];
    let shown = rows
        .into_iter()
        .take(ROWS_SHOWN)
        .map(|row| {
            view! {
                <tr>
                    <td class="numeric">{row.row}</td>
                    <td>{row.column}</td>
                    <td>{reason_words(&row.reason, &row.message)}</td>
                    <td class="mono">{row.value}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="row between">
            <h3>{t.row_errors}</h3>
            <Button on_press=save>{t.download_errors}</Button>
        </div>
        <Table caption=t.row_errors columns cards=false>
            {shown}
        </Table>
    }
}

fn reason_words(reason: &str, message: &str) -> String {
    let t = text::prices();
    match reason {
        "PRICE_MISSING" => t.reason_price_missing.to_owned(),
        "PRICE_OUT_OF_RANGE" | "PRICE_TOO_PRECISE" => t.reason_price_range.to_owned(),
        "SKU_TOO_LONG" | "NAME_TOO_LONG" | "UNIT_TOO_LONG" => t.reason_too_long.to_owned(),
        "DATES_REVERSED" => t.reason_dates.to_owned(),
        "CURRENCY_CONFLICT" => t.reason_currency_conflict.to_owned(),
        "PRICE_NOT_A_NUMBER" => t.reason_price.to_owned(),
        "SKU_MISSING" => t.reason_sku_missing.to_owned(),
        "SKU_REPEATED" => t.reason_sku_repeated.to_owned(),
        "CURRENCY_UNKNOWN" => t.reason_currency.to_owned(),
        "DATE_INVALID" => t.reason_date.to_owned(),
        "NAME_MISSING" => t.reason_name_missing.to_owned(),
        "DISCOUNT_INVALID" | "DISCOUNT_OUT_OF_RANGE" => t.reason_discount.to_owned(),
        _ if message.is_empty() => reason.to_owned(),
        _ => message.to_owned(),
    }
}

fn errors_csv(rows: &[RowError]) -> String {
    let mut csv = String::from("row,column,reason,value\n");
    for row in rows {
        let cells = [&row.column, &row.reason, &row.value].map(|cell| csv::cell(cell));
        csv.push_str(&format!("{},{}\n", row.row, cells.join(",")));
    }
    csv
}

fn sample_csv() -> &'static str {
    match language() {
        Language::Russian => {
            "артикул,название,цена,валюта,единица,синонимы,скидка\n\
             TBL-01,Стол дубовый,45900,RUB,шт,стол; дубовый стол,5\n\
             DLV-01,Доставка по городу,900,RUB,раз,доставка,0\n"
        }
        Language::English => {
            "sku,name,price,currency,unit,aliases,discount\n\
             TBL-01,Oak table,459.00,USD,pc,table; oak table,5\n\
             DLV-01,City delivery,9.00,USD,each,delivery,0\n"
        }
    }
}
