//! One trace, from the door to the last hop: through gRPC, the outbox and the queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use parking_lot::Mutex;
use serde_json::json;
use t11_tests::eventually;
use t11_tests::processes::ProcessMesh;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A span, and the process that it is of.
#[derive(Clone, Debug)]
struct Seen {
    process: String,
    span: Span,
}

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Seen>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let sent = request.into_inner().resource_spans;
        self.0.lock().extend(sent.into_iter().flat_map(seen));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Seen {
    /// The run of a job (`SPAN_KIND_CONSUMER`).
    fn is_job(&self) -> bool {
        self.span.kind == 5
    }
}

fn seen(of_process: ResourceSpans) -> Vec<Seen> {
    let resource = of_process.resource.unwrap();
    let name = resource.attributes.into_iter().find_map(|attribute| {
        let value = attribute.value.and_then(|value| value.value);
        match value {
            Some(Value::StringValue(name)) if attribute.key == "service.name" => Some(name),
            _ => None,
        }
    });
    let process = name.unwrap();
    let spans = of_process
        .scope_spans
        .into_iter()
        .flat_map(|scope| scope.spans);
    spans
        .map(|span| Seen {
            process: process.clone(),
            span,
        })
        .collect()
}

impl Collector {
    /// Listens; the address to export to.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder()
            .add_service(TraceServiceServer::new(self.clone()))
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(server);
        format!("http://{address}")
    }

    /// The trace that holds a span of this name.
    fn trace_with(&self, name: &str) -> Option<Vec<Seen>> {
        let all = self.0.lock();
        let trace = all.iter().find(|seen| seen.span.name == name)?;
        let id = &trace.span.trace_id;
        let of_trace = all.iter().filter(|seen| seen.span.trace_id == *id);
        Some(of_trace.cloned().collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_door_through_the_queue_to_the_last_hop() {
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        // Traces are whole however little is logged.
        ("T11_LOG", "warn"),
    ];
    let Some(mesh) = ProcessMesh::with(1, &variables).await else {
        return;
    };
    let owner = mesh.owner("Traced").await;
    let article = json!({"display_name": "Prices", "content": "A lesson is 900 roubles."});
    let made = owner.post("/api/knowledge/sources:createArticle", article);
    assert!(made.await.ok()["job"].is_string());

    const ASKED: &str = "t11.agents.v1.KnowledgeService/CreateArticle";
    // The reader of the article, and the record of who asked for it.
    let wanted = ["accounts", "agents"];
    let trace = eventually("both jobs are in the trace", || async {
        let trace = collector.trace_with(ASKED)?;
        let ran = |process| trace.iter().any(|it| it.is_job() && it.process == process);
        wanted.into_iter().all(ran).then_some(trace)
    })
    .await;

    let ids: BTreeMap<_, _> = trace.iter().map(|s| (s.span.span_id.clone(), s)).collect();
    let roots: Vec<_> = trace
        .iter()
        .filter(|seen| !ids.contains_key(&seen.span.parent_span_id))
        .collect();
    assert_eq!(roots.len(), 1, "{roots:#?}");
    assert_eq!(roots[0].process, "edge");
    for job in trace.iter().filter(|seen| seen.is_job()) {
        let asked = ids[&job.span.parent_span_id];
        assert_eq!(
            (asked.process.as_str(), asked.span.name.as_str()),
            ("agents", ASKED)
        );
    }
}
