use super::plural;

words! {
    /// Categories, sources and chunks.
    Knowledge {
        title: "Knowledge", "Знания";
        add: "Add", "Добавить";
        add_files: "Files", "Файлы";
        add_page: "Web page", "Веб-страница";
        add_article: "Article", "Статья";
        files_title: "Add files", "Добавить файлы";
        files_hint: "PDF, DOCX, XLSX, CSV, HTML, MD, TXT up to 50 MB each, in Russian or English", "PDF, DOCX, XLSX, CSV, HTML, MD, TXT до 50 МБ каждый, на русском или английском";
        page_title: "Add a web page", "Добавить веб-страницу";
        page_uri: "Address", "Адрес";
        page_hint: "Only public pages: http:// or https://", "Только открытые страницы: http:// или https://";
        page_name: "Name", "Название";
        page_name_hint: "Empty: the page's own title", "Пусто — заголовок самой страницы";
        article_title: "New article", "Новая статья";
        article_edit: "Edit the article", "Изменить статью";
        article_name: "Title", "Заголовок";
        article_content: "Text", "Текст";
        article_hint: "Markdown: headings with #, lists with -", "Markdown: заголовки через #, списки через -";
        categories: "Categories", "Категории";
        category: "Category", "Категория";
        all_sources: "All sources", "Все источники";
        no_category: "No category", "Без категории";
        new_category: "New category", "Новая категория";
        category_name: "Name of the category", "Название категории";
        category_parent: "Inside", "Внутри";
        rename_category: "Rename", "Переименовать";
        delete_category: "Delete the category", "Удалить категорию";
        delete_category_text: "Its sources move one level up.", "Источники из неё перейдут уровнем выше.";
        search_sources: "Search by name", "Поиск по названию";
        caption: "Sources of knowledge", "Источники знаний";
        kind: "Kind", "Вид";
        kind_article: "Article", "Статья";
        kind_file: "File", "Файл";
        kind_page: "Web page", "Веб-страница";
        chunks: "Chunks", "Фрагменты";
        size: "Size", "Размер";
        pages: "Pages", "Страницы";
        tokens: "Tokens", "Токены";
        language: "Language", "Язык";
        language_ru: "Russian", "Русский";
        language_en: "English", "Английский";
        valid_until: "Valid until", "Действует до";
        valid_hint: "After this day the source is never used", "После этого дня источник не используется";
        for_good: "For good", "Бессрочно";
        enabled: "Agents may use it", "Агенты могут использовать";
        disabled: "Switched off", "Выключен";
        state_pending: "Waiting", "В очереди";
        state_processing: "Reading", "Обработка";
        state_ready: "Ready", "Готов";
        state_failed: "Failed", "Ошибка";
        empty_title: "Nothing here yet", "Здесь пока пусто";
        empty_text: "Agents answer only from what you add here.", "Агенты отвечают только по тому, что вы добавите.";
        hint_one: "Price lists go to the Price book, terms and descriptions here.", "Цены — в прайс-лист, условия и описания — сюда.";
        hint_two: "Documents with headings are found better.", "Документы с заголовками находятся лучше.";
        hint_three: "Several short documents are better than one long one.", "Несколько коротких документов лучше одного длинного.";
        source: "Source", "Источник";
        text: "Text", "Текст";
        reprocess: "Read again", "Прочитать заново";
        reprocessing: "The source will be read again", "Источник будет прочитан заново";
        delete_title: "Delete the source?", "Удалить источник?";
        delete_text: "Its file and chunks will be gone; agents stop using it at once.", "Файл и фрагменты исчезнут; агенты сразу перестанут его использовать.";
        deleted: "The source was deleted", "Источник удалён";
        added: "Added; reading has begun", "Добавлено, чтение началось";
        uploading: "Uploading", "Загружается";
        chunk_page: "page", "стр.";
        embedded: "With vector", "С вектором";
        lexical: "Words only", "Только слова";
        no_chunks: "No chunks yet; they appear when the source has been read.", "Фрагментов пока нет; они появятся, когда источник будет прочитан.";
        tab_sources: "Sources", "Источники";
        tab_search: "Search test", "Проверка поиска";
        processed: "Read", "Прочитан";
        =>
        sources(count: u64):
            format!("{count} {}", plural::en(count, "source", "sources")),
            format!("{count} {}", plural::ru(count, "источник", "источника", "источников"));
        chunk_number(count: u64):
            format!("Chunk {count}"),
            format!("Фрагмент {count}");
        chunk_tokens(count: u64):
            format!("{count} {}", plural::en(count, "token", "tokens")),
            format!("{count} {}", plural::ru(count, "токен", "токена", "токенов"));
    }
}

