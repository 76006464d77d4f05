words! {
    /// Settings of the person and of the organization.
    Settings {
        title: "Settings", "Настройки";
        profile: "Profile", "Профиль";
        security: "Security", "Безопасность";
        organization: "Organization", "Организация";
        model: "Models", "Модели";
        appearance: "Appearance", "Оформление";
        display_name: "Your name", "Ваше имя";
        email: "E-mail", "Электронная почта";
        role: "Role", "Роль";
        role_owner: "Owner", "Владелец";
        role_admin: "Administrator", "Администратор";
        role_editor: "Editor", "Редактор";
        role_operator: "Operator", "Оператор";
        role_analyst: "Analyst", "Аналитик";
        role_viewer: "Viewer", "Наблюдатель";
        interface_language: "Language of the screens", "Язык интерфейса";
        password: "Password", "Пароль";
        old_password: "Present password", "Текущий пароль";
        new_password: "New password", "Новый пароль";
        change_password: "Change the password", "Сменить пароль";
        password_changed: "The password was changed; other sessions have ended", "Пароль изменён, другие сеансы завершены";
        sessions: "Sessions", "Сеансы";
        sessions_caption: "Devices that are signed in", "Устройства, на которых выполнен вход";
        device: "Device", "Устройство";
        last_used: "Last used", "Последняя активность";
        current: "This device", "Это устройство";
        revoke: "End", "Завершить";
        revoked: "The session was ended", "Сеанс завершён";
        organization_name: "Organization name", "Название организации";
        organization_language: "Default language", "Язык по умолчанию";
        organization_language_hint: "For agents and new members", "Для агентов и новых участников";
        time_zone: "Time zone", "Часовой пояс";
        time_zone_hint: "Days and working hours are counted in it", "По нему считаются дни и часы работы";
        provider: "Provider", "Поставщик";
        provider_demo: "Built-in demo model", "Встроенная демо-модель";
        demo_text: "It answers by quoting the passages that were found, in the language of the question. Set a provider to get a real model.", "Она отвечает цитатами из найденных фрагментов на языке вопроса. Чтобы отвечала настоящая модель, задайте поставщика.";
        demo_env: "OPENROUTER_API_KEY or OPENROUTER_BASE_URL (Ollama, vLLM, llama.cpp), then start again.", "OPENROUTER_API_KEY или OPENROUTER_BASE_URL (Ollama, vLLM, llama.cpp), затем перезапуск.";
        embeddings_on: "Search by words and by meaning", "Поиск по словам и по смыслу";
        embeddings_off: "Search by words only: no embedding model is set", "Поиск только по словам: модель эмбеддингов не задана";
        models_caption: "Models that can be called now", "Модели, доступные сейчас";
        context: "Context", "Контекст";
        price_in: "Input, 1M tokens", "Вход, 1 млн токенов";
        price_out: "Output, 1M tokens", "Выход, 1 млн токенов";
        default_model: "Default", "По умолчанию";
        search_models: "Search models", "Поиск моделей";
        read_only: "Only owners and administrators can change this.", "Изменять это могут только владельцы и администраторы.";
        identifier: "Identifier", "Идентификатор";
    }
}
