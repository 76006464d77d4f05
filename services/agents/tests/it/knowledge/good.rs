use t11_agents::knowledge::chunk::{self, Chunk};
use t11_agents::knowledge::extractor::Limits;
use t11_agents::knowledge::{BlockKind, Document, Lang};

use super::office::{archive, document_xml, docx, xlsx};
use super::{data, extractor, read};

async fn document(name: &str) -> Document {
    read(&extractor(Limits::default()), name, &data(name))
        .await
        .unwrap()
}

fn chunk_with<'a>(chunks: &'a [Chunk], text: &str) -> &'a Chunk {
    chunks
        .iter()
        .find(|chunk| chunk.text.contains(text))
        .unwrap()
}

#[tokio::test]
async fn a_russian_pdf_keeps_letters_headings_and_pages() {
    let document = document("ru-chromium.pdf").await;
    assert_eq!(document.title, "Условия доставки и оплаты");
    assert_eq!((document.lang, document.pages), (Lang::Ru, Some(2)));
    let chunks = chunk::chunks(&document);
    let lift = chunk_with(
        &chunks,
        "Подъём на этаж оплачивается отдельно: 300 ₽ за этаж без лифта.",
    );
    assert_eq!(
        (lift.page, lift.heading_path.as_slice()),
        (Some(1), &["Условия доставки и оплаты".to_owned()][..])
    );
    let warranty = chunk_with(
        &chunks,
        "Гарантия на каркас — 5 лет, на механизмы трансформации — 24 месяца",
    );
    assert_eq!(warranty.page, Some(2));
    assert_eq!(
        warranty.heading_path,
        ["Условия доставки и оплаты", "Гарантия и возврат"]
    );
    assert!(warranty.text.contains("АБ-12/3 Кресло «Берген» 12 500 ₽"));
}

#[tokio::test]
async fn running_headers_and_page_numbers_are_not_text() {
    for name in ["ru-running-header.pdf", "owner-password.pdf"] {
        let document = document(name).await;
        let text = document.text();
        assert!(
            !text.contains("Справочник менеджера") && !text.contains("Страница"),
            "{name}"
        );
        assert_eq!(
            text.matches("Склад хранит оплаченный заказ бесплатно десять дней.")
                .count(),
            6
        );
        assert_eq!(document.blocks.last().unwrap().page, Some(3));
    }
}

#[tokio::test]
async fn word_documents_keep_headings_lists_and_tables() {
    let document = document("en-word.docx").await;
    assert_eq!(
        (document.title.as_str(), document.lang),
        ("Warranty and returns", Lang::En)
    );
    let row = document
        .blocks
        .iter()
        .find(|block| block.kind == BlockKind::TableRow)
        .unwrap();
    assert_eq!(row.text, "Code: L-7; Part: Sofa leg, oak; Price: £12");
    assert_eq!(
        document.heading_path(row),
        ["Warranty and returns", "Spare parts"]
    );
    let items: Vec<&str> = document
        .blocks
        .iter()
        .filter(|block| block.kind == BlockKind::ListItem)
        .map(|block| block.text.as_str())
        .collect();
    assert_eq!(
        items,
        ["- unused items only", "- with the original packaging"]
    );

    let document = self::document("ru-word.docx").await;
    let last = document.blocks.last().unwrap();
    assert_eq!(
        document.heading_path(last),
        ["Регламент продаж", "Возражения"]
    );
    assert_eq!(last.text, "- «Подумаю» — предложите замер.");
}

#[tokio::test]
async fn a_price_list_gives_rows_that_read_alone() {
    let document = document("ru-price.xlsx").await;
    let rows: Vec<&str> = document
        .blocks
        .iter()
        .filter(|block| block.kind == BlockKind::TableRow)
        .map(|block| block.text.as_str())
        .collect();
    assert_eq!(
        rows[0],
        "Артикул: P-40; Наименование: Диван «Осло»; Цена, ₽: 45000; Действует с: 2026-01-15"
    );
    assert_eq!(
        rows[1],
        "Артикул: P-41; Наименование: Диван «Берген»; Цена, ₽: 52900.5; Действует с: 2026-02-01"
    );
    assert_eq!(rows[4], "Город: Тверь; Срок, дней: 2");
    let sofa = document
        .blocks
        .iter()
        .find(|block| block.text == rows[1])
        .unwrap();
    assert_eq!(document.heading_path(sofa), ["Мебель", "Диваны"]);
}

#[tokio::test]
async fn text_comes_out_of_every_charset() {
    let extractor = extractor(Limits::default());
    let text = "Доставка по Москве бесплатна. Оплата при получении.";
    for label in ["utf-8", "windows-1251", "koi8-r"] {
        let charset = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let (bytes, _, _) = charset.encode(text);
        let document = read(&extractor, "a.txt", &bytes).await.unwrap();
        assert_eq!(
            (document.text(), document.lang),
            (text.to_owned(), Lang::Ru),
            "{label}"
        );
        let html = format!("<meta charset={label}><p>{text}</p>");
        let (bytes, _, _) = charset.encode(&html);
        assert_eq!(
            read(&extractor, "a.html", &bytes).await.unwrap().text(),
            text,
            "{label}"
        );
    }
}

#[tokio::test]
async fn what_looks_dangerous_and_is_not_is_read() {
    let extractor = extractor(Limits::default());
    let paragraph = "<w:p><w:r><w:t>Живой &amp; здоровый &#8381;</w:t></w:r></w:p>";
    let xml = document_xml(paragraph);
    let inner_bomb = archive([("zeros", vec![0; 2 << 20].as_slice())]);
    let nested = archive([
        ("[Content_Types].xml", b"<Types/>".as_slice()),
        ("word/document.xml", xml.as_bytes()),
        ("word/embeddings/bomb.zip", &inner_bomb),
        ("../../../etc/passwd", b"never written"),
    ]);
    let document = read(&extractor, "nested.docx", &nested).await.unwrap();
    assert_eq!(document.text(), "Живой & здоровый ₽");

    let twice = document_xml(
        "<w:p><w:r><mc:AlternateContent><mc:Choice><w:t>один раз</w:t></mc:Choice><mc:Fallback><w:t>второй</w:t></mc:Fallback>\
         </mc:AlternateContent></w:r><w:del><w:r><w:delText>нет</w:delText></w:r></w:del></w:p>",
    );
    assert_eq!(
        read(&extractor, "twice.docx", &docx(&twice))
            .await
            .unwrap()
            .text(),
        "один раз"
    );

    let far = xlsx(
        r#"<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>край</t></is></c><c r="A1048576" t="inlineStr"><is><t>начало</t></is></c></row>"#,
    );
    assert_eq!(
        read(&extractor, "far.xlsx", &far).await.unwrap().text(),
        "начало"
    );
}

#[tokio::test]
async fn many_documents_at_once_wait_for_their_turn() {
    let extractor = extractor(Limits::default());
    let pdf = data("ru-chromium.pdf");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (extractor, pdf) = (extractor.clone(), pdf.clone());
            tokio::spawn(async move { read(&extractor, "a.pdf", &pdf).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().pages, Some(2));
    }
}
