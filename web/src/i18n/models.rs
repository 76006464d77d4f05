use super::plural;

words! {
    /// The frame of everything about models, and the choice of one.
    Gateway {
        title: "Models", "Модели";
        usage: "Usage & cost", "Расходы";
        budgets: "Budgets", "Бюджеты";
        keys: "Provider keys", "Ключи поставщика";
        routes: "Routes", "Маршруты";
        catalog: "Catalogue", "Каталог";
        privacy: "Privacy", "Приватность";
        playground: "Playground", "Песочница";
        nobody: "No agent", "Без агента";
        whole_organization: "The whole organization", "Вся организация";
        usual_model: "As configured", "Как настроено";
        usual_text: "The route “default”, else the configured model", "Маршрут «default», иначе модель из настроек";
        choose_model: "Choose a model", "Выберите модель";
        search: "Search by name or identifier", "Поиск по названию или идентификатору";
        json: "JSON", "JSON";
        tools: "Tools", "Инструменты";
        vision: "Vision", "Картинки";
        unlisted_text: "Not in the provider's list: it is asked by this name", "В списке поставщика нет: запрос уйдёт с этим именем";
        =>
        context(tokens: &str): format!("context {tokens}"), format!("контекст {tokens}");
        price(input: &str, output: &str):
            format!("1M tokens: {input} in, {output} out"),
            format!("1 млн токенов: вход {input}, выход {output}");
        route_way(models: &str): format!("Route: {models}"), format!("Маршрут: {models}");
        use_typed(id: &str): format!("Use “{id}”"), format!("Использовать «{id}»");
    }
}

words! {
    /// What model calls cost.
    Usage {
        day: "Day", "День";
        agent: "Agent", "Агент";
        model: "Model", "Модель";
        key: "Key", "Ключ";
        by_day: "By day", "По дням";
        by_agent: "By agent", "По агентам";
        by_model: "By model", "По моделям";
        by_key: "By key", "По ключам";
        period: "Period", "Период";
        rows: "Rows of the table", "Строки таблицы";
        rows_title: "In detail", "Подробно";
        today: "Today", "Сегодня";
        week: "7 days", "7 дней";
        thirty_days: "30 days", "30 дней";
        month: "This month", "Этот месяц";
        empty: "No model calls in this period", "В этот период модели не вызывались";
        empty_text: "Calls appear here at once: from conversations, the test chat, the playground and your own programs.", "Вызовы появляются здесь сразу: из диалогов, тестового чата, песочницы и ваших программ.";
        cost_guessed: "The provider did not name the cost of some calls: for those the most that was reserved is counted.", "У части вызовов поставщик не назвал стоимость: для них учтён весь зарезервированный максимум.";
        totals: "Totals", "Итоги";
        cost: "Cost", "Стоимость";
        calls: "Calls", "Вызовы";
        failed: "Failed", "С ошибкой";
        tokens_in: "Tokens in", "Токены, вход";
        tokens_out: "Tokens out", "Токены, выход";
        cached: "Read from prompt cache", "Из кеша промптов";
        from_cache: "Answered from our cache", "Ответы из кеша";
        from_cache_note: "calls that cost nothing", "бесплатные вызовы";
        share: "Share", "Доля";
        export: "Download CSV", "Скачать CSV";
        utc: "Days are counted in UTC.", "Дни считаются по UTC.";
        platform_key: "Key of the platform", "Ключ платформы";
        with_yesterday: "Compared with yesterday up to this time.", "В сравнении со вчерашним днём до этого же часа.";
        with_week: "Compared with the 7 days before.", "В сравнении с предыдущими 7 днями.";
        with_thirty_days: "Compared with the 30 days before.", "В сравнении с предыдущими 30 днями.";
        with_month: "Compared with the same days of last month.", "В сравнении с теми же днями прошлого месяца.";
        cost_by_day: "Cost by day", "Стоимость по дням";
        calls_by_day: "Calls by day", "Вызовы по дням";
        =>
        before(value: &str, change: &str): format!("before: {value} ({change})"), format!("раньше: {value} ({change})");
        of_input(share: &str): format!("{share} of the input"), format!("{share} входа");
        forecast(sum: &str):
            format!("By the end of the month: about {sum}"),
            format!("К концу месяца: около {sum}");
        forecast_how(so_far: &str, daily: &str, days: u64):
            format!("{so_far} so far, then {daily} a day: the mean of the last {days} whole {}.", plural::en(days, "day", "days")),
            format!("{so_far} уже потрачено, дальше {daily} в день: среднее за {days} {}.", plural::ru(days, "полный день", "полных дня", "полных дней"));
        day_words(day: &str, cost: &str, calls: u64):
            format!("{day}: {cost}, {calls} {}", plural::en(calls, "call", "calls")),
            format!("{day}: {cost}, {calls} {}", plural::ru(calls, "вызов", "вызова", "вызовов"));
    }
}

