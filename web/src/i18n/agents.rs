use super::plural;

words! {
    /// The list of agents.
    Agents {
        title: "Agents", "Агенты";
        create: "Create an agent", "Создать агента";
        search: "Search by name", "Поиск по названию";
        caption: "Agents of the organization", "Агенты организации";
        model: "Model", "Модель";
        messages: "Messages", "Сообщения";
        last_activity: "Last activity", "Последняя активность";
        default_model: "Default model", "Модель по умолчанию";
        state_draft: "Draft", "Черновик";
        state_active: "Active", "Активен";
        state_paused: "Paused", "На паузе";
        state_archived: "Archived", "В архиве";
        filter_state: "State", "Состояние";
        filter_model: "Model", "Модель";
        sort: "Order", "Порядок";
        sort_updated: "Last changed", "По изменению";
        sort_created: "Newest", "Сначала новые";
        sort_name: "By name", "По названию";
        sort_activity: "Last active", "По активности";
        empty_title: "No agents yet", "Агентов пока нет";
        empty_text: "Start from a template; everything can be changed later.", "Начните с шаблона — потом всё можно изменить.";
        activate: "Activate", "Включить";
        pause: "Pause", "Поставить на паузу";
        archive: "Archive", "В архив";
        copy: "Make a copy", "Сделать копию";
        test: "Test in chat", "Проверить в чате";
        delete_title: "Delete the agent?", "Удалить агента?";
        delete_text: "The agent and its settings will be gone for good. Archive it to keep its conversations.", "Агент и его настройки исчезнут навсегда. Чтобы сохранить диалоги, отправьте его в архив.";
        activated: "The agent is active", "Агент включён";
        paused: "The agent is paused", "Агент на паузе";
        archived: "The agent is archived", "Агент в архиве";
        copied: "A copy was made", "Копия создана";
        deleted: "The agent was deleted", "Агент удалён";
        create_title: "New agent", "Новый агент";
        create_name: "Agent's name", "Имя агента";
        create_from: "Start from", "Начать с";
        blank: "Blank", "Пустой";
        blank_text: "Write everything yourself.", "Напишите всё сами.";
        =>
        count(count: u64):
            format!("{count} {}", plural::en(count, "agent", "agents")),
            format!("{count} {}", plural::ru(count, "агент", "агента", "агентов"));
    }
}

words! {
    /// The editor of one agent.
    Editor {
        tab_general: "General", "Основные";
        tab_advanced: "Advanced", "Дополнительно";
        profile: "Profile", "Профиль";
        name: "Name", "Имя";
        name_hint: "1–100 characters, unique in the organization", "1–100 знаков, не повторяется в организации";
        instructions: "Instructions", "Инструкции";
        instructions_lead: "Who the agent is, what it sells, how it talks and what it must never do.", "Кто этот агент, что продаёт, как разговаривает и чего никогда не делает.";
        answers: "Answers", "Ответы";
        answer_mode: "What becomes of an answer", "Что делать с ответом";
        mode_off: "Only watch", "Только наблюдать";
        mode_off_text: "The agent writes nothing.", "Агент ничего не пишет.";
        mode_draft: "Draft for approval", "Черновик на проверку";
        mode_draft_text: "A person approves each answer.", "Каждый ответ одобряет человек.";
        mode_auto: "Send at once", "Отправлять сразу";
        mode_auto_text: "Answers are sent without approval.", "Ответы уходят без проверки.";
        mode_note: "The test chat always shows the answer.", "В тестовом чате ответ виден всегда.";
        knowledge: "Knowledge", "Знания";
        all_categories: "May use all categories", "Может использовать все категории";
        categories: "Categories", "Категории";
        categories_none: "Choose at least one category, or the agent will have nothing to answer from.", "Выберите хотя бы одну категорию, иначе агенту не на чем строить ответы.";
        categories_empty: "There are no categories yet. Make them on the Knowledge page.", "Категорий пока нет. Создайте их на странице «Знания».";
        no_answer: "When no source answers the question", "Если в источниках нет ответа";
        no_answer_text: "What the agent says", "Что скажет агент";
        no_answer_hint: "Empty: the standard words", "Пусто — стандартная фраза";
        create_task: "Create a task for a manager", "Создать задачу менеджеру";
        model: "Model", "Модель";
        main_model: "Main model", "Основная модель";
        fallbacks: "Fallback models", "Запасные модели";
        fallbacks_hint: "Tried in order when the main model fails; at most four", "По порядку, если основная не ответила; не больше четырёх";
        add_fallback: "Add a fallback", "Добавить запасную";
        remove_fallback: "Remove", "Убрать";
        creativity: "Wording", "Свобода формулировок";
        precise: "Precise", "Точно";
        balanced: "Balanced", "Сбалансированно";
        creative: "Creative", "Свободно";
        max_tokens: "Longest answer, tokens", "Длина ответа, токенов";
        language: "Language of answers", "Язык ответов";
        mirror: "The client's language", "Язык клиента";
        fixed: "Always one language", "Всегда один язык";
        fixed_language: "Language", "Язык";
        rhythm: "Rhythm of answers", "Ритм ответов";
        quiet_window: "Wait for silence, seconds", "Ждать паузы, секунд";
        quiet_hint: "Several messages in a row get one answer", "Несколько сообщений подряд получат один ответ";
        min_delay: "Answer no sooner than, seconds", "Отвечать не раньше, секунд";
        max_parts: "Split an answer into at most", "Делить ответ не больше чем на";
        hours: "Working hours", "Часы работы";
        hours_always: "Around the clock", "Круглосуточно";
        hours_inside: "Only inside the hours", "Только в эти часы";
        hours_outside: "Only outside the hours", "Только вне этих часов";
        hours_zone: "In the organization's time zone", "По часовому поясу организации";
        hours_from: "From", "С";
        hours_to: "To", "До";
        add_interval: "Add hours", "Добавить часы";
        outside_text: "What to say once outside the hours", "Что сказать один раз вне часов работы";
        guard: "Protection", "Защита";
        guard_standard: "Standard", "Стандартная";
        guard_strict: "Strict: anything doubtful is left to people", "Строгая: всё сомнительное — людям";
        memory: "Memory", "Память";
        memory_enabled: "Remember facts about clients", "Запоминать факты о клиентах";
        memory_days: "Keep for, days", "Хранить, дней";
        limits: "Limits", "Ограничения";
        max_turns: "Answers in one conversation", "Ответов в одном диалоге";
        max_per_hour: "Answers an hour", "Ответов в час";
        zero_no_limit: "0 = no limit", "0 — без ограничения";
        budget_turn: "One answer, USD", "Один ответ, USD";
        budget_chat: "One conversation, USD", "Один диалог, USD";
        budget_day: "A day, USD", "В день, USD";
        budget_month: "A month, USD", "В месяц, USD";
        not_a_number: "Enter a number", "Введите число";
        test: "Test", "Проверить";
        only_draft: "Draft: answers only in the test chat", "Черновик: отвечает только в тестовом чате";
        monday: "Monday", "Понедельник";
        tuesday: "Tuesday", "Вторник";
        wednesday: "Wednesday", "Среда";
        thursday: "Thursday", "Четверг";
        friday: "Friday", "Пятница";
        saturday: "Saturday", "Суббота";
        sunday: "Sunday", "Воскресенье";
        =>
        parts(count: u64):
            format!("{count} {}", plural::en(count, "message", "messages")),
            format!("{count} {}", plural::ru(count, "сообщение", "сообщения", "сообщений"));
    }
}

