use chrono::TimeDelta;

use super::*;

const ORG: OrgId = OrgId(Uuid::from_u128(7));

fn entry(number: u128) -> Entry {
    Entry {
        id: Uuid::from_u128(number),
        org: ORG,
        actor: "user:1".to_owned(),
        action: "t11.accounts.v1.SessionService/SignIn".to_owned(),
        resource: Some(format!("sessions/{number}")),
        request_id: "r".to_owned(),
        client_address: None,
        error_reason: None,
        time: DateTime::UNIX_EPOCH,
    }
}

fn chain(length: u128) -> (Vec<Record>, Head) {
    let mut head = Head::START;
    let records = (1..=length)
        .map(|number| head.append(entry(number)))
        .collect();
    (records, head)
}

fn verify(records: &[Record], head: Head) -> Result<(), BrokenChain> {
    let mut walk = ChainWalk::new(ORG);
    records.iter().try_for_each(|record| walk.step(record))?;
    walk.finish(head)
}

#[test]
fn a_chain_as_written_holds() {
    let (records, head) = chain(5);
    assert_eq!(verify(&records, head), Ok(()));
    assert_eq!(verify(&[], Head::START), Ok(()));
}

#[test]
fn every_changed_field_is_found() {
    let changes: [fn(&mut Record); 9] = [
        |record| record.entry.id = Uuid::from_u128(99),
        |record| record.entry.actor = "user:2".to_owned(),
        |record| record.entry.action = "t11.accounts.v1.SessionService/SignOut".to_owned(),
        |record| record.entry.resource = None,
        |record| record.entry.request_id.clear(),
        |record| record.entry.client_address = Some("10.0.0.1".to_owned()),
        |record| record.entry.error_reason = Some(String::new()),
        |record| record.entry.time += TimeDelta::microseconds(1),
        |record| record.hash[0] ^= 1,
    ];
    for (which, change) in changes.into_iter().enumerate() {
        let (mut records, head) = chain(3);
        change(&mut records[1]);
        assert_eq!(
            verify(&records, head),
            Err(BrokenChain::Changed { number: 2 }),
            "{which}"
        );
    }
}

#[test]
fn text_moved_from_one_field_to_the_next_is_another_record() {
    let whole = Entry {
        actor: "ab".to_owned(),
        action: "c".to_owned(),
        ..entry(1)
    };
    let moved = Entry {
        actor: "a".to_owned(),
        action: "bc".to_owned(),
        ..entry(1)
    };
    assert_ne!(hash(&whole, 1, &[0; 32]), hash(&moved, 1, &[0; 32]));
}

#[test]
fn missing_added_and_swapped_records_are_found() {
    let (records, head) = chain(4);
    let without = |gone: usize| {
        let mut records = records.clone();
        records.remove(gone);
        verify(&records, head)
    };
    assert_eq!(
        without(0),
        Err(BrokenChain::Gap {
            expected: 1,
            found: 2
        })
    );
    assert_eq!(
        without(2),
        Err(BrokenChain::Gap {
            expected: 3,
            found: 4
        })
    );
    assert_eq!(
        without(3),
        Err(BrokenChain::WrongEnd {
            expected: 4,
            found: 3
        })
    );

    let mut swapped = records.clone();
    swapped.swap(1, 2);
    assert_eq!(
        verify(&swapped, head),
        Err(BrokenChain::Gap {
            expected: 2,
            found: 3
        })
    );

    let mut end = head;
    let added = [records.clone(), vec![end.append(entry(5))]].concat();
    assert_eq!(
        verify(&added, head),
        Err(BrokenChain::WrongEnd {
            expected: 4,
            found: 5
        })
    );
}

#[test]
fn a_chain_hashed_anew_from_the_middle_ends_in_another_hash() {
    let (records, head) = chain(4);
    let mut end = Head {
        number: 2,
        hash: records[1].hash,
    };
    let forged = Entry {
        actor: "user:2".to_owned(),
        ..entry(3)
    };
    let forged = [
        records[..2].to_vec(),
        vec![end.append(forged), end.append(entry(4))],
    ]
    .concat();
    assert_eq!(
        verify(&forged, head),
        Err(BrokenChain::Changed { number: 4 })
    );

    let mut detached = records;
    detached[2].previous_hash = [1; 32];
    assert_eq!(
        verify(&detached, head),
        Err(BrokenChain::Detached { number: 3 })
    );
}

#[test]
fn a_record_of_another_organization_is_found() {
    let (mut records, head) = chain(2);
    records[1].entry.org = OrgId(Uuid::nil());
    assert_eq!(
        verify(&records, head),
        Err(BrokenChain::Foreign { number: 2 })
    );
}

#[test]
fn hexadecimal() {
    assert_eq!(hex(&[0, 0x0f, 0xff]), "000fff");
}
