use chrono::TimeDelta;
use t11_core::PageRequest;

use super::super::entity::chunk;
use super::super::testing::{TestStore, article, reader};
use super::super::{ChunkReading, NewVersion};
use super::*;
use crate::agent::{Draft, Settings};
use crate::knowledge::chunk::Chunk;
use crate::knowledge::lang::Lang;
use crate::knowledge::stem::Stemming;
use crate::knowledge::terms::Terms;
use crate::price_book::NewItem;
use crate::price_book::import::Imported;
use crate::turn::Editions;

async fn agent(store: &TestStore) -> Uuid {
    let draft = Draft {
        display_name: "Анна".to_owned(),
        settings: Settings {
            instructions: "Отвечай кратко.".to_owned(),
            ..Settings::default()
        },
    };
    let making = store.create_agent(&store.scope, draft, None);
    making.await.unwrap().id
}

async fn publish(store: &TestStore, agent: Uuid) -> Version {
    let publishing = Publishing {
        note: String::new(),
        override_reason: String::new(),
        request_id: None,
    };
    let made = store.publish_agent(&store.scope, agent, publishing);
    made.await.unwrap()
}

/// A source is read, and says this.
async fn read(store: &TestStore, source: Uuid, text: &str) {
    let chunk = Chunk {
        index: 0,
        text: text.to_owned(),
        heading_path: Vec::new(),
        page: None,
        char_start: 0,
        char_end: 1,
        tokens: 8,
        lang: Lang::Ru,
        hash: [0; 32],
    };
    let terms = Terms::of(&mut Stemming::default(), &[], text);
    let reading = ChunkReading {
        chunks: vec![(chunk, terms, None)],
        page_count: 0,
        language: "ru".to_owned(),
        title: None,
    };
    let reader = reader(store, source).await;
    let storing = store.store_reading(&store.scope, source, reader, reading);
    assert!(storing.await.unwrap());
}

/// A price list is imported, and live; its version.
async fn import(store: &TestStore) -> Uuid {
    let item = NewItem {
        sku: "OSLO".to_owned(),
        display_name: "Диван".to_owned(),
        aliases: Vec::new(),
        unit: String::new(),
        price_minor: 4_500_000,
        currency: "RUB".to_owned(),
        price_from: false,
        max_discount_percent: 0,
        valid_from: None,
        valid_until: None,
    };
    let new = NewVersion {
        file_name: "Прайс.csv".to_owned(),
        imported: Imported {
            items: vec![item],
            errors: Vec::new(),
            bad_rows: 0,
        },
        skip_bad_rows: false,
        publish: true,
        request_id: None,
    };
    let made = store.create_price_version(&store.scope, new);
    made.await.unwrap().id
}

/// What a turn of an agent answers from.
async fn editions(store: &TestStore, agent: Agent) -> Editions {
    let known = store.known(&store.scope, agent, Uuid::from_u128(1), None);
    known.await.unwrap().editions
}

