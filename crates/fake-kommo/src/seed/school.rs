//! A language school in the middle of its day.

use serde_json::json;

use super::{add_loss_reasons, add_pipeline, add_user};
use crate::account::Account;
use crate::cards::{Draft, Kind, Ref};
use crate::custom_fields::{FieldType, FieldValue};
use crate::newcomer::Newcomer;
use crate::options::Language;
use crate::tags::TagName;
use crate::talks::{Author, Said};
use crate::tasks::TaskDraft;

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;

/// The words of the account.
struct Words {
    school: &'static str,
    admin: &'static str,
    manager: &'static str,
    pipeline: &'static str,
    stages: [&'static str; 5],
    course: (&'static str, [&'static str; 4]),
    level: (&'static str, [&'static str; 6]),
    format: (&'static str, [&'static str; 3]),
    start: &'static str,
    mode: (&'static str, [&'static str; 3]),
    losses: [&'static str; 3],
    tag: &'static str,
    first: Story,
    second: Story,
    task: &'static str,
    won: &'static str,
}

/// A client and what was said; the client begins, a person answers, in turn.
struct Story {
    name: &'static str,
    origin: &'static str,
    said: &'static [&'static str],
}

const ENGLISH: Words = Words {
    school: "Lingua, language school",
    admin: "Maria",
    manager: "Daniel",
    pipeline: "Enrolment",
    stages: [
        "New enquiry",
        "Level test",
        "Trial lesson",
        "Offer made",
        "Invoice sent",
    ],
    course: (
        "Course",
        ["English", "Spanish", "German", "Exam preparation"],
    ),
    level: ("Level", ["A1", "A2", "B1", "B2", "C1", "C2"]),
    format: ("Format", ["Group", "One to one", "Online"]),
    start: "Start of lessons",
    mode: ("AI mode", ["Active", "Human", "Paused"]),
    losses: ["Too expensive", "No suitable time", "Chose another school"],
    tag: "evening",
    first: Story {
        name: "Ana",
        origin: "telegram",
        said: &[
            "Hi! Do you have evening groups for English, about B1?",
            "Hello Ana! Yes, Tuesdays and Thursdays at 19:00. Shall I book a free level test for you?",
            "Yes please. And how much is a month?",
        ],
    },
    second: Story {
        name: "Tom",
        origin: "waba",
        said: &[
            "Good morning, I need German for work, one to one.",
            "Good morning Tom! What level are you at now, and when would you like to begin?",
            "A2, next month would be good.",
        ],
    },
    task: "Call Tom and agree on a trial lesson",
    won: "Spanish group, autumn",
};

const RUSSIAN: Words = Words {
    school: "Лингва, школа языков",
    admin: "Мария",
    manager: "Даниил",
    pipeline: "Запись на курсы",
    stages: [
        "Новая заявка",
        "Тест уровня",
        "Пробный урок",
        "Сделано предложение",
        "Счёт отправлен",
    ],
    course: (
        "Курс",
        [
            "Английский",
            "Испанский",
            "Немецкий",
            "Подготовка к экзамену",
        ],
    ),
    level: ("Уровень", ["A1", "A2", "B1", "B2", "C1", "C2"]),
    format: ("Формат", ["Группа", "Индивидуально", "Онлайн"]),
    start: "Начало занятий",
    mode: ("Режим ИИ", ["Активен", "Человек", "Пауза"]),
    losses: ["Дорого", "Не подошло время", "Выбрали другую школу"],
    tag: "вечер",
    first: Story {
        name: "Анна",
        origin: "telegram",
        said: &[
            "Здравствуйте! Есть вечерние группы по английскому, уровень примерно B1?",
            "Здравствуйте, Анна! Да, вторник и четверг в 19:00. Записать вас на бесплатный тест уровня?",
            "Да, пожалуйста. А сколько стоит месяц?",
        ],
    },
    second: Story {
        name: "Тимур",
        origin: "waba",
        said: &[
            "Доброе утро, нужен немецкий для работы, индивидуально.",
            "Доброе утро, Тимур! Какой у вас сейчас уровень и когда хотите начать?",
            "A2, хорошо бы со следующего месяца.",
        ],
    },
    task: "Позвонить Тимуру и договориться о пробном уроке",
    won: "Испанский, группа, осень",
};

