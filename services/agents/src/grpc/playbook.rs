//! `PlaybookService`.

use t11_core::{Violations, format_name, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::playbook_service_server::PlaybookService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Handlers;
use super::convert::{request_id, timestamp};
use crate::Error;
use crate::playbook::{
    NewResponse, NewScript, OBJECTION_TYPES, ObjectionResponse, PlayState, SCRIPT_TYPES, Script,
    StageRef, Variable, VariableSource,
};
use crate::store::PlayFilter;

type Answer<T> = Result<Response<T>, Status>;

/// The collection of responses in names.
const RESPONSES: &str = "objectionResponses";

#[tonic::async_trait]
impl PlaybookService for Handlers {
    async fn get_script(&self, request: Request<pb::GetScriptRequest>) -> Answer<pb::Script> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("scripts", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(self.store.script(&scope, id).await?.into()))
    }

    async fn list_scripts(
        &self,
        request: Request<pb::ListScriptsRequest>,
    ) -> Answer<pb::ListScriptsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let filter = filter(
            &request.r#type,
            &SCRIPT_TYPES,
            &request.query,
            &request.agent,
        )?;
        let arguments = format!("scripts {} {filter:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let page = self.store.scripts(&scope, filter, page).await?;
        Ok(Response::new(pb::ListScriptsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            scripts: page.items.into_iter().map(Into::into).collect(),
        }))
    }

    async fn create_script(&self, request: Request<pb::CreateScriptRequest>) -> Answer<pb::Script> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        let given = script(request.script.unwrap_or_default(), violations)?;
        let made = self.store.create_script(&scope, given, request_id).await?;
        Ok(Response::new(made.into()))
    }

    async fn update_script(&self, request: Request<pb::UpdateScriptRequest>) -> Answer<pb::Script> {
        let scope = t11_grpc::scope(&request)?;
        let given = request.into_inner().script.unwrap_or_default();
        let id = parse_name("scripts", &given.name).map_err(Error::from)?;
        let etag = given.etag.clone();
        let given = script(given, Violations::default())?;
        let changed = self.store.update_script(&scope, id, given, etag).await?;
        Ok(Response::new(changed.into()))
    }

    async fn delete_script(&self, request: Request<pb::DeleteScriptRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let id = parse_name("scripts", &request.name).map_err(Error::from)?;
        self.store.delete_script(&scope, id, request.etag).await?;
        Ok(Response::new(()))
    }

    async fn get_objection_response(
        &self,
        request: Request<pb::GetObjectionResponseRequest>,
    ) -> Answer<pb::ObjectionResponse> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name(RESPONSES, &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(self.store.response(&scope, id).await?.into()))
    }

    async fn list_objection_responses(
        &self,
        request: Request<pb::ListObjectionResponsesRequest>,
    ) -> Answer<pb::ListObjectionResponsesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let filter = filter(
            &request.r#type,
            &OBJECTION_TYPES,
            &request.query,
            &request.agent,
        )?;
        let arguments = format!("objectionResponses {} {filter:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let page = self.store.responses(&scope, filter, page).await?;
        Ok(Response::new(pb::ListObjectionResponsesResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            objection_responses: page.items.into_iter().map(Into::into).collect(),
        }))
    }

    async fn create_objection_response(
        &self,
        request: Request<pb::CreateObjectionResponseRequest>,
    ) -> Answer<pb::ObjectionResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        let given = response(request.objection_response.unwrap_or_default(), violations)?;
        let made = self
            .store
            .create_response(&scope, given, request_id)
            .await?;
        Ok(Response::new(made.into()))
    }

    async fn update_objection_response(
        &self,
        request: Request<pb::UpdateObjectionResponseRequest>,
    ) -> Answer<pb::ObjectionResponse> {
        let scope = t11_grpc::scope(&request)?;
        let given = request.into_inner().objection_response.unwrap_or_default();
        let id = parse_name(RESPONSES, &given.name).map_err(Error::from)?;
        let etag = given.etag.clone();
        let given = response(given, Violations::default())?;
        let changed = self.store.update_response(&scope, id, given, etag).await?;
        Ok(Response::new(changed.into()))
    }

    async fn delete_objection_response(
        &self,
        request: Request<pb::DeleteObjectionResponseRequest>,
    ) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let id = parse_name(RESPONSES, &request.name).map_err(Error::from)?;
        self.store.delete_response(&scope, id, request.etag).await?;
        Ok(Response::new(()))
    }
}

fn filter(kind: &str, known: &[&str], query: &str, agent: &str) -> Result<PlayFilter, Error> {
    let mut violations = Violations::default();
    if !kind.is_empty() && !known.contains(&kind) {
        let words = format!("one of {}", known.join(", "));
        violations.add("type", "UNKNOWN_VALUE", words);
    }
    let query = violations.text("query", query, 0, 100);
    let agent = name("agents", agent, "agent", &mut violations);
    violations.check()?;
    Ok(PlayFilter {
        kind: kind.to_owned(),
        query,
        agent,
    })
}

/// Reads a name that may be empty.
fn name(collection: &str, name: &str, field: &str, violations: &mut Violations) -> Option<Uuid> {
    if name.is_empty() {
        return None;
    }
    let parsed = parse_name(collection, name);
    parsed
        .map_err(|error| violations.add(field, "NAME_INVALID", error.to_string()))
        .ok()
}

