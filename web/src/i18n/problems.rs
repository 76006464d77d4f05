use super::plural;

words! {
    /// What went wrong and what to do next, by the stable reason of the error.
    Problems {
        credentials_wrong: "The e-mail or the password is wrong.", "Неверная почта или пароль.";
        email_taken: "An account with this e-mail already exists.", "Аккаунт с такой почтой уже есть.";
        email_taken_next: "Sign in instead, or use another address.", "Войдите в него или укажите другой адрес.";
        session_invalid: "Your session has ended.", "Сеанс закончился.";
        session_invalid_next: "Sign in again.", "Войдите снова.";
        password_weak: "This password is too easy to guess.", "Этот пароль слишком легко угадать.";
        forbidden: "Your role does not allow this.", "Ваша роль этого не позволяет.";
        forbidden_next: "Ask an owner or an administrator of the organization.", "Обратитесь к владельцу или администратору организации.";
        not_found: "This was not found.", "Не найдено.";
        not_found_next: "It may have been deleted. Go back to the list.", "Возможно, это удалили. Вернитесь к списку.";
        already_exists: "This name is already taken.", "Такое название уже занято.";
        already_exists_next: "Choose another one.", "Выберите другое.";
        stale: "Someone has changed this meanwhile.", "Это уже изменил кто-то другой.";
        stale_next: "Reload, then make your change again.", "Обновите страницу и внесите изменение ещё раз.";
        invalid: "Some fields need attention.", "Проверьте поля формы.";
        invalid_next: "Mend the fields marked below.", "Исправьте отмеченные поля.";
        precondition: "This is not possible in the present state.", "Сейчас это невозможно.";
        precondition_next: "Reload the page and look at the state.", "Обновите страницу и проверьте состояние.";
        limited: "Too many requests.", "Слишком много запросов.";
        limited_next: "Wait a little and try again.", "Подождите немного и повторите.";
        unavailable: "The service does not answer.", "Сервис не отвечает.";
        unavailable_next: "It usually helps to try again in a few seconds.", "Обычно помогает повторить через несколько секунд.";
        offline: "There is no connection to the server.", "Нет связи с сервером.";
        offline_next: "Check the network and try again.", "Проверьте сеть и повторите.";
        timeout: "The server took too long.", "Сервер отвечает слишком долго.";
        timeout_next: "Try again. If it repeats, look at the jobs page.", "Повторите. Если не помогает, загляните на страницу задач.";
        internal: "Something broke on our side.", "Ошибка на нашей стороне.";
        internal_next: "Try again. If it repeats, tell support the request id.", "Повторите. Если не помогает, сообщите поддержке номер запроса.";
        unknown: "The server answered with an error.", "Сервер ответил ошибкой.";
        provider_refused: "The model provider refused the request.", "Поставщик модели отклонил запрос.";
        provider_refused_next: "Check the provider key and its balance.", "Проверьте ключ поставщика и баланс.";
        provider_unavailable: "The model provider does not answer.", "Поставщик модели не отвечает.";
        provider_unavailable_next: "Try again, or choose another model in the agent's settings.", "Повторите или выберите другую модель в настройках агента.";
        provider_limited: "The model provider limits requests.", "Поставщик модели ограничил запросы.";
        stream_cut: "The model's answer was cut off.", "Ответ модели оборвался.";
        stream_cut_next: "Ask again.", "Спросите ещё раз.";
        context_too_long: "The conversation no longer fits the model.", "Диалог больше не помещается в модель.";
        context_too_long_next: "Start a new conversation or choose a model with a longer context.", "Начните новый диалог или выберите модель с большим контекстом.";
        model_unknown: "The agent's model is not available.", "Модель агента недоступна.";
        model_unknown_next: "Choose another model in the agent's settings.", "Выберите другую модель в настройках агента.";
        content_refused: "The model refused to answer.", "Модель отказалась отвечать.";
        budget_spent: "The agent's budget is used up.", "Бюджет агента исчерпан.";
        budget_spent_next: "Raise the limit on the Advanced tab.", "Увеличьте лимит на вкладке «Дополнительно».";
        job_finished: "The job has already ended.", "Задача уже завершилась.";
        job_not_dead: "Only failed or cancelled jobs can be retried.", "Повторить можно только задачу с ошибкой или отменённую.";
        field_required: "Fill in this field.", "Заполните это поле.";
        field_too_short: "Too short.", "Слишком коротко.";
        field_too_long: "Too long.", "Слишком длинно.";
        field_out_of_range: "Outside the allowed range.", "Вне допустимых пределов.";
        field_invalid: "This value is not allowed.", "Недопустимое значение.";
        field_too_many: "Too many.", "Слишком много.";
        field_not_found: "This no longer exists.", "Этого больше нет.";
        agent_state: "The agent's state does not allow this. Pause it first.", "В этом состоянии агента так нельзя. Поставьте его на паузу.";
        category_too_deep: "Categories go five levels deep at most.", "У категорий не больше пяти уровней.";
        category_has_children: "The category has others inside. Delete them first.", "Внутри есть другие категории. Сначала удалите их.";
        turn_running: "The agent is still answering the last message.", "Агент ещё отвечает на прошлое сообщение.";
        price_columns: "The file has no columns for the name or the price.", "В файле нет колонки с названием или ценой.";
        price_columns_next: "Name the columns as in the sample and import again.", "Назовите колонки как в примере и импортируйте снова.";
        price_errors: "This version has rows with errors.", "В этой версии есть строки с ошибками.";
        field_email: "This is not an e-mail address.", "Это не похоже на адрес почты.";
        field_time_zone: "There is no such time zone.", "Такого часового пояса нет.";
        field_uri: "This is not a public http or https address.", "Это не открытый адрес http или https.";
        embeddings_unavailable: "Search by meaning is off: no embedding model is set.", "Поиск по смыслу выключен: модель эмбеддингов не задана.";
        =>
        limited_seconds(seconds: u64):
            format!("Try again in {seconds} {}.", plural::en(seconds, "second", "seconds")),
            format!("Повторите через {seconds} {}.", plural::ru(seconds, "секунду", "секунды", "секунд"));
    }
}
