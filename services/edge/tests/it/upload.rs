//! Files on their way to a client-streaming RPC.

use axum::body::Body;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::signed_in;
use crate::mesh::{SESSION, TestMesh, Upload};

const UPLOAD: &str = "POST /api/knowledge/sources:upload";

fn form(parts: &[(&str, &str, &str)], end: &str) -> String {
    let parts = parts.iter().map(|(name, file, data)| {
        let file = if file.is_empty() {
            String::new()
        } else {
            format!("; filename=\"{file}\"")
        };
        format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{data}\r\n")
    });
    format!("{}{end}", parts.collect::<String>())
}

#[tokio::test]
async fn a_raw_body_is_the_file() {
    let mesh = TestMesh::new();
    let body = vec![7; 200_000];
    let line = format!("{UPLOAD}?display_name=list.pdf&category=categories/1");
    let answer = signed_in(&line)
        .raw("application/pdf", body)
        .send(&mesh)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["name"], "sources/1");
    let upload = mesh.seen().upload.clone();
    let header = upload.header.unwrap();
    assert_eq!(
        (header.display_name.as_str(), header.size_bytes),
        ("list.pdf", 200_000)
    );
    assert_eq!(header.category, "categories/1");
    assert_eq!((upload.bytes, upload.complete), (200_000, true));
    assert!(upload.longest_chunk <= 64 * 1024);
}

#[tokio::test]
async fn a_form_gives_its_first_file() {
    let mesh = TestMesh::new();
    let parts = [
        ("category", "", "categories/2"),
        ("file", "прайс.csv", "a;b"),
        ("x", "", "y"),
    ];
    let body = form(&parts, "--cut--\r\n");
    let answer = signed_in(UPLOAD)
        .raw("multipart/form-data; boundary=cut", body)
        .send(&mesh)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let upload = mesh.seen().upload.clone();
    let header = upload.header.unwrap();
    assert_eq!(header.display_name, "прайс.csv");
    assert_eq!(header.category, "categories/2");
    assert_eq!((upload.bytes, upload.complete), (3, true));
}

#[tokio::test]
async fn a_form_that_breaks_off_is_no_file() {
    let mesh = TestMesh::new();
    let body = form(&[("file", "a.txt", "half of it")], "");
    let body = body.trim_end().to_owned();
    let answer = signed_in(UPLOAD)
        .raw("multipart/form-data; boundary=cut", body)
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "400 BODY_BROKEN");
    assert!(!mesh.seen().upload.complete);
}

#[tokio::test]
async fn a_client_that_leaves_leaves_no_file() {
    let mesh = TestMesh::new();
    let mut socket = TcpStream::connect(mesh.listen().await).await.unwrap();
    let head = format!(
        "POST /api/knowledge/sources:upload?display_name=a.txt HTTP/1.1\r\nhost: x\r\n\
         authorization: Bearer {SESSION}\r\ncontent-length: 100000\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&[1; 50_000]).await.unwrap();
    socket.shutdown().await.unwrap();
    mesh.dropped.notified().await;
    let mut answer = String::new();
    drop(socket.read_to_string(&mut answer).await);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!mesh.seen().upload.complete);
}

#[tokio::test]
async fn too_big_a_file_is_refused_and_cancelled() {
    let mesh = TestMesh::with(|config| config.max_upload_bytes = 100_000);
    let answer = signed_in(UPLOAD)
        .raw("text/plain", vec![0; 300_000])
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "413 FILE_TOO_BIG");
    assert_eq!(
        mesh.seen().upload,
        Upload::default(),
        "announced: the service is not called"
    );

    let pieces = (0..30).map(|_| Ok::<_, std::io::Error>(vec![0; 10_000]));
    let body = Body::from_stream(futures::stream::iter(pieces));
    let answer = signed_in(UPLOAD)
        .stream("text/plain", body)
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "413 FILE_TOO_BIG");
    mesh.dropped.notified().await;
    assert!(!mesh.seen().upload.complete);
}

#[tokio::test]
async fn an_early_refusal_is_answered_after_the_body() {
    let mesh = TestMesh::new();
    let line = format!("{UPLOAD}?display_name=refused.exe");
    let answer = signed_in(&line)
        .raw("application/exe", vec![0; 3_000_000])
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "400 FILE_TYPE_UNSUPPORTED");
}

#[tokio::test]
async fn a_wrong_header_is_named() {
    let mesh = TestMesh::new();
    let line = format!("{UPLOAD}?colour=red&size_bytes=many");
    let answer = signed_in(&line).raw("text/plain", "x").send(&mesh).await;
    assert_eq!(
        answer.violations(),
        ["colour UNKNOWN_FIELD", "size_bytes FORMAT"]
    );
    let answer = signed_in(UPLOAD)
        .raw("multipart/form-data", "x")
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "415 MEDIA_TYPE_UNSUPPORTED");
    let empty = form(&[("category", "", "x")], "--cut--\r\n");
    let answer = signed_in(UPLOAD)
        .raw("multipart/form-data; boundary=cut", empty)
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "400 FILE_MISSING");
}
