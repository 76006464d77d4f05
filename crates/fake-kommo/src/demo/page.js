'use strict';

const WORDS = {
  en: {
    what: 'A pretended Kommo. Write as a client, or as one of the account\u2019s people; the agent answers.',
    leads: 'Leads', newcomer: 'A new client', name: 'Name', channel: 'Channel',
    onlinechat: 'Chat on the site', first: 'First message', begin: 'Write', thread: 'Conversation',
    message: 'Message', as: 'Written by', client: 'the client', send: 'Send', deal: 'Deal', stages: 'Stage', tasks: 'Tasks',
    notes: 'Notes', price: 'Price', responsible: 'Responsible', tags: 'Tags', none: 'None yet',
    choose: 'Choose a lead, or write as a new client.', other: 'Русский', gone: 'No connection.',
  },
  ru: {
    what: 'Ненастоящий Kommo. Пишите от лица клиента или сотрудника; отвечает агент.',
    leads: 'Сделки', newcomer: 'Новый клиент', name: 'Имя', channel: 'Канал',
    onlinechat: 'Чат на сайте', first: 'Первое сообщение', begin: 'Написать', thread: 'Переписка',
    message: 'Сообщение', as: 'Пишет', client: 'клиент', send: 'Отправить', deal: 'Сделка', stages: 'Этап',
    tasks: 'Задачи', notes: 'Примечания', price: 'Бюджет', responsible: 'Ответственный',
    tags: 'Теги', none: 'Пока нет', choose: 'Выберите сделку или напишите как новый клиент.',
    other: 'English', gone: 'Нет связи.',
  },
};

const $ = (id) => document.getElementById(id);
let language = navigator.language.startsWith('ru') ? 'ru' : 'en';
let chosen = null;
let account = { stages: [], users: [] };
// What was drawn last, so that nothing is drawn again (and read aloud again) without a change.
const drawn = new Map();

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function draw(id, data, make) {
  const shown = JSON.stringify([language, data]);
  if (drawn.get(id) === shown) return false;
  drawn.set(id, shown);
  $(id).replaceChildren(...make(data));
  return true;
}

function speak() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll('[data-words]')) {
    one.textContent = WORDS[language][one.dataset.words];
  }
  $('language').textContent = WORDS[language].other;
  $('language').lang = language === 'ru' ? 'en' : 'ru';
}

async function look(path) {
  const answer = await fetch(`/_ctl/${path}`);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

async function act(command, body) {
  const answer = await fetch(`/_ctl/${command}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function time(seconds) {
  const options = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' };
  return new Date(seconds * 1000).toLocaleString(language, options);
}

const orNone = (items) => (items.length ? items : [element('li', WORDS[language].none)]);

function drawLeads(leads) {
  const data = { chosen, leads: leads.filter((lead) => lead.talk_id) };
  draw('leads', data, ({ leads: withTalk }) => withTalk.map((lead) => {
    const item = element('li', '');
    const button = element('button', lead.contact ?? lead.name, {
      type: 'button', 'aria-current': String(lead.id === chosen),
    });
    button.append(element('small', `${lead.name} · ${lead.status}`));
    button.addEventListener('click', () => { chosen = lead.id; refresh(); });
    item.append(button);
    return item;
  }));
}

function drawThread(messages) {
  const changed = draw('thread', messages, (all) => all.map((one) => {
    const item = element('li', one.text || `[${one.message_type}]`, { class: one.author });
    item.append(element('small', `${one.author_name} · ${time(one.created_at)}`));
    return item;
  }));
  if (changed) $('thread').scrollTop = $('thread').scrollHeight;
}

function drawDeal(lead) {
  const words = WORDS[language];
  draw('deal', lead, () => [
    [words.name, lead.name], [words.price, lead.price.toLocaleString(language)],
    [words.responsible, lead.responsible_user], [words.tags, lead.tags.join(', ') || '—'],
  ].flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
  draw('stages', [account.stages, lead.status_id], ([stages, current]) => stages.map((stage) => (
    element('li', stage.name, stage.id === current ? { 'aria-current': 'step' } : {})
  )));
}

function drawWork(tasks, notes) {
  draw('tasks', tasks, (all) => orNone(all.map((task) => {
    const text = `${task.text} · ${task.responsible_user} · ${time(task.complete_till)}`;
    return element('li', text, task.is_completed ? { class: 'done' } : {});
  })));
  draw('notes', notes, (all) => orNone(all.map((note) => element('li', note.text))));
}

// Who may write here: the client, or somebody of the account.
function drawWriters() {
  draw('as', account.users, (users) => [
    element('option', WORDS[language].client, { value: '' }),
    ...users.map((user) => element('option', user.name, { value: user.id })),
  ]);
}

async function refresh() {
  try {
    drawWriters();
    const leads = await look('leads');
    if (chosen === null) chosen = leads.findLast((lead) => lead.talk_id)?.id ?? null;
    drawLeads(leads);
    if (chosen !== null) {
      const { lead, messages, tasks, notes } = await look(`lead?id=${chosen}`);
      $('message').dataset.talk = lead.talk_id ?? '';
      drawThread(messages);
      drawDeal(lead);
      drawWork(tasks, notes);
    } else {
      draw('thread', [], () => [element('li', WORDS[language].choose)]);
    }
    $('trouble').hidden = true;
  } catch {
    $('trouble').textContent = WORDS[language].gone;
    $('trouble').hidden = false;
  }
}

async function submit(event, perform) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    await perform(Object.fromEntries(new FormData(form)));
    form.reset();
  } catch (error) {
    $('trouble').textContent = error.message;
    $('trouble').hidden = false;
  }
  button.disabled = false;
  await refresh();
}

$('newcomer').addEventListener('submit', (event) => submit(event, async ({ name, origin, text }) => {
  const arrived = await act('newcomer', { newcomer: { name, origin }, text });
  chosen = arrived.lead_id;
}));

$('message').addEventListener('submit', (event) => submit(event, async ({ as, text }) => {
  const talk_id = Number($('message').dataset.talk);
  if (as === '') await act('client_writes', { talk_id, text });
  else await act('person_writes', { talk_id, user_id: Number(as), text });
}));

$('message').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $('message').requestSubmit();
  }
});

$('language').addEventListener('click', () => {
  language = language === 'ru' ? 'en' : 'ru';
  speak();
  refresh();
});

async function start() {
  speak();
  try {
    account = await look('account');
    $('account').textContent = account.name;
    document.title = `${account.name} — Kommo`;
  } catch {
    // `refresh` says that there is no connection.
  }
  await refresh();
  setInterval(refresh, 1500);
}

start();