pub(super) fn fill(account: &mut Account, language: Language) {
    let (words, lang) = match language {
        Language::English => (&ENGLISH, "en"),
        Language::Russian => (&RUSSIAN, "ru"),
    };
    account.name = words.school.to_owned();
    account.subdomain = "lingua".to_owned();
    add_user(account, words.admin, true, lang);
    let manager = add_user(account, words.manager, false, lang);
    set_up(account, words);
    let now = account.now_millis;
    tell_stories(account, words, manager);
    account.now_millis = now;
}

fn set_up(account: &mut Account, words: &Words) {
    let colors = ["#99ccff", "#ffff99", "#ffcc66", "#ffcccc", "#ccffcc"];
    let stages: Vec<(&str, &str)> = words.stages.into_iter().zip(colors).collect();
    add_pipeline(account, words.pipeline, &stages);
    let mut choice = |name: &str, field_type: FieldType, choices: &[&str]| {
        account.add_field(Kind::Lead, name, field_type, choices);
    };
    choice(words.course.0, FieldType::Select, &words.course.1);
    choice(words.level.0, FieldType::Select, &words.level.1);
    choice(words.format.0, FieldType::Radiobutton, &words.format.1);
    choice(words.start, FieldType::Date, &[]);
    choice(words.mode.0, FieldType::Select, &words.mode.1);
    add_loss_reasons(account, &words.losses);
}

fn tell_stories(account: &mut Account, words: &Words, manager: i64) {
    let now = account.now_millis;
    account.now_millis = now - 26 * HOUR;
    let second = tell(account, &words.second, manager);
    set(
        account,
        second,
        words.course.0,
        words.course.1[2],
        24_000,
        2,
    );
    add_task(account, second, words.task, manager, now / 1000 + 3 * 3600);
    account.now_millis = now - 50 * MINUTE;
    let first = tell(account, &words.first, manager);
    set(account, first, words.course.0, words.course.1[0], 18_000, 1);
    let tag = Draft {
        tags_to_add: vec![TagName::Name(words.tag.to_owned())],
        ..Draft::default()
    };
    account.change_card(Ref::lead(first), tag, manager);
    account.now_millis = now - 9 * 24 * HOUR;
    let won = Draft {
        name: Some(words.won.to_owned()),
        price: Some(54_000),
        status_id: Some(crate::pipelines::WON),
        ..Draft::default()
    };
    account.add_card(Kind::Lead, won, manager);
}

/// Plays a story and gives its lead.
fn tell(account: &mut Account, story: &Story, manager: i64) -> i64 {
    let newcomer = Newcomer {
        name: story.name.to_owned(),
        origin: story.origin.to_owned(),
        ..Newcomer::default()
    };
    let arrived = account.welcome(&newcomer);
    for (turn, text) in story.said.iter().enumerate() {
        let said = Said::text(text);
        if turn % 2 == 0 {
            account.client_says(arrived.talk_id, said);
        } else {
            account.account_says(arrived.talk_id, Author::Person(manager), said, 0);
        }
        account.now_millis += 7 * MINUTE;
    }
    arrived.lead_id.unwrap_or_default()
}

/// Fills in a choice, a price, and the stage by its place among the account's own.
fn set(account: &mut Account, lead: i64, field: &str, choice: &str, price: i64, stage: usize) {
    let manager = account.users.last().map(|user| user.id);
    let values = account
        .fields
        .iter()
        .find(|one| one.name == field)
        .and_then(|field| {
            let chosen = field.enums.iter().find(|one| one.value == choice)?;
            let value = json!(chosen.value);
            let enum_id = Some(chosen.id);
            Some((field.id, vec![FieldValue { value, enum_id }]))
        });
    let statuses = account.main_pipeline().map(|pipeline| &pipeline.statuses);
    // The first is that of incoming leads.
    let status = statuses.and_then(|statuses| statuses.get(stage + 1));
    let draft = Draft {
        price: Some(price),
        status_id: status.map(|status| status.id),
        responsible_user_id: manager,
        values: values.into_iter().collect(),
        ..Draft::default()
    };
    account.change_card(Ref::lead(lead), draft, manager.unwrap_or_default());
}

fn add_task(account: &mut Account, lead: i64, text: &str, user: i64, complete_till: i64) {
    let draft = TaskDraft {
        text: Some(text.to_owned()),
        about: Some(Ref::lead(lead)),
        complete_till: Some(complete_till),
        ..TaskDraft::default()
    };
    account.add_task(draft, user);
}
