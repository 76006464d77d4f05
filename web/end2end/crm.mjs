// The life of a client's message with a pretended Kommo: connected by a person, read, answered by an
// agent, approved, taken over. `T11_DEMO_CRM` is the address of the pretended account.

const demo = process.env.T11_DEMO_CRM;

export async function playCrm({ page, base, agent, check, settled }) {
  await page.goto(`${base}/conversations`);
  await page.locator(".checks a").first().waitFor();
  check(await page.locator(".checks a").count() === 3, "an empty inbox says what to check");

  await connect(page, base, check);
  await synchronise(page, check);
  await chooseStages(page, base, agent, check, settled);
  await writeScripts(page, base, check);
  return talk(page, base, check);
}

async function connect(page, base, check) {
  await page.goto(`${base}/integrations?error=AUTHORIZATION_DECLINED`);
  await page.locator(".failure").first().waitFor();
  check(true, "a refused authorization is said in words");
  await page.goto(`${base}/integrations`);
  await page.fill("[name=client_id]", "11111111-2222-3333-4444-555555555555");
  await page.fill("[name=client_secret]", "k".repeat(64));
  await page.locator("#kommo-keys button[type=submit]").click();
  await page.locator("#kommo-keys").waitFor({ state: "detached" });
  await page.locator(".card .button-primary").first().click();
  await page.waitForURL(`${demo}/**`);
  await page.locator("button, input[type=submit]").first().click();
  await page.waitForURL(`${base}/integrations?connected=*`);
  await page.locator("article.card").waitFor();
  check(true, "an account is connected through Kommo's own page");
}

async function synchronise(page, check) {
  const card = page.locator("article.card").first();
  await card.getByRole("button", { name: "Синхронизировать" }).click();
  await page.waitForFunction(async () => {
    const { connections } = await (await fetch("/api/crm/connections")).json();
    return Boolean(connections[0].last_sync_time);
  }, null, { polling: 500 });
  check(true, "pipelines, fields and channels are read");
}

async function chooseStages(page, base, agent, check, settled) {
  await page.goto(`${base}/${agent}/pipelines`);
  await settled(page);
  const connection = await page.evaluate(async () => {
    const { connections } = await (await fetch("/api/crm/connections")).json();
    return connections[0].name;
  });
  await page.locator(".section select").first().selectOption(connection);
  await page.locator("section.card .switch input").first().check();
  await page.locator(".stage-row summary").first().click();
  await page.locator(".stage-row textarea").first().fill("Выяснить, для кого курс");
  await page.locator(".page-actions .button-primary").click();
  await page.locator(".toast").waitFor();
  await page.goto(`${base}/${agent}/leads-contacts`);
  await settled(page);
  await page.locator(".add-from select").first().selectOption({ index: 1 });
  const cell = page.locator("button.cell").first();
  await cell.focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Space");
  await page.keyboard.press("Space");
  check(await page.locator(".cell-auto[data-cell]").count() === 1, "the matrix of moves works by keyboard");
  await page.locator(".page-actions .button-primary").click();
  await page.locator(".toast").waitFor();
  await page.evaluate(async (agent) => {
    const csrf = document.cookie.match(/t11_csrf=([^;]+)/)[1];
    const headers = { "content-type": "application/json", "x-t11-csrf": csrf };
    await fetch(`/api/${agent}:activate`, { method: "POST", headers, body: "{}" });
  }, agent);
  check(true, "the agent is given its stages, fields and moves");
}

async function writeScripts(page, base, check) {
  await page.goto(`${base}/scripts`);
  await page.locator(".page-actions .button-primary").click();
  await page.fill("[name='script.display_name']", "Приветствие");
  await page.fill("[name='script.content']", "Здравствуйте, {{name}}! Для кого ищете курс");
  await page.locator(".sheet code").waitFor();
  await page.fill("[name='script.content']", "Здравствуйте, {{name!");
  await page.locator(".sheet .notice").waitFor();
  await page.fill("[name='script.content']", "Здравствуйте, {{name}}! Для кого ищете курс?");
  await page.locator(".sheet button[type=submit]").click();
  await page.locator("tbody tr").waitFor();
  check(true, "a script is written, its placeholders are checked");
  await page.goto(`${base}/objections`);
  await page.locator(".page-actions .button-primary").click();
  await page.fill("[name='objection_response.phrases']", "дорого\nу других дешевле");
  await page.fill("[name='objection_response.response']", "Давайте посчитаем, во сколько обходится одно занятие.");
  await page.locator(".sheet button[type=submit]").click();
  await page.locator("tbody tr").waitFor();
  check(true, "a response to an objection is written");
}

