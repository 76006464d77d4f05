//! The price book through its real routes.
//! On SQLite, and with `T11_TEST_DATABASE_URL` set on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise and reads its own environment"
)]

mod rig;

use rig::{Rig, header, reason};
use t11_core::{Fault as _, OrgId};
use t11_grpc::RemoteFault;
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::import_prices_request::Part;
use uuid::Uuid;

const LIST: &str = "Артикул;Название;Цена;Ед.;Синонимы;Скидка, %\n\
    OSLO-2;Диван «Осло»;45 000 ₽;шт;софа норвежская;10\n\
    P-40;Кухня «Берген»;от 120 500,50;;;\n\
    CHAIR;Стул;$35;шт;;5\n";

#[tokio::test]
async fn a_list_is_a_draft_until_it_is_published() {
    let rig = Rig::start().await;
    let imported = rig.import(header(), LIST).await.unwrap();
    let version = imported.version.unwrap();
    assert_eq!(version.state(), pb::PriceBookState::Draft);
    assert_eq!(
        (version.number, version.item_count, version.error_count),
        (1, 3, 0)
    );
    assert_eq!(
        (
            version.added_count,
            version.changed_count,
            version.removed_count
        ),
        (3, 0, 0)
    );
    assert_eq!(version.file_name, "Прайс.csv");
    assert_eq!(rig.live().await, Vec::<String>::new());

    let published = rig.publish(&version.name).await.unwrap();
    assert_eq!(published.state(), pb::PriceBookState::Live);
    assert!(published.publish_time.is_some());
    let items = rig
        .items(rig.org, pb::ListPriceItemsRequest::default())
        .await
        .unwrap();
    assert_eq!(items.total_size, 3);
    let kitchen = &items.items[1];
    assert_eq!(
        (
            kitchen.sku.as_str(),
            kitchen.price_minor,
            kitchen.currency.as_str(),
            kitchen.price_from
        ),
        ("P-40", 12_050_050, "RUB", true)
    );
    assert_eq!(items.items[0].max_discount_percent, 10);
    assert_eq!(items.items[2].currency, "USD");

    // Publishing what is live changes nothing.
    let again = rig.publish(&version.name).await.unwrap();
    assert_eq!(again.publish_time, published.publish_time);
    let targets: Vec<_> = rig.audited().await;
    assert!(
        targets.iter().all(|(_, target)| *target == version.name),
        "{targets:?}"
    );
    assert!(
        targets[0].0.ends_with("PriceBookService/ImportPrices"),
        "{targets:?}"
    );
    rig.stop().await;
}

#[tokio::test]
async fn versions_follow_each_other_and_one_can_go_back() {
    let rig = Rig::start().await;
    let first = rig.publish_list(LIST).await;
    assert_eq!(first.state(), pb::PriceBookState::Live);
    let second = rig
        .publish_list("Артикул;Название;Цена\noslo-2;Диван «Осло»;46 000 ₽\nNEW;Стол;100\n")
        .await;
    assert_eq!(
        (
            second.added_count,
            second.changed_count,
            second.removed_count
        ),
        (1, 1, 2)
    );
    assert_eq!(rig.live().await, ["oslo-2", "NEW"]);

    let list = rig
        .versions(pb::ListPriceBookVersionsRequest::default())
        .await
        .unwrap();
    let states: Vec<_> = list
        .versions
        .iter()
        .map(|v| (v.number, v.state()))
        .collect();
    assert_eq!(
        states,
        [
            (2, pb::PriceBookState::Live),
            (1, pb::PriceBookState::Retired)
        ]
    );

    rig.publish(&first.name).await.unwrap();
    assert_eq!(rig.live().await, ["OSLO-2", "P-40", "CHAIR"]);
    let old = pb::ListPriceItemsRequest {
        version: second.name,
        ..Default::default()
    };
    assert_eq!(rig.items(rig.org, old).await.unwrap().total_size, 2);
    rig.stop().await;
}

