use super::*;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn source(number: u128, version: u64) -> Source {
    Source {
        id: id(number),
        reading: 1,
        retired: false,
        version,
        agent: None,
        category: None,
        valid_from: None,
        valid_until: None,
        enabled: true,
    }
}

fn chunk(number: u128, text: &str) -> IndexedChunk {
    let terms = Terms::of(&mut Stemming::default(), &[], text);
    IndexedChunk {
        id: id(number),
        enabled: true,
        terms,
        embedding: None,
    }
}

fn embedded(number: u128, text: &str, values: &[f32]) -> IndexedChunk {
    let embedding = Some(Embedding {
        model: "m".into(),
        values: values.to_vec(),
    });
    IndexedChunk {
        embedding,
        ..chunk(number, text)
    }
}

fn found(index: &Index, text: &str, filter: &Filter) -> Vec<u128> {
    let query = Query {
        text,
        embedding: None,
        filter,
        limit: 10,
    };
    index
        .search(&query)
        .hits
        .iter()
        .map(|hit| hit.chunk.as_u128())
        .collect()
}

fn furniture() -> Index {
    let mut index = Index::default();
    index.apply(
        source(1, 1),
        [
            chunk(11, "Угловой диван «Осло», артикул P-40, цена 45 000 рублей"),
            chunk(
                12,
                "Доставка дивана по Москве бесплатна, доставка в область 1 500 рублей",
            ),
            chunk(13, "Гарантия на кресла — два года"),
        ],
    );
    index.apply(
        source(2, 1),
        [chunk(21, "Sofas and armchairs have a two year warranty")],
    );
    index
}

#[test]
fn words_find_passages_in_any_form_and_language() {
    let index = furniture();
    let all = Filter::default();
    assert_eq!(
        found(&index, "сколько стоит доставка диванов?", &all),
        [12, 11]
    );
    assert_eq!(found(&index, "р-40", &all), [11]);
    assert_eq!(found(&index, "45000", &all), [11]);
    assert_eq!(found(&index, "warranties", &all), [21]);
    assert_eq!(found(&index, "гарантией", &all), [13]);
    assert_eq!(found(&index, "и в на", &all), [0; 0]);
    assert_eq!(found(&index, "космос", &all), [0; 0]);
}

#[test]
fn hits_say_why_they_were_found() {
    let index = furniture();
    let query = Query {
        text: "доставка дивана",
        embedding: None,
        filter: &Filter::default(),
        limit: 1,
    };
    let found = index.search(&query);
    assert_eq!(found.mode, Mode::Lexical);
    let hit = &found.hits[0];
    assert_eq!((hit.chunk, hit.source, hit.vector), (id(12), id(1), None));
    assert_eq!(hit.lexical.unwrap().rank, 1);
    assert!((hit.score - 1.0 / 61.0).abs() < 1e-6);
    let mut stems: Vec<String> = Stemming::default()
        .tokens(query.text)
        .into_iter()
        .map(|token| token.term)
        .collect();
    let mut matched = hit.matched.clone();
    stems.sort();
    matched.sort();
    assert_eq!(matched, stems);
}

#[test]
fn filters_hold() {
    let day = |day| NaiveDate::from_ymd_opt(2026, 5, day).unwrap();
    let mut index = Index::default();
    index.apply(source(1, 1), [chunk(1, "диван")]);
    index.apply(
        Source {
            agent: Some(id(70)),
            ..source(2, 1)
        },
        [chunk(2, "диван")],
    );
    index.apply(
        Source {
            category: Some(id(80)),
            ..source(3, 1)
        },
        [chunk(3, "диван")],
    );
    index.apply(
        Source {
            valid_from: Some(day(10)),
            valid_until: Some(day(20)),
            ..source(4, 1)
        },
        [chunk(4, "диван")],
    );
    index.apply(
        Source {
            enabled: false,
            ..source(5, 1)
        },
        [chunk(5, "диван")],
    );
    index.apply(
        source(6, 1),
        [IndexedChunk {
            enabled: false,
            ..chunk(6, "диван")
        }],
    );
    let search = |filter: Filter| {
        let mut found = found(&index, "диван", &filter);
        found.sort_unstable();
        found
    };
    assert_eq!(search(Filter::default()), [1, 2, 3, 4]);
    assert_eq!(
        search(Filter {
            agent: Some(id(70)),
            ..Filter::default()
        }),
        [1, 2, 3, 4]
    );
    assert_eq!(
        search(Filter {
            agent: Some(id(71)),
            ..Filter::default()
        }),
        [1, 3, 4]
    );
    let categories = Some(HashSet::from([id(80), id(81)]));
    assert_eq!(
        search(Filter {
            categories,
            ..Filter::default()
        }),
        [3]
    );
    for (on, holds) in [(9, false), (10, true), (20, true), (21, false)] {
        let filter = Filter {
            valid_on: Some(day(on)),
            ..Filter::default()
        };
        assert_eq!(search(filter).contains(&4), holds, "day {on}");
    }
}

