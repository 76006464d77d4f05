words! {
    /// The test chat.
    Chat {
        title: "Test chat", "Тестовый чат";
        new: "New conversation", "Новый диалог";
        conversations: "Conversations", "Диалоги";
        no_conversations: "No conversations yet", "Диалогов пока нет";
        agent: "Agent", "Агент";
        choose_agent: "Choose an agent to talk to", "Выберите агента для разговора";
        choose_version: "What answers", "Что отвечает";
        draft: "Draft", "Черновик";
        no_agents: "There is no agent to talk to", "Разговаривать пока не с кем";
        no_agents_text: "Create one from a template; it takes a minute.", "Создайте агента из шаблона — это минута.";
        placeholder: "Write as a client would", "Напишите, как написал бы клиент";
        send: "Send", "Отправить";
        stop: "Stop", "Остановить";
        stopped: "Stopped. Nothing more of this answer is kept.", "Остановлено. Продолжение ответа не сохранено.";
        you: "Client", "Клиент";
        bot: "Agent", "Агент";
        human: "Manager", "Менеджер";
        system: "System", "Система";
        empty_title: "Ask the first question", "Задайте первый вопрос";
        empty_text: "The same pipeline as in live conversations; nothing is written to the CRM.", "Тот же путь, что и в живых диалогах; в CRM ничего не записывается.";
        suggestion_one: "What do you sell and how much does it cost?", "Что вы продаёте и сколько это стоит?";
        suggestion_two: "How long does delivery take?", "Сколько идёт доставка?";
        suggestion_three: "What is the guarantee?", "Какая гарантия?";
        suggestion_four: "Do you give a discount?", "Есть ли скидка?";
        delete_title: "Delete the conversation?", "Удалить диалог?";
        delete_text: "Its messages and traces will be gone.", "Сообщения и разборы исчезнут.";
        source: "Source", "Источник";
        retracted: "A check refused the first wording; the agent is answering anew.", "Проверка отклонила первый вариант, агент отвечает заново.";
        thinking: "The agent is working", "Агент работает";
        silent: "The agent stayed silent", "Агент промолчал";
        show_trace: "How it came about", "Как получился ответ";
        messages_label: "Messages", "Сообщения";
        press_enter: "Enter sends, Shift+Enter starts a new line", "Enter — отправить, Shift+Enter — новая строка";
        too_long: "A message holds at most 4,000 characters.", "В сообщении не больше 4000 знаков.";
        =>
        version(number: i32):
            format!("Version {number}"),
            format!("Версия {number}");
        live_version(number: i32):
            format!("Version {number}, live"),
            format!("Версия {number}, действует");
        page(page: i32):
            format!("p. {page}"),
            format!("стр. {page}");
    }
}

