use super::plural;

words! {
    /// Long work.
    Jobs {
        title: "Jobs", "Задачи";
        caption: "Jobs of the organization", "Задачи организации";
        live: "Live", "Обновляется";
        live_off: "Reconnecting", "Подключаемся";
        job: "Job", "Задача";
        kind: "Kind", "Вид";
        progress: "Progress", "Ход";
        attempts: "Attempts", "Попытки";
        retry: "Retry", "Повторить";
        cancel: "Cancel", "Отменить";
        retried: "The job is back in its queue", "Задача снова в очереди";
        cancelled: "The job will stop", "Задача будет остановлена";
        state_scheduled: "Scheduled", "Запланирована";
        state_ready: "Waiting", "В очереди";
        state_running: "Running", "Выполняется";
        state_retrying: "Will retry", "Будет повтор";
        state_succeeded: "Done", "Готово";
        state_dead: "Failed", "Ошибка";
        state_cancelled: "Cancelled", "Отменена";
        kind_ingest: "Reading a source", "Чтение источника";
        kind_sync: "Synchronising with Kommo", "Синхронизация с Kommo";
        kind_event: "Event from Kommo", "Событие из Kommo";
        kind_turn: "Answer to a client", "Ответ клиенту";
        kind_send: "Sending to a client", "Отправка клиенту";
        kind_effect: "Change in Kommo", "Изменение в Kommo";
        kind_audit: "Record in the audit log", "Запись в журнал действий";
        empty_title: "No jobs", "Задач нет";
        empty_text: "Reading files and pages and other long work shows up here.", "Здесь видны чтение файлов и страниц и другая долгая работа.";
        filter_active: "Under way", "В работе";
        filter_failed: "Failed", "С ошибкой";
        filter_done: "Done", "Готовые";
        queue: "Queue", "Очередь";
        queues: "Queues", "Очереди";
        queue_paused: "Paused", "На паузе";
        queue_working: "Working", "Работает";
        pause: "Pause", "Пауза";
        resume: "Resume", "Продолжить";
        started: "Started", "Начата";
        ended: "Ended", "Завершена";
        runs_at: "Next try", "Следующая попытка";
        lost: "Workers lost", "Потерь исполнителя";
        =>
        waiting(count: u64):
            format!("{count} waiting"),
            format!("{count} в очереди");
        running(count: u64):
            format!("{count} running"),
            format!("{count} в работе");
        dead(count: u64):
            format!("{count} failed"),
            format!("{count} с ошибкой");
        fresh(count: u64):
            format!("{count} new {}", plural::en(count, "job", "jobs")),
            format!("{count} {}", plural::ru(count, "новая задача", "новые задачи", "новых задач"));
    }
}
