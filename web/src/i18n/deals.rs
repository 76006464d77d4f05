words! {
    /// The tabs of an agent that are about the CRM.
    Deals {
        tab_pipelines: "Pipelines & channels", "Воронки и каналы";
        tab_deals: "Deals & contacts", "Сделки и контакты";
        no_connection: "Connect Kommo first", "Сначала подключите Kommo";
        no_connection_text: "Pipelines, stages, fields and channels come from it.", "Воронки, этапы, поля и каналы берутся оттуда.";
        account: "Kommo account", "Аккаунт Kommo";
        account_lead: "Where the agent works.", "Где работает агент.";
        nowhere: "Nowhere", "Нигде";
        nowhere_text: "The agent answers only in the test chat until you choose an account.", "Пока аккаунт не выбран, агент отвечает только в тестовом чате.";
        choose_account: "Choose the account on the «Pipelines & channels» tab first.", "Сначала выберите аккаунт на вкладке «Воронки и каналы».";
        not_synced: "Nothing has been read from this account yet.", "Из этого аккаунта ещё ничего не прочитано.";
        not_synced_text: "Synchronise it on the Integrations page.", "Синхронизируйте его на странице «Интеграции».";
        pipelines: "Pipelines and stages", "Воронки и этапы";
        pipelines_lead: "On other stages the agent is silent.", "На остальных этапах агент молчит.";
        pipeline_on: "Works in this pipeline", "Работает в этой воронке";
        all_stages: "All open stages", "Все открытые этапы";
        stage_settings: "Settings of the stage", "Настройки этапа";
        stage_mode: "What becomes of an answer here", "Что делать с ответом на этом этапе";
        mode_agent: "As for the whole agent", "Как у всего агента";
        stage_instructions: "Instructions for this stage", "Инструкции для этапа";
        stage_goal: "Goal of the stage", "Цель этапа";
        stage_goal_hint: "What is to be reached here: «find out the budget»", "Чего нужно добиться: «выяснить бюджет»";
        stage_exit: "When it is reached", "Когда цель достигнута";
        channels: "Channels", "Каналы";
        channels_lead: "Those that messages have come from.", "Те, из которых приходили сообщения.";
        all_channels: "All channels", "Все каналы";
        channels_none: "No message has come from any channel yet.", "Ни из одного канала сообщений пока не было.";
        channels_choose: "Choose at least one channel, or the agent will be silent.", "Выберите хотя бы один канал, иначе агент будет молчать.";
        people: "After a person", "После человека";
        people_lead: "When a person writes, the agent is silent.", "Когда пишет человек, агент молчит.";
        resume_hours: "Return to the agent after, hours", "Вернуть агенту через, часов";
        resume_hint: "0 = only by hand", "0 — только вручную";
        gone: "Gone from Kommo", "Нет в Kommo";
        gone_title: "The settings name what Kommo no longer has", "В настройках есть то, чего в Kommo больше нет";
        gone_text: "It has no effect. Remove it or choose another.", "Оно ни на что не влияет. Уберите его или выберите другое.";
        remove: "Remove", "Убрать";
        read: "What the agent may see", "Что агенту видно";
        read_lead: "Other fields are never shown to the model. At most 50.", "Остальные поля модель никогда не увидит. Не больше 50.";
        write: "What the agent may fill in", "Что агент может заполнять";
        write_lead: "Each with its condition, in words. At most 50.", "У каждого поля — условие словами. Не больше 50.";
        leads: "Deal", "Сделка";
        contacts: "Contact", "Контакт";
        companies: "Company", "Компания";
        choose_field: "Choose a field…", "Выберите поле…";
        write_condition: "When to fill in", "Когда заполнять";
        write_condition_hint: "«When the client named the budget»", "«Когда клиент назвал бюджет»";
        overwrite: "May replace a value that is there", "Можно заменить уже стоящее значение";
        no_read: "The agent sees no fields of the CRM.", "Агенту не видно ни одного поля CRM.";
        no_write: "The agent changes no fields.", "Агент не меняет поля.";
        moves: "Moves between stages", "Переходы между этапами";
        moves_lead: "What is not allowed here never happens. Arrow keys move, Space changes.", "Что здесь не разрешено, не произойдёт. Стрелки — перейти, пробел — изменить.";
        from_to: "From ↓ to →", "Из ↓ в →";
        never: "never", "никогда";
        suggest: "suggest", "предлагать";
        auto: "by itself", "само";
        never_short: "–", "–";
        suggest_short: "sug.", "предл.";
        auto_short: "auto", "само";
        suggest_text: "noted at the turn, a person moves the deal", "отмечается в разборе, переносит человек";
        auto_text: "the agent moves the deal", "переносит агент";
        move_rules: "Conditions of moves", "Условия переходов";
        move_rules_empty: "No moves are allowed yet.", "Пока ни один переход не разрешён.";
        move_condition: "When", "Когда";
        move_condition_hint: "«When the client agreed to the measurement»", "«Когда клиент согласился на замер»";
        min_confidence: "Confidence at least, %", "Уверенность не ниже, %";
        needed_fields: "Fields of the deal that must be filled in", "Поля сделки, которые должны быть заполнены";
        salesbots: "Salesbots the agent may run, IDs", "ID ботов, которые агент может запускать";
        salesbots_hint: "Numbers with commas; empty = none", "Числа через запятую; пусто — никаких";
        advanced_actions: "Other actions", "Другие действия";
        =>
        move_label(from: String, to: String, mode: String):
            format!("From «{from}» to «{to}»: {mode}"),
            format!("Из «{from}» в «{to}»: {mode}");
    }
}