// A draft is approved, a discount is not invented, then a person takes over: here, and in Kommo.
async function talk(page, base, check) {
  await page.goto(`${base}/conversations`);
  const lead = await enterTheCrm(page);
  await lead.begin("Мария Волкова", "Здравствуйте! Сколько стоит курс английского?");
  await page.locator(".conversation-row").first().click();
  await page.locator(".message").first().waitFor();
  check(true, "a client's first message appears by itself");

  const draft = page.locator(".draft-card");
  await draft.waitFor();
  await draft.locator(".button-primary").click();
  await page.locator(".message.from-bot .badge", { hasText: "Доставлено" }).waitFor();
  await lead.hears(1);
  check(true, "a draft is approved, and the client sees it");

  await lead.writes("Дорого! Дайте скидку 40 %, тогда запишусь");
  await draft.waitFor();
  const offer = await draft.innerText();
  check(!/40|%/.test(offer), "an agent that is haggled with promises no discount");
  await draft.locator(".button-primary").click();
  await lead.hears(2);

  await page.locator(".control-bar .button-primary").click();
  await page.locator(".control-bar .badge-info").waitFor();
  await page.fill(".composer-input", "Добрый день, это Анна. Подберу группу по уровню.");
  await page.press(".composer-input", "Enter");
  await page.locator(".message.ours:not(.from-bot)").waitFor();
  await page.locator(".control-bar .button").click();
  await page.locator(".control-bar .badge-bot").waitFor();
  check(true, "a person takes the conversation, writes, and gives it back");

  const open = new URL(page.url()).pathname;
  await startASequence(page, check);
  await takeOverInKommo(page, lead, open, check);
  await lead.begin("Пётр Орлов", "А есть скидка?");
  await lead.close();
  await reviewByKeyboard(page, base, check);
  await page.goto(`${base}/integrations/events`);
  await page.locator("tbody tr").first().click();
  await page.locator(".sheet .code").waitFor();
  check(true, "the log of events shows what came, masked");
  return open;
}

/** Made by its RPC; what the form of sequences does is not the matter here. */
async function startASequence(page, check) {
  const made = await page.evaluate(async () => {
    const { agents } = await (await fetch("/api/agents")).json();
    const csrf = document.cookie.match(/t11_csrf=([^;]+)/)[1];
    const headers = { "content-type": "application/json", "x-t11-csrf": csrf };
    const steps = [{ delay_minutes: 60, text: "Остались вопросы?" }];
    const body = JSON.stringify({ display_name: "Напомнить", enabled: true, steps });
    return (await fetch(`/api/${agents[0].name}/sequences`, { method: "POST", headers, body })).status;
  });
  check(made === 200, "a sequence is made");
  await page.locator(".chat-trace button", { hasText: "Запустить цепочку" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("li button").click();
  await dialog.waitFor({ state: "detached" });
  check(true, "a sequence is started from a conversation");
}

// The page of the pretended account, on which one plays the client and the people of the CRM.
async function enterTheCrm(page) {
  const crm = await page.context().newPage();
  await crm.goto(`${demo}/_demo`);
  const said = crm.locator("#thread li");
  const say = async (text) => {
    await crm.fill("#message textarea", text);
    await crm.locator("#message button").click();
    await said.filter({ hasText: text }).waitFor();
  };
  return {
    async begin(name, text) {
      const form = crm.locator("#newcomer");
      if (!(await form.isVisible())) await crm.locator("summary").click();
      await form.locator("[name=name]").fill(name);
      await form.locator("[name=text]").fill(text);
      await form.locator("button").click();
      await said.filter({ hasText: text }).waitFor();
    },
    async writes(text) {
      await crm.selectOption("#as", "");
      await say(text);
    },
    async personWrites(text) {
      await crm.selectOption("#as", { index: 1 });
      await say(text);
    },
    async hears(count) {
      await crm.waitForFunction(
        (count) => document.querySelectorAll("#thread li:not(.client)").length >= count,
        count,
      );
    },
    words: () => said.count(),
    close: () => crm.close(),
  };
}

// The one who has the conversation in Kommo is not talked over.
async function takeOverInKommo(page, lead, open, check) {
  await lead.personWrites("Мария, это Олег из школы, дальше веду я.");
  await page.locator(".control-bar .badge-warn").waitFor();
  await lead.writes("Хорошо, тогда жду. Какая скидка?");
  await page.waitForFunction(async (open) => {
    const conversation = await (await fetch(`/api${open}`)).json();
    return Boolean(conversation.silence_reason);
  }, open, { polling: 500 });
  check(await page.locator(".draft-card").count() === 0, "a person takes over in Kommo, and the agent is silent");
}

async function reviewByKeyboard(page, base, check) {
  await page.goto(`${base}/conversations/drafts`);
  await page.locator(".draft-card").waitFor();
  await page.keyboard.press("KeyX");
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  check(true, "drafts are reviewed by keyboard");
}
