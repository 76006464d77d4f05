use futures::FutureExt as _;
use proptest::prelude::*;

use super::*;
use crate::provider::{Finish, FinishReason, Role, ToolCall};

fn message(content: &str) -> Message {
    Message {
        role: Role::User,
        content: content.to_owned(),
        tool_call_id: String::new(),
        tool_calls: Vec::new(),
        prompt_cache: None,
    }
}

fn masked(policy: Policy, contents: &[&str]) -> (Veil, Vec<String>) {
    let messages: Vec<_> = contents.iter().map(|content| message(content)).collect();
    let (messages, veil) = Veil::over(policy, &messages).unwrap_or((messages, Veil::default()));
    let contents = messages.into_iter().map(|message| message.content);
    (veil, contents.collect())
}

fn finish() -> Event {
    Event::Finish(Finish {
        reason: FinishReason::Stop,
        model: String::new(),
        tokens: None,
        cost: None,
        generation: String::new(),
    })
}

/// The answer of these events, as its caller sees it.
fn lifted(veil: &Veil, events: Vec<Result<Event, Failure>>) -> Vec<Result<Event, Failure>> {
    let answer = veil.lift(stream::iter(events).boxed());
    answer.collect::<Vec<_>>().now_or_never().unwrap()
}

/// The text of an answer that comes in these pieces.
fn text_of(veil: &Veil, pieces: &[&str]) -> String {
    let pieces = pieces.iter().filter(|piece| !piece.is_empty());
    let mut events: Vec<_> = pieces
        .map(|piece| Ok(Event::Text((*piece).to_owned())))
        .collect();
    events.push(Ok(finish()));
    let mut events = lifted(veil, events);
    assert_eq!(events.pop(), Some(Ok(finish())));
    let text = events.into_iter().map(|event| match event {
        Ok(Event::Text(text)) if !text.is_empty() => text,
        other => panic!("{other:?}"),
    });
    text.collect()
}

const PROMPT: &str = "Я Анна, anna@example.ru, +7 900 000-12-34, карта 4111 1111 1111 1111.";

#[test]
fn a_value_has_one_placeholder_in_all_of_a_call() {
    let again = "Пишите на anna@example.ru или bob@example.com";
    let (_, texts) = masked(Policy::default(), &[PROMPT, again]);
    assert_eq!(texts[0], "Я Анна, [EMAIL_1], [PHONE_1], карта [CARD_1].");
    assert_eq!(texts[1], "Пишите на [EMAIL_1] или [EMAIL_2]");
}

#[test]
fn what_the_policy_allows_is_shown() {
    let policy = Policy {
        phones_allowed: true,
        ..Policy::default()
    };
    let (_, texts) = masked(policy, &[PROMPT]);
    assert_eq!(
        texts[0],
        "Я Анна, [EMAIL_1], +7 900 000-12-34, карта [CARD_1]."
    );
}

#[test]
fn a_placeholder_that_somebody_wrote_is_not_a_value() {
    let (veil, texts) = masked(
        Policy::default(),
        &["repeat [EMAIL_1] and [PHONE_9]", PROMPT],
    );
    assert_eq!(texts[0], "repeat [EMAIL_1] and [PHONE_9]");
    assert_eq!(texts[1], "Я Анна, [EMAIL_2], [PHONE_10], карта [CARD_1].");
    assert_eq!(
        text_of(&veil, &["[EMAIL_1] [EMAIL_2] [EMAIL_3]"]),
        "[EMAIL_1] anna@example.ru [EMAIL_3]"
    );
}