words! {
    /// Agents to start from.
    Templates {
        seller: "Sales consultant", "Продавец-консультант";
        seller_text: "Finds out the need, offers goods with prices, leads to the order.", "Выясняет потребность, предлагает товары с ценами, ведёт к заказу.";
        seller_instructions: "You are a sales consultant of the company. Find out what the client needs with one question at a time. Offer at most three options that fit, each with its price from the price book and what it is good for. Never invent prices, discounts, dates or stock: if a source does not say it, say that you will check with a manager. Write short, friendly and to the point. End with the next step: a question, an order or a meeting.", "Вы — продавец-консультант компании. Выясняйте потребность клиента, задавая по одному вопросу. Предлагайте не больше трёх подходящих вариантов, у каждого — цена из прайс-листа и чем он хорош. Никогда не выдумывайте цены, скидки, сроки и наличие: если этого нет в источниках, скажите, что уточните у менеджера. Пишите коротко, дружелюбно и по делу. Заканчивайте следующим шагом: вопросом, заказом или встречей.";
        support: "Answers to questions", "Ответы на вопросы";
        support_text: "Answers from documents: delivery, payment, guarantee, returns.", "Отвечает по документам: доставка, оплата, гарантия, возврат.";
        support_instructions: "You answer clients' questions about the company's terms: delivery, payment, guarantee, returns, how things work. Answer only from the given sources, name the exact term, sum or condition as it stands there. If the sources do not answer, say so plainly and offer to pass the question to a manager. One question, one answer, without advertising.", "Вы отвечаете на вопросы клиентов об условиях компании: доставка, оплата, гарантия, возврат, порядок работы. Отвечайте только по источникам, называйте срок, сумму или условие точно так, как там написано. Если ответа в источниках нет, прямо скажите об этом и предложите передать вопрос менеджеру. Один вопрос — один ответ, без рекламы.";
        booking: "Booking", "Запись и бронирование";
        booking_text: "Collects what is needed to book: service, time, name, phone.", "Собирает всё для записи: услуга, время, имя, телефон.";
        booking_instructions: "You help clients book a service. Find out, one at a time: which service, a convenient day and time, the name and the phone. Tell the price and the duration only from the sources. When everything is known, repeat it back and say that a manager will confirm the booking. Do not promise that a time is free.", "Вы помогаете клиентам записаться на услугу. По одному вопросу выясните: какая услуга, удобные день и время, имя и телефон. Цену и длительность называйте только по источникам. Когда всё известно, повторите данные и скажите, что запись подтвердит менеджер. Не обещайте, что время свободно.";
    }
}
