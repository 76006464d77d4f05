words! {
    /// Live conversations.
    Inbox {
        title: "Conversations", "Диалоги";
        list: "List of conversations", "Список диалогов";
        search: "Search by client", "Поиск по клиенту";
        filter_all: "All", "Все";
        filter_needs: "Needs me", "Нужен человек";
        filter_draft: "Drafts", "Черновики";
        filter_human: "With a person", "У человека";
        filter_bot: "With the agent", "У агента";
        filter_error: "Errors", "Ошибки";
        filter_agent: "Agent", "Агент";
        filter_channel: "Channel", "Канал";
        filter_stage: "Stage", "Этап";
        more_filters: "More filters", "Ещё фильтры";
        no_name: "Client without a name", "Клиент без имени";
        mark_draft: "Draft", "Черновик";
        mark_error: "Not delivered", "Не доставлено";
        mark_waits: "Waits", "Ждёт";
        mark_human: "Person", "Человек";
        mark_opted_out: "Asked not to write", "Просил не писать";
        choose: "Choose a conversation", "Выберите диалог";
        choose_text: "j and k move along the list, Enter opens.", "j и k — по списку, Enter — открыть.";
        empty_title: "No conversations yet", "Диалогов пока нет";
        empty_text: "They appear when clients write. What to check meanwhile:", "Они появятся, когда клиенты напишут. Что пока проверить:";
        check_connection: "Kommo is connected", "Kommo подключён";
        check_connection_fix: "Connect Kommo", "Подключить Kommo";
        check_agent: "An agent is active", "Есть активный агент";
        check_agent_fix: "Activate an agent", "Включить агента";
        check_stages: "The agent works on some stages", "Агент работает на этапах воронки";
        check_stages_fix: "Choose pipelines and stages", "Выбрать воронки и этапы";
        check_done: "done", "готово";
        check_todo: "to do", "не сделано";
        messages_label: "Messages", "Сообщения";
        back: "To the list", "К списку";
        client: "Client", "Клиент";
        client_panel: "Client and deal", "Клиент и сделка";
        bot: "Agent", "Агент";
        person: "Manager", "Менеджер";
        system: "System", "Система";
        take_over: "Take over", "Взять диалог";
        hand_back: "Hand back to the agent", "Вернуть агенту";
        bot_has_it: "The agent answers", "Отвечает агент";
        person_has_it: "A person answers", "Отвечает человек";
        you_have_it: "You answer", "Отвечаете вы";
        by_hand_only: "The agent has the word again only by hand.", "Агент вернётся, только если вернуть вручную.";
        write: "Write to the client", "Напишите клиенту";
        write_takes: "Sending takes the conversation over from the agent.", "После отправки диалог переходит к вам от агента.";
        send: "Send", "Отправить";
        not_sent: "Not sent. Your words are kept here.", "Не отправлено. Ваш текст остался здесь.";
        too_long: "A message holds at most 4,000 characters.", "В сообщении не больше 4000 знаков.";
        press_enter: "Enter sends, Shift+Enter starts a new line", "Enter — отправить, Shift+Enter — новая строка";
        delivery_queued: "Waits to be sent", "Ждёт отправки";
        delivery_accepted: "Sent", "Отправлено";
        delivery_delivered: "Delivered", "Доставлено";
        delivery_read: "Read", "Прочитано";
        delivery_unknown: "Kommo did not say whether it was sent", "Kommo не сообщил, отправлено ли";
        delivery_failed: "Not delivered", "Не доставлено";
        delivery_suppressed: "Held back", "Не отправлено намеренно";
        reason_superseded: "a newer message came first", "раньше пришло новое сообщение";
        reason_human: "a person had taken over", "диалог взял человек";
        reason_opted_out: "the client asked not to write", "клиент просил не писать";
        reason_quota: "the monthly quota is used up", "месячный лимит исчерпан";
        reason_window: "the channel no longer allows answers", "канал уже не разрешает отвечать";
        reason_reauth: "Kommo does not accept our access", "Kommo не принимает наш доступ";
        reason_no_transport: "there is no way to send", "нет способа отправить";
        show_trace: "How it came about", "Как получился ответ";
        content_voice: "Voice message", "Голосовое сообщение";
        content_picture: "Picture", "Изображение";
        content_video: "Video", "Видео";
        content_file: "File", "Файл";
        content_sticker: "Sticker", "Стикер";
        content_location: "Location", "Геопозиция";
        content_contact: "Contact card", "Карточка контакта";
        content_other: "Attachment", "Вложение";
        why_silent: "Why the agent is silent:", "Почему агент молчит:";
        why_handed: "Why it was handed over:", "Почему передано:";
        handoff_human_wrote: "a person wrote in the CRM", "человек написал из CRM";
        handoff_taken_over: "somebody took it over here", "диалог взяли здесь";
        handoff_human_requested: "the client asked for a person", "клиент попросил человека";
        handoff_legal_threat: "the client speaks of courts or complaints", "клиент говорит о суде или жалобах";
        handoff_objection_repeated: "the same objection came again", "то же возражение повторилось";
        handoff_no_answer: "no source answers the question", "в источниках нет ответа";
        handoff_model_failed: "the model failed", "модель не ответила";
        handoff_budget: "the budget is used up", "бюджет исчерпан";
        handoff_crm_failed: "Kommo did not accept the answer", "Kommo не принял ответ";
        handoff_other: "a rule handed it over", "так сработало правило";
        draft_title: "The agent's draft", "Черновик агента";
        draft_lead: "Nothing is sent until you approve it.", "Ничего не уйдёт, пока вы не одобрите.";
        approve: "Send", "Отправить";
        approve_edited: "Send as edited", "Отправить с правками";
        edit: "Edit", "Изменить";
        edit_done: "Keep the agent's words", "Вернуть текст агента";
        reject: "Reject", "Отклонить";
        reject_title: "Why is the draft wrong?", "Что не так с черновиком?";
        reject_reason: "Reason", "Причина";
        reject_words: "In your own words", "Своими словами";
        reject_hint: "Helps to mend the sources. At most 500 characters; may be left empty.", "Поможет исправить источники. До 500 знаков, можно не заполнять.";
        reason_incorrect: "It is incorrect", "Неверно по сути";
        reason_rude: "The tone is wrong", "Не тот тон";
        reason_incomplete: "Something is missing", "Не хватает важного";
        reason_outdated: "It is outdated", "Устарело";
        approved: "Sent", "Отправлено";
        rejected: "The draft is rejected", "Черновик отклонён";
        drafts_title: "Drafts to review", "Черновики на проверку";
        drafts_lead: "Oldest first. j and k move, Enter sends, e edits, x rejects.", "Сначала старые. j и k — перейти, Enter — отправить, e — изменить, x — отклонить.";
        drafts_empty: "No drafts", "Нет черновиков";
        drafts_empty_text: "Everything is reviewed. New drafts appear here by themselves.", "Всё проверено. Новые черновики появятся здесь сами.";
        open_conversation: "Open the conversation", "Открыть диалог";
        lead: "Deal", "Сделка";
        no_lead: "There is no deal yet.", "Сделки пока нет.";
        lead_stale: "Kommo does not answer: this is what was last known.", "Kommo не отвечает: показано последнее известное.";
        open_kommo: "Open in Kommo", "Открыть в Kommo";
        stage: "Stage", "Этап";
        price: "Amount", "Сумма";
        tags: "Tags", "Теги";
        contact: "Contact", "Контакт";
        sequences: "Sequences", "Цепочки";
        start_sequence: "Start a sequence", "Запустить цепочку";
        start_sequence_text: "Messages one after another until the client answers. A person, an opt-out or a closed deal stops them.", "Сообщения друг за другом, пока клиент не ответит. Человек, отказ от сообщений или закрытая сделка их остановят.";
        start: "Start", "Запустить";
        no_sequences: "The agent has no sequence that is on.", "У агента нет ни одной включённой цепочки.";
        make_sequence: "Sequences of the agent", "Цепочки агента";
        sequence_ended: "The sequence has ended already.", "Цепочка уже завершилась.";
        memory: "What the agent remembers", "Что помнит агент";
        no_memory: "Nothing is known yet.", "Пока ничего не известно.";
        forget: "Forget", "Забыть";
        forget_all: "Forget everything", "Забыть всё";
        forget_title: "Forget everything about the client?", "Забыть всё о клиенте?";
        forget_text: "The agents' memory of this client is deleted for good. The conversation and the CRM stay.", "Память агентов об этом клиенте удалится навсегда. Диалог и данные в CRM останутся.";
        forgotten: "Forgotten", "Забыто";
        conflict: "Another source says otherwise", "Другой источник говорит иначе";
        source_manual: "by hand", "вручную";
        source_crm: "from the CRM", "из CRM";
        source_conversation: "the client said so", "сказал клиент";
        source_inferred: "guessed", "предположение";
        until: "until", "до";
        tab_client: "Client", "Клиент";
        tab_trace: "Trace", "Разбор";
        =>
        agent_returns(time: String):
            format!("The agent has the word again {time}."),
            format!("Агент снова начнёт отвечать {time}.");
        sequence_started(time: String):
            format!("The sequence runs. Its next step: {time}."),
            format!("Цепочка запущена. Следующий шаг: {time}.");
        place_of(place: u64, total: u64):
            format!("{place} of {total}"),
            format!("{place} из {total}");
    }
}