words! {
    /// How much may be spent on models.
    Budgets {
        lead: "A call's worst price is reserved before it is made, so a limit is never passed.", "Максимальная цена вызова резервируется заранее, поэтому лимит нельзя превысить.";
        create: "New budget", "Новый бюджет";
        edit: "Change the budget", "Изменить бюджет";
        empty: "No budgets yet", "Бюджетов пока нет";
        empty_text: "Without one, models are called as long as the provider's account has money.", "Без них модели вызываются, пока на счёте у поставщика есть деньги.";
        at_limit: "What happens at the limit", "Что происходит на лимите";
        at_80: "At 80% people are notified.", "На 80% приходит уведомление.";
        at_100: "At 100% they are notified again, and a call that could pass the limit goes to a cheaper model of its route or is refused, as the budget says. Calls by which the platform checks answers are always made, and counted.", "На 100% приходит ещё одно, а вызов, который мог бы превысить лимит, уходит более дешёвой модели маршрута или отклоняется — как задано в бюджете. Вызовы, которыми платформа проверяет ответы, делаются всегда и учитываются.";
        at_reset: "Days and months begin at midnight UTC: then the whole limit is there again.", "День и месяц начинаются в полночь UTC: тогда лимит снова доступен целиком.";
        meter: "Share of the budget that is spent", "Израсходованная доля бюджета";
        within: "Within the limit", "В пределах лимита";
        spent_most: "Over 80% spent", "Израсходовано больше 80%";
        spent_all: "Spent", "Израсходован";
        a_day: "a day", "в день";
        a_month: "a month", "в месяц";
        then_degrade: "at the limit: a cheaper model", "на лимите: более дешёвая модель";
        then_refuse: "at the limit: refused", "на лимите: отказ";
        deleted: "The budget was deleted", "Бюджет удалён";
        delete_title: "Delete this budget?", "Удалить бюджет?";
        delete_text: "From now on nothing limits these calls but other budgets. What was spent stays in the reports.", "Дальше эти вызовы ограничат только другие бюджеты. Потраченное останется в отчётах.";
        whose: "Whose calls", "Чьи вызовы";
        period: "Period", "Период";
        cap: "Limit, USD", "Лимит, USD";
        cap_hint: "For example 50 or 12.50. 0 allows only calls that cost nothing.", "Например, 50 или 12,50. 0 разрешает только бесплатные вызовы.";
        not_a_number: "This is not a sum: write 50, 12.50 or 1000", "Это не сумма: напишите 50, 12,50 или 1000";
        negative: "A limit cannot be below 0", "Лимит не может быть меньше 0";
        too_precise: "At most 6 digits after the point", "После запятой не больше 6 цифр";
        too_large: "At most 1,000,000 USD", "Не больше 1 000 000 USD";
        exhaustion: "When there is no room for a call", "Когда на вызов не хватает";
        degrade: "A cheaper model", "Более дешёвая модель";
        degrade_text: "The next model of the route that fits is asked; without one the call is refused.", "Спрашивается следующая модель маршрута, на которую хватает; если такой нет, вызов отклоняется.";
        refuse: "Refuse", "Отказ";
        refuse_text: "The call fails at once and says which budget is spent.", "Вызов сразу завершается ошибкой с названием бюджета.";
        =>
        spent_of(spent: &str, cap: &str): format!("{spent} of {cap}"), format!("{spent} из {cap}");
        forecast(sum: &str): format!("at this pace {sum} by the end"), format!("с таким темпом к концу {sum}");
        forecast_over(sum: &str): format!("at this pace {sum} by the end: over the limit"), format!("с таким темпом к концу {sum}: больше лимита");
        resets(time: &str): format!("begins anew {time}"), format!("обнулится {time}");
        reserved(sum: &str): format!("{sum} reserved by running calls"), format!("{sum} в резерве у текущих вызовов");
    }
}

