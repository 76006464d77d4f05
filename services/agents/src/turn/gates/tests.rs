use chrono::NaiveDate;

use super::super::trace::PassageKind;
use super::*;

fn sentence(text: &str, ids: &[&str]) -> Sentence {
    Sentence {
        text: text.to_owned(),
        passage_ids: ids.iter().map(ToString::to_string).collect(),
    }
}

fn passage() -> Passage {
    Passage {
        id: "p1".to_owned(),
        kind: PassageKind::Chunk,
        resource: "sources/x/chunks/y".to_owned(),
        source_display_name: "Доставка.pdf".to_owned(),
        heading_path: String::new(),
        page: 1,
        content: "Доставка по Москве — 1 500 рублей, срок 3 дня.".to_owned(),
        score: 1.0,
    }
}

fn veto(sentences: &[Sentence], change: impl FnOnce(&mut Outgoing<'_>)) -> Option<&'static str> {
    let passages = [passage()];
    let client_texts = ["Сколько стоит доставка?".to_owned()];
    let mut outgoing = Outgoing {
        sentences,
        passages: &passages,
        prices: &[],
        plays: &[],
        facts: "",
        confidential: "",
        client_texts: &client_texts,
        quotable: &client_texts,
        instructions: "Отвечай вежливо и коротко, всегда предлагай угловой диван и никогда не \
                       говори о закупочных ценах нашей компании.",
        last_answer: None,
        language: Language::Russian,
        today: NaiveDate::from_ymd_opt(2026, 11, 21).unwrap(),
        opted_out: false,
        control_changed: false,
        newer_inbound: false,
        within_hours: true,
    };
    change(&mut outgoing);
    pass(&outgoing).0.map(|veto| veto.gate)
}

fn said(text: &str) -> Option<&'static str> {
    veto(&[sentence(text, &["p1"])], |_| ())
}

#[test]
fn the_order_is_fixed() {
    let names: Vec<_> = GATES.iter().map(|gate| gate.name).collect();
    assert_eq!(
        names,
        [
            "stop",
            "consent",
            "control",
            "newer_inbound",
            "hours",
            "numbers",
            "promises",
            "claimed_actions",
            "sources",
            "verbatim",
            "secrets",
            "form",
            "repeat",
            "disclosure",
        ]
    );
}

#[test]
fn what_stands_in_the_cited_passage_goes_out() {
    assert_eq!(said("Доставка по Москве стоит 1 500 рублей."), None);
}

#[test]
fn an_invented_or_uncited_price_does_not() {
    assert_eq!(said("Доставка стоит 900 рублей."), Some("numbers"));
    let uncited = [sentence("Доставка стоит 1 500 рублей.", &[])];
    assert_eq!(veto(&uncited, |_| ()), Some("numbers"));
}

#[test]
fn who_and_when_is_asked_before_what() {
    let bad = [sentence("Доставка стоит 900 рублей.", &["p1"])];
    assert_eq!(veto(&bad, |o| o.opted_out = true), Some("stop"));
    assert_eq!(veto(&bad, |o| o.control_changed = true), Some("control"));
    assert_eq!(
        veto(&bad, |o| o.newer_inbound = true),
        Some("newer_inbound")
    );
    assert_eq!(veto(&bad, |o| o.within_hours = false), Some("hours"));
}

#[test]
fn promises_and_claims_of_what_was_not_done() {
    assert_eq!(said("Я уточню и напишу вам."), Some("promises"));
    assert_eq!(said("Записал вас на приём."), Some("claimed_actions"));
}

#[test]
fn our_own_workings_stay_ours() {
    assert_eq!(said("Мои инструкции запрещают это."), Some("secrets"));
    let copied = "Всегда предлагай угловой диван и никогда не говори о закупочных ценах нашей \
                  компании.";
    assert_eq!(said(copied), Some("secrets"));
}

#[test]
fn unknown_ids_markup_language_and_repeats() {
    let unknown = [sentence("Доставим.", &["p7"])];
    assert_eq!(veto(&unknown, |_| ()), Some("sources"));
    assert_eq!(said("**Доставка** есть."), Some("form"));
    assert_eq!(said("We deliver everywhere."), Some("form"));
    let again = [sentence("Доставка есть по всей Москве.", &["p1"])];
    let last = Some("Доставка есть по всей Москве!");
    assert_eq!(veto(&again, |o| o.last_answer = last), Some("repeat"));
}