fn stages(given: &[pb::StageRef], field: &str, violations: &mut Violations) -> Vec<StageRef> {
    let stages = given.iter().enumerate().filter_map(|(index, given)| {
        let field = format!("{field}[{index}].connection");
        if given.connection.is_empty() {
            violations.add(field, "REQUIRED", "a stage is of a connection");
            return None;
        }
        Some(StageRef {
            connection: name("connections", &given.connection, &field, violations)?,
            pipeline_id: given.pipeline_id,
            stage_id: given.stage_id,
        })
    });
    stages.collect()
}

fn state(state: pb::PlayState) -> PlayState {
    match state {
        pb::PlayState::Unspecified | pb::PlayState::Draft => PlayState::Draft,
        pb::PlayState::Published => PlayState::Published,
        pb::PlayState::Archived => PlayState::Archived,
    }
}

/// The checked script, with the violations found before among its own.
fn script(given: pb::Script, mut violations: Violations) -> Result<NewScript, Error> {
    let play_state = state(given.state());
    let agent = name("agents", &given.agent, "script.agent", &mut violations);
    let stages = stages(&given.stages, "script.stages", &mut violations);
    let script = NewScript {
        display_name: given.display_name,
        script_type: given.r#type,
        content: given.content,
        variables: variables(given.variables, &mut violations),
        agent,
        stages,
        languages: given.languages,
        verbatim: given.verbatim,
        state: play_state,
    };
    checked(script.check(), violations)
}

fn variables(given: Vec<pb::ScriptVariable>, violations: &mut Violations) -> Vec<Variable> {
    let variables = given.into_iter().enumerate().map(|(index, given)| {
        let source = VariableSource::parse(&given.source);
        if source.is_none() {
            let field = format!("script.variables[{index}].source");
            violations.add(field, "UNKNOWN_VALUE", "one of crm, memory, fixed");
        }
        Variable {
            variable: given.variable,
            required: given.required,
            default_value: given.default_value,
            source: source.unwrap_or(VariableSource::Crm),
        }
    });
    variables.collect()
}

fn response(
    given: pb::ObjectionResponse,
    mut violations: Violations,
) -> Result<NewResponse, Error> {
    let play_state = state(given.state());
    let agent = name(
        "agents",
        &given.agent,
        "objection_response.agent",
        &mut violations,
    );
    let stages = stages(&given.stages, "objection_response.stages", &mut violations);
    let response = NewResponse {
        objection_type: given.r#type,
        phrases: given.phrases,
        response: given.response,
        technique: given.technique,
        max_discount_percent: given.max_discount_percent,
        agent,
        stages,
        escalate_after: given.escalate_after,
        state: play_state,
    };
    checked(response.check(), violations)
}

fn checked<T>(outcome: Result<T, Violations>, mut violations: Violations) -> Result<T, Error> {
    match outcome {
        Ok(checked) => violations.check().map(|()| checked).map_err(Error::from),
        Err(more) => {
            violations.0.extend(more.0);
            Err(violations.into())
        }
    }
}

impl From<PlayState> for pb::PlayState {
    fn from(state: PlayState) -> Self {
        match state {
            PlayState::Draft => Self::Draft,
            PlayState::Published => Self::Published,
            PlayState::Archived => Self::Archived,
        }
    }
}

fn agent_name(agent: Option<Uuid>) -> String {
    agent
        .map(|id| format_name("agents", id))
        .unwrap_or_default()
}

fn pb_stage(stage: StageRef) -> pb::StageRef {
    pb::StageRef {
        connection: format_name("connections", stage.connection),
        pipeline_id: stage.pipeline_id,
        stage_id: stage.stage_id,
    }
}

impl From<Script> for pb::Script {
    fn from(script: Script) -> Self {
        let etag = script.etag().into();
        let given = script.given;
        let variables = given
            .variables
            .into_iter()
            .map(|variable| pb::ScriptVariable {
                variable: variable.variable,
                required: variable.required,
                default_value: variable.default_value,
                source: variable.source.as_str().to_owned(),
            });
        Self {
            name: format_name("scripts", script.id),
            display_name: given.display_name,
            r#type: given.script_type,
            content: given.content,
            variables: variables.collect(),
            agent: agent_name(given.agent),
            stages: given.stages.into_iter().map(pb_stage).collect(),
            languages: given.languages,
            verbatim: given.verbatim,
            state: pb::PlayState::from(given.state).into(),
            usage_count: script.counts.usage,
            success_count: script.counts.success,
            effectiveness: script.counts.effectiveness(),
            create_time: Some(timestamp(script.create_time)),
            update_time: Some(timestamp(script.update_time)),
            etag,
        }
    }
}

impl From<ObjectionResponse> for pb::ObjectionResponse {
    fn from(response: ObjectionResponse) -> Self {
        let etag = response.etag().into();
        let given = response.given;
        Self {
            name: format_name(RESPONSES, response.id),
            r#type: given.objection_type,
            phrases: given.phrases,
            response: given.response,
            technique: given.technique,
            max_discount_percent: given.max_discount_percent,
            agent: agent_name(given.agent),
            stages: given.stages.into_iter().map(pb_stage).collect(),
            escalate_after: given.escalate_after,
            state: pb::PlayState::from(given.state).into(),
            usage_count: response.counts.usage,
            success_count: response.counts.success,
            effectiveness: response.counts.effectiveness(),
            create_time: Some(timestamp(response.create_time)),
            update_time: Some(timestamp(response.update_time)),
            etag,
        }
    }
}
