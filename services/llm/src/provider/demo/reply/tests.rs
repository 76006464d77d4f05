use super::*;

const MATERIAL: &str = r#"Отвечай по материалам.
<passage id="p1" source="Прайс.xlsx" section="Диваны">Название: Диван «Осло»; Цена: 45 000 ₽; Срок: 5 дней
Название: Диван «Берген»; Цена: 62 500 ₽; Срок: 7 дней
Название: Кресло «Фьорд»; Цена: 18 900 ₽; Срок: 3 дня</passage>
<passage id="p2" source="Доставка.docx" section="Условия">Доставка по Москве — 2–3 дня. За МКАД 40 ₽ за км. Подъём на этаж бесплатно.</passage>
<passage id="p3" source="Warranty.docx" section="Returns">You can return an item within 14 days. The warranty is 24 months.</passage>"#;

fn message(role: Role, content: &str) -> Message {
    Message {
        role,
        content: content.to_owned(),
        tool_call_id: String::new(),
        tool_calls: Vec::new(),
        prompt_cache: None,
    }
}

fn ask(question: &str) -> Reply {
    reply(&[
        message(Role::System, MATERIAL),
        message(Role::User, question),
    ])
}

fn sources(reply: &Reply) -> Vec<&str> {
    reply
        .sentences
        .iter()
        .flat_map(|sentence| &sentence.sources)
        .map(String::as_str)
        .collect()
}

#[test]
fn a_price_is_a_readable_row() {
    let reply = ask("Сколько стоит диван Осло?");
    assert_eq!(
        reply.text(),
        "Я демо-модель: не рассуждаю, а цитирую ваши материалы.\n\
         Диван «Осло» — цена: 45 000 ₽, срок: 5 дней (материал «Прайс.xlsx»).",
    );
    assert_eq!(sources(&reply), ["p1"]);
    assert!(!reply.no_answer);
}

#[test]
fn a_russian_question_is_answered_in_russian() {
    let reply = ask("Какие сроки доставки по Москве?");
    assert_eq!(
        reply.sentences[1].text,
        "Из материала «Доставка.docx», раздел «Условия»: «Доставка по Москве — 2–3 дня».",
    );
    assert_eq!(reply.sentences[1].sources, ["p2"]);
}

#[test]
fn an_english_question_is_answered_in_english() {
    let reply = ask("How long is the warranty?");
    assert_eq!(
        reply.text(),
        "I am the demo model: I do not reason, I quote your materials.\n\
         From «Warranty.docx», section «Returns»: «The warranty is 24 months».",
    );
}

#[test]
fn the_languages_of_question_and_material_may_differ() {
    assert_eq!(sources(&ask("Можно ли вернуть товар?")), ["p3"]);
    assert_eq!(sources(&ask("Do you deliver to Москва?")), ["p2"]);
}

#[test]
fn both_parts_of_a_question_are_answered() {
    let reply = ask("Сколько стоит диван Осло и какая гарантия?");
    assert_eq!(sources(&reply), ["p1", "p3"], "{reply:?}");
    let reply = ask("Сколько стоят диваны?");
    assert_eq!(sources(&reply), ["p1", "p1"], "{reply:?}");
}

#[test]
fn what_no_passage_speaks_of_is_not_answered() {
    for question in [
        "Какая столица Франции?",
        "Сколько стоит вертолёт?",
        "Who are you?",
        "?",
    ] {
        let reply = ask(question);
        assert!(reply.no_answer, "{question}: {reply:?}");
        assert_eq!(sources(&reply), [""; 0], "{question}");
    }
    assert!(reply(&[]).no_answer);
}

#[test]
fn it_introduces_itself_once() {
    let told = |messages: &[Message]| reply(messages).text().contains("демо-модель");
    let mut messages = vec![
        message(Role::System, MATERIAL),
        message(Role::User, "Цена Осло?"),
    ];
    assert!(told(&messages));
    messages.push(message(Role::Assistant, "45 000 ₽"));
    messages.push(message(Role::User, "А Берген?"));
    assert!(!told(&messages));
    assert_eq!(sources(&reply(&messages)), ["p1"]);
}

#[test]
fn greetings_and_thanks_are_returned() {
    let reply = ask("Добрый день!");
    assert!(
        reply.sentences[1].text.starts_with("Здравствуйте!"),
        "{reply:?}"
    );
    assert!(!reply.no_answer);
    assert!(ask("Thank you").text().contains("welcome"));
}

#[test]
fn the_same_question_has_the_same_answer() {
    let question = "Что по цене и срокам?";
    assert_eq!(ask(question), ask(question));
    assert!(ask(question).sentences.len() <= 1 + MAX_QUOTES);
}

#[test]
fn long_sentences_are_cut_at_a_word() {
    let text = "слово ".repeat(100);
    let cut = shortened(text.trim());
    assert!(cut.chars().count() <= MAX_QUOTE_CHARS + 1);
    assert!(cut.ends_with("слово…"), "{cut}");
}
