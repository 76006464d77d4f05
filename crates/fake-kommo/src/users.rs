//! The people of an account. Only its administrators may read them.

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use crate::account::{Account, found};
use crate::answer::{Answer, Answered};
use crate::call::Call;
use crate::routes::Routes;

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) lang: &'static str,
    pub(crate) is_admin: bool,
    /// The person in the chat back end.
    pub(crate) amojo_id: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.api(MethodFilter::GET, "/api/v4/users", list).api(
        MethodFilter::GET,
        "/api/v4/users/{id}",
        get,
    )
}

fn list(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    Answer::page(call, "users", &account.users, |user| render(user, call))
}

fn get(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_admin()?;
    let user = account.user(call.id("id")?);
    found(user.map(|user| render(user, call)))
}

fn render(user: &User, call: &Call) -> Value {
    let all = json!({"view": "A", "edit": "A", "add": "A", "delete": "A", "export": "A"});
    let mut body = json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "lang": user.lang,
        "rights": {
            "leads": all,
            "contacts": all,
            "companies": all,
            "tasks": {"edit": "A", "delete": "A"},
            "mail_access": false,
            "catalog_access": true,
            "files_access": true,
            "status_rights": null,
            "is_admin": user.is_admin,
            "is_free": false,
            "is_active": true,
            "group_id": null,
            "role_id": null,
        },
        "_links": {"self": {"href": format!("{}/api/v4/users/{}", call.base, user.id)}},
    });
    if call.query.is_with("amojo_id") {
        body["amojo_id"] = json!(user.amojo_id);
    }
    if call.query.is_with("uuid") {
        body["uuid"] = json!(user.amojo_id);
    }
    body
}
