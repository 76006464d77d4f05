use super::plural;

words! {
    /// The price book.
    Prices {
        title: "Price book", "Прайс-лист";
        import: "Import", "Импорт";
        import_title: "Import prices", "Импорт цен";
        import_hint: "CSV or XLSX. Columns: sku, name, price; also currency, unit, aliases, price from, discount, valid from, valid until.", "CSV или XLSX. Колонки: артикул, название, цена; ещё валюта, единица, синонимы, цена от, скидка, действует с, действует до.";
        sample: "Download a sample", "Скачать пример";
        currency: "Currency of rows that name none", "Валюта для строк без валюты";
        skip_bad: "Skip rows with errors", "Пропустить строки с ошибками";
        publish_now: "Publish at once when no row is bad", "Опубликовать сразу, если ошибок нет";
        search: "Search by name or SKU", "Поиск по названию или артикулу";
        caption: "Prices", "Цены";
        sku: "SKU", "Артикул";
        item: "Item", "Товар или услуга";
        price: "Price", "Цена";
        unit: "Unit", "Единица";
        discount: "Discount up to", "Скидка до";
        valid: "Valid", "Действует";
        versions: "Versions", "Версии";
        version: "Version", "Версия";
        live: "Live", "Действует";
        draft: "Draft", "Черновик";
        retired: "Earlier", "Прежняя";
        publish: "Publish", "Опубликовать";
        go_back: "Go back to this one", "Вернуть эту";
        published: "The version is live", "Версия действует";
        empty_title: "The price book is empty", "Прайс-лист пуст";
        empty_text: "Import a price list: agents name only prices that stand in it.", "Импортируйте прайс-лист: агенты называют только цены из него.";
        row_errors: "Rows with errors", "Строки с ошибками";
        row: "Row", "Строка";
        column: "Column", "Колонка";
        problem: "Problem", "Ошибка";
        value: "Value", "Значение";
        download_errors: "Download as CSV", "Скачать CSV";
        check: "Check a sentence", "Проверка фразы";
        check_hint: "The same rule guards every answer: a number without a source is not sent.", "То же правило стоит на каждом ответе: число без источника не отправляется.";
        check_placeholder: "The oak table costs 45,900 ₽ with a 5% discount.", "Дубовый стол стоит 45 900 ₽ со скидкой 5%.";
        check_run: "Check", "Проверить";
        check_allowed: "Every number has a source", "У каждого числа есть источник";
        check_refused: "Some numbers have no source", "У части чисел нет источника";
        check_no_numbers: "There are no numbers in this sentence", "В этой фразе нет чисел";
        has_source: "has a source", "есть источник";
        no_source: "no source", "нет источника";
        from: "from", "от";
        uploading: "Uploading and reading", "Загрузка и чтение";
        reason_price: "The price is not a number", "Цена — не число";
        reason_price_missing: "The price is missing", "Нет цены";
        reason_price_range: "The price is out of range or too precise", "Цена вне пределов или слишком точная";
        reason_too_long: "The text is too long", "Слишком длинный текст";
        reason_dates: "The end is before the beginning", "Дата окончания раньше начала";
        reason_currency_conflict: "The price and the column name different currencies", "В цене и в колонке разные валюты";
        reason_sku_missing: "The SKU is missing", "Нет артикула";
        reason_sku_repeated: "The SKU is repeated", "Артикул повторяется";
        reason_currency: "Unknown currency", "Неизвестная валюта";
        reason_date: "The date is invalid", "Неверная дата";
        reason_name_missing: "The name is missing", "Нет названия";
        reason_discount: "The discount is not 0–100", "Скидка не от 0 до 100";
        =>
        items(count: u64):
            format!("{count} {}", plural::en(count, "item", "items")),
            format!("{count} {}", plural::ru(count, "позиция", "позиции", "позиций"));
        errors(count: u64):
            format!("{count} {} with errors", plural::en(count, "row", "rows")),
            format!("{count} {} с ошибками", plural::ru(count, "строка", "строки", "строк"));
        imported(count: u64):
            format!("{count} {} imported", plural::en(count, "item", "items")),
            format!("{}: {count}", plural::ru(count, "Импортирована позиция", "Импортировано позиций", "Импортировано позиций"));
        difference(added: i32, changed: i32, removed: i32):
            format!("+{added} new, {changed} changed, −{removed} removed"),
            format!("+{added} новых, {changed} изменено, −{removed} убрано");
    }
}
