//! What becomes of calls that a budget has no room for.

use t11_proto::llm::v1 as pb;
use t11_proto::llm::v1::budget_service_client::BudgetServiceClient;
use t11_testkit::fake_model::Script;

use crate::rig::Rig;
use crate::routes::{by, to};

const DEAR: &str = "acme/dear";
const CHEAP: &str = "acme/cheap";

async fn rig() -> Rig {
    let listed = |model: &str, price: &str| {
        serde_json::json!({
            "id": model, "name": model, "context_length": 8_000,
            "pricing": {"prompt": price, "completion": price},
        })
    };
    let models = [listed(DEAR, "0.001"), listed(CHEAP, "0.000001")];
    let rig = Rig::offering(&models, &[]).await;
    rig.route("fast", &[DEAR, CHEAP]).await;
    rig
}

async fn may_spend(rig: &Rig, micro_usd: i64, exhaustion: pb::BudgetExhaustion) -> pb::Budget {
    let request = pb::SetBudgetRequest {
        resource: "organization".to_owned(),
        period: pb::BudgetPeriod::Month.into(),
        cap_micro_usd: micro_usd,
        exhaustion: exhaustion.into(),
    };
    let mut client = BudgetServiceClient::new(rig.peer());
    let set = rig.call(client.set_budget(request)).await;
    set.unwrap().into_inner()
}

fn excluded(explained: &pb::ExplainResponse) -> Vec<(&str, pb::Exclusion)> {
    let candidates = explained.candidates.iter();
    candidates
        .map(|one| (one.model.as_str(), one.exclusion()))
        .collect()
}

#[tokio::test]
async fn a_cheaper_target_serves_unless_the_budget_refuses() {
    let rig = rig().await;
    let set = may_spend(&rig, 1_000, pb::BudgetExhaustion::Unspecified).await;
    assert_eq!(set.exhaustion(), pb::BudgetExhaustion::Degrade);
    rig.model.script(by(CHEAP, "да"));
    assert_eq!(rig.complete(to("fast")).await.finish().model, CHEAP);
    assert_eq!(rig.asked_models(), [CHEAP]);
    use pb::Exclusion::{Budget, Unspecified};
    let explained = rig.explain(to("fast")).await;
    assert_eq!(excluded(&explained), [(CHEAP, Unspecified), (DEAR, Budget)]);

    let set = may_spend(&rig, 1_000, pb::BudgetExhaustion::Refuse).await;
    assert_eq!(set.exhaustion(), pb::BudgetExhaustion::Refuse);
    assert_eq!(rig.complete(to("fast")).await.reason(), "BUDGET_EXCEEDED");
    assert_eq!(rig.asked_models(), [CHEAP], "nobody was asked");
    let explained = rig.explain(to("fast")).await;
    assert_eq!(excluded(&explained), [(DEAR, Budget), (CHEAP, Budget)]);
}

#[tokio::test]
async fn what_guards_the_platform_is_asked_whatever_is_left() {
    let rig = rig().await;
    may_spend(&rig, 0, pb::BudgetExhaustion::Degrade).await;
    assert_eq!(rig.complete(to("fast")).await.reason(), "BUDGET_EXCEEDED");
    let guard = pb::CompleteRequest {
        purpose: "classify".to_owned(),
        budgets: vec![pb::BudgetLimit {
            scope: "turns/1".to_owned(),
            cap_micro_usd: 0,
        }],
        ..to("fast")
    };
    assert_eq!(rig.explain(guard.clone()).await.candidates[0].model, DEAR);
    rig.model.script(
        Script::stream()
            .text("да")
            .finish("stop")
            .usage(20, 5, "0.000007")
            .done(),
    );
    assert_eq!(rig.complete(guard).await.text, "да");
    let budget = rig.budgets().await.remove(0);
    assert_eq!(budget.spent_micro_usd, 7, "and counted");
    assert_eq!(budget.reserved_micro_usd, 0);
}
