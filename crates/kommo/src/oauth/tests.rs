use proptest::prelude::*;
use serde_json::json;

use super::*;

fn granted(query: &str) -> Grant {
    match Callback::parse(&Hosts::kommo(), query) {
        Ok(Callback::Granted(grant)) => grant,
        other => panic!("{other:?}"),
    }
}

fn refused(query: &str) -> CallbackError {
    Callback::parse(&Hosts::kommo(), query).unwrap_err()
}

#[test]
fn a_person_is_sent_with_what_kommo_knows_and_no_more() {
    let base = Url::parse(AUTHORIZE_URL).unwrap();
    let url = authorize_url(&base, Uuid::nil(), "a b&c", Mode::PostMessage);
    assert_eq!(
        url.as_str(),
        "https://www.kommo.com/oauth?client_id=00000000-0000-0000-0000-000000000000\
         &state=a+b%26c&mode=post_message"
    );
}

#[test]
fn consent_names_the_account() {
    let grant = granted(
        "code=def50200&state=s&referer=acme.kommo.com\
         &client_id=11111111-2222-3333-4444-555555555555&platform=1",
    );
    assert_eq!(grant.host.as_str(), "acme.kommo.com");
    assert_eq!(grant.state.as_deref(), Some("s"));
    assert!(!grant.is_from_widget);
    assert!(!format!("{grant:?}").contains("def50200"));
}

#[test]
fn a_refusal_is_told_with_its_state() {
    let callback = Callback::parse(&Hosts::kommo(), "error=access_denied&state=s&client_id=x");
    assert!(matches!(callback, Ok(Callback::Declined { state: Some(state) }) if state == "s"));
}

#[test]
fn an_answer_to_nobodys_question_is_refused() {
    let widget = granted("code=c&referer=acme.kommo.com&from_widget=1");
    assert!(widget.is_from_widget && widget.state.is_none());
    assert_eq!(
        refused("code=c&referer=acme.kommo.com"),
        CallbackError::StateMissing
    );
    assert_eq!(
        refused("code=c&referer=acme.kommo.com&state="),
        CallbackError::StateMissing
    );
}

#[test]
fn the_secret_is_sent_to_kommo_only() {
    for referer in [
        "evil.org",
        "evil.org%2F.kommo.com",
        "acme.kommo.com%40evil.org",
        "127.0.0.1",
    ] {
        let query = format!("code=c&state=s&referer={referer}");
        assert_eq!(
            refused(&query),
            CallbackError::Host(HostError::Foreign),
            "{referer}"
        );
    }
    for query in [
        "state=s&referer=acme.kommo.com",
        "code=c&state=s",
        "code=c&state=s&referer=acme.kommo.com&referer=evil.org",
        "code=c&code=d&state=s&referer=acme.kommo.com",
        "code=c&state=s&referer=acme.kommo.com&client_id=me",
        &format!("code={}&state=s&referer=acme.kommo.com", "c".repeat(20_000)),
    ] {
        assert_eq!(refused(query), CallbackError::Malformed, "{query:.60}");
    }
}

#[test]
fn requests_are_what_kommo_reads() {
    let request = TokenRequest {
        client_id: Uuid::nil(),
        client_secret: "s",
        redirect_uri: "https://e.com/cb",
        grant: TokenGrant::RefreshToken { refresh_token: "r" },
    };
    assert_eq!(
        serde_json::to_value(request).unwrap(),
        json!({"client_id": "00000000-0000-0000-0000-000000000000", "client_secret": "s",
            "redirect_uri": "https://e.com/cb", "grant_type": "refresh_token",
            "refresh_token": "r"})
    );
    let code = serde_json::to_value(TokenGrant::AuthorizationCode { code: "c" }).unwrap();
    assert_eq!(
        code,
        json!({"grant_type": "authorization_code", "code": "c"})
    );
}

fn claims(payload: &serde_json::Value) -> Claims {
    let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(payload.to_string()));
    Claims::read(&Hosts::kommo(), &token.into())
}

#[test]
fn claims_are_hints() {
    let read = claims(&json!({
        "account_id": 30_000_001, "sub": "900", "api_domain": "api-c.kommo.com",
        "scopes": ["crm", "send_external_messages"], "exp": 1_760_086_400
    }));
    assert_eq!(read.account_id, Some(AccountId(30_000_001)));
    assert_eq!(read.user_id, Some(UserId(900)));
    assert_eq!(read.api_domain.unwrap().as_str(), "api-c.kommo.com");
    assert_eq!(read.scopes.len(), 2);
    let foreign = claims(&json!({"api_domain": "evil.org"}));
    assert_eq!(foreign.api_domain, None);
    let opaque = Claims::read(&Hosts::kommo(), &"opaque".into());
    assert_eq!(opaque, Claims::default());
}

proptest! {
    #[test]
    fn no_query_breaks_it(query in "(code|state|referer|error|from_widget|=|&|%|[a-z.]{0,9}|acme\\.kommo\\.com){0,20}") {
        if let Ok(Callback::Granted(grant)) = Callback::parse(&Hosts::kommo(), &query) {
            prop_assert!(grant.state.is_some() || grant.is_from_widget);
        }
    }

    #[test]
    fn no_token_breaks_it(token in "\\PC{0,80}") {
        let _ = Claims::read(&Hosts::kommo(), &token.into());
    }
}