#[test]
fn versions_only_move_forward() {
    let mut index = Index::default();
    assert!(index.apply(source(1, 2), [chunk(1, "старый диван")]));
    assert!(!index.apply(source(1, 2), [chunk(9, "повтор")]));
    assert!(!index.apply(source(1, 1), [chunk(9, "прошлое")]));
    assert!(index.apply(
        source(1, 3),
        [chunk(2, "новый диван"), chunk(3, "новое кресло")]
    ));
    let all = Filter::default();
    assert_eq!(found(&index, "старый", &all), [0; 0]);
    assert_eq!(found(&index, "новый", &all), [2, 3]);
    assert!(index.remove((id(1), None), 4));
    assert!(index.is_empty());
    assert!(!index.apply(source(1, 3), [chunk(2, "новый диван")]));
    assert_eq!(found(&index, "новый", &all), [0; 0]);
    assert_eq!(index.version((id(1), None)), Some(4));
}

#[test]
fn vectors_join_the_ranking_when_the_model_is_the_same() {
    let mut index = Index::default();
    index.apply(
        source(1, 1),
        [
            embedded(1, "диван диван", &[1.0, 0.0]),
            embedded(2, "софа", &[0.9, 0.1]),
            embedded(3, "стол", &[0.0, 1.0]),
            chunk(4, "диван у окна в большой светлой комнате"),
        ],
    );
    let near = Embedding {
        model: "m".into(),
        values: vec![1.0, 0.02],
    };
    let other = Embedding {
        model: "other".into(),
        ..near.clone()
    };
    let filter = Filter::default();
    let query = Query {
        text: "диван",
        embedding: Some(&near),
        filter: &filter,
        limit: 3,
    };
    let hybrid = index.search(&query);
    assert_eq!(hybrid.mode, Mode::Hybrid);
    let order: Vec<u128> = hybrid.hits.iter().map(|hit| hit.chunk.as_u128()).collect();
    // Second by words and second by vectors tie; the one added first wins.
    assert_eq!(order, [1, 2, 4]);
    let first = &hybrid.hits[0];
    assert!((first.score - 2.0 / 61.0).abs() < 1e-6);
    assert_eq!(first.vector.unwrap().rank, 1);
    let lexical = index.search(&Query {
        embedding: Some(&other),
        ..query
    });
    assert_eq!(lexical.mode, Mode::Lexical);
    assert_eq!(lexical.hits.len(), 2);
}

#[test]
fn compacting_changes_nothing_that_is_found() {
    let mut index = Index::default();
    let words = ["диван", "кресло", "стол", "стул", "шкаф", "лампа", "ковёр"];
    let mut number = 0;
    for round in 1..=6_u64 {
        for of in 0..200_u128 {
            let chunks: Vec<IndexedChunk> = (0..5)
                .map(|at| {
                    number += 1;
                    let word = words[(of as usize + at + round as usize) % words.len()];
                    embedded(
                        number,
                        &format!("{word} номер {of}"),
                        &[of as f32 + 1.0, round as f32],
                    )
                })
                .collect();
            index.apply(source(of, round), chunks);
        }
        assert_eq!(index.len(), 1_000);
        assert!(index.slots.len() <= 1_000 + DEAD_MIN.max(1_000));
    }
    let mut fresh = Index::default();
    for entry in &index.entries {
        let chunks: Vec<IndexedChunk> = entry
            .slots
            .clone()
            .map(|slot| {
                let of = entry.source.id.as_u128();
                let at = slot - entry.slots.start;
                let word = words[(of as usize + at as usize + 6) % words.len()];
                let chunk = index.slots[slot as usize].chunk.as_u128();
                embedded(
                    chunk,
                    &format!("{word} номер {of}"),
                    &[of as f32 + 1.0, 6.0],
                )
            })
            .collect();
        fresh.apply(
            Source {
                version: 1,
                ..entry.source.clone()
            },
            chunks,
        );
    }
    index.remove((id(0), None), 7);
    fresh.remove((id(0), None), 7);
    let near = Embedding {
        model: "m".into(),
        values: vec![3.0, 6.0],
    };
    for text in ["диван", "номер 17", "стол 3", "лампы"] {
        let filter = Filter::default();
        let query = Query {
            text,
            embedding: Some(&near),
            filter: &filter,
            limit: 20,
        };
        let of = |index: &Index| {
            let mut hits: Vec<Uuid> = index
                .search(&query)
                .hits
                .iter()
                .map(|hit| hit.chunk)
                .collect();
            hits.sort_unstable();
            hits
        };
        assert!(!of(&index).is_empty());
        assert_eq!(of(&index).len(), of(&fresh).len(), "{text}");
    }
}
