use super::plural;

words! {
    /// The frame around every page.
    Shell {
        dashboard: "Dashboard", "Обзор";
        agents: "Agents", "Агенты";
        knowledge: "Knowledge", "Знания";
        prices: "Price book", "Прайс-лист";
        conversations: "Conversations", "Диалоги";
        drafts: "Drafts to review", "Черновики на проверку";
        scripts: "Scripts", "Скрипты";
        objections: "Objections", "Возражения";
        integrations: "Integrations", "Интеграции";
        crumb_general: "General", "Основные";
        crumb_advanced: "Advanced", "Дополнительно";
        crumb_search: "Search test", "Проверка поиска";
        crumb_profile: "Profile", "Профиль";
        crumb_security: "Security", "Безопасность";
        crumb_organization: "Organization", "Организация";
        crumb_pipelines: "Pipelines & channels", "Воронки и каналы";
        crumb_deals: "Deals & contacts", "Сделки и контакты";
        crumb_triggers: "Triggers", "Триггеры";
        crumb_sequences: "Sequences", "Цепочки";
        crumb_tests: "Tests", "Проверки";
        crumb_versions: "Versions", "Версии";
        events: "Events from Kommo", "События из Kommo";
        connect_kommo: "Connect Kommo", "Подключить Kommo";
        sales: "What the agents say", "Что говорят агенты";
        work: "Platform", "Платформа";
        chat: "Test chat", "Тестовый чат";
        chat_short: "Chat", "Чат";
        models: "Models", "Модели";
        jobs: "Jobs", "Задачи";
        settings: "Settings", "Настройки";
        more: "More", "Ещё";
        navigation: "Main navigation", "Главное меню";
        breadcrumbs: "You are here", "Вы здесь";
        skip: "Skip to content", "К содержимому";
        command: "Search or jump to…", "Найти или перейти…";
        palette: "Command palette", "Палитра команд";
        palette_empty: "No command matches", "Нет подходящей команды";
        palette_pages: "Pages", "Страницы";
        palette_actions: "Actions", "Действия";
        palette_agents: "Agents", "Агенты";
        theme: "Theme", "Тема";
        theme_system: "As on the device", "Как на устройстве";
        theme_light: "Light", "Светлая";
        theme_dark: "Dark", "Тёмная";
        sign_out: "Sign out", "Выйти";
        account_menu: "Account menu", "Меню профиля";
        organization_menu: "Organization menu", "Меню организации";
        organization_settings: "Organization settings", "Настройки организации";
        health_good: "All services answer", "Все сервисы отвечают";
        health_bad: "Some services do not answer", "Часть сервисов не отвечает";
        health_unknown: "Checking the services", "Проверяем сервисы";
        offline: "You are offline. What is on the screen may be old; it refreshes when the connection is back.", "Нет сети. Данные на экране могут устареть; они обновятся, когда связь вернётся.";
        not_found: "There is no such page", "Такой страницы нет";
        not_found_text: "The link may be old or mistyped.", "Возможно, ссылка устарела или в ней опечатка.";
        to_dashboard: "To the dashboard", "На обзор";
        shortcuts: "Keyboard shortcuts", "Горячие клавиши";
        shortcut_palette: "Command palette", "Палитра команд";
        shortcut_rows: "Next and previous row", "Следующая и предыдущая строка";
        shortcut_open: "Open the row", "Открыть строку";
        shortcut_help: "This help", "Эта справка";
        shortcut_close: "Close the panel", "Закрыть панель";
        new_agent: "Create an agent", "Создать агента";
        add_knowledge: "Add knowledge", "Добавить знания";
        switch_language: "Переключить на русский", "Switch to English";
    }
}