/// All chunks there are, as they stand.
async fn texts(store: &TestStore) -> Vec<String> {
    let reading = store.db.read(&store.scope, |tx| async move {
        let rows = tx.find::<chunk::Entity>()?.all(&tx).await;
        Ok::<_, Error>(rows.map_err(StoreError::from)?)
    });
    let rows = reading.await.unwrap().into_iter();
    let mut texts: Vec<_> = rows.map(|row| row.content).collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn a_reading_stays_while_a_version_searches_it() {
    let store = TestStore::new().await;
    let (agent, source) = (agent(&store).await, article(&store, "Гарантия").await);
    read(&store, source, "Гарантия 12 месяцев").await;
    read(&store, source, "Гарантия 24 месяца").await;
    assert_eq!(texts(&store).await, ["Гарантия 24 месяца"], "not published");
    let first = publish(&store, agent).await;
    read(&store, source, "Гарантия 36 месяцев").await;
    let both = ["Гарантия 24 месяца", "Гарантия 36 месяцев"];
    assert_eq!(texts(&store).await, both);

    let pinning = store.db.read(&store.scope, move |tx| async move {
        pinned(&tx, first.id).await
    });
    let pinned = pinning.await.unwrap();
    let delta = store.index_delta(&store.scope, HashMap::new());
    let entries = delta.await.unwrap().changed;
    let retired = entries.iter().find(|(entry, _)| entry.retired).unwrap();
    assert_eq!(retired.0.reading, pinned[&source].reading);
    let current = entries.iter().find(|(entry, _)| !entry.retired).unwrap();
    assert!(current.0.reading > retired.0.reading);
    assert_eq!((current.1.len(), retired.1.len()), (1, 1));

    for _ in 0..KEPT {
        assert_eq!(texts(&store).await, both);
        publish(&store, agent).await;
    }
    assert_eq!(texts(&store).await, ["Гарантия 36 месяцев"]);
    let restoring = store.restore_version(&store.scope, (agent, first.id), false);
    let refused = restoring.await;
    assert!(
        matches!(refused, Err(Error::AgentVersionOutdated(1))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_draft_answers_from_what_there_is_and_a_version_from_what_there_was() {
    let store = TestStore::new().await;
    let agent = agent(&store).await;
    let draft = store.agent(&store.scope, agent).await.unwrap();
    assert_eq!(editions(&store, draft.clone()).await, Editions::default());
    let source = article(&store, "Гарантия").await;
    read(&store, source, "Гарантия 24 месяца").await;
    let prices = import(&store).await;
    let version = publish(&store, agent).await;
    let freezing = store.db.read(&store.scope, move |tx| async move {
        frozen(&tx, agent, version.id).await
    });
    let published = draft.clone().answering_from(freezing.await.unwrap());
    let before = editions(&store, published.clone()).await;

    read(&store, source, "Гарантия 36 месяцев").await;
    let of_today = Editions {
        knowledge: store.index_version(&store.scope).await.unwrap(),
        pinned: None,
        prices: Some(import(&store).await),
    };
    assert_eq!(editions(&store, draft).await, of_today);
    assert_eq!(before.prices, Some(prices));
    let pinned = before.pinned.clone().unwrap();
    assert_eq!(pinned.keys().collect::<Vec<_>>(), [&source]);
    let of_version = Editions {
        knowledge: of_today.knowledge,
        ..before
    };
    assert_eq!(editions(&store, published).await, of_version);
}

#[tokio::test]
async fn the_live_version_is_kept_however_old_it_is() {
    let store = TestStore::new().await;
    let agent = agent(&store).await;
    let first = publish(&store, agent).await;
    for _ in 1..KEPT {
        publish(&store, agent).await;
    }
    let name = (agent, first.id);
    let restored = store.restore_version(&store.scope, name, false);
    assert!(restored.await.unwrap().live);
    let now = store.agent(&store.scope, agent).await.unwrap();
    assert_eq!(now.live_version.unwrap().number, 1);
    publish(&store, agent).await;
    let page = PageRequest {
        size: 100,
        cursor: None,
    };
    let (versions, _) = store.versions(&store.scope, agent, page).await.unwrap();
    let unpinned = versions.items.iter().filter(|version| !version.pinned);
    let unpinned: Vec<_> = unpinned.map(|version| version.number).collect();
    assert_eq!(unpinned, [1], "it is not live any more");
}

#[tokio::test]
async fn a_repeated_request_publishes_once() {
    let store = TestStore::new().await;
    let agent = agent(&store).await;
    let publishing = Publishing {
        note: "Осень".to_owned(),
        override_reason: String::new(),
        request_id: Some(Uuid::from_u128(9)),
    };
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let made = store.publish_agent(&store.scope, agent, publishing.clone());
        numbers.push(made.await.unwrap().number);
    }
    assert_eq!(numbers, [1, 1]);
}

#[tokio::test]
async fn the_settings_of_a_restored_version_may_be_the_draft_again() {
    let store = TestStore::new().await;
    let agent = agent(&store).await;
    let first = publish(&store, agent).await;
    let draft = Draft {
        display_name: "Ольга".to_owned(),
        settings: Settings {
            instructions: "Отвечай подробно.".to_owned(),
            ..Settings::default()
        },
    };
    let fields = vec!["display_name".to_owned(), "instructions".to_owned()];
    let known = store.agent(&store.scope, agent).await.unwrap();
    let etag = String::from(known.etag());
    let changing = store.update_agent(&store.scope, agent, draft, fields, etag);
    changing.await.unwrap();
    publish(&store, agent).await;
    for (copy, instructions) in [(false, "Отвечай подробно."), (true, "Отвечай кратко.")]
    {
        let restoring = store.restore_version(&store.scope, (agent, first.id), copy);
        restoring.await.unwrap();
        let now = store.agent(&store.scope, agent).await.unwrap();
        assert_eq!(now.settings.instructions, instructions);
        assert_eq!(now.live_version.unwrap().number, 1);
    }
    let now = store.agent(&store.scope, agent).await.unwrap();
    assert_eq!(now.display_name, "Анна");
}

#[tokio::test]
async fn a_price_list_stays_while_a_version_names_its_prices() {
    let store = TestStore::new().await;
    let agent = agent(&store).await;
    let first = import(&store).await;
    publish(&store, agent).await;
    for _ in 0..4 {
        import(&store).await;
    }
    let long_ago = store.world.now() - TimeDelta::days(2);
    let aging = store.db.write(&store.scope, move |tx| async move {
        use super::super::entity::price_book_version::{Column, Entity};
        let aging = tx
            .update_many::<Entity>()?
            .col_expr(Column::CreateTime, Expr::value(long_ago));
        aging.exec(&tx).await.map_err(StoreError::from)?;
        Ok::<_, Error>(())
    });
    aging.await.unwrap();
    assert_eq!(
        store.purge_price_versions().await.unwrap(),
        1,
        "all but the first"
    );
    let page = PageRequest {
        size: 100,
        cursor: None,
    };
    let left = store.price_versions(&store.scope, page).await.unwrap();
    assert!(left.items.iter().any(|version| version.id == first));
}