words! {
    /// The organization's own keys at the provider of models.
    ProviderKeys {
        lead: "With keys of your own, calls are paid from your account at the provider. Secrets are stored sealed and never shown again.", "Со своими ключами вызовы оплачиваются с вашего счёта у поставщика. Секреты хранятся зашифрованными и больше не показываются.";
        create: "Add a key", "Добавить ключ";
        edit: "Change the key", "Изменить ключ";
        caption: "Keys, in the order in which they serve", "Ключи в порядке использования";
        demo: "The demo model needs no key", "Демо-модели ключ не нужен";
        demo_text: "Keys can be added when a provider is set: OPENROUTER_API_KEY or OPENROUTER_BASE_URL, then start again.", "Ключи можно добавить, когда задан поставщик: OPENROUTER_API_KEY или OPENROUTER_BASE_URL, затем перезапуск.";
        empty: "No keys of your own", "Своих ключей нет";
        empty_platform: "Calls are made with the platform's key. Add your own to pay from your account.", "Вызовы идут с ключом платформы. Добавьте свой, чтобы платить со своего счёта.";
        empty_text: "Add one: the platform has no key at this provider.", "Добавьте ключ: у платформы нет своего у этого поставщика.";
        priority: "Priority", "Приоритет";
        priority_hint: "0–100: smaller numbers serve first, equal ones in turn", "0–100: меньшие числа раньше, равные по очереди";
        priority_number: "Write a whole number from 0 to 100", "Напишите целое число от 0 до 100";
        last_used: "last used", "использован";
        serves: "On", "Вкл.";
        check: "Check", "Проверить";
        active: "Serves", "Работает";
        disabled: "Switched off", "Выключен";
        benched: "Benched", "На паузе";
        why_refused: "The provider does not accept the key.", "Поставщик не принимает ключ.";
        why_unpaid: "The account has no money left.", "На счёте закончились деньги.";
        why_limited: "Too many calls were made with it.", "С ним сделано слишком много вызовов.";
        until_changed: "Until it is changed or a check finds it well.", "Пока его не изменят или проверка не пройдёт.";
        policy: "When all keys are benched", "Когда все ключи на паузе";
        policy_lead: "Own keys first; this says what comes after them.", "Сначала свои ключи; здесь — что после них.";
        fall_back: "Let the platform's key serve", "Использовать ключ платформы";
        fall_back_text: "Switched off, such calls fail and say that every key is benched.", "Если выключено, такие вызовы завершаются ошибкой «все ключи на паузе».";
        accepted: "The provider accepts the key.", "Поставщик принимает ключ.";
        not_reached: "The provider could not be asked: nothing is known of the key.", "Поставщика не удалось спросить: о ключе ничего не известно.";
        not_told: "not told", "не сообщается";
        spent: "Spent with it", "Потрачено с ним";
        limit_left: "Left of its limit", "Осталось от его лимита";
        latency: "Answer time", "Время ответа";
        deleted: "The key was deleted", "Ключ удалён";
        delete_title: "Delete this key?", "Удалить ключ?";
        delete_text: "It stops serving within five seconds. It cannot be shown or restored; reports keep its name.", "Он перестанет работать в течение пяти секунд. Показать или вернуть его нельзя; в отчётах останется имя.";
        name_hint: "To tell keys apart: Main account, Reserve", "Чтобы различать ключи: «Основной счёт», «Запасной»";
        secret: "Secret key", "Секретный ключ";
        secret_hint: "It is sealed at once and never shown again.", "Он сразу шифруется и больше не показывается.";
        =>
        rank(priority: i32): format!("priority {priority}"), format!("приоритет {priority}");
        until(why: &str, time: &str): format!("{why} Until {time}."), format!("{why} До {time}.");
        checked(name: &str): format!("Check of “{name}”"), format!("Проверка «{name}»");
        secret_kept(hint: &str):
            format!("Ends with {hint}. Leave empty to keep it."),
            format!("Оканчивается на {hint}. Оставьте пустым, чтобы не менять.");
    }
}

