use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Node {
    Node::parse(text.as_bytes()).unwrap()
}

#[test]
fn brackets_become_a_tree() {
    let node = parse("leads[add][0][id]=1&leads[add][1][id]=2&account[subdomain]=acme");
    let leads = node.at(&["leads", "add"]).unwrap();
    let ids: Vec<_> = leads.items().map(|lead| lead.integer("id")).collect();
    assert_eq!(ids, [Some(1), Some(2)]);
    assert_eq!(node.get("account").unwrap().text("subdomain"), Some("acme"));
}

/// The sample that both sides of the wire agree on.
#[test]
fn percent_and_plus_are_decoded() {
    let node = parse(
        "account%5Bid%5D=30000001&account%5Bsubdomain%5D=acme&account%5B_links%5D%5Bself%5D=\
         https%3A%2F%2Facme.kommo.com&message%5Badd%5D%5B0%5D%5Bid%5D=\
         0b6d0f0e-0000-4000-8000-000000000001&message%5Badd%5D%5B0%5D%5Btext%5D=\
         Hi+%26+bye+%3D+ok%3F+%C3%9Cn%C3%AFcode",
    );
    let message = node.at(&["message", "add", "0"]).unwrap();
    assert_eq!(message.text("text"), Some("Hi & bye = ok? Ünïcode"));
    assert_eq!(
        node.at(&["account", "_links", "self"]).unwrap().value(),
        Some("https://acme.kommo.com")
    );
}

#[test]
fn a_large_number_is_a_key_and_no_place() {
    let node = parse("linked_leads_id[999999999999][ID]=1&linked_leads_id[5][ID]=2");
    let linked = node.get("linked_leads_id").unwrap();
    let ids: Vec<_> = linked.items().map(|link| link.integer("ID")).collect();
    assert_eq!(ids, [Some(2), Some(1)]);
    assert_eq!(linked.children().count(), 2);
}

#[test]
fn keys_of_digits_are_ordered_as_numbers_and_before_names() {
    let node = parse("a[10]=c&a[9]=b&a[x]=d&a[0]=a&a[007]=e");
    let values: Vec<_> = node.get("a").unwrap().items().map(Node::value).collect();
    assert_eq!(values, [Some("a"), Some("b"), Some("c")]);
    assert_eq!(node.at(&["a", "007"]).unwrap().value(), Some("e"));
}

#[test]
fn an_empty_bracket_is_the_next_number() {
    let node = parse("a[]=x&a[7]=y&a[]=z");
    let values: Vec<_> = node.get("a").unwrap().items().map(Node::value).collect();
    assert_eq!(values, [Some("x"), Some("y"), Some("z")]);
    assert_eq!(node.at(&["a", "8"]).unwrap().value(), Some("z"));
}

#[test]
fn the_last_value_of_a_key_holds() {
    assert_eq!(parse("a=1&a=2").text("a"), Some("2"));
    assert_eq!(
        parse("a=1&a[b]=2").at(&["a", "b"]).unwrap().value(),
        Some("2")
    );
    assert_eq!(parse("a[b]=2&a=1").text("a"), Some("1"));
}

#[test]
fn brackets_that_do_not_match_are_letters() {
    for key in ["a[b", "a]b", "[a]", "a[b]c", "a[b[c]]", "a[[b]]", "a[b]]"] {
        let node = parse(&format!("{key}=1"));
        assert_eq!(node.text(key), Some("1"), "{key}");
    }
}

#[test]
fn values_are_texts_until_they_are_asked_for() {
    let node = parse("n=+7&m=-7&flag=1&off=0&empty=&word=x");
    assert_eq!(node.integer("n"), Some(7), "a plus is a blank");
    assert_eq!(node.integer("m"), Some(-7));
    assert_eq!(
        (node.flag("flag"), node.flag("off")),
        (Some(true), Some(false))
    );
    assert_eq!((node.text("empty"), node.flag("word")), (None, None));
    assert_eq!(node.integer("word"), None);
}

