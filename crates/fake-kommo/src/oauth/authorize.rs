//! The page on which a person lets an app into their account.

use http::StatusCode;

use super::{CODE_LIFE, Code, Decision, Grant, Integration};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::query::Query;
use crate::signature;
use crate::state::State;

pub(super) fn page(state: &mut State, call: &Call) -> Answered {
    let integration = integration(state, &call.query)?;
    match state.oauth.decision {
        Decision::Approve => approve(state, call, &call.query, &integration),
        Decision::Decline => Ok(decline(&call.query, &integration)),
        Decision::Ask => Ok(Answer::Html(question(state, call))),
    }
}

/// A button of the page was pressed.
pub(super) fn decide(state: &mut State, call: &Call) -> Answered {
    let form = Query::parse(&String::from_utf8_lossy(&call.body));
    let integration = integration(state, &form)?;
    match form.text(&["decision"]) {
        Some("approve") => approve(state, call, &form, &integration),
        _ => Ok(decline(&form, &integration)),
    }
}

fn integration(state: &State, query: &Query) -> Result<Integration, Refusal> {
    let client_id = query.text(&["client_id"]).unwrap_or_default();
    let integration = state.oauth.integration(client_id).cloned();
    integration.ok_or_else(|| {
        let page = "<h1>The integration was not found</h1>".to_owned();
        Refusal::Html(StatusCode::NOT_FOUND, page)
    })
}

fn approve(state: &mut State, call: &Call, query: &Query, integration: &Integration) -> Answered {
    let chosen = query.number(&["account_id"]);
    let index = match chosen {
        Some(id) => state.index_of(id),
        None => state.at(&call.base),
    };
    let index = index.ok_or_else(Refusal::not_found)?;
    let code = state.grant_code(index, integration);
    let referer = state.accounts[index].host().to_owned();
    let answer = [("code", code.as_str()), ("referer", referer.as_str())];
    Ok(back(query, integration, &answer))
}

fn decline(query: &Query, integration: &Integration) -> Answer {
    back(query, integration, &[("error", "access_denied")])
}

/// Sends the person back to the app.
fn back(query: &Query, integration: &Integration, answer: &[(&str, &str)]) -> Answer {
    let mut params = form_urlencoded::Serializer::new(String::new());
    params.extend_pairs(answer);
    params.append_pair("client_id", &integration.client_id);
    if let Some(state) = query.text(&["state"]) {
        params.append_pair("state", state);
    }
    let joint = if integration.redirect_uri.contains('?') {
        '&'
    } else {
        '?'
    };
    let to = format!("{}{joint}{}", integration.redirect_uri, params.finish());
    match query.text(&["mode"]) {
        Some("popup") => Answer::Html(popup(&to)),
        _ => Answer::Redirect(to),
    }
}

/// In a popup it is the window behind that is sent back.
fn popup(to: &str) -> String {
    let to = escaped(to);
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>Kommo</title>\
         <p><a id=\"back\" href=\"{to}\">Back to the app</a></p>\
         <script>const to = document.getElementById('back').href;\
         if (window.opener) {{ window.opener.location = to; window.close(); }} else {{ window.location = to; }}</script>"
    )
}

fn question(state: &State, call: &Call) -> String {
    let hidden = ["client_id", "state", "mode"].map(|name| {
        let value = escaped(call.query.text(&[name]).unwrap_or_default());
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
    });
    let here = state.at(&call.base);
    let accounts: String = state
        .accounts
        .iter()
        .enumerate()
        .map(|(index, account)| {
            let selected = if Some(index) == here { " selected" } else { "" };
            format!(
                "<option value=\"{}\"{selected}>{}</option>",
                account.id,
                escaped(&account.name)
            )
        })
        .collect();
    include_str!("question.html")
        .replace("{hidden}", &hidden.concat())
        .replace("{accounts}", &accounts)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

impl State {
    /// A fresh code for an app in an account.
    pub(crate) fn grant_code(&mut self, index: usize, integration: &Integration) -> String {
        let now = self.clock.seconds();
        let account = &self.accounts[index];
        let mut users = account.users.iter();
        let user = match self.oauth.user_id {
            Some(id) => users.find(|user| user.id == id),
            None => users.find(|user| user.is_admin),
        };
        let grant = Grant {
            account_id: account.id,
            user_id: user.map_or(0, |user| user.id),
            client_id: integration.client_id.clone(),
            scopes: integration.scopes.clone().into(),
        };
        let code = format!("def50200{}", self.oauth.next_opaque("code"));
        self.oauth.codes.push(Code {
            code: code.clone(),
            grant,
            expires_at: now + CODE_LIFE,
            is_used: false,
        });
        code
    }
}

impl super::OAuth {
    pub(super) fn next_opaque(&mut self, what: &str) -> String {
        self.issued += 1;
        signature::opaque(&format!("{what} {}", self.issued))
    }
}
