use serde_json::json;

use super::*;

fn customs() -> Customs {
    Customs {
        country: "RU".to_owned(),
        zone: Tz::Europe__Moscow,
    }
}

fn field(kind: &str, code: Option<&str>, choices: &[&str]) -> CustomField {
    let enums = choices.iter().zip(81..);
    let enums: Vec<_> = enums
        .map(|(value, id)| json!({"id": id, "value": value}))
        .collect();
    let field = json!({"id": 8001, "name": "Field", "type": kind, "code": code, "enums": enums});
    serde_json::from_value(field).unwrap()
}

fn write(field: &CustomField, text: &str) -> Result<Vec<String>, String> {
    let values = values(field, None, text, &customs());
    let values = values.map_err(|refusal| refusal.reason.into_owned())?;
    Ok(values.iter().map(FieldValue::display).collect())
}

#[test]
fn values_are_read_by_the_type_of_the_field() {
    let level = field("select", None, &["A1", "B1, evening"]);
    let wishes = field("multiselect", None, &["Evening", "Weekend", "A, B"]);
    for (field, text, values) in [
        (field("text", None, &[]), " Ana ", vec!["Ana"]),
        (field("numeric", None, &[]), "1 500,5", vec!["1500.5"]),
        (field("checkbox", None, &[]), "Да", vec!["true"]),
        (field("checkbox", None, &[]), "no", vec!["false"]),
        (level.clone(), "b1, EVENING", vec!["B1, evening"]),
        (
            wishes.clone(),
            "weekend; evening",
            vec!["Weekend", "Evening"],
        ),
        (wishes.clone(), "A, B", vec!["A, B"]),
        (
            field("date", None, &[]),
            "21.11.2026",
            vec!["2026-11-20T21:00:00+00:00"],
        ),
        (
            field("date_time", None, &[]),
            "2026-11-21 03:00",
            vec!["2026-11-21T00:00:00+00:00"],
        ),
        (
            field("url", None, &[]),
            "https://e.com/a",
            vec!["https://e.com/a"],
        ),
        (
            field("multitext", Some("PHONE"), &["WORK"]),
            "8 912 345-67-89",
            vec!["+79123456789"],
        ),
        (
            field("multitext", Some("EMAIL"), &["WORK"]),
            "Ana@Example.COM",
            vec!["Ana@example.com"],
        ),
    ] {
        let read = write(&field, text).unwrap();
        assert_eq!(read, values, "{text}");
    }
}

#[test]
fn what_is_no_value_of_the_field_is_refused() {
    for (field, text) in [
        (field("numeric", None, &[]), "about 5"),
        (field("numeric", None, &[]), "1.500"),
        (field("checkbox", None, &[]), "perhaps"),
        (field("select", None, &["A1"]), "A2"),
        (field("multiselect", None, &["A1"]), "A1, A2"),
        (field("date", None, &[]), "tomorrow"),
        (field("url", None, &[]), "javascript:alert(1)"),
        (field("multitext", Some("PHONE"), &[]), "12345"),
        (field("multitext", Some("EMAIL"), &[]), "ana@localhost"),
        (field("multitext", Some("EMAIL"), &[]), "ana@@e.com"),
    ] {
        assert_eq!(write(&field, text), Err("FIELD_VALUE".to_owned()), "{text}");
    }
    for kind in ["file", "legal_entity", "smart_address"] {
        let refused = write(&field(kind, None, &[]), "x");
        assert_eq!(refused, Err("FIELD_READ_ONLY".to_owned()), "{kind}");
    }
}

#[test]
fn a_second_phone_stays() {
    let phone = field("multitext", Some("PHONE"), &["WORK", "MOB"]);
    let current: Field = serde_json::from_value(json!({
        "field_id": 8001, "field_type": "multitext", "values": [
            {"value": "+15550100", "enum_code": "MOB"}, {"value": "+15550101", "enum_code": "WORK"}]
    }))
    .unwrap();
    let values = values(&phone, Some(&current), "+1 555 010 0199", &customs()).unwrap();
    let first = FieldValue::Contact {
        text: "+15550100199".to_owned(),
        kind: Some("MOB".to_owned()),
    };
    assert_eq!(values, [first, current.values[1].clone()]);
}

#[test]
fn a_refused_choice_names_the_others() {
    let refusal = values(
        &field("select", None, &["A1", "B1"]),
        None,
        "C1",
        &customs(),
    );
    assert!(refusal.unwrap_err().detail.contains("A1, B1"));
}

#[test]
fn numbers_that_are_equal_are_the_same_value() {
    let number = |text: &str| vec![FieldValue::Number(t11_kommo::Decimal::parse(text).unwrap())];
    assert!(are_same(&number("10.50"), &number("10.5")));
    assert!(!are_same(&number("10.5"), &number("10.51")));
    assert!(!are_same(&number("10.5"), &[]));
}