words! {
    /// How an answer came about.
    Trace {
        title: "Trace", "Разбор";
        empty: "Choose an answer to see how it came about.", "Выберите ответ, чтобы увидеть, как он получился.";
        version: "Version", "Версия";
        draft: "draft", "черновик";
        to_case: "Make a test case", "Сделать проверку";
        to_case_text: "The client’s messages up to this answer become a case, personal data masked. It asks for the same outcome; add what else you expect on the Tests tab.", "Сообщения клиента до этого ответа станут случаем, личные данные скрыты. Он ждёт того же исхода; остальные ожидания добавьте на вкладке «Проверки».";
        no_suites: "The agent has no suite of tests yet.", "У агента пока нет ни одного набора проверок.";
        make_suite: "Create a suite", "Создать набор";
        suite: "Suite", "Набор";
        case_made: "The case was added", "Случай добавлен";
        steps: "Steps", "Шаги";
        passages: "Passages given to the model", "Фрагменты, переданные модели";
        prompt: "Prompt", "Промпт";
        actions: "Actions in the CRM", "Действия в CRM";
        would_do: "would do", "сделал бы";
        refused: "refused", "отклонено";
        model: "Model", "Модель";
        tokens: "Tokens, in / out", "Токены, вход / выход";
        cost: "Cost", "Стоимость";
        total: "Time", "Время";
        first_token: "First words", "Первые слова";
        lexical_only: "Search compared words only: no embedding model is set.", "Поиск сравнивал только слова: модель эмбеддингов не задана.";
        no_passages: "No passage passed the floor.", "Ни один фрагмент не прошёл порог.";
        outcome_answered: "Answered", "Ответил";
        outcome_no_answer: "No source answers it", "В источниках нет ответа";
        outcome_handed_off: "Handed over to a person", "Передал человеку";
        outcome_silent: "Stayed silent", "Промолчал";
        outcome_fallback: "Standard words", "Стандартная фраза";
        state_running: "Running", "Выполняется";
        state_sent: "Answered", "Ответ дан";
        state_draft: "Draft", "Черновик";
        state_skipped: "Skipped", "Пропущено";
        state_superseded: "Superseded", "Заменён новым";
        state_failed: "Failed", "Ошибка";
        state_cancelled: "Stopped", "Остановлено";
        verdict_passed: "passed", "пройдено";
        verdict_skipped: "skipped", "пропущено";
        verdict_vetoed: "vetoed", "запрещено";
        verdict_hit: "rule hit", "сработало правило";
        verdict_failed: "failed", "ошибка";
        verdict_not_connected: "CRM not connected", "CRM не подключена";
        step_own_or_human: "Who wrote", "Кто написал";
        step_skip_rules: "Whether to answer", "Нужно ли отвечать";
        step_quiet_window: "Quiet window", "Ожидание паузы";
        step_hard_rules: "Hard rules", "Жёсткие правила";
        step_guard_in: "Guard of the input", "Проверка входа";
        step_context: "Context", "Контекст";
        step_classify: "Classification", "Классификация";
        step_retrieve: "Search in knowledge", "Поиск в знаниях";
        step_plays: "Scripts and objections", "Скрипты и возражения";
        step_generate: "Model", "Модель";
        step_tools: "Actions", "Действия";
        step_gates: "Checks of the answer", "Проверки ответа";
        step_pace: "Pace", "Темп";
        step_write_back: "Record", "Запись";
        step_next_step: "Next step", "Следующий шаг";
        before_after: "Before and after", "До и после";
        action_done: "done", "сделано";
        action_proposed: "proposed", "предложено";
        action_unchanged: "was so already", "уже было так";
        action_failed: "failed", "ошибка";
        action_move_stage: "Move to a stage", "Перенести на этап";
        action_set_field: "Fill in a field", "Заполнить поле";
        action_create_task: "Create a task", "Создать задачу";
        action_add_note: "Add a note", "Добавить примечание";
        action_add_tag: "Add a tag", "Добавить тег";
        action_remove_tag: "Remove a tag", "Убрать тег";
        action_assign: "Change the responsible person", "Сменить ответственного";
        action_run_salesbot: "Run a Salesbot", "Запустить бота";
        action_hand_off: "Hand over to a person", "Передать человеку";
        reason_stage_changed: "The deal is on another stage now.", "Сделка уже на другом этапе.";
        reason_stage_gone: "There is no such stage any more.", "Такого этапа больше нет.";
        reason_loss_reason: "A reason of the loss is needed.", "Нужна причина отказа.";
        reason_field_required: "The stage needs a field that is empty.", "Для этапа нужно заполнить поле.";
        reason_has_value: "The field has a value already.", "В поле уже есть значение.";
        reason_field_value: "The value does not fit the field.", "Значение не подходит полю.";
        reason_field_gone: "There is no such field any more.", "Такого поля больше нет.";
        reason_read_only: "Only Kommo writes this field.", "Это поле заполняет только Kommo.";
        reason_lead_gone: "The deal is gone.", "Сделки больше нет.";
        reason_user_gone: "The person is gone.", "Такого сотрудника больше нет.";
        reason_refused: "Kommo refused it.", "Kommo отказал.";
    }
}
