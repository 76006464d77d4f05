use super::plural;

words! {
    /// Words that many screens use.
    Common {
        product: "T11 Platform", "T11 Platform";
        save: "Save", "Сохранить";
        saved: "Saved", "Сохранено";
        cancel: "Cancel", "Отмена";
        close: "Close", "Закрыть";
        delete: "Delete", "Удалить";
        copy: "Copy", "Копировать";
        copied: "Copied", "Скопировано";
        retry: "Try again", "Повторить";
        edit: "Edit", "Изменить";
        add: "Add", "Добавить";
        more: "More actions", "Ещё действия";
        load_more: "Show more", "Показать ещё";
        all: "All", "Все";
        any: "Any", "Любой";
        reset: "Reset filters", "Сбросить фильтры";
        loading: "Loading", "Загрузка";
        optional: "optional", "необязательно";
        undo: "Undo", "Вернуть";
        unknown: "Unknown", "Неизвестно";
        never: "Never", "Никогда";
        name: "Name", "Название";
        status: "Status", "Состояние";
        updated: "Updated", "Изменено";
        created: "Created", "Создано";
        open: "Open", "Открыть";
        show_password: "Show password", "Показать пароль";
        hide_password: "Hide password", "Скрыть пароль";
        nothing_found: "Nothing found", "Ничего не найдено";
        change_filters: "Try other words or reset the filters.", "Попробуйте другие слова или сбросьте фильтры.";
        request_id: "Request", "Запрос";
        language: "Language", "Язык";
        required: "Fill in this field", "Заполните это поле";
        unsaved_title: "Leave without saving?", "Уйти без сохранения?";
        unsaved_text: "Your changes on this page are not saved yet.", "Изменения на этой странице ещё не сохранены.";
        unsaved_leave: "Leave", "Уйти";
        unsaved_stay: "Stay", "Остаться";
        stale_title: "Someone has changed this meanwhile", "Это уже изменил кто-то другой";
        stale_text: "Reload to see their version, or overwrite it with yours.", "Загрузите чужую версию или замените её своей.";
        stale_reload: "Reload theirs", "Загрузить чужую";
        stale_overwrite: "Overwrite with mine", "Заменить моей";
        drop_files: "Drop files here or choose", "Перетащите файлы сюда или выберите";
        =>
        fresh(count: u64):
            format!("{count} new"),
            format!("{count} {}", plural::ru(count, "новый", "новых", "новых"));
        characters(used: u64, limit: u64):
            format!("{used} of {limit} characters"),
            format!("{used} из {limit} {}", plural::ru(limit, "знака", "знаков", "знаков"));
        about_tokens(count: u64):
            format!("about {count} {}", plural::en(count, "token", "tokens")),
            format!("примерно {count} {}", plural::ru(count, "токен", "токена", "токенов"));
    }
}
