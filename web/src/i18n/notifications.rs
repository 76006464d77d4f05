words! {
    /// What the person is told of, and of what they want to be.
    Notifications {
        title: "Notifications", "Уведомления";
        unread: "Unread", "Непрочитанные";
        read_all: "Mark all as read", "Прочитать все";
        mark_read: "Mark as read", "Отметить прочитанным";
        new: "New", "Новое";
        caption: "Notifications, newest first", "Уведомления, сначала новые";
        empty_title: "Nothing yet", "Пока ничего";
        empty_text: "We tell you when a client waits for a person, a draft waits for approval, the CRM needs you, or money runs out.", "Сообщим, когда клиент ждёт человека, черновик ждёт проверки, CRM требует внимания или заканчивается бюджет.";
        all_read_title: "Everything is read", "Всё прочитано";
        all_read_text: "New notifications appear here by themselves.", "Новые уведомления появятся здесь сами.";
        preferences_lead: "What you are told of. It holds for what happens from now on.", "О чём вам сообщать. Действует для того, что случится дальше.";
        saved: "Saved", "Сохранено";
        client: "A client", "Клиент";
        type_system_alert: "Work that was given up", "Невыполненные задачи";
        type_integration_error: "The CRM needs a person", "CRM требует внимания";
        type_crm_token_expiring: "A token of the CRM ends soon", "Скоро истечёт токен CRM";
        type_handoff_waiting: "A client waits for a person", "Клиент ждёт человека";
        type_draft_waiting: "A draft waits for approval", "Черновик ждёт проверки";
        type_budget_80: "80% of a budget are spent", "Израсходовано 80% бюджета";
        type_budget_100: "A budget is spent", "Бюджет израсходован";
        type_provider_key_refused: "A model provider's key is refused", "Ключ поставщика моделей не принят";
        hint_system_alert: "After all tries, or for a reason that no try can help", "После всех попыток или когда попытки не помогут";
        hint_integration_error: "A stage is gone, access is refused, messages are used up", "Этап удалён, доступ закрыт, сообщения закончились";
        hint_crm_token_expiring: "Long-lived tokens, two weeks before", "Долгосрочные токены, за две недели";
        hint_handoff_waiting: "Goes to the person responsible in the CRM; else to owners and administrators", "Ответственному из CRM; иначе владельцам и администраторам";
        hint_draft_waiting: "Once a conversation", "Один раз на диалог";
        hint_budget_80: "Once a budget and period", "Один раз за период бюджета";
        hint_provider_key_refused: "Once a key, until it is changed", "Один раз на ключ, пока его не изменят";
        key_refused_text: "Calls are not made with it. Check it, or put another one in its place.", "Вызовы с ним не выполняются. Проверьте его или замените другим.";
        hint_budget_100: "Agents follow the budget's rules from then on", "Дальше агенты работают по правилам бюджета";
        needs_reauth: "Grant access again on the integrations page.", "Выдайте доступ заново на странице интеграций.";
        disabled: "The account has switched the integration off.", "Аккаунт отключил интеграцию.";
        quota_exceeded: "Answers go out by other ways, if they are set up.", "Ответы уходят другими способами, если они настроены.";
        budget_day: "Daily budget", "Дневной бюджет";
        budget_month: "Monthly budget", "Месячный бюджет";
        =>
        bell(unread: i32): format!("Notifications, {unread} unread"), format!("Уведомления, непрочитанных: {unread}");
        job_dead(job: &str): format!("Given up: {job}"), format!("Не выполнено: {job}");
        stage_gone(stage: &str): format!("Kommo no longer has the stage “{stage}”"), format!("В Kommo больше нет этапа «{stage}»");
        paused(agents: &str): format!("Paused there: {agents}. Choose another stage in the settings."), format!("Там остановлены: {agents}. Выберите другой этап в настройках.");
        access_refused(account: &str): format!("Kommo refuses access: {account}"), format!("Kommo не пускает: {account}");
        switched_off(account: &str): format!("The integration is off: {account}"), format!("Интеграция отключена: {account}");
        messages_used_up(account: &str): format!("This month's messages are used up: {account}"), format!("Сообщения на этот месяц закончились: {account}");
        token_ends(account: &str): format!("The token of {account} ends soon"), format!("Скоро истечёт токен аккаунта {account}");
        ends_on(date: &str): format!("It ends on {date} and cannot be renewed: give another one."), format!("Истекает {date}, продлить нельзя: укажите новый.");
        client_waits(client: &str): format!("{client} waits for a person"), format!("{client}: нужен человек");
        key_refused(key: &str, hint: &str): format!("The provider refuses the key {key} (…{hint})"), format!("Поставщик не принимает ключ {key} (…{hint})");
        draft_waits(client: &str): format!("{client}: an answer waits for approval"), format!("{client}: ответ ждёт проверки");
    }
}
