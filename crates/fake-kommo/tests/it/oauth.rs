use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use t11_fake_kommo::{
    Decision, FakeKommoOptions, Fault, FaultKind, Integration, Rotation, Template,
};
use url::Url;

use crate::harness::{ADMIN, Answer, CLIENT_ID, IVAN, NOW, Receiver, Setting, send};

const REDIRECT: &str = "http://127.0.0.1:1/callback";
const TOKEN: &str = "POST /oauth2/access_token";

/// Where the authorize page sends the person back to, with what.
async fn authorize(setting: &Setting, query: &str) -> HashMap<String, String> {
    let url = setting.url(&format!("/oauth?client_id={CLIENT_ID}&{query}"));
    let response = setting.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), 302);
    let to = response.headers()["location"].to_str().unwrap();
    assert!(to.starts_with(REDIRECT));
    Url::parse(to).unwrap().query_pairs().into_owned().collect()
}

async fn token(setting: &Setting, grant: Value) -> Answer {
    let mut body = json!({
        "client_id": CLIENT_ID, "client_secret": "k".repeat(64), "redirect_uri": REDIRECT,
    });
    body.as_object_mut()
        .unwrap()
        .extend(grant.as_object().unwrap().clone());
    send(
        setting
            .http
            .post(setting.url("/oauth2/access_token"))
            .json(&body),
    )
    .await
}

async fn with_code(setting: &Setting, code: &str) -> Answer {
    token(
        setting,
        json!({"grant_type": "authorization_code", "code": code}),
    )
    .await
}

async fn with_refresh(setting: &Setting, pair: &Value) -> Answer {
    let refresh = &pair["refresh_token"];
    token(
        setting,
        json!({"grant_type": "refresh_token", "refresh_token": refresh}),
    )
    .await
}

/// A pair from a fresh consent.
async fn pair(setting: &Setting) -> Value {
    let back = authorize(setting, "state=s").await;
    with_code(setting, &back["code"]).await.is(200)
}

/// What `GET /account` answers with this pair.
async fn account_status(setting: &Setting, pair: &Value) -> u16 {
    let token = pair["access_token"].as_str().unwrap();
    send(setting.http.get(setting.api("/account")).bearer_auth(token))
        .await
        .status
}

#[tokio::test]
async fn a_consent_leads_to_a_pair_that_opens_the_account() {
    let setting = Setting::new().await;
    let back = authorize(&setting, "state=opaque%20state&mode=post_message").await;
    assert_eq!(back["state"], "opaque state");
    assert_eq!(back["referer"], setting.account.host());
    assert_eq!(back["client_id"], CLIENT_ID);
    let pair = with_code(&setting, &back["code"]).await.is(200);
    assert_eq!(
        (&pair["token_type"], &pair["expires_in"]),
        (&json!("Bearer"), &json!(86_400))
    );
    assert_eq!(pair.as_object().unwrap().len(), 4, "{pair}");
    assert_eq!(account_status(&setting, &pair).await, 200);

    let claims = pair["access_token"]
        .as_str()
        .unwrap()
        .split('.')
        .nth(1)
        .unwrap()
        .to_owned();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["account_id"], setting.account.id());
    assert_eq!(claims["api_domain"], setting.account.host());
    assert_eq!(claims["exp"], NOW + 86_400);
}

#[tokio::test]
async fn a_code_works_once_and_for_twenty_minutes() {
    let setting = Setting::new().await;
    let back = authorize(&setting, "").await;
    with_code(&setting, &back["code"]).await.is(200);
    let refused = with_code(&setting, &back["code"]).await.is(400);
    assert_eq!(refused["hint"], "Authorization code has been revoked");

    let late = authorize(&setting, "").await;
    setting.kommo.advance(Duration::from_secs(20 * 60 + 1));
    let refused = with_code(&setting, &late["code"]).await.is(400);
    assert_eq!(refused["hint"], "Authorization code has expired");
}

#[tokio::test]
async fn a_wrong_secret_or_address_gets_no_token() {
    let setting = Setting::new().await;
    let grant = json!({"grant_type": "authorization_code", "code": "x"});
    for (name, value, status) in [
        ("client_secret", "wrong", 401),
        ("client_id", "nobody", 401),
        ("redirect_uri", "http://127.0.0.1:2/", 400),
        ("grant_type", "password", 400),
    ] {
        let mut grant = grant.clone();
        grant[name] = json!(value);
        token(&setting, grant).await.is(status);
    }
}

