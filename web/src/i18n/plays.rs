use super::plural;

words! {
    /// Scripts and responses to objections.
    Plays {
        scripts: "Scripts", "Скрипты";
        objections: "Objections", "Возражения";
        new_script: "New script", "Новый скрипт";
        new_objection: "New response", "Новый ответ";
        edit_script: "Script", "Скрипт";
        edit_objection: "Response to an objection", "Ответ на возражение";
        search: "Search by words", "Поиск по словам";
        script_caption: "Scripts of the organization", "Скрипты организации";
        objection_caption: "Responses to objections", "Ответы на возражения";
        scripts_empty: "No scripts yet", "Скриптов пока нет";
        scripts_empty_text: "A script says what the agent should say at a stage: a greeting, a question about the need, a closing.", "Скрипт подсказывает агенту, что сказать на этапе: приветствие, вопрос о потребности, завершение.";
        objections_empty: "No responses yet", "Ответов пока нет";
        objections_empty_text: "Write how clients object («too expensive») and what your best seller answers.", "Запишите, как возражают клиенты («дорого»), и что отвечает ваш лучший продавец.";
        kind: "Type", "Тип";
        agent: "Agent", "Агент";
        every_agent: "Every agent", "Все агенты";
        every_stage: "Every stage", "Все этапы";
        every_language: "Every language", "Все языки";
        effect: "Effect", "Эффект";
        effect_hint: "Share of clients who answered within 24 hours: its lower bound, so that few cases do not look good.", "Доля клиентов, ответивших за 24 часа: нижняя граница, чтобы редкие случаи не казались удачными.";
        no_data: "no data yet", "пока нет данных";
        state_draft: "Draft", "Черновик";
        state_published: "In use", "Используется";
        state_archived: "Archived", "В архиве";
        state: "State", "Состояние";
        state_draft_text: "Agents do not use it.", "Агенты его не используют.";
        state_published_text: "Agents use it from the next answer.", "Агенты используют его со следующего ответа.";
        state_archived_text: "Kept, not used.", "Хранится, не используется.";
        greeting: "Greeting", "Приветствие";
        qualification: "Finding out the need", "Выявление потребности";
        presentation: "Presentation", "Презентация";
        objection_handling: "Objections", "Работа с возражениями";
        closing: "Closing", "Завершение сделки";
        follow_up: "Follow-up", "Напоминание";
        handoff: "Hand-off", "Передача человеку";
        price: "Too expensive", "Дорого";
        timing: "Not now", "Не сейчас";
        need: "No need", "Не нужно";
        competitor: "Others are better", "У других лучше";
        trust: "No trust", "Не доверяю";
        authority: "Not my decision", "Решаю не я";
        delivery: "Delivery", "Доставка";
        guarantee: "Guarantee", "Гарантия";
        spam_fear: "Fear of spam", "Боюсь спама";
        other: "Other", "Другое";
        name: "Name", "Название";
        content: "What to say", "Что сказать";
        content_hint: "Placeholders in double braces: {{name}}, {{crm.budget}}", "Подстановки в двойных скобках: {{name}}, {{crm.budget}}";
        verbatim: "Say it word for word", "Говорить слово в слово";
        verbatim_text: "Otherwise the agent may put it in its own words.", "Иначе агент может сказать своими словами.";
        languages: "Languages", "Языки";
        stages: "Stages", "Этапы";
        stages_hint: "Nothing chosen: every stage", "Ничего не выбрано — все этапы";
        placeholders: "Placeholders", "Подстановки";
        placeholders_none: "There are no placeholders in the text.", "В тексте нет подстановок.";
        placeholder_unclosed: "A placeholder is not closed: «}}» is missing.", "Подстановка не закрыта: не хватает «}}».";
        placeholder_name: "Only letters, digits, dots and underscores may stand in a placeholder.", "В подстановке могут быть только буквы, цифры, точки и подчёркивания.";
        source: "Where it comes from", "Откуда берётся";
        source_crm: "Field of the CRM", "Поле CRM";
        source_memory: "What is known of the client", "Что известно о клиенте";
        source_fixed: "Fixed words", "Постоянный текст";
        default_value: "If it is not known", "Если неизвестно";
        required: "Without it the script is not used", "Без неё скрипт не использовать";
        phrases: "How clients put it", "Как говорят клиенты";
        phrases_hint: "One phrase a line, 2–300 characters; at most 50", "По одной фразе в строке, 2–300 знаков; не больше 50";
        response: "What to answer", "Что ответить";
        technique: "Technique", "Приём";
        no_technique: "None", "Без приёма";
        clarify: "Clarify", "Уточнить";
        reframe: "Look at it otherwise", "Взглянуть иначе";
        proof: "Proof", "Доказательство";
        alternative: "Alternative", "Альтернатива";
        price_anchor: "Compare prices", "Сравнить цену";
        discount: "Largest discount, %", "Наибольшая скидка, %";
        discount_hint: "Empty: it offers none", "Пусто — скидку не предлагать";
        escalate: "Hand over after so many repeats", "Передать человеку после стольких повторов";
        escalate_hint: "0 = after two", "0 — после двух";
        delete_script_title: "Delete the script?", "Удалить скрипт?";
        delete_objection_title: "Delete the response?", "Удалить ответ?";
        delete_text: "It is gone for good. Archive it to keep its figures.", "Это навсегда. Чтобы сохранить цифры, отправьте в архив.";
        deleted: "Deleted", "Удалено";
        =>
        sample(count: u64):
            format!("n = {count}"),
            format!("n = {count}");
        phrase_count(count: u64):
            format!("{count} {}", plural::en(count, "phrase", "phrases")),
            format!("{count} {}", plural::ru(count, "фраза", "фразы", "фраз"));
        stage_count(count: u64):
            format!("{count} {}", plural::en(count, "stage", "stages")),
            format!("{count} {}", plural::ru(count, "этап", "этапа", "этапов"));
    }
}