#[test]
fn json_is_the_same_tree() {
    let form = parse("a[b][0]=1&a[b][1]=x&c=&d=1&e=1.5");
    let json = parse(r#" {"a":{"b":[1,"x"]},"c":null,"d":true,"e":1.5}"#);
    assert_eq!(json, form);
    assert_eq!(Node::parse(b"{nonsense"), Err(FormError::Malformed));
}

#[test]
fn what_is_too_much_is_refused() {
    let many = "a[]=1&".repeat(MAX_FIELDS + 1);
    assert_eq!(Node::parse(many.as_bytes()), Err(FormError::TooMany));
    assert!(Node::parse("a[]=1&".repeat(MAX_FIELDS).as_bytes()).is_ok());
    let deep = format!("a{}=1", "[b]".repeat(MAX_DEPTH));
    assert_eq!(Node::parse(deep.as_bytes()), Err(FormError::TooDeep));
    assert!(Node::parse(format!("a{}=1", "[b]".repeat(MAX_DEPTH - 1)).as_bytes()).is_ok());
    let long = format!("{}=1", "k".repeat(MAX_KEY + 1));
    assert_eq!(Node::parse(long.as_bytes()), Err(FormError::KeyTooLong));
    assert_eq!(
        Node::parse(&vec![b'a'; MAX_BYTES + 1]),
        Err(FormError::TooLarge)
    );
    let deep = format!("{}1{}", r#"{"a":"#.repeat(20), "}".repeat(20));
    assert_eq!(Node::parse(deep.as_bytes()), Err(FormError::TooDeep));
    let many = format!("{{\"a\":[{}1]}}", "1,".repeat(MAX_FIELDS));
    assert_eq!(Node::parse(many.as_bytes()), Err(FormError::TooMany));
}

fn depth(node: &Node) -> usize {
    1 + node
        .children()
        .map(|(_, node)| depth(node))
        .max()
        .unwrap_or(0)
}

fn count(node: &Node) -> usize {
    1 + node.children().map(|(_, node)| count(node)).sum::<usize>()
}

/// As PHP's `http_build_query`.
fn build(node: &Node, prefix: &str, into: &mut form_urlencoded::Serializer<'_, String>) {
    if let Some(value) = node.value() {
        into.append_pair(prefix, value);
    }
    for (key, node) in node.children() {
        let key = match prefix {
            "" => key.to_string(),
            prefix => format!("{prefix}[{key}]"),
        };
        build(node, &key, into);
    }
}

fn tree() -> impl Strategy<Value = Node> {
    let key = prop_oneof![
        any::<u64>().prop_map(Key::Index),
        "[a-z_]{1,8}".prop_map(|name| Key::Name(name.into())),
    ];
    let leaf = any::<String>().prop_map(Node::Leaf);
    let inner = leaf.prop_recursive(4, 40, 5, move |child| {
        prop::collection::btree_map(key.clone(), child, 1..5).prop_map(Node::Map)
    });
    prop::collection::btree_map("[a-z_]{1,8}".prop_map(|name| Key::of(&name)), inner, 0..5)
        .prop_map(Node::Map)
}

proptest! {
    #[test]
    fn what_php_would_build_is_read_back(node in tree()) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        build(&node, "", &mut form);
        prop_assert_eq!(Node::parse(form.finish().as_bytes()).unwrap(), node);
    }

    #[test]
    fn no_bytes_break_it(body in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let length = body.len();
        if let Ok(node) = Node::parse(&body) {
            prop_assert!(depth(&node) <= MAX_DEPTH + 2);
            prop_assert!(count(&node) <= 1 + length * MAX_DEPTH);
        }
    }

    #[test]
    fn no_brackets_break_it(body in "([ab0-9]{0,3}(\\[|\\]|%5B|%5D|%|\\+|=|&|\\{|\\}){1,4}){0,60}") {
        if let Ok(node) = Node::parse(body.as_bytes()) {
            prop_assert!(depth(&node) <= MAX_DEPTH + 2);
            prop_assert!(serde_json::to_string(&node).is_ok());
        }
    }
}