#[tokio::test]
async fn a_declined_consent_comes_back_with_an_error() {
    let setting = Setting::new().await;
    setting.kommo.set_decision(Decision::Decline);
    let back = authorize(&setting, "state=s").await;
    assert_eq!(
        (back["error"].as_str(), back["state"].as_str()),
        ("access_denied", "s")
    );
    assert!(!back.contains_key("code"));
}

#[tokio::test]
async fn a_person_can_be_asked_and_a_popup_sends_its_opener_back() {
    let setting = Setting::new().await;
    setting.kommo.set_decision(Decision::Ask);
    let url = setting.url(&format!(
        "/oauth?client_id={CLIENT_ID}&state=%22s&mode=popup"
    ));
    let page = send(setting.http.get(url)).await;
    assert!(page.text.contains("value=\"&quot;s\""), "{}", page.text);
    let form = format!("client_id={CLIENT_ID}&state=s&mode=popup&decision=approve");
    let answered = send(setting.http.post(setting.url("/oauth")).body(form)).await;
    assert!(answered.text.contains("window.opener"), "{}", answered.text);
    assert!(answered.text.contains("code=def50200"), "{}", answered.text);
}

#[tokio::test]
async fn strict_rotation_kills_the_old_token_at_once() {
    let setting = Setting::new().await;
    let first = pair(&setting).await;
    let second = with_refresh(&setting, &first).await.is(200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let refused = with_refresh(&setting, &first).await.is(401);
    assert_eq!(refused["hint"], "Token has been revoked");
    assert_eq!(
        refused["type"],
        "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"
    );
    with_refresh(&setting, &second).await.is(200);
}

#[tokio::test]
async fn lenient_rotation_kills_the_old_token_when_the_new_one_is_used() {
    let setting = Setting::new().await;
    setting.kommo.set_rotation(Rotation::Lenient);
    let first = pair(&setting).await;
    with_refresh(&setting, &first).await.is(200);
    let second = with_refresh(&setting, &first).await.is(200);
    with_refresh(&setting, &second).await.is(200);
    with_refresh(&setting, &first).await.is(401);
}

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_has_rotated() {
    let setting = Setting::new().await;
    let first = pair(&setting).await;
    setting
        .kommo
        .fault(Fault::once(TOKEN, FaultKind::CutAfterEffect));
    let body = json!({
        "client_id": CLIENT_ID, "client_secret": "k".repeat(64), "redirect_uri": REDIRECT,
        "grant_type": "refresh_token", "refresh_token": first["refresh_token"],
    });
    let request = setting
        .http
        .post(setting.url("/oauth2/access_token"))
        .json(&body);
    assert!(request.send().await.is_err());
    with_refresh(&setting, &first).await.is(401);
}

#[tokio::test]
async fn tokens_live_a_day_and_three_months() {
    let setting = Setting::new().await;
    let first = pair(&setting).await;
    setting.kommo.advance(Duration::from_secs(86_400));
    assert_eq!(account_status(&setting, &first).await, 401);
    setting.kommo.advance(Duration::from_secs(90 * 86_400));
    with_refresh(&setting, &first).await.is(401);
}

#[tokio::test]
async fn a_disabled_app_loses_access_and_is_told() {
    let receiver = Receiver::start().await;
    let mut integration = Integration::new(REDIRECT);
    integration.hook_url = Some(receiver.url("/disabled"));
    let setting = Setting::with(integration).await;
    let first = pair(&setting).await;
    assert!(setting.account.disable(CLIENT_ID, true));
    setting.kommo.settle().await;
    let got = receiver.got();
    assert_eq!(got[0].method, "GET");
    assert_eq!(
        got[0].uri,
        format!(
            "/disabled?client_uuid={CLIENT_ID}&account_id=30000001&signature=8dfbd69662765ad793856351fc37ebaf5673b66eff2fcaf75fc05bfe430cac8b"
        )
    );
    assert_eq!(
        got[0].headers["user-agent"],
        "amoService-oAuth-Code-Sender/1.0"
    );
    assert_eq!(account_status(&setting, &first).await, 401);
    with_refresh(&setting, &first).await.is(401);

    setting.account.disable(CLIENT_ID, false);
    setting.kommo.settle().await;
    assert!(!receiver.got()[1].uri.ends_with("cac8b"));
}

#[tokio::test]
async fn a_renamed_account_is_found_at_its_new_address() {
    let setting = Setting::new().await;
    let first = pair(&setting).await;
    let old = setting.account.base_url();
    let new = setting.account.rename("acme-two").unwrap();
    let gone = send(
        setting
            .http
            .post(format!("{old}/oauth2/access_token"))
            .json(&json!({})),
    )
    .await;
    assert_eq!(gone.status, 404);
    let gone = send(
        setting
            .http
            .get(format!("{old}/api/v4/account"))
            .bearer_auth("x"),
    )
    .await;
    assert_eq!(gone.status, 404);
    let refresh = first["refresh_token"].as_str().unwrap();
    let current = setting
        .http
        .get(format!("{old}/oauth2/account/current/subdomain"))
        .header("x-refresh-token", refresh);
    let current = send(current).await.is(200);
    assert_eq!(
        (&current["domain"], &current["subdomain"]),
        (&json!(new), &json!("acme-two"))
    );
    // `setting` follows the account to its new address.
    with_refresh(&setting, &first).await.is(200);
}

#[tokio::test]
async fn a_widget_install_calls_the_redirect_address_without_a_state() {
    let receiver = Receiver::start().await;
    let setting = Setting::with(Integration::new(&receiver.url("/callback"))).await;
    assert!(setting.account.install_widget(CLIENT_ID));
    setting.kommo.settle().await;
    let uri = receiver.got()[0].uri.clone();
    assert!(
        uri.contains("from_widget=1") && uri.contains("code=def50200"),
        "{uri}"
    );
    assert!(!uri.contains("state="), "{uri}");
}

#[tokio::test]
async fn a_token_of_one_account_does_not_open_another() {
    let options = FakeKommoOptions {
        accounts: vec![Template::Acme, Template::Acme],
        ..FakeKommoOptions::with(Integration::new(REDIRECT))
    };
    let setting = Setting::start(options.frozen_at(NOW).unlimited()).await;
    let other = &setting.kommo.accounts()[1];
    assert_ne!(other.host(), setting.account.host());
    let url = format!("{}/api/v4/account", other.base_url());
    send(setting.http.get(url).bearer_auth(&setting.token))
        .await
        .is(401);
    // A code is of the account it was given for, too.
    let back = authorize(&setting, "").await;
    let body = json!({
        "client_id": CLIENT_ID, "client_secret": "k".repeat(64), "redirect_uri": REDIRECT,
        "grant_type": "authorization_code", "code": back["code"],
    });
    let url = format!("{}/oauth2/access_token", other.base_url());
    send(setting.http.post(url).json(&body)).await.is(400);
}

#[tokio::test]
async fn who_grants_decides_what_the_token_may() {
    let setting = Setting::new().await;
    setting.kommo.set_granting_user(IVAN);
    let plain = pair(&setting).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let users = |token: String| setting.http.get(setting.api("/users")).bearer_auth(token);
    send(users(plain.clone())).await.is(403);
    // An administrator may act as somebody else, who has no more rights than they have.
    setting.kommo.set_granting_user(ADMIN);
    let admin = pair(&setting).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    send(users(admin.clone())).await.is(200);
    send(users(admin).header("x-context-user-id", IVAN))
        .await
        .is(403);
    send(users(plain).header("x-context-user-id", ADMIN))
        .await
        .is(403);
}

#[tokio::test]
async fn a_widget_token_names_person_account_and_back_end() {
    let setting = Setting::new().await;
    let token = setting.account.one_time_token(CLIENT_ID, ADMIN).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let decode = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(decode(parts[0])["alg"], "HS256");
    let claims = decode(parts[1]);
    assert_eq!(
        (&claims["user_id"], &claims["aud"]),
        (&json!(ADMIN), &json!("http://127.0.0.1:1"))
    );
    assert_eq!(claims["exp"], NOW + 1800);
}
