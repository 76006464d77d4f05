//! The list of models.

use t11_core::Fault as _;
use t11_grpc::RemoteFault;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::{CHAT_MODEL, EMBEDDING_MODEL};

use crate::rig::Rig;

#[tokio::test]
async fn models_have_prices_and_one_is_the_default() {
    let rig = Rig::with(&[("T11_LLM__EMBEDDING_MODEL", EMBEDDING_MODEL)]).await;
    let response = rig.models(pb::ListModelsRequest::default()).await.unwrap();
    assert!(!response.demo && response.embeddings);
    let chat = response
        .models
        .iter()
        .find(|model| model.name == format!("models/{CHAT_MODEL}"))
        .unwrap();
    let expected = pb::Model {
        name: format!("models/{CHAT_MODEL}"),
        display_name: "OpenAI: GPT-4o-mini".into(),
        provider: "openrouter".into(),
        context_tokens: 128_000,
        prompt_price: 150_000,
        completion_price: 600_000,
        supports_json_schema: true,
        supports_tools: true,
        supports_images: true,
        is_default: true,
    };
    assert_eq!(*chat, expected);
    let auto = response
        .models
        .iter()
        .find(|model| model.name == "models/openrouter/auto")
        .unwrap();
    assert_eq!(
        (auto.prompt_price, auto.is_default, auto.supports_images),
        (-1, false, false),
        "a price that depends is not known"
    );
}

#[tokio::test]
async fn the_list_is_searched_and_paged() {
    let rig = Rig::openrouter().await;
    let page = |query: &str, token: &str| pb::ListModelsRequest {
        page_size: 1,
        page_token: token.to_owned(),
        query: query.to_owned(),
    };
    let first = rig.models(page("OPENAI", "")).await.unwrap();
    assert_eq!(first.models[0].name, format!("models/{CHAT_MODEL}"));
    let second = rig
        .models(page("OPENAI", &first.next_page_token))
        .await
        .unwrap();
    assert_eq!(second.models[0].name, format!("models/{EMBEDDING_MODEL}"));
    assert_eq!(second.next_page_token, "");
    let other = rig
        .models(page("auto", &first.next_page_token))
        .await
        .unwrap_err();
    assert_eq!(RemoteFault::from(&other).reason(), "PAGE_TOKEN_INVALID");
    assert_eq!(rig.model.received().len(), 1, "the provider is asked once");
}

#[tokio::test]
async fn the_demo_model_says_that_it_is_one() {
    let response = Rig::demo()
        .await
        .models(pb::ListModelsRequest::default())
        .await
        .unwrap();
    assert!(response.demo && !response.embeddings);
    assert_eq!(response.models.len(), 1);
    let model = &response.models[0];
    assert_eq!(
        (model.name.as_str(), model.is_default),
        ("models/demo/quote", true)
    );
}
