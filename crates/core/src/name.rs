//! Resource names (AIP-122): `agents/{agent}`, `agents/{agent}/versions/{version}`.
//! The organization is never part of a name: it is the caller's.

use uuid::Uuid;

use crate::{Fault, FaultKind};

/// The text is not a name of the expected collection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a name of the form `{form}`")]
pub struct NameError {
    pub name: String,
    pub form: String,
}

impl Fault for NameError {
    fn kind(&self) -> FaultKind {
        FaultKind::Invalid
    }
    fn reason(&self) -> &'static str {
        "NAME_INVALID"
    }
}

/// `agents/0190…` for collection `agents`.
pub fn format_name(collection: &str, id: Uuid) -> String {
    format!("{collection}/{id}")
}

/// The id in `collection/{id}`.
///
/// # Errors
/// [`NameError`] when `name` has another form.
pub fn parse_name(collection: &str, name: &str) -> Result<Uuid, NameError> {
    name.strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|id| Uuid::try_parse(id).ok())
        .ok_or_else(|| NameError {
            name: shortened(name),
            form: format!("{collection}/{{id}}"),
        })
}

/// The two ids in `parent/{id}/child/{id}`.
///
/// # Errors
/// [`NameError`] when `name` has another form.
pub fn parse_child_name(parent: &str, child: &str, name: &str) -> Result<(Uuid, Uuid), NameError> {
    let error = || NameError {
        name: shortened(name),
        form: format!("{parent}/{{id}}/{child}/{{id}}"),
    };
    let rest = name
        .strip_prefix(parent)
        .and_then(|r| r.strip_prefix('/'))
        .ok_or_else(error)?;
    let (parent_id, rest) = rest.split_once('/').ok_or_else(error)?;
    let child_id = rest
        .strip_prefix(child)
        .and_then(|r| r.strip_prefix('/'))
        .ok_or_else(error)?;
    let parse = |id: &str| Uuid::try_parse(id).map_err(|_| error());
    Ok((parse(parent_id)?, parse(child_id)?))
}

fn shortened(name: &str) -> String {
    name.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(parse_name("agents", &format_name("agents", a)), Ok(a));
        let child = format!("agents/{a}/versions/{b}");
        assert_eq!(parse_child_name("agents", "versions", &child), Ok((a, b)));
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in [
            "",
            "agents",
            "agents/",
            "agents/x",
            "agentss/00000000-0000-0000-0000-000000000001",
        ] {
            assert!(parse_name("agents", bad).is_err(), "{bad}");
        }
    }
}
