use super::*;

fn fields(error: Error) -> Vec<(String, String)> {
    let Error::Invalid(violations) = error else {
        panic!("{error:?}")
    };
    violations
        .0
        .into_iter()
        .map(|found| (found.field, found.reason.into_owned()))
        .collect()
}

fn pair(field: &str, reason: &str) -> (String, String) {
    (field.to_owned(), reason.to_owned())
}

#[test]
fn every_broken_rule_is_told_at_once() {
    let tool = |name: &str, parameters: &str| pb::Tool {
        name: name.into(),
        description: String::new(),
        parameters_json: parameters.into(),
    };
    let message = |role: pb::MessageRole| pb::Message {
        role: role.into(),
        ..Default::default()
    };
    let request = pb::CompleteRequest {
        messages: vec![
            message(pb::MessageRole::Unspecified),
            message(pb::MessageRole::Tool),
        ],
        temperature: Some(f64::NAN),
        max_tokens: -1,
        response_schema_json: "[".into(),
        tools: vec![tool("a b", "{}"), tool("x", "[]"), tool("x", "{}")],
        session_id: "s".repeat(129),
        purpose: "p".repeat(33),
        agent: "agent".into(),
        request_id: "1".into(),
        model: "m".repeat(201),
        budgets: vec![pb::BudgetLimit {
            scope: " ".into(),
            cap_micro_usd: -1,
        }],
        whole: false,
        cache: Some(pb::Cache { ttl_seconds: -1 }),
    };
    let found: HashSet<_> = fields(new_completion(request).unwrap_err())
        .into_iter()
        .collect();
    let expected = [
        pair("messages[0].role", "REQUIRED"),
        pair("messages[1].tool_call_id", "REQUIRED"),
        pair("temperature", "OUT_OF_RANGE"),
        pair("cache.ttl_seconds", "OUT_OF_RANGE"),
        pair("max_tokens", "OUT_OF_RANGE"),
        pair("response_schema_json", "INVALID_JSON"),
        pair("tools[0].name", "INVALID"),
        pair("tools[1].parameters_json", "INVALID_JSON"),
        pair("tools[2].name", "DUPLICATE"),
        pair("session_id", "TOO_LONG"),
        pair("purpose", "TOO_LONG"),
        pair("agent", "INVALID"),
        pair("request_id", "INVALID"),
        pair("model", "TOO_LONG"),
        pair("budgets[0].scope", "REQUIRED"),
        pair("budgets[0].cap_micro_usd", "OUT_OF_RANGE"),
    ];
    assert_eq!(found, HashSet::from(expected));
    let none = fields(new_completion(pb::CompleteRequest::default()).unwrap_err());
    assert_eq!(none, [pair("messages", "REQUIRED")]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let user = pb::Message {
        role: pb::MessageRole::User.into(),
        ..Default::default()
    };
    let new = new_completion(pb::CompleteRequest {
        messages: vec![user],
        ..Default::default()
    })
    .unwrap();
    assert_eq!(
        (new.max_tokens, new.temperature),
        (DEFAULT_MAX_TOKENS, None)
    );
    assert!(new.response_schema.is_none() && new.request_id.is_none());
}

#[test]
fn texts_are_counted_and_measured() {
    let embed = |texts: Vec<String>| {
        new_embeddings(pb::EmbedRequest {
            texts,
            ..Default::default()
        })
        .map(|_| ())
    };
    assert!(embed(vec!["a".into(); MAX_TEXTS]).is_ok());
    assert_eq!(
        fields(embed(vec!["a".into(); MAX_TEXTS + 1]).unwrap_err()),
        [pair("texts", "TOO_MANY")]
    );
    assert_eq!(
        fields(embed(vec![]).unwrap_err()),
        [pair("texts", "REQUIRED")]
    );
    assert_eq!(
        fields(embed(vec!["a".into(), " ".into()]).unwrap_err()),
        [pair("texts[1]", "REQUIRED")]
    );
}

#[test]
fn the_span_of_a_usage_query_is_bounded() {
    let now = DateTime::from_timestamp(1_795_249_437, 0).unwrap();
    let at = |days: i64| {
        Some(Timestamp {
            seconds: now.timestamp() + days * 86_400,
            nanos: 0,
        })
    };
    let query = |start, end| {
        usage_query(
            pb::QueryUsageRequest {
                start_time: start,
                end_time: end,
                agent: String::new(),
                ..pb::QueryUsageRequest::default()
            },
            now,
        )
    };
    let default = query(None, None).unwrap();
    assert_eq!(
        (default.start, default.end),
        (now - TimeDelta::days(30), now)
    );
    assert!(query(at(-366), None).is_ok());
    assert_eq!(
        fields(query(at(-367), None).unwrap_err()),
        [pair("start_time", "OUT_OF_RANGE")]
    );
    assert_eq!(
        fields(query(at(1), None).unwrap_err()),
        [pair("start_time", "OUT_OF_RANGE")]
    );
    let bad = Some(Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    });
    assert_eq!(
        fields(query(None, bad).unwrap_err()),
        [pair("end_time", "INVALID")]
    );
}