words! {
    /// The screen that searches as an agent would.
    SearchTest {
        query: "A client's question", "Вопрос клиента";
        placeholder: "How long does delivery take?", "Сколько идёт доставка?";
        agent: "As this agent", "От имени агента";
        everything: "Everything", "Всё";
        limit: "Results", "Результатов";
        run: "Search", "Проверить";
        lexical_only: "Only words were compared: no embedding model is set.", "Сравнивались только слова: модель эмбеддингов не задана.";
        none_title: "No passage found", "Ничего не нашлось";
        none_text: "An agent would say that it does not know. Add a document that answers this.", "Агент ответил бы, что не знает. Добавьте документ с ответом.";
        score: "Score", "Оценка";
        by_words: "By words", "По словам";
        by_meaning: "By meaning", "По смыслу";
        before: "Ask as a client would; you will see which passages an agent gets.", "Спросите так, как спросил бы клиент: будет видно, какие фрагменты получит агент.";
        =>
        found(count: u64):
            format!("{count} {} found", plural::en(count, "passage", "passages")),
            format!("{}: {count}", plural::ru(count, "Найден фрагмент", "Найдено фрагментов", "Найдено фрагментов"));
        rank(rank: u64):
            format!("#{rank}"),
            format!("№ {rank}");
    }
}

words! {
    /// The steps of reading a source and what can go wrong, each with its remedy.
    Ingestion {
        sync_pipelines: "pipelines", "воронки";
        sync_users: "users", "пользователи";
        sync_fields: "fields", "поля";
        sync_leads: "deals", "сделки";
        sync_contacts: "contacts", "контакты";
        step_fetch: "Fetching the page", "Загрузка страницы";
        step_extract: "Extracting the text", "Извлечение текста";
        step_chunk: "Cutting into chunks", "Деление на фрагменты";
        step_embed: "Computing vectors", "Вычисление векторов";
        step_store: "Storing", "Сохранение";
        step_waiting: "Waiting for its turn", "Ждёт очереди";
        unreadable: "The file cannot be read.", "Файл не читается.";
        unreadable_fix: "Open it on your computer and save it again, or send another format.", "Откройте его на компьютере и сохраните заново или пришлите в другом формате.";
        empty: "There is no text inside.", "Внутри нет текста.";
        empty_fix: "Check that this is the right file.", "Проверьте, тот ли это файл.";
        password: "The file is protected with a password.", "Файл под паролем.";
        password_fix: "Upload it without the password.", "Загрузите его без пароля.";
        ocr: "The pages are pictures, not text.", "Страницы — картинки, а не текст.";
        ocr_fix: "Recognise the text (OCR) and upload the result.", "Распознайте текст (OCR) и загрузите результат.";
        bomb: "The file unpacks into far too much data.", "Файл распаковывается в слишком большой объём.";
        bomb_fix: "Upload an ordinary document without archives inside.", "Загрузите обычный документ без вложенных архивов.";
        timeout: "Reading took too long.", "Чтение заняло слишком много времени.";
        timeout_fix: "Split the document into smaller ones.", "Разделите документ на части поменьше.";
        too_big: "The document is too large.", "Документ слишком большой.";
        too_big_fix: "The limit is 50 MB. Split it.", "Предел — 50 МБ. Разделите его.";
        fetch_denied: "The site does not allow reading this page, or its address is not public.", "Сайт не разрешает читать эту страницу, или её адрес не публичный.";
        fetch_denied_fix: "Use a public page, or upload the text as a file.", "Укажите открытую страницу или загрузите текст файлом.";
        fetch_failed: "The page could not be fetched.", "Страницу не удалось загрузить.";
        fetch_failed_fix: "Check the address and read it again.", "Проверьте адрес и прочитайте заново.";
        type_unsupported: "Files of this type cannot be read.", "Файлы этого типа не читаются.";
        type_unsupported_fix: "Use PDF, DOCX, XLSX, CSV, HTML, MD or TXT.", "Подойдут PDF, DOCX, XLSX, CSV, HTML, MD и TXT.";
        type_mismatch: "The file's content is not what its name says.", "Содержимое файла не соответствует его имени.";
        type_mismatch_fix: "Give the file the right extension.", "Исправьте расширение файла.";
        truncated: "The upload was cut off.", "Загрузка оборвалась.";
        truncated_fix: "Upload the file again.", "Загрузите файл ещё раз.";
        other: "The source could not be read.", "Источник не удалось прочитать.";
        other_fix: "Read it again; if it repeats, upload it in another format.", "Прочитайте заново; если не поможет, загрузите в другом формате.";
    }
}
