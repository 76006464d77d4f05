use super::*;
use crate::playbook::PlayState;

fn snapshot() -> Snapshot {
    Snapshot {
        display_name: "Анна".to_owned(),
        settings: Settings::default(),
        crm: CrmRules::default(),
        scripts: BTreeMap::new(),
        responses: BTreeMap::new(),
        prices: Some((Uuid::from_u128(1), 3)),
    }
}

fn script(content: &str) -> NewScript {
    NewScript {
        display_name: "Приветствие".to_owned(),
        script_type: "greeting".to_owned(),
        content: content.to_owned(),
        variables: Vec::new(),
        agent: None,
        stages: Vec::new(),
        languages: Vec::new(),
        verbatim: true,
        state: PlayState::Published,
    }
}

fn pin(source: u128, reading: i64) -> Pin {
    Pin {
        source: Uuid::from_u128(source),
        reading,
        display_name: "Доставка".to_owned(),
        category: None,
        valid_until: None,
    }
}

fn paths(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.path.as_str()).collect()
}

#[test]
fn a_digest_is_of_what_is_answered_from() {
    let (one, two) = (pin(1, 1), pin(2, 1));
    let of = |snapshot: &Snapshot, pins: &[Pin]| digest(snapshot, pins).unwrap();
    let base = of(&snapshot(), &[one.clone(), two.clone()]);
    assert_eq!(base.len(), 64);
    assert_eq!(
        base,
        of(&snapshot(), &[two.clone(), one.clone()]),
        "in any order"
    );
    let renamed = Pin {
        display_name: "Сроки".to_owned(),
        ..one.clone()
    };
    assert_eq!(base, of(&snapshot(), &[renamed, two.clone()]));
    assert_ne!(
        base,
        of(&snapshot(), &[pin(1, 2), two.clone()]),
        "read again"
    );
    assert_ne!(base, of(&snapshot(), std::slice::from_ref(&one)));
    let mut other = snapshot();
    other.settings.instructions = "Отвечай кратко.".to_owned();
    assert_ne!(base, of(&other, &[one, two]));
}

#[test]
fn a_snapshot_is_read_back() {
    let mut kept = snapshot();
    kept.scripts
        .insert(Uuid::from_u128(5), script("Здравствуйте!"));
    let json = serde_json::to_value(&kept).unwrap();
    assert_eq!(serde_json::from_value::<Snapshot>(json).unwrap(), kept);
}

#[test]
fn changes_are_named_field_by_field() {
    let (base, mut other) = (snapshot(), snapshot());
    assert_eq!(changes(Some((&base, Some(&[]))), (&other, Some(&[]))), []);
    other.settings.instructions = "Отвечай кратко.".to_owned();
    other.settings.max_parts = 3;
    other.crm.resume_after_hours = 4;
    other.prices = Some((Uuid::from_u128(2), 4));
    let found = changes(Some((&base, Some(&[]))), (&other, Some(&[])));
    let expected = [
        "crm.resume_after_hours",
        "prices.version",
        "settings.instructions",
        "settings.max_parts",
    ];
    assert_eq!(paths(&found), expected);
    assert_eq!(found[1].before, "3");
    assert_eq!(found[1].after, "4");
    assert_eq!(found[2].after, "Отвечай кратко.");
}

#[test]
fn what_is_added_changed_and_gone_is_told_by_its_name() {
    let (mut base, mut other) = (snapshot(), snapshot());
    base.scripts
        .insert(Uuid::from_u128(5), script("Здравствуйте!"));
    other
        .scripts
        .insert(Uuid::from_u128(5), script("Добрый день!"));
    let (old, new) = ([pin(1, 1), pin(2, 1)], [pin(1, 2)]);
    let found = changes(Some((&base, Some(&old))), (&other, Some(&new)));
    let expected = [
        "scripts.Приветствие.content",
        "knowledge.Доставка",
        "knowledge.Доставка.reading",
    ];
    assert_eq!(paths(&found), expected);
    assert_eq!(found[0].before, "Здравствуйте!");
    assert_eq!(found[1].after, "", "gone");
    let of_scripts = changes(Some((&base, None)), (&other, Some(&new)));
    assert_eq!(paths(&of_scripts), expected[..1], "not kept any more");
    let from_nothing = changes(None, (&other, Some(&new)));
    assert!(paths(&from_nothing).contains(&"scripts.Приветствие"));
    assert!(paths(&from_nothing).contains(&"settings.instructions"));
}
