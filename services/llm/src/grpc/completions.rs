//! `CompletionService`.

use t11_grpc::ResponseStream;
use t11_proto::llm::v1::completion_service_server::CompletionService;
use t11_proto::llm::v1::{CompleteRequest, CompleteResponse};
use tonic::{Request, Response, Status};

use super::convert;
use crate::completion::{CompletionEvent, Completions};

pub(super) struct Service {
    pub(super) completions: Completions,
}

#[tonic::async_trait]
impl CompletionService for Service {
    type CompleteStream = ResponseStream<CompleteResponse>;

    async fn complete(
        &self,
        request: Request<CompleteRequest>,
    ) -> Result<Response<Self::CompleteStream>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let new = convert::new_completion(request.into_inner())?;
        let completions = self.completions.clone();
        let stream = t11_grpc::stream(|events| async move {
            let mut completion = completions.begin(&scope, new).await?;
            loop {
                let event = completion.next().await?;
                let last = matches!(event, CompletionEvent::Finish { .. });
                events.send(convert::complete_response(event)).await?;
                if last {
                    return Ok(());
                }
            }
        });
        Ok(Response::new(stream))
    }
}