words! {
    /// Names for models, whom they ask, and what a call would do.
    Routes {
        lead: "A route is a name of your own for models that are asked in turn: the next one answers when the first does not.", "Маршрут — ваше имя для моделей, которые спрашиваются по очереди: если первая не отвечает, ответит следующая.";
        create: "New route", "Новый маршрут";
        edit: "Change the route", "Изменить маршрут";
        empty: "No routes yet", "Маршрутов пока нет";
        empty_text: "Requests go to the model they name, or to the configured one and its fallbacks.", "Запросы идут к названной модели, иначе к модели из настроек и её запасным.";
        default_text: "the way of requests that name no model", "путь запросов без модели";
        explain: "Explain", "Объяснить";
        no_hedge: "No second try in parallel", "Без параллельного запроса";
        no_cache: "answers are not kept", "ответы не сохраняются";
        deleted: "The route was deleted", "Маршрут удалён";
        delete_title: "Delete this route?", "Удалить маршрут?";
        delete_text: "Requests that name it fail from then on. The route “default” gives way to the configured model.", "Запросы с этим именем перестанут работать. Вместо маршрута «default» снова будет модель из настроек.";
        breaker_closed: "Healthy", "Работает";
        breaker_open: "Paused after failures", "На паузе после ошибок";
        breaker_half_open: "One try to see", "Пробный вызов";
        waits: "The provider asked to wait", "Поставщик просит подождать";
        not_called: "Not called yet", "Ещё не вызывалась";
        targets: "Models, in order", "Модели по порядку";
        targets_hint: "1–8 different models; the first that can answer serves.", "1–8 разных моделей; отвечает первая, которая может.";
        add_target: "Add a model", "Добавить модель";
        move_up: "Move up", "Поднять";
        move_down: "Move down", "Опустить";
        remove_target: "Remove from the route", "Убрать из маршрута";
        model: "Model", "Модель";
        limits: "Time limits of one attempt", "Ограничения времени одной попытки";
        limits_hint: "Milliseconds, up to 120,000; 0 = as the service is set.", "Миллисекунды, до 120 000; 0 — как настроен сервис.";
        headers: "Until the answer begins", "До начала ответа";
        first_answer: "Until the first content", "До первого содержимого";
        idle: "Between two signs of life", "Между признаками жизни";
        total: "In all", "Всего";
        limit_number: "Time limits are whole numbers of milliseconds", "Ограничения времени — целое число миллисекунд";
        model_missing: "Choose a model in every line", "Выберите модель в каждой строке";
        model_twice: "A model can stand in the route only once", "Модель может стоять в маршруте только один раз";
        alias: "Name", "Имя";
        alias_hint: "a–z, 0–9, “.”, “_”, “-”. “default” is the way of requests that name no model. It cannot be changed later.", "a–z, 0–9, «.», «_», «-». «default» — путь запросов без модели. Потом изменить нельзя.";
        hedge: "Ask the next model too after, ms", "Спросить и следующую модель через, мс";
        hedge_hint: "The first to answer serves, both are paid. 0 = never.", "Отвечает первая успевшая, оплачиваются обе. 0 — никогда.";
        cache: "Keep answers for, s", "Хранить ответы, с";
        cache_hint: "Equal requests with temperature 0 and without tools are answered from the cache at no cost. Up to 86,400; 0 = never.", "Одинаковые запросы с температурой 0 и без инструментов бесплатно отвечаются из кеша. До 86 400; 0 — никогда.";
        not_whole: "Write a whole number, 0 or more", "Напишите целое число, 0 или больше";
        explain_title: "What would happen to a request", "Что произойдёт с запросом";
        explain_lead: "Nobody is asked and nothing is reserved or paid.", "Никто не спрашивается, ничего не резервируется и не оплачивается.";
        explain_forbidden: "Your role may not call models.", "Ваша роль не позволяет вызывать модели.";
        model_or_route: "Model or route", "Модель или маршрут";
        max_tokens: "Longest answer, tokens", "Наибольший ответ, токенов";
        prompt: "Prompt", "Запрос";
        prompt_placeholder: "How much is delivery?", "Сколько стоит доставка?";
        temperature_0: "Temperature 0", "Температура 0";
        wants_json: "JSON by a schema", "JSON по схеме";
        has_tools: "With tools", "С инструментами";
        by_model: "the model asked for, or the configured ones", "названная модель или модели из настроек";
        way: "Goes by", "Путь";
        prompt_tokens: "Prompt", "Запрос";
        cache_verdict: "Cache", "Кеш";
        with_key: "Key", "Ключ";
        platform_key: "the platform's", "ключ платформы";
        own_key: "the organization's own", "ключ организации";
        keys_exhausted: "Every key of the organization is benched: the call would fail.", "Все ключи организации на паузе: вызов завершится ошибкой.";
        candidates: "Models that could be asked", "Модели, которые можно спросить";
        verdict: "Verdict", "Решение";
        worst_cost: "Costs at most", "Стоит не больше";
        health: "Health", "Состояние";
        asked: "Would be asked", "Будет спрошена";
        too_short: "Context too short", "Мал контекст";
        no_tools: "No tools", "Без инструментов";
        no_json: "No JSON schema", "Без JSON-схемы";
        is_broken: "Paused after failures", "На паузе после ошибок";
        too_dear: "More than a budget has left", "Дороже остатка бюджета";
        cache_off: "Not asked for", "Не запрошен";
        cache_hit: "A kept answer would serve", "Ответит сохранённый";
        cache_miss: "None yet; it would be kept", "Пока нет; ответ сохранится";
        cache_temperature: "Not used: the temperature is not 0", "Не используется: температура не 0";
        cache_tools: "Not used: there are tools", "Не используется: есть инструменты";
        no_budgets: "No budget limits this call.", "Этот вызов не ограничен бюджетами.";
        budgets_left: "Paid from", "Оплачивается из";
        left: "Left", "Осталось";
        of_cap: "Limit", "Лимит";
        =>
        hedged(delay: &str):
            format!("The next model is asked too after {delay}"),
            format!("Следующая модель спрашивается через {delay}");
        cached_for(seconds: i32):
            format!("answers are kept for {seconds} s"),
            format!("ответы хранятся {seconds} с");
        calls(count: u64, failed: &str):
            format!("{count} {}, {failed} failed", plural::en(count, "call", "calls")),
            format!("{count} {}, с ошибкой {failed}", plural::ru(count, "вызов", "вызова", "вызовов"));
        first_content(time: &str): format!("first content {time}"), format!("первое содержимое {time}");
        again_at(time: &str): format!("again at {time}"), format!("снова в {time}");
        target_number(place: usize): format!("Model {place}"), format!("Модель {place}");
        by_route(alias: &str): format!("the route “{alias}”"), format!("маршрут «{alias}»");
        about(tokens: &str): format!("about {tokens} tokens"), format!("примерно {tokens} токенов");
        price_unknown(cost: &str): format!("{cost}, its price is not known"), format!("{cost}, цена неизвестна");
    }
}

