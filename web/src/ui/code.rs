use leptos::prelude::*;

/// Text as it is, in a fixed width.
#[component]
pub(crate) fn CodeBlock(#[prop(into)] content: String) -> impl IntoView {
    view! {
        <pre class="code" tabindex="0">
            {content}
        </pre>
    }
}

/// The few marks of Markdown that knowledge and answers use: headings, lists, paragraphs. Text is
/// only ever put into text nodes, so nothing in it can become markup.
#[component]
pub(crate) fn Markdown(#[prop(into)] content: String) -> impl IntoView {
    let blocks = parse(&content).into_iter().map(draw).collect_view();
    view! { <div class="prose">{blocks}</div> }.into_any()
}

#[derive(Debug, PartialEq, Eq)]
enum Block {
    Heading(String),
    Paragraph(String),
    Items { ordered: bool, items: Vec<String> },
    Code(String),
}

fn parse(content: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = content.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_end();
        if line.trim_start().starts_with("```") {
            let code: Vec<&str> = lines
                .by_ref()
                .take_while(|line| !line.trim_start().starts_with("```"))
                .collect();
            blocks.push(Block::Code(code.join("\n")));
        } else if let Some(heading) = heading(line) {
            blocks.push(Block::Heading(heading.to_owned()));
        } else if let Some((ordered, item)) = list_item(line) {
            push_item(&mut blocks, ordered, item);
        } else if !line.trim().is_empty() {
            blocks.push(Block::Paragraph(line.to_owned()));
        }
    }
    blocks
}

fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    (rest.len() < line.len())
        .then(|| rest.strip_prefix(' '))
        .flatten()
}

fn list_item(line: &str) -> Option<(bool, &str)> {
    let line = line.trim_start();
    if let Some(item) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        return Some((false, item));
    }
    let (number, item) = line.split_once(". ")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((true, item))
}

fn push_item(blocks: &mut Vec<Block>, is_ordered: bool, item: &str) {
    match blocks.last_mut() {
        Some(Block::Items { ordered, items }) if *ordered == is_ordered => {
            items.push(item.to_owned());
        }
        _ => blocks.push(Block::Items {
            ordered: is_ordered,
            items: vec![item.to_owned()],
        }),
    }
}

fn draw(block: Block) -> AnyView {
    match block {
        Block::Heading(words) => view! { <h3>{words}</h3> }.into_any(),
        Block::Paragraph(words) => view! { <p>{words}</p> }.into_any(),
        Block::Code(code) => view! { <pre>{code}</pre> }.into_any(),
        Block::Items { ordered, items } => {
            let items = items
                .into_iter()
                .map(|item| view! { <li>{item}</li> })
                .collect_view();
            if ordered {
                view! { <ol>{items}</ol> }.into_any()
            } else {
                view! { <ul>{items}</ul> }.into_any()
            }
        }
    }
}