#[test]
fn calls_of_tools_are_masked_and_put_back() {
    let call = |arguments: &str| ToolCall {
        id: "c1".to_owned(),
        name: "save_phone".to_owned(),
        arguments: arguments.to_owned(),
    };
    let mut messages = [message("мой телефон 8 (900) 000-12-34")];
    messages[0]
        .tool_calls
        .push(call(r#"{"phone":"8 (900) 000-12-34"}"#));
    let (messages, veil) = Veil::over(Policy::default(), &messages).unwrap();
    assert_eq!(
        messages[0].tool_calls[0].arguments,
        r#"{"phone":"[PHONE_1]"}"#
    );
    let events = vec![
        Ok(Event::Text("[PHO".to_owned())),
        Ok(Event::ToolCall(call(r#"{"phone":"[PHONE_1]"}"#))),
        Ok(finish()),
    ];
    let expected = vec![
        Ok(Event::Text("[PHO".to_owned())),
        Ok(Event::ToolCall(call(r#"{"phone":"8 (900) 000-12-34"}"#))),
        Ok(finish()),
    ];
    assert_eq!(lifted(&veil, events), expected);
}

#[test]
fn what_was_held_back_comes_before_a_failure_and_before_the_end() {
    let (veil, _) = masked(Policy::default(), &[PROMPT]);
    let failure = Failure::cut("no_done", "cut");
    let events = vec![
        Ok(Event::Text("a [EMAIL_".to_owned())),
        Err(failure.clone()),
    ];
    let expected = vec![
        Ok(Event::Text("a ".to_owned())),
        Ok(Event::Text("[EMAIL_".to_owned())),
        Err(failure),
    ];
    assert_eq!(lifted(&veil, events), expected);
    let ended = lifted(&veil, vec![Ok(Event::Text("[".to_owned()))]);
    assert_eq!(ended, [Ok(Event::Text("[".to_owned()))]);
}

const ANSWER: &str =
    "Анна [[EMAIL_1] — «[PHONE_1]», [CARD_1][CARD_2] [EMAIL_01] [email_1] [PHONE_1";
const RESTORED: &str = "Анна [anna@example.ru — «+7 900 000-12-34», 4111 1111 1111 1111[CARD_2] \
                        [EMAIL_01] [email_1] [PHONE_1";

#[test]
fn every_cut_in_two_and_in_three_gives_the_same_text() {
    let (veil, _) = masked(Policy::default(), &[PROMPT]);
    assert_eq!(text_of(&veil, &[ANSWER]), RESTORED);
    let cuts: Vec<_> = (0..=ANSWER.len())
        .filter(|at| ANSWER.is_char_boundary(*at))
        .collect();
    for (index, one) in cuts.iter().enumerate() {
        for other in &cuts[index..] {
            let pieces = [&ANSWER[..*one], &ANSWER[*one..*other], &ANSWER[*other..]];
            assert_eq!(text_of(&veil, &pieces), RESTORED, "{one} {other}");
        }
    }
    let single: Vec<_> = cuts.windows(2).map(|cut| &ANSWER[cut[0]..cut[1]]).collect();
    assert_eq!(text_of(&veil, &single), RESTORED);
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}@example\\.(ru|com)",
        "\\+7 9[0-9]{2} [0-9]{3}-[0-9]{2}-[0-9]{2}",
        Just("4111 1111 1111 1111".to_owned()),
    ]
}

proptest! {
    /// A model that repeats its prompt gives its caller the caller's own words, whatever stands in
    /// them and however they are cut.
    #[test]
    fn an_echo_is_what_was_said(
        parts in proptest::collection::vec(prop_oneof![value(), ".{0,12}", "\\[(EMAIL|CARD)_[0-9]{0,2}\\]?"], 0..8),
        sizes in proptest::collection::vec(1..7_usize, 1..40),
    ) {
        let said = parts.join(" ");
        let (veil, texts) = masked(Policy::default(), &[&said]);
        let chars: Vec<char> = texts[0].chars().collect();
        let (mut pieces, mut at) = (Vec::new(), 0);
        for size in sizes.iter().cycle() {
            if at >= chars.len() {
                break;
            }
            let end = (at + size).min(chars.len());
            pieces.push(chars[at..end].iter().collect::<String>());
            at = end;
        }
        let pieces: Vec<_> = pieces.iter().map(String::as_str).collect();
        prop_assert_eq!(text_of(&veil, &pieces), said);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        masked(Policy::default(), &[&text]);
    }

    #[test]
    fn no_numbers_make_it_panic(text in "[-0-9 ().+@a-я\u{a0}\u{2009}/:№,\\[\\]_]{0,80}") {
        let (veil, texts) = masked(Policy::default(), &[&text]);
        prop_assert_eq!(text_of(&veil, &[&texts[0]]), text);
    }
}
