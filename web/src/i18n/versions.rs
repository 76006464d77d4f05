words! {
    /// Versions of an agent.
    Versions {
        tab: "Versions", "Версии";
        lead: "Clients are answered from the live version. What you edit is the draft, until you publish it.", "Клиентам отвечает опубликованная версия. Вы правите черновик, пока не опубликуете его.";
        publish: "Publish", "Опубликовать";
        publish_title: "Publish the draft", "Публикация черновика";
        never_published: "Never published: clients are answered from these settings.", "Ещё не публиковался: клиентам отвечают эти настройки.";
        save_first: "Save your changes first.", "Сначала сохраните изменения.";
        published: "Published", "Опубликовано";
        note: "What has changed and why", "Что изменилось и зачем";
        override_reason: "Why publish all the same", "Почему публикуете всё равно";
        override_hint: "Kept with the version.", "Сохранится вместе с версией.";
        publish_anyway: "Publish all the same", "Всё равно опубликовать";
        changes: "What changes for clients", "Что изменится для клиентов";
        no_changes: "Nothing differs.", "Отличий нет.";
        before: "Before", "Было";
        after: "After", "Стало";
        live: "Live", "Опубликована";
        outdated: "Too old to restore", "Слишком старая";
        restore: "Restore", "Восстановить";
        restore_text: "Clients are answered from this version at once: with its settings, scripts, prices and knowledge.", "Клиентам сразу начнёт отвечать эта версия: со своими настройками, скриптами, ценами и знаниями.";
        copy_to_draft: "Make its settings the draft too", "Взять её настройки и в черновик";
        restored: "The version is live again", "Версия снова опубликована";
        compare: "Compare with the live one", "Сравнить с опубликованной";
        compare_draft: "Compare with the draft", "Сравнить с черновиком";
        empty: "No versions yet", "Версий пока нет";
        empty_text: "The first one is made when you publish the draft.", "Первая появится, когда вы опубликуете черновик.";
        overridden: "Published despite failed tests", "Опубликована вопреки проверкам";
        checked: "Tests passed", "Проверки пройдены";
        =>
        number(number: i32): format!("Version {number}"), format!("Версия {number}");
        badge(number: i32): format!("Live v{number}"), format!("Опубликована v{number}");
        restore_title(number: i32): format!("Restore version {number}?"), format!("Восстановить версию {number}?");
        holds(scripts: i32, responses: i32, sources: i32):
            format!("scripts: {scripts}, answers to objections: {responses}, sources: {sources}"),
            format!("скрипты: {scripts}, ответы на возражения: {responses}, источники: {sources}");
    }
}
