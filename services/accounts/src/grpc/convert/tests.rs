use super::*;

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    })
}

fn broken(error: Error) -> Vec<(String, String)> {
    let Error::Invalid(violations) = error else {
        panic!("{error}")
    };
    violations
        .0
        .into_iter()
        .map(|v| (v.field, v.reason.into_owned()))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(field, reason)| ((*field).to_owned(), (*reason).to_owned()))
        .collect()
}

fn patch(organization: pb::Organization, mask: Option<FieldMask>) -> OrganizationPatch {
    OrganizationPatch::try_from((organization, mask)).unwrap()
}

fn english() -> pb::Organization {
    pb::Organization {
        display_name: "Furniture".to_owned(),
        locale: "en".to_owned(),
        ..Default::default()
    }
}

#[test]
fn without_a_mask_the_populated_fields_change() {
    let changed = patch(english(), None);
    assert_eq!(changed.display_name.as_deref(), Some("Furniture"));
    assert_eq!(changed.locale, Some(Locale::En));
    assert_eq!(changed.time_zone, None);
}

#[test]
fn a_mask_chooses_and_a_star_takes_all() {
    let changed = patch(english(), mask(&["locale"]));
    assert_eq!(
        changed,
        OrganizationPatch {
            locale: Some(Locale::En),
            ..Default::default()
        }
    );
    let all = OrganizationPatch::try_from((english(), mask(&["*"]))).unwrap_err();
    assert_eq!(
        broken(all),
        pairs(&[("organization.time_zone", "UNKNOWN_VALUE")])
    );
}

#[test]
fn a_mask_of_other_fields_is_refused_with_everything_else_that_is_wrong() {
    let organization = pb::Organization {
        locale: "fr".to_owned(),
        ..Default::default()
    };
    let update = (organization, mask(&["locale", "etag", "display_name"]));
    let error = OrganizationPatch::try_from(update).unwrap_err();
    let expected = [
        ("update_mask", "UNKNOWN_FIELD"),
        ("organization.display_name", "REQUIRED"),
        ("organization.locale", "UNKNOWN_VALUE"),
    ];
    assert_eq!(broken(error), pairs(&expected));
}

#[test]
fn a_registration_names_every_broken_rule() {
    let request = pb::RegisterRequest {
        email: "anna".to_owned(),
        password: "anna".to_owned(),
        display_name: "x".repeat(101),
        locale: "de".to_owned(),
        time_zone: "Nowhere".to_owned(),
        request_id: "7".to_owned(),
        ..Default::default()
    };
    let expected = [
        ("email", "MALFORMED"),
        ("password", "TOO_SHORT"),
        ("password", "PASSWORD_WEAK"),
        ("organization_display_name", "REQUIRED"),
        ("display_name", "TOO_LONG"),
        ("locale", "UNKNOWN_VALUE"),
        ("time_zone", "UNKNOWN_VALUE"),
        ("request_id", "MALFORMED"),
    ];
    assert_eq!(
        broken(Registration::try_from(request).unwrap_err()),
        pairs(&expected)
    );
}

#[test]
fn what_a_registration_leaves_open_is_filled_in() {
    let request = pb::RegisterRequest {
        organization_display_name: " Мебель ".to_owned(),
        email: "anna@example.com".to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    let registration = Registration::try_from(request).unwrap();
    assert_eq!(registration.organization_display_name, "Мебель");
    assert_eq!(registration.display_name, "anna");
    assert_eq!(registration.locale, Locale::Ru);
    assert_eq!(registration.time_zone, "Europe/Moscow");
}

#[test]
fn times_keep_their_microseconds() {
    let time = DateTime::from_timestamp(1, 999_999_000).unwrap();
    assert_eq!(
        timestamp(time),
        Timestamp {
            seconds: 1,
            nanos: 999_999_000
        }
    );
}