words! {
    /// What of people's data the providers of models are shown.
    Privacy {
        title: "What models do not see", "Что не видят модели";
        lead: "Hidden values are replaced by a mark such as [EMAIL_1] before a prompt leaves, and put back in the answer.", "Скрытые значения заменяются меткой вроде [EMAIL_1] до отправки и возвращаются в ответ.";
        emails: "Hide e-mail addresses", "Скрывать адреса почты";
        emails_text: "anna@example.com", "anna@example.com";
        phones: "Hide phone numbers", "Скрывать номера телефонов";
        phones_text: "+7 912 000-00-00, in any form", "+7 912 000-00-00, в любом виде";
        cards: "Hide bank card numbers", "Скрывать номера карт";
        cards_text: "Only numbers that pass the card check", "Только номера, которые проходят проверку карты";
        takes_effect: "A change holds for calls that begin five seconds later.", "Изменение действует для вызовов, начатых через пять секунд.";
    }
}

words! {
    /// The models that can be called now.
    Catalog {
        caption: "Models that can be called now", "Модели, доступные сейчас";
        search: "Search models", "Поиск моделей";
        more: "The first 100 are shown: narrow the search to see others.", "Показаны первые 100: уточните поиск, чтобы увидеть другие.";
        provider: "Provider", "Поставщик";
        abilities: "Can", "Умеет";
        context: "Context", "Контекст";
        price_in: "Input, 1M tokens", "Вход, 1 млн токенов";
        price_out: "Output, 1M tokens", "Выход, 1 млн токенов";
        free: "free", "бесплатно";
        default: "Default", "По умолчанию";
        demo: "Built-in demo model", "Встроенная демо-модель";
        demo_text: "It answers by quoting the passages that were found, in the language of the question. Set a provider to get a real model.", "Она отвечает цитатами из найденных фрагментов на языке вопроса. Чтобы отвечала настоящая модель, задайте поставщика.";
        demo_env: "OPENROUTER_API_KEY or OPENROUTER_BASE_URL (Ollama, vLLM, llama.cpp), then start again.", "OPENROUTER_API_KEY или OPENROUTER_BASE_URL (Ollama, vLLM, llama.cpp), затем перезапуск.";
        embeddings_on: "Search by words and by meaning", "Поиск по словам и по смыслу";
        embeddings_off: "Search by words only: no embedding model is set", "Поиск только по словам: модель эмбеддингов не задана";
    }
}

