use futures::{Stream, StreamExt as _};
use t11_proto::llm::v1::CompleteResponse;
pub(crate) use t11_proto::llm::v1::complete_response::Event as CompletionEvent;
pub(crate) use t11_proto::llm::v1::{
    CompleteRequest, Finish, FinishReason, Message, MessageRole, Tool,
};

use super::Problem;
use super::transport::{rpc, server_stream};

/// Streams one completion. Dropping the stream stops it at the provider.
pub(crate) async fn complete(
    request: CompleteRequest,
) -> Result<impl Stream<Item = Result<CompletionEvent, Problem>>, Problem> {
    let path = rpc!("/t11.llm.v1.CompletionService/Complete");
    let answers = server_stream::<CompleteResponse, _>(path, &request).await?;
    Ok(answers.filter_map(|answer| async move {
        match answer {
            Ok(response) => response.event.map(Ok),
            Err(problem) => Some(Err(problem)),
        }
    }))
}
