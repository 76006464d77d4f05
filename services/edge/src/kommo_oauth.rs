//! Where people come back from Kommo after granting access, and where Kommo itself tells that its
//! widget was installed or the integration switched off.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use form_urlencoded::Serializer;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use t11_core::OrgId;
use t11_grpc::RemoteFault;
use t11_proto::crm::v1::connection_service_client::ConnectionServiceClient;
use t11_proto::crm::v1::{
    CompleteAuthorizationRequest, RecordDisabledRequest, RecordWidgetInstallRequest,
};
use t11_proto::method::{self, RateClass};
use t11_runtime::limiter::LimitKey;
use tonic::{Code, Status};

use crate::app::{App, Shared};
use crate::error::Error;
use crate::rest::error::Problem;

const COMPLETE: &str = "/t11.crm.v1.ConnectionService/CompleteAuthorization";
/// Longest parameter, in bytes.
const LONGEST: usize = 4 * 1024;

/// The routes.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/kommo/oauth/callback", get(callback))
        .route("/hooks/kommo/disabled", get(disabled))
}

/// The parameters of a query, by name.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// Empty when it is not given, is given twice or is too long.
    fn take(&mut self, name: &str) -> String {
        let mut values: Vec<_> = self.0.extract_if(.., |(key, _)| key == name).collect();
        match values.pop() {
            Some((_, value)) if values.is_empty() && value.len() <= LONGEST => value,
            _ => String::new(),
        }
    }
}

async fn callback(State(app): State<App>, request: Request) -> Response {
    let (parts, _body) = request.into_parts();
    let mut query = Query::of(&parts);
    if !query.take("from_widget").is_empty() {
        return widget_installed(&app, &parts, query).await;
    }
    let place = match complete(&app, &parts, query).await {
        Ok(connection) => after("connected", &connection),
        Err(problem) => {
            let status = problem.into_status();
            if status.code() == Code::Unauthenticated {
                signed_out()
            } else {
                after("error", &reason(&status))
            }
        }
    };
    see_other(&place)
}

/// Connects the account, as the person whose session the browser has. No page of ours asks for this,
/// so there is no CSRF token: the state, which only the same person can use, is one.
async fn complete(app: &App, parts: &Parts, mut query: Query) -> Result<String, Problem> {
    let method = method::find(COMPLETE).ok_or(Error::PathUnknown)?;
    let admitted = app.admit(parts, method, false).await?;
    let request = CompleteAuthorizationRequest {
        code: query.take("code"),
        state: query.take("state"),
        referer: query.take("referer"),
        client_id: query.take("client_id"),
        error: query.take("error"),
    };
    let call = async {
        ConnectionServiceClient::new(app.peer("crm"))
            .complete_authorization(request)
            .await
    };
    let connection = t11_grpc::in_context(admitted.context, call).await?;
    let name = connection.into_inner().name;
    Ok(name.trim_start_matches("connections/").to_owned())
}

/// Kommo's own call: it has three seconds, and heeds no answer.
async fn widget_installed(app: &App, parts: &Parts, mut query: Query) -> Response {
    let address = LimitKey::Address(app.client(parts).bucket());
    if let Err(error) = app.limits.count(RateClass::Write, &address).await {
        return Problem::from(error).into_response();
    }
    let request = RecordWidgetInstallRequest {
        code: query.take("code"),
        referer: query.take("referer"),
        client_id: query.take("client_id"),
    };
    let mut crm = ConnectionServiceClient::new(app.peer("crm"));
    kept(as_edge(app, crm.record_widget_install(request)).await)
}

async fn disabled(State(app): State<App>, request: Request) -> Response {
    let (parts, _body) = request.into_parts();
    let mut query = Query::of(&parts);
    let address = LimitKey::Address(app.client(&parts).bucket());
    if let Err(error) = app.limits.count(RateClass::Write, &address).await {
        return Problem::from(error).into_response();
    }
    let request = RecordDisabledRequest {
        client_uuid: query.take("client_uuid"),
        account_id: query.take("account_id"),
        signature: query.take("signature"),
    };
    let mut crm = ConnectionServiceClient::new(app.peer("crm"));
    kept(as_edge(&app, crm.record_disabled(request)).await)
}

async fn as_edge<T>(
    app: &Shared,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let context = &app.context;
    t11_grpc::as_service(&context.signer, &context.world, "edge", OrgId::NONE, call).await
}

fn kept<T>(call: Result<T, Status>) -> Response {
    match call {
        Ok(_) => StatusCode::OK.into_response(),
        Err(status) => {
            tracing::warn!(%status, "a call of Kommo was not kept");
            Problem::from(Error::HookNotKept).into_response()
        }
    }
}

/// The page of integrations, which says what came of it.
fn after(what: &str, value: &str) -> String {
    let query = Serializer::new(String::new())
        .append_pair(what, value)
        .finish();
    format!("/integrations?{query}")
}

/// To the door, and from there to the page of integrations: neither the code nor the state is put
/// into another address.
fn signed_out() -> String {
    let query = Serializer::new(String::new())
        .append_pair("next", &after("error", "UNAUTHENTICATED"))
        .finish();
    format!("/sign-in?{query}")
}

fn reason(status: &Status) -> String {
    t11_core::Fault::reason(&RemoteFault::from(status)).to_owned()
}

fn see_other(place: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    // Made of escaped parameters, a place is always a value of a header.
    if let Ok(place) = HeaderValue::try_from(place) {
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, place);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        let request = http::Request::get(format!("/x?{text}")).body(()).unwrap();
        Query::of(&request.into_parts().0)
    }

    #[test]
    fn a_parameter_given_twice_is_none() {
        let mut query = query("code=a&state=s%2B&code=b");
        assert_eq!(query.take("code"), "");
        assert_eq!(query.take("state"), "s+");
        assert_eq!(query.take("state"), "");
    }

    #[test]
    fn places_are_of_this_site_whatever_is_in_them() {
        assert_eq!(
            after("error", "A&b=c\r\n"),
            "/integrations?error=A%26b%3Dc%0D%0A"
        );
        assert_eq!(
            signed_out(),
            "/sign-in?next=%2Fintegrations%3Ferror%3DUNAUTHENTICATED"
        );
    }
}
