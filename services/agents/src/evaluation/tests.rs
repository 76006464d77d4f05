use serde_json::json;

use super::*;
use crate::turn::{Action, Sentence, Step, Usage, Verdict};

fn saying(text: &str) -> Report {
    Report {
        outcome: Outcome::Answered,
        sentences: vec![Sentence {
            text: text.to_owned(),
            passage_ids: Vec::new(),
        }],
        ..Report::empty()
    }
}

fn doing(kind: &str, state: ActionState) -> Report {
    Report {
        actions: vec![Action {
            kind: kind.to_owned(),
            state,
            ..Action::default()
        }],
        ..saying("Понял.")
    }
}

fn passes(assert: &Assert, reports: &[Report]) -> bool {
    assert.judge(reports).passed
}

#[test]
fn a_text_is_found_whatever_its_case_and_spaces() {
    let reports = [
        saying("Диван «Осло» стоит 45\u{a0}000 ₽."),
        saying("Ещё вопросы?"),
    ];
    let contains = |text: &str| Assert::Contains {
        text: text.to_owned(),
    };
    assert!(passes(&contains("диван «осло» стоит 45 000"), &reports));
    let missed = contains("доставка").judge(&reports);
    assert!(!missed.passed);
    assert_eq!(missed.found, "Ещё вопросы?");
    let without = |text: &str| Assert::NotContains {
        text: text.to_owned(),
    };
    assert!(passes(&without("скидка"), &reports));
    let said = without("45 000").judge(&reports);
    assert!(!said.passed && said.found.contains("Осло"));
}

#[test]
fn the_last_outcome_and_what_would_be_done_are_judged() {
    let outcome = |word: &str| Assert::Outcome {
        outcome: word.to_owned(),
    };
    assert!(passes(&outcome("answered"), &[saying("Да.")]));
    assert!(!passes(&outcome("handed_off"), &[saying("Да.")]));
    assert!(!passes(&outcome("answered"), &[]), "nothing was tried");
    let tool = Assert::Tool {
        tool: "create_task".to_owned(),
    };
    let none = Assert::NoTool {
        tool: "create_task".to_owned(),
    };
    let done = [doing("create_task", ActionState::WouldDo), saying("Да.")];
    assert!(passes(&tool, &done) && !passes(&none, &done));
    let refused = [doing("create_task", ActionState::Refused)];
    assert!(!passes(&tool, &refused) && passes(&none, &refused));
}

#[test]
fn a_number_that_was_sent_back_is_told() {
    let tries = |tries: serde_json::Value| Report {
        steps: vec![Step {
            kind: StepKind::Generate,
            verdict: Verdict::Passed,
            detail: json!({"tries": tries}),
            took: std::time::Duration::ZERO,
            usage: Usage::default(),
        }],
        ..saying("Да.")
    };
    let clean = tries(json!([{"passed": true}, {"vetoed": "promises", "teaching": "x"}]));
    assert!(passes(&Assert::NumbersSourced, &[clean]));
    let lying = tries(json!([{"vetoed": "numbers", "teaching": "`19 990` has no source"}]));
    let judged = Assert::NumbersSourced.judge(&[lying]);
    assert!(!judged.passed && judged.found.contains("19 990"));
}

#[test]
fn costs_are_summed() {
    let costly = Report {
        usage: Usage {
            cost_micro_usd: 300,
            ..Usage::default()
        },
        ..saying("Да.")
    };
    let reports = [costly.clone(), costly];
    assert!(passes(&Assert::MaxCost { micro_usd: 600 }, &reports));
    let over = Assert::MaxCost { micro_usd: 599 }.judge(&reports);
    assert_eq!((over.passed, over.found.as_str()), (false, "600"));
}

#[test]
fn everything_that_is_wrong_with_a_case_is_named() {
    let case = NewCase {
        display_name: " ".to_owned(),
        enabled: true,
        setup: Setup {
            language: "de".to_owned(),
            ..Setup::default()
        },
        client_texts: Vec::new(),
        asserts: vec![Assert::Outcome {
            outcome: "sold".to_owned(),
        }],
    };
    let mut violations = Violations::default();
    case.check(&mut violations);
    let fields: Vec<_> = violations.0.iter().map(|one| one.field.as_str()).collect();
    let expected = [
        "eval_case.display_name",
        "eval_case.setup.language",
        "eval_case.client_texts",
        "eval_case.asserts[0].value",
    ];
    assert_eq!(fields, expected);
}

#[test]
fn states_are_read_back() {
    for state in RunState::ALL {
        assert_eq!(RunState::parse(state.as_str()), Some(state));
    }
}
