//! Which fields of the requests name a thing of a tenant, read from the descriptors: from the path
//! of the HTTP rule, from the form that the comment gives (`agents/{agent}`), or from a name that
//! is that of a collection or of one thing in it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
};
use t11_proto::FILE_DESCRIPTOR_SET;
use t11_proto::method::MethodInfo;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap());
static COMMENTS: LazyLock<BTreeMap<(String, Vec<i32>), String>> = LazyLock::new(comments);
static COLLECTIONS: LazyLock<BTreeMap<String, String>> = LazyLock::new(collections);

/// `OUTPUT_ONLY` and `IDENTIFIER` of google/api/field_behavior.proto.
const OUTPUT_ONLY: i32 = 3;
const IDENTIFIER: i32 = 8;
const REQUIRED: i32 = 2;

/// Fields that name a thing in words of their own: `Message.field`, whose id, and its form.
const OTHER_FORMS: &[(&str, &str, &str)] = &[
    ("ListAuditRecordsRequest.actor", "users/*", "user:*"),
    ("ListJobsRequest.resource", "sources/*", "sources/*"),
    ("JobSpec.resource", "sources/*", "sources/*"),
    ("Schedule.key", "sources/*", "agents.resync/*"),
    ("JobSpec.id", "jobs/*", "*"),
    ("JobSpec.organization_id", "organizations/*", "*"),
    ("LeaseRef.job_id", "jobs/*", "*"),
    ("BudgetLimit.scope", "conversations/*", "conversations/*"),
];

/// What a field names: `of` is the collection's pattern (`agents/*`), `form` how the field writes
/// it. Each `*` stands for a UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) of: String,
    pub(crate) form: String,
}

/// The ids with which requests are made to happen once.
pub(crate) const REQUEST: &str = "request ids";

/// A field that names a thing, by the path that leads to it from the request.
#[derive(Debug, Clone)]
pub(crate) struct IdField {
    pub(crate) path: Vec<FieldDescriptor>,
    pub(crate) id: Id,
    /// A variable of the REST path: a good request has it.
    pub(crate) is_in_path: bool,
    /// Set by the service only; what a client sends there must not matter.
    pub(crate) is_output: bool,
}

impl IdField {
    /// `agent.name`.
    pub(crate) fn name(&self) -> String {
        dotted(&self.path)
    }
}

/// The RPC behind a row of the table.
pub(crate) fn rpc(method: &MethodInfo) -> MethodDescriptor {
    let service = POOL.get_service_by_name(method.service()).unwrap();
    let mut methods = service.methods();
    methods.find(|rpc| rpc.name() == method.method()).unwrap()
}

/// Every field of the request, and of the messages in it, that names a thing.
pub(crate) fn id_fields(rpc: &MethodDescriptor) -> Vec<IdField> {
    let template = template_patterns(rpc);
    let mut found = Vec::new();
    for path in texts(&rpc.input(), &mut Vec::new()) {
        if let Some(id) = classify(&path, &template) {
            let is_output = has_behavior(path.last().unwrap(), OUTPUT_ONLY);
            found.push(IdField {
                is_in_path: template.contains_key(&dotted(&path)),
                path,
                id,
                is_output,
            });
        }
    }
    found
}

/// Every text of the request that names nothing, `Message.field`.
pub(crate) fn plain_fields(rpc: &MethodDescriptor) -> Vec<String> {
    let template = template_patterns(rpc);
    texts(&rpc.input(), &mut Vec::new())
        .into_iter()
        .filter(|path| classify(path, &template).is_none())
        .map(|path| of_message(path.last().unwrap()))
        .collect()
}

pub(crate) fn is_required(field: &FieldDescriptor) -> bool {
    has_behavior(field, REQUIRED)
}

/// `CreateAgentRequest.agent`.
pub(crate) fn of_message(field: &FieldDescriptor) -> String {
    format!("{}.{}", field.parent_message().name(), field.name())
}

pub(crate) fn dotted(path: &[FieldDescriptor]) -> String {
    let names: Vec<_> = path.iter().map(FieldDescriptor::name).collect();
    names.join(".")
}

/// The rule of `google.api.http`: method, path, body.
pub(crate) fn http_rule(rpc: &MethodDescriptor) -> Option<(&'static str, String, String)> {
    let http = POOL.get_extension_by_name("google.api.http").unwrap();
    let options = rpc.options();
    if !options.has_extension(&http) {
        return None;
    }
    let rule = options.get_extension(&http);
    let rule = rule.as_message().unwrap();
    let method = ["get", "put", "post", "delete", "patch"]
        .into_iter()
        .find(|method| rule.has_field_by_name(method))
        .unwrap();
    Some((method, text(rule, method), text(rule, "body")))
}

