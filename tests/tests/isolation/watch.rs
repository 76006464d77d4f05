//! A watch hears of its own organization alone.

use serde_json::json;
use t11_proto::method;
use t11_tests::{Client, TestMesh};

use crate::doors::{Door, Reach};
use crate::fields;
use crate::tenant::Tenant;

const WATCH: &str = "/t11.jobs.v1.JobService/WatchJobs";

/// Makes work, which watches of the organization hear of.
async fn write_article(client: &Client, name: &str) {
    let article = json!({"display_name": name, "content": "# A sofa\n\nIt costs money."});
    let path = "/api/knowledge/sources:createArticle";
    client.post(path, article).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_hears_of_its_own_alone() {
    let mesh = TestMesh::start().await;
    let reach = Reach::of(&mesh);
    let other = Tenant::new(&mesh.stranger(), &reach).await;
    let own = Tenant::new(&mesh.stranger(), &reach).await;
    let info = method::find(WATCH).unwrap();
    let rpc = fields::rpc(info);
    let request = prost_reflect::DynamicMessage::new(rpc.input());
    for door in Door::ALL {
        let messages = [request.clone()];
        let watch = reach.send(door, &own.owner, (info, &rpc), &messages);
        let work = async {
            write_article(&other.owner.client, &other.mark).await;
            write_article(&own.owner.client, &own.mark).await;
        };
        let (heard, ()) = tokio::join!(watch, work);
        let heard = heard.unwrap();
        assert!(heard.holds(&own.mark), "{door:?} heard nothing of its own");
        assert_eq!(heard.mark_other_than(&own.mark), None, "{door:?}");
    }
    mesh.stop().await;
}
