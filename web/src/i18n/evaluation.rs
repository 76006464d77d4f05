words! {
    /// What an agent is tried with.
    Evaluation {
        tab: "Tests", "Проверки";
        lead: "A suite leads its cases as conversations with the draft. Nothing happens outside.", "Набор ведёт свои случаи как диалоги с черновиком. Наружу ничего не уходит.";
        new_suite: "New suite", "Новый набор";
        edit_suite: "Suite", "Набор";
        suites_empty: "No tests yet", "Проверок пока нет";
        suites_empty_text: "Collect questions that the agent must answer right, and run them before you publish.", "Соберите вопросы, на которые агент обязан отвечать верно, и запускайте их перед публикацией.";
        name: "Name", "Название";
        required: "Required for publishing", "Обязателен для публикации";
        required_hint: "A draft that fails is published only with a reason.", "Черновик с ошибками публикуется только с причиной.";
        budget: "A run costs at most, US cents", "Запуск стоит не больше, центов США";
        budget_hint: "0 = one dollar", "0 — один доллар";
        run_all: "Run", "Запустить";
        cancel: "Stop", "Остановить";
        cases: "Cases", "Случаи";
        cases_empty: "No cases yet.", "Случаев пока нет.";
        new_case: "New case", "Новый случай";
        edit_case: "Case", "Случай";
        enabled: "On", "Включён";
        client_texts: "What the client says, one message a line", "Что пишет клиент, по сообщению в строке";
        client_texts_hint: "1–10 messages; each is answered before the next.", "1–10 сообщений; на каждое агент отвечает до следующего.";
        asserts: "What is expected", "Чего ожидаем";
        add_assert: "Add an expectation…", "Добавить ожидание…";
        assert_contains: "An answer has the text", "В ответе есть текст";
        assert_not_contains: "No answer has the text", "Ни в одном ответе нет текста";
        assert_outcome: "The last turn ends as", "Последний ход закончился как";
        assert_tool: "The agent does in the CRM", "Агент делает в CRM";
        assert_no_tool: "The agent does not do in the CRM", "Агент не делает в CRM";
        assert_numbers: "Every number has a source", "У каждого числа есть источник";
        assert_cost: "It costs at most, micro-USD", "Стоит не больше, микродолларов";
        stage: "Where the deal stands", "Где стоит сделка";
        stage_first: "Where the agent works first", "Где агент работает сначала";
        language: "Language of the organization", "Язык организации";
        language_own: "As it is", "Как есть";
        history: "What was said before", "Что было сказано раньше";
        history_hint: "The agent reads it and does not answer it.", "Агент это читает, но не отвечает на это.";
        add_message: "Add a message", "Добавить сообщение";
        author: "Who says it", "Кто говорит";
        client: "Client", "Клиент";
        agent: "Agent", "Агент";
        message: "Message", "Сообщение";
        remove: "Remove", "Убрать";
        runs: "Runs", "Запуски";
        runs_empty: "Not run yet.", "Ещё не запускался.";
        state_queued: "Waits", "Ждёт";
        state_running: "Running", "Идёт";
        state_passed: "Passed", "Пройден";
        state_failed: "Failed", "Не пройден";
        state_cancelled: "Stopped", "Остановлен";
        draft_changed: "The draft was edited meanwhile: this run does not count.", "Черновик правили во время запуска: он не считается.";
        budget_exceeded: "The budget of the run was used up: the rest was not tried.", "Бюджет запуска исчерпан: остальное не проверено.";
        expected: "Expected", "Ожидалось";
        found: "Found", "Получено";
        newly_failed: "Passed the last time", "В прошлый раз проходил";
        newly_passed: "Failed the last time", "В прошлый раз не проходил";
        nothing_said: "Nothing was said", "Ничего не сказано";
        trace: "How it came about", "Как получилось";
        delete_suite: "Delete the suite?", "Удалить набор?";
        delete_suite_text: "Its cases and runs go with it.", "Вместе с ним исчезнут случаи и запуски.";
        delete_case: "Delete the case?", "Удалить случай?";
        delete_case_text: "Results of past runs stay.", "Результаты прошлых запусков останутся.";
        deleted: "Deleted", "Удалено";
        =>
        counted(count: i32): format!("cases: {count}"), format!("случаев: {count}");
        passed_of(passed: i32, all: i32): format!("{passed} of {all} passed"), format!("пройдено {passed} из {all}");
    }
}