/// The variables of a path: `agent.name` → `agents/*`.
pub(crate) fn variables(path: &str) -> Vec<(String, String)> {
    path.split('{')
        .skip(1)
        .map(|part| part.split('}').next().unwrap())
        .map(|variable| variable.split_once('=').unwrap())
        .map(|(field, pattern)| (field.to_owned(), pattern.to_owned()))
        .collect()
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field).unwrap();
    value.as_str().unwrap_or_default().to_owned()
}

fn template_patterns(rpc: &MethodDescriptor) -> BTreeMap<String, String> {
    http_rule(rpc).map_or_else(BTreeMap::new, |(_, path, _)| {
        variables(&path).into_iter().collect()
    })
}

/// The path of every text in a message and the messages in it.
fn texts(message: &MessageDescriptor, at: &mut Vec<FieldDescriptor>) -> Vec<Vec<FieldDescriptor>> {
    let mut found = Vec::new();
    for field in message.fields() {
        at.push(field.clone());
        match field.kind() {
            Kind::String => found.push(at.clone()),
            Kind::Message(inner) if inner.package_name().starts_with("t11.") => {
                found.extend(texts(&inner, at));
            }
            _ => {}
        }
        at.pop();
    }
    found
}

fn classify(path: &[FieldDescriptor], template: &BTreeMap<String, String>) -> Option<Id> {
    let field = path.last()?;
    let named = of_message(field);
    if let Some((_, of, form)) = OTHER_FORMS.iter().find(|(name, ..)| *name == named) {
        return Some(Id {
            of: (*of).to_owned(),
            form: (*form).to_owned(),
        });
    }
    if field.name() == "request_id" {
        return Some(Id {
            of: REQUEST.to_owned(),
            form: "*".to_owned(),
        });
    }
    let pattern = template
        .get(&dotted(path))
        .cloned()
        .or_else(|| pattern_of(comment(field)))
        .or_else(|| COLLECTIONS.get(field.name()).cloned())?;
    Some(Id {
        of: pattern.clone(),
        form: pattern,
    })
}

fn has_behavior(field: &FieldDescriptor, number: i32) -> bool {
    let behavior = POOL
        .get_extension_by_name("google.api.field_behavior")
        .unwrap();
    let options = field.options();
    let value = options.get_extension(&behavior);
    let mut numbers = value.as_list().unwrap_or_default().iter();
    numbers.any(|value| value.as_enum_number() == Some(number))
}

fn comment(field: &FieldDescriptor) -> &'static str {
    let key = (field.parent_file().name().to_owned(), field.path().to_vec());
    COMMENTS.get(&key).map_or("", String::as_str)
}

fn comments() -> BTreeMap<(String, Vec<i32>), String> {
    let mut comments = BTreeMap::new();
    for file in POOL.file_descriptor_protos() {
        for location in file.source_code_info.iter().flat_map(|info| &info.location) {
            if let Some(text) = &location.leading_comments {
                let key = (file.name().to_owned(), location.path.clone());
                comments.insert(key, text.clone());
            }
        }
    }
    comments
}

/// The first `collection/{thing}` in backquotes, with a `*` for each thing.
fn pattern_of(comment: &str) -> Option<String> {
    let mut quoted = comment.split('`').skip(1).step_by(2);
    let form = quoted.find(|text| text.contains("/{"))?;
    let segments = form.split('/');
    let starred = segments.map(|part| if part.starts_with('{') { "*" } else { part });
    Some(starred.collect::<Vec<_>>().join("/"))
}

/// `agent` and `agents` → `agents/*`, for everything that has a name.
fn collections() -> BTreeMap<String, String> {
    let mut collections = BTreeMap::new();
    for field in POOL
        .all_messages()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
    {
        if !has_behavior(&field, IDENTIFIER) {
            continue;
        }
        let pattern = pattern_of(comment(&field)).unwrap();
        if let Some(collection) = pattern.strip_suffix("/*")
            && !collection.contains('/')
        {
            let one = comment(&field).split(['{', '}']).nth(1).unwrap();
            collections.insert(one.to_owned(), pattern.clone());
            collections.insert(collection.to_owned(), pattern);
        }
    }
    collections
}
