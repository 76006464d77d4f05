//! Texts as vectors.

use t11_core::Fault as _;
use t11_grpc::RemoteFault;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::{EMBEDDING_MODEL, Script};

use crate::rig::Rig;

fn request(texts: &[&str]) -> pb::EmbedRequest {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    pb::EmbedRequest {
        texts,
        purpose: pb::EmbeddingPurpose::Query.into(),
        ..Default::default()
    }
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

fn likeness(one: &[u8], other: &[u8]) -> f32 {
    numbers(one)
        .iter()
        .zip(numbers(other))
        .map(|(a, b)| a * b)
        .sum()
}

#[tokio::test]
async fn similar_texts_have_near_vectors() {
    let rig = Rig::with(&[
        ("T11_LLM__EMBEDDING_MODEL", EMBEDDING_MODEL),
        ("T11_LLM__EMBEDDING_BATCH", "2"),
        ("T11_LLM__EMBEDDING_QUERY_TYPE", "query"),
    ])
    .await;
    let texts = ["доставка дивана", "доставить диван", "warranty period"];
    let response = rig.embed(request(&texts)).await.unwrap();
    assert_eq!(
        (response.model.as_str(), response.dimensions),
        (EMBEDDING_MODEL, 256)
    );
    let [one, near, far] = response.vectors.try_into().unwrap();
    assert!(likeness(&one, &near) > likeness(&one, &far));
    let usage = response.usage.unwrap();
    assert!(
        usage.prompt_tokens > 0 && usage.cost_known,
        "the server names no cost; the list of models has its price"
    );

    let received = rig.asked();
    assert_eq!(received.len(), 2, "in batches of two");
    assert_eq!(received[0].body["encoding_format"], "base64");
    assert_eq!(received[0].body["input_type"], "query");
    assert_eq!(rig.usage().await.total_calls, 1);
}

#[tokio::test]
async fn a_failure_that_passes_is_tried_again() {
    let rig = Rig::with(&[("T11_LLM__EMBEDDING_MODEL", EMBEDDING_MODEL)]).await;
    rig.model.script(Script::refuse(502, "bad gateway"));
    assert_eq!(
        rig.embed(request(&["a text"])).await.unwrap().vectors.len(),
        1
    );
}

#[tokio::test]
async fn without_an_embedding_model_there_are_no_vectors() {
    for rig in [Rig::openrouter().await, Rig::demo().await] {
        let status = rig.embed(request(&["text"])).await.unwrap_err();
        assert_eq!(
            RemoteFault::from(&status).reason(),
            "EMBEDDINGS_UNAVAILABLE"
        );
        assert!(
            !rig.models(pb::ListModelsRequest::default())
                .await
                .unwrap()
                .embeddings
        );
    }
}
