words! {
    /// Keys of the organization's own programs.
    ApiKeys {
        title: "API keys", "Ключи API";
        lead: "Your programs call REST, gRPC and gRPC-web with a key. A key may do what its scopes say, within the role of the person who made it.", "С ключом ваши программы обращаются к REST, gRPC и gRPC-web. Ключ может то, что указано в его правах, но не больше роли того, кто его создал.";
        create: "Create a key", "Создать ключ";
        empty_title: "No keys yet", "Ключей пока нет";
        empty_text: "Create one for each program, so that each can be revoked by itself.", "Создавайте отдельный ключ для каждой программы, чтобы отзывать их по одному.";
        scopes: "Scopes", "Права";
        last_used: "Last used", "Использован";
        expires: "Expires", "Истекает";
        expired: "Expired", "Истёк";
        orphaned: "Its creator has left", "Создатель покинул организацию";
        limited: "Limited by the role of its creator", "Ограничен ролью создателя";
        revoke: "Revoke", "Отозвать";
        revoke_title: "Revoke this key?", "Отозвать ключ?";
        revoke_text: "Programs that use it are refused within 10 seconds. This cannot be undone.", "Программы с этим ключом получат отказ в течение 10 секунд. Отменить это нельзя.";
        revoked: "The key was revoked", "Ключ отозван";
        name_hint: "The program it is for: Website, Nightly export", "Для какой он программы: «Сайт», «Ночная выгрузка»";
        lifetime: "Lifetime", "Срок действия";
        for_ever: "Never expires", "Без срока";
        scope_read: "Read", "Чтение";
        scope_write: "Change", "Изменение";
        scope_complete: "Call (costs money)", "Вызов (платный)";
        scope_required: "Choose at least one", "Выберите хотя бы одно";
        area_conversations: "Conversations", "Диалоги";
        area_crm: "CRM connection", "Подключение CRM";
        area_members: "Members", "Участники";
        area_audit: "Audit log", "Журнал действий";
        shown_text: "Copy the key now. It is shown this one time: we keep only its hash.", "Скопируйте ключ сейчас. Он показан единственный раз: у нас остаётся только его хеш.";
        shown_use: "How to use it", "Как использовать";
        copy_failed: "The browser did not let us copy. Select the key and copy it yourself.", "Браузер не дал скопировать. Выделите ключ и скопируйте сами.";
        not_copied: "The key is not copied yet. Close once more to leave without it.", "Ключ ещё не скопирован. Закройте ещё раз, чтобы выйти без него.";
        done: "Done", "Готово";
        =>
        days(count: u64):
            format!("{count} days"),
            format!("{count} {}", super::plural::ru(count, "день", "дня", "дней"));
    }
}
