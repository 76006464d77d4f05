//! The table of REST routes, read once from the `google.api.http` rules of the descriptors.

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use http::uri::PathAndQuery;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor, MethodDescriptor,
};
use t11_proto::method::{self, MethodInfo};

use crate::descriptors;
use crate::error::Error;
use crate::rest::template::{Path, Template};

/// One RPC at one path.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) template: Template,
    pub(crate) rpc: MethodDescriptor,
    pub(crate) info: &'static MethodInfo,
    /// Where the gRPC call goes.
    pub(crate) grpc_path: PathAndQuery,
    pub(crate) body: Body,
    pub(crate) kind: Kind,
}

/// What the HTTP body is.
#[derive(Debug)]
pub(crate) enum Body {
    /// There is none.
    None,
    /// The whole request message.
    Whole,
    /// One field of it.
    Field(FieldDescriptor, MessageDescriptor),
}

#[derive(Debug)]
pub(crate) enum Kind {
    Unary,
    /// Server-streaming: answered as SSE.
    Events,
    /// Client-streaming: the body is a file.
    Upload(Upload),
}

/// The two halves of a streamed upload's request message.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) header: FieldDescriptor,
    pub(crate) header_type: MessageDescriptor,
    pub(crate) chunk: FieldDescriptor,
}

#[derive(Debug)]
pub(crate) struct RouteTable {
    /// Most specific first; routes of one shape lie together.
    routes: Vec<Route>,
}

impl RouteTable {
    /// Reads every rule.
    ///
    /// # Errors
    /// When a rule names a field that is not there, or an RPC that REST cannot carry.
    pub(crate) fn read() -> Result<Self> {
        let mut routes = Vec::new();
        let http = descriptors::extension("google.api.http").context("no google.api.http")?;
        for service in descriptors::pool().services() {
            for rpc in service.methods() {
                let options = rpc.options();
                if options.has_extension(&http) {
                    let rule = options.get_extension(&http);
                    let rule = rule.as_message().context("google.api.http is a message")?;
                    read_rule(&rpc, rule, &mut routes)
                        .with_context(|| rpc.full_name().to_owned())?;
                }
            }
        }
        routes.sort_by(|a, b| a.template.shape.cmp(&b.template.shape));
        Ok(Self { routes })
    }

    /// The route for a request, and its path for capturing.
    ///
    /// # Errors
    /// [`Error::PathUnknown`], or [`Error::MethodNotAllowed`] with the methods that are.
    pub(crate) fn find<'t, 'p>(
        &'t self,
        method: &Method,
        path: &'p str,
    ) -> Result<(&'t Route, Path<'p>), Error> {
        let path = Path::split(path).ok_or(Error::PathUnknown)?;
        let first = self
            .routes
            .iter()
            .position(|route| route.template.shape.matches(&path))
            .ok_or(Error::PathUnknown)?;
        let shape = &self.routes[first].template.shape;
        let same: Vec<&Route> = self.routes[first..]
            .iter()
            .take_while(|route| route.template.shape == *shape)
            .collect();
        let wanted = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match same.iter().find(|route| route.method == *wanted) {
            Some(route) => Ok((route, path)),
            None => Err(Error::MethodNotAllowed {
                allow: allow(&same),
            }),
        }
    }

    /// All routes, for the documents.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }
}

fn allow(routes: &[&Route]) -> String {
    let mut methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.join(", ")
}

fn read_rule(rpc: &MethodDescriptor, rule: &DynamicMessage, routes: &mut Vec<Route>) -> Result<()> {
    routes.push(route(rpc, rule)?);
    let more = rule
        .get_field_by_name("additional_bindings")
        .context("additional_bindings")?;
    for binding in more.as_list().unwrap_or_default() {
        routes.push(route(
            rpc,
            binding.as_message().context("a binding is a rule")?,
        )?);
    }
    Ok(())
}