words! {
    /// The dashboard.
    Dashboard {
        title: "Dashboard", "Обзор";
        agents_active: "Active agents", "Активные агенты";
        knowledge_items: "Knowledge sources", "Источники знаний";
        prices: "Prices", "Цены";
        prices_note: "in the live price book", "в действующем прайс-листе";
        answers_today: "Answers today", "Ответов сегодня";
        answers_month: "Answers this month", "Ответов за месяц";
        cost_month: "Model cost this month", "Расходы на модель за месяц";
        cost_note: "exact, from the provider", "точно, по данным поставщика";
        answers_by_day: "Answers by day, 30 days", "Ответы по дням за 30 дней";
        cost_by_day: "Model cost by day, 30 days", "Расходы на модель по дням за 30 дней";
        calls_by_day: "Model calls by day, 30 days", "Вызовы модели по дням за 30 дней";
        no_calls: "No model calls yet. They appear after the first question in the test chat.", "Вызовов модели пока не было. Они появятся после первого вопроса в тестовом чате.";
        needs_you: "Needs you", "Требует внимания";
        all_well: "Nothing needs you now.", "Сейчас всё в порядке.";
        first_steps: "First five minutes", "Первые пять минут";
        step_knowledge: "Add documents to Knowledge and prices to the Price book", "Добавьте документы в «Знания» и цены в «Прайс-лист»";
        step_agent: "Create an agent", "Создайте агента";
        step_chat: "Talk to it in the test chat", "Поговорите с ним в тестовом чате";
        demo_model: "No model provider is set: the built-in demo model answers by quoting your documents.", "Поставщик модели не задан: отвечает встроенная демо-модель, цитируя ваши документы.";
        demo_how: "Set OPENROUTER_API_KEY or OPENROUTER_BASE_URL and start again to use a real model.", "Задайте OPENROUTER_API_KEY или OPENROUTER_BASE_URL и перезапустите, чтобы отвечала настоящая модель.";
        crm_not_connected: "Kommo is not connected: agents answer only in the test chat.", "Kommo не подключён: агенты отвечают только в тестовом чате.";
        connect_kommo: "Connect Kommo", "Подключить Kommo";
        demo_crm: "To look around without an account, start again with: t11 dev --demo-crm", "Чтобы осмотреться без аккаунта, запустите так: t11 dev --demo-crm";
        step_crm: "Connect Kommo and choose the stages where the agent works", "Подключите Kommo и выберите этапы, где работает агент";
        =>
        of_total(total: u64):
            format!("of {total}"),
            format!("из {total}");
        yesterday(count: i64):
            format!("yesterday: {count}"),
            format!("вчера: {count}");
        last_month(count: i64):
            format!("last month: {count}"),
            format!("прошлый месяц: {count}");
        chunks(count: u64):
            format!("{count} {}", plural::en(count, "chunk", "chunks")),
            format!("{count} {}", plural::ru(count, "фрагмент", "фрагмента", "фрагментов"));
        drafts_wait(count: u64):
            format!("{count} {} for your approval", plural::en(count, "draft waits", "drafts wait")),
            format!("{count} {} вашего решения", plural::ru(count, "черновик ждёт", "черновика ждут", "черновиков ждут"));
        need_person(count: u64):
            format!("{count} {} a person", plural::en(count, "conversation needs", "conversations need")),
            format!("{count} {} человек", plural::ru(count, "диалогу нужен", "диалогам нужен", "диалогам нужен"));
        connection_problems(count: u64):
            format!("{count} {} with the Kommo connection", plural::en(count, "problem", "problems")),
            format!("{count} {} с подключением Kommo", plural::ru(count, "проблема", "проблемы", "проблем"));
        failed_jobs(count: u64):
            format!("{count} {} failed and can be retried", plural::en(count, "job", "jobs")),
            format!("{count} {} с ошибкой, можно повторить", plural::ru(count, "задача", "задачи", "задач"));
        failed_files(count: u64):
            format!("{count} {} could not be read", plural::en(count, "source", "sources")),
            format!("{count} {} не удалось прочитать", plural::ru(count, "источник", "источника", "источников"));
        unanswered(count: u64):
            format!("{count} {} without an answer in your sources, 30 days", plural::en(count, "question", "questions")),
            format!("{count} {} без ответа в источниках за 30 дней", plural::ru(count, "вопрос", "вопроса", "вопросов"));
        calls(count: u64):
            format!("{count} {}", plural::en(count, "call", "calls")),
            format!("{count} {}", plural::ru(count, "вызов", "вызова", "вызовов"));
    }
}