words! {
    /// Why a message is not answered.
    Skips {
        agent_off: "The agent is switched off.", "Агент выключен.";
        opted_out: "The client asked not to be written to.", "Клиент просил не писать.";
        small_talk_ack: "The client only said thanks or ok.", "Клиент просто поблагодарил или согласился.";
        outside_hours: "Outside the agent's working hours.", "Вне часов работы агента.";
        limit_turns: "The limit of answers in a conversation is reached.", "Достигнут предел ответов в диалоге.";
        limit_hour: "The limit of answers an hour is reached.", "Достигнут предел ответов в час.";
        budget_chat: "The budget of this conversation is used up.", "Бюджет этого диалога исчерпан.";
        budget: "The agent's budget is used up.", "Бюджет агента исчерпан.";
        human: "A person has the conversation.", "Диалог ведёт человек.";
        stage_off: "The agent does not work on this stage.", "На этом этапе агент не работает.";
        stage_gone: "Kommo no longer has the stage that the settings name.", "Этапа, указанного в настройках, в Kommo больше нет.";
        send_failed: "The answer could not be sent.", "Ответ не удалось отправить.";
        draft_rejected: "A person rejected the draft.", "Человек отклонил черновик.";
        pipeline_off: "The agent does not work in this pipeline.", "В этой воронке агент не работает.";
        channel_off: "The agent does not work in this channel.", "В этом канале агент не работает.";
        no_agent: "No active agent works here.", "Здесь не работает ни один активный агент.";
        mode_off: "The agent only watches on this stage.", "На этом этапе агент только наблюдает.";
        lead_closed: "The deal is closed.", "Сделка закрыта.";
        not_text: "The message has no text the agent could read.", "В сообщении нет текста, который мог бы прочитать агент.";
        own_message: "We wrote this ourselves.", "Это написали мы сами.";
        superseded: "A newer message is answered instead.", "Вместо этого отвечено на более новое сообщение.";
        other: "A rule said not to answer.", "Правило запретило отвечать.";
    }
}