#[tokio::test]
async fn bad_rows_are_named_and_keep_a_version_from_going_live() {
    let rig = Rig::start().await;
    let text = "Артикул;Название;Цена\nA;Диван;дорого\nB;Стол;100\nB;Стул;50\n";
    let publish = pb::ImportPricesHeader {
        publish: true,
        ..header()
    };
    let imported = rig.import(publish.clone(), text).await.unwrap();
    let version = imported.version.unwrap();
    assert_eq!(version.state(), pb::PriceBookState::Draft);
    assert_eq!((version.item_count, version.error_count), (1, 2));
    let errors: Vec<_> = imported
        .row_errors
        .iter()
        .map(|e| {
            (
                e.row,
                e.column.as_str(),
                e.reason.as_str(),
                e.value.as_str(),
            )
        })
        .collect();
    assert_eq!(
        errors,
        [
            (2, "Цена", "PRICE_NOT_A_NUMBER", "дорого"),
            (4, "Артикул", "SKU_REPEATED", "B")
        ]
    );
    assert_eq!(
        reason(rig.publish(&version.name).await),
        "PRICE_VERSION_HAS_ERRORS"
    );

    let skipping = pb::ImportPricesHeader {
        skip_bad_rows: true,
        ..publish
    };
    let version = rig.import(skipping, text).await.unwrap().version.unwrap();
    assert_eq!(version.state(), pb::PriceBookState::Live);
    assert_eq!(rig.live().await, ["B"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_repeated_request_makes_one_version() {
    let rig = Rig::start().await;
    let request_id = Uuid::from_u128(rig.org.0.as_u128() ^ 1).to_string();
    let header = pb::ImportPricesHeader {
        request_id,
        ..header()
    };
    let text = "Название;Цена\nДиван;10\nСтул;?\n";
    let first = rig.import(header.clone(), text).await.unwrap();
    let again = rig.import(header, text).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(again.row_errors.len(), 1);
    let list = rig
        .versions(pb::ListPriceBookVersionsRequest::default())
        .await
        .unwrap();
    assert_eq!(list.versions.len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn what_is_no_price_list_is_refused() {
    let rig = Rig::start().await;
    let named = |name: &str| pb::ImportPricesHeader {
        display_name: name.to_owned(),
        ..header()
    };
    assert_eq!(
        reason(rig.import(named("a.pdf"), "%PDF-1.7").await),
        "FILE_TYPE_UNSUPPORTED"
    );
    assert_eq!(
        reason(rig.import(named("a.txt"), "a;b").await),
        "FILE_TYPE_UNSUPPORTED"
    );
    assert_eq!(
        reason(rig.import(named("a.xlsx"), "a;b").await),
        "FILE_TYPE_MISMATCH"
    );
    assert_eq!(reason(rig.import(header(), "").await), "FILE_EMPTY");
    assert_eq!(
        reason(rig.import(header(), "Название;Цена\n").await),
        "FILE_EMPTY"
    );
    assert_eq!(
        reason(rig.import(header(), "Товар;Остаток\nx;1\n").await),
        "PRICE_COLUMNS_MISSING"
    );
    assert_eq!(reason(rig.send(vec![]).await), "UPLOAD_HEADER_MISSING");
    assert_eq!(
        reason(rig.send(vec![Part::Chunk(vec![1].into())]).await),
        "UPLOAD_HEADER_MISSING"
    );
    let mebibyte = Part::Chunk(vec![b'a'; 1024 * 1024].into());
    let mut parts = vec![Part::Header(header())];
    parts.extend(vec![mebibyte; 51]);
    assert_eq!(reason(rig.send(parts).await), "FILE_TOO_BIG");

    let bad = pb::ImportPricesHeader {
        currency: "XXX".to_owned(),
        request_id: "1".to_owned(),
        ..Default::default()
    };
    let status = rig.import(bad, LIST).await.unwrap_err();
    let fault = RemoteFault::from(&status);
    let fields: Vec<_> = fault
        .violations()
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    assert_eq!(fields, ["display_name", "currency", "request_id"]);
    let list = rig
        .versions(pb::ListPriceBookVersionsRequest::default())
        .await
        .unwrap();
    assert_eq!(list.versions, []);
    rig.stop().await;
}

#[tokio::test]
async fn items_are_searched_and_paged() {
    let rig = Rig::start().await;
    rig.publish_list(LIST).await;
    let found = |query: &str| pb::ListPriceItemsRequest {
        query: query.to_owned(),
        ..Default::default()
    };
    for (query, expected) in [
        ("ОСЛО", vec!["OSLO-2"]),
        ("норвеж", vec!["OSLO-2"]),
        ("p-4", vec!["P-40"]),
        ("%", vec![]),
        ("_", vec![]),
    ] {
        let list = rig.items(rig.org, found(query)).await.unwrap();
        let skus: Vec<_> = list.items.iter().map(|item| item.sku.as_str()).collect();
        assert_eq!(skus, expected, "{query}");
        assert_eq!(list.total_size as usize, expected.len(), "{query}");
    }
    let mut request = pb::ListPriceItemsRequest {
        page_size: 2,
        ..Default::default()
    };
    let first = rig.items(rig.org, request.clone()).await.unwrap();
    assert_eq!((first.items.len(), first.total_size), (2, 3));
    request.page_token = first.next_page_token;
    let last = rig.items(rig.org, request.clone()).await.unwrap();
    assert_eq!(
        (last.items[0].sku.as_str(), last.next_page_token.as_str()),
        ("CHAIR", "")
    );
    // A token is of its list alone.
    request.query = "осло".to_owned();
    assert_eq!(
        reason(rig.items(rig.org, request).await),
        "PAGE_TOKEN_INVALID"
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_sentence_is_checked_against_the_live_list() {
    let rig = Rig::start().await;
    let nothing = rig.check("Диван «Осло» стоит 45 000 ₽.").await.unwrap();
    assert!(!nothing.allowed);
    rig.publish_list(LIST).await;
    for (text, allowed) in [
        ("Диван «Осло» стоит 45 000 ₽.", true),
        ("Он стоит сорок пять тысяч рублей.", true),
        ("Скидка 10 % на диван «Осло».", true),
        ("Кухня «Берген» — от 120 500,50 ₽.", true),
        ("Здравствуйте!", true),
        ("Диван «Осло» стоит 44 999 ₽.", false),
        ("Кухня «Берген» стоит 120 500,50 ₽.", false),
        ("Скидка 11 % на диван «Осло».", false),
        ("Стул стоит 35 ₽.", false),
    ] {
        let checked = rig.check(text).await.unwrap();
        assert_eq!(checked.allowed, allowed, "{text} {checked:?}");
    }
    let checked = rig
        .check("Диван «Осло» стоит 45 000 ₽, привезём за 3 дня.")
        .await
        .unwrap();
    let numbers: Vec<_> = checked
        .numbers
        .iter()
        .map(|n| (n.text.as_str(), n.kind.as_str(), n.allowed))
        .collect();
    assert_eq!(
        numbers,
        [("45 000 ₽", "money", true), ("3 дня", "duration", false)]
    );
    assert!(checked.numbers[0].source.starts_with("items/"));
    assert_eq!(reason(rig.check("").await), "FIELDS_INVALID");
    rig.stop().await;
}

#[tokio::test]
async fn another_organization_sees_and_moves_nothing() {
    let rig = Rig::start().await;
    let version = rig.publish_list(LIST).await;
    let other = OrgId(Uuid::from_u128(rig.org.0.as_u128() ^ 2));
    let items = rig
        .items(other, pb::ListPriceItemsRequest::default())
        .await
        .unwrap();
    assert_eq!((items.items.len(), items.total_size), (0, 0));
    let unknown = format!("versions/{}", Uuid::from_u128(9));
    for name in [&version.name, &unknown] {
        let request = pb::ListPriceItemsRequest {
            version: name.clone(),
            ..Default::default()
        };
        assert_eq!(reason(rig.items(other, request).await), "NOT_FOUND");
        let status = rig.publish_as(other, name).await.unwrap_err();
        assert_eq!(status.message(), format!("`{name}` is not found"));
    }
    rig.stop().await;
}
