use serde_json::json;

use crate::harness::{Setting, send};

#[tokio::test]
async fn a_file_is_uploaded_in_parts_and_sent_to_a_client() {
    let setting = Setting::new().await;
    setting.account.set_largest_part(4);
    let talk = setting.account.newcomer(&Default::default(), "Hi");
    let start = setting
        .http
        .post(setting.url("/v1.0/sessions"))
        .bearer_auth(&setting.token);
    let start = start
        .json(&json!({"file_name": "price.txt", "file_size": 6, "content_type": "text/plain"}));
    let session = send(start).await.is(200);
    assert_eq!(session["max_part_size"], 4);
    let upload_url = session["upload_url"].as_str().unwrap();
    let too_large = send(setting.http.post(upload_url).body("12345")).await;
    assert_eq!(too_large.status, 413);
    let part = send(setting.http.post(upload_url).body("1234"))
        .await
        .is(202);
    send(setting.http.post(upload_url).body("1234"))
        .await
        .is(404);
    let next = part["next_url"].as_str().unwrap();
    let file = send(setting.http.post(next).body("56")).await.is(200);
    let uuid = file["uuid"].as_str().unwrap();
    assert!(file["version_uuid"].is_string());

    let body = json!({"text": "Prices", "attachment": {"drive_uuid": uuid, "drive_version_uuid": file["version_uuid"], "type": "file"}});
    setting
        .post(&format!("/talks/{}/send_message", talk.talk_id), body)
        .await
        .is(202);
    let sent = setting.account.messages_of(talk.talk_id).remove(1);
    let attachment = sent.attachment.unwrap();
    assert_eq!(attachment["file_name"], "price.txt");
    let link = attachment["link"].as_str().unwrap();
    assert_eq!(send(setting.http.get(link)).await.text, "123456");

    let path = format!("/leads/{}/files", talk.lead_id.unwrap());
    let put = setting
        .http
        .put(setting.api(&path))
        .bearer_auth(&setting.token);
    assert_eq!(
        send(put.json(&json!([{"file_uuid": uuid}]))).await.status,
        204
    );
    let files = setting.get(&path).await.is(200);
    assert_eq!(files["_embedded"]["files"][0]["file_uuid"], uuid);
}
