// The life of a client's message with a pretended Kommo: connected by a person, read, answered by an
// agent, approved, taken over. `T11_DEMO_CRM` is the address of the pretended account.

const demo = process.env.T11_DEMO_CRM;

// Steers the pretended account: what clients and people do there.
async function kommo(command, body) {
  const answer = await fetch(`${demo}/_ctl/${command}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${command}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

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

// A draft is approved, then a person takes over, writes and gives the word back.
async function talk(page, base, check) {
  await page.goto(`${base}/conversations`);
  const { talk_id: talk } = await kommo("newcomer", {
    newcomer: { name: "Мария Волкова" },
    text: "Здравствуйте! Сколько стоит курс английского?",
  });
  await page.locator(".conversation-row").first().click();
  await page.locator(".message").first().waitFor();
  check(true, "a client's first message appears by itself");
  await page.locator(".draft-card").waitFor();
  await page.locator(".draft-card .button-primary").click();
  await page.locator(".message.from-bot .badge", { hasText: "Доставлено" }).waitFor();
  check(true, "a draft is approved and delivered");
  await page.locator(".control-bar .button-primary").click();
  await page.locator(".control-bar .badge-info").waitFor();
  await page.fill(".composer-input", "Добрый день, это Анна. Подберу группу по уровню.");
  await page.press(".composer-input", "Enter");
  await page.locator(".message.ours:not(.from-bot)").waitFor();
  await page.locator(".control-bar .button").click();
  await page.locator(".control-bar .badge-bot").waitFor();
  check(true, "a person takes the conversation, writes, and gives it back");
  const open = page.url();
  await kommo("client_writes", { talk_id: talk, text: "А есть скидка?" });
  await page.goto(`${base}/conversations/drafts`);
  await page.locator(".draft-card").waitFor();
  await page.keyboard.press("KeyX");
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  check(true, "drafts are reviewed by keyboard");
  await page.goto(`${base}/integrations/events`);
  await page.locator("tbody tr").first().click();
  await page.locator(".sheet .code").waitFor();
  check(true, "the log of events shows what came, masked");
  return new URL(open).pathname;
}