words! {
    /// One call of a model, by hand.
    Playground {
        forbidden: "Your role may not call models.", "Ваша роль не позволяет вызывать модели.";
        model: "Model or route", "Модель или маршрут";
        system: "System message", "Системное сообщение";
        system_hint: "Who the model is and how it answers; may be empty", "Кто модель и как отвечает; можно оставить пустым";
        person: "Person", "Человек";
        model_said: "Model", "Модель";
        add_person: "Add a person's message", "Добавить сообщение человека";
        add_model: "Add a model's message", "Добавить сообщение модели";
        remove_message: "Remove the message", "Убрать сообщение";
        nothing_said: "Write what the model should answer", "Напишите, на что ответить модели";
        temperature: "Temperature", "Температура";
        temperature_hint: "0–2; empty = the model's own", "0–2; пусто — как у модели";
        max_tokens: "Longest answer, tokens", "Наибольший ответ, токенов";
        max_tokens_hint: "1–32,768; empty = 1,024", "1–32 768; пусто — 1 024";
        not_a_number: "Write a number", "Напишите число";
        more: "JSON schema and more", "JSON-схема и другое";
        schema: "JSON schema of the answer", "JSON-схема ответа";
        schema_hint: "Empty = free text", "Пусто — свободный текст";
        not_json: "This is not JSON", "Это не JSON";
        whole: "Show only the whole answer: one that breaks the schema is asked for once more", "Показать только весь ответ: нарушивший схему запрашивается ещё раз";
        send: "Send", "Отправить";
        stop: "Stop", "Остановить";
        costs: "A call costs money. Ctrl+Enter sends.", "Вызов стоит денег. Ctrl+Enter отправляет.";
        answer: "Answer", "Ответ";
        running: "Answering", "Отвечает";
        empty: "No answer yet", "Ответа пока нет";
        empty_text: "Write a message and send it. What it cost and how long it took stands below the answer.", "Напишите сообщение и отправьте. Под ответом будет его цена и время.";
        stopped: "Stopped. What the provider had made until then is paid.", "Остановлено. Оплачивается то, что поставщик успел сделать.";
        go_on: "Continue the conversation", "Продолжить диалог";
        ended: "Ended", "Завершение";
        served_by: "Answered", "Ответила";
        cost: "Cost", "Стоимость";
        from_cache: "From the cache", "Из кеша";
        tokens_title: "Tokens", "Токены";
        time_title: "Time", "Время";
        reason_stop: "Said all it had to say", "Сказала всё";
        reason_length: "Cut at the longest answer", "Обрезано по длине ответа";
        reason_tools: "Wants to call a tool", "Просит вызвать инструмент";
        reason_filter: "Stopped by the provider's filter", "Остановлено фильтром поставщика";
        =>
        cost_guessed(cost: &str): format!("at most {cost}: the provider named none"), format!("не больше {cost}: поставщик не назвал цену");
        tokens(input: &str, output: &str, cached: &str):
            format!("{input} in, {output} out, {cached} from the prompt cache"),
            format!("вход {input}, выход {output}, из кеша промптов {cached}");
        time(first: &str, total: &str):
            format!("first words {first}, in all {total}"),
            format!("первые слова {first}, всего {total}");
    }
}