fn route(rpc: &MethodDescriptor, rule: &DynamicMessage) -> Result<Route> {
    const METHODS: [(&str, Method); 5] = [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ];
    let (field, method) = METHODS
        .into_iter()
        .find(|(field, _)| rule.has_field_by_name(field))
        .context("the rule has no method")?;
    let template = Template::parse(&descriptors::text(rule, field))?;
    let path = format!("/{}/{}", rpc.parent_service().full_name(), rpc.name());
    let info = method::find(&path).context("not in the table of RPCs")?;
    let input = rpc.input();
    for variable in &template.variables {
        check_variable(&input, &variable.fields)?;
    }
    Ok(Route {
        method,
        template,
        info,
        grpc_path: path.parse()?,
        body: body(&input, &descriptors::text(rule, "body"))?,
        kind: kind(rpc)?,
        rpc: rpc.clone(),
    })
}

fn check_variable(input: &MessageDescriptor, fields: &[String]) -> Result<()> {
    let mut message = Some(input.clone());
    for name in fields {
        let field = message
            .and_then(|message| message.get_field_by_name(name))
            .with_context(|| format!("no field `{}`", fields.join(".")))?;
        ensure!(!field.is_list() && !field.is_map(), "`{name}` is repeated");
        message = field.kind().as_message().cloned();
    }
    Ok(())
}

fn body(input: &MessageDescriptor, name: &str) -> Result<Body> {
    Ok(match name {
        "" => Body::None,
        "*" => Body::Whole,
        name => {
            let field = input
                .get_field_by_name(name)
                .with_context(|| format!("no `{name}`"))?;
            let message = field
                .kind()
                .as_message()
                .cloned()
                .context("the body is a message")?;
            Body::Field(field, message)
        }
    })
}

fn kind(rpc: &MethodDescriptor) -> Result<Kind> {
    Ok(
        match (rpc.is_client_streaming(), rpc.is_server_streaming()) {
            (false, false) => Kind::Unary,
            (false, true) => Kind::Events,
            (true, false) => Kind::Upload(upload(&rpc.input())?),
            (true, true) => bail!("REST carries no two-way streams"),
        },
    )
}

/// An upload is a oneof of one message, sent first, and one bytes field.
fn upload(input: &MessageDescriptor) -> Result<Upload> {
    let oneof = input.oneofs().next().context("an upload is a oneof")?;
    let fields: Vec<FieldDescriptor> = oneof.fields().collect();
    let header = fields
        .iter()
        .find(|field| field.kind().as_message().is_some());
    let chunk = fields.iter().find(|field| field.kind() == FieldKind::Bytes);
    let (Some(header), Some(chunk)) = (header, chunk) else {
        bail!("an upload has a header and a chunk");
    };
    let header_type = header
        .kind()
        .as_message()
        .cloned()
        .context("the header is a message")?;
    Ok(Upload {
        header: header.clone(),
        header_type,
        chunk: chunk.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> String {
        match RouteTable::read().unwrap().find(method, path) {
            Ok((route, _)) => route.rpc.name().to_owned(),
            Err(Error::MethodNotAllowed { allow }) => format!("405 {allow}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_public_rpc_has_a_route() {
        let table = RouteTable::read().unwrap();
        for info in method::METHODS.iter().filter(|info| info.public) {
            assert!(
                table.iter().any(|route| route.info == info),
                "{}",
                info.path
            );
        }
    }

    #[test]
    fn the_most_specific_route_wins() {
        assert_eq!(found(&Method::GET, "/api/jobs/queues"), "ListQueues");
        assert_eq!(found(&Method::GET, "/api/jobs/0198"), "GetJob");
        assert_eq!(found(&Method::GET, "/api/jobs:watch"), "WatchJobs");
        assert_eq!(found(&Method::HEAD, "/api/agents"), "ListAgents");
        assert_eq!(found(&Method::PATCH, "/api/agents/7"), "UpdateAgent");
        assert_eq!(found(&Method::POST, "/api/agents/7:copy"), "CopyAgent");
    }

    #[test]
    fn a_wrong_method_names_the_right_ones() {
        assert_eq!(
            found(&Method::PUT, "/api/agents/7"),
            "405 DELETE, GET, HEAD, PATCH"
        );
        assert_eq!(found(&Method::GET, "/api/auth/sign-in"), "405 POST");
        assert_eq!(
            found(&Method::GET, "/api/agents/7:fly"),
            "nothing answers at this path"
        );
        assert_eq!(
            found(&Method::GET, "/api/agents/"),
            "nothing answers at this path"
        );
    }
}
