// What a person does with versions: tries a draft with a required suite, is refused while it was not
// run, runs it, publishes, and reads what was published.

export async function playVersions({ page, base, agent, check, settled }) {
  await makeASuite(page, base, agent, check, settled);
  await publishWithoutProof(page, base, agent, check);
  await runTheSuite(page, base, agent, check, settled);
  await publish(page, base, agent, check, settled);
  await askAVersion(page, base, check, settled);
  await makeACase(page, base, agent, check, settled);
}

async function makeASuite(page, base, agent, check, settled) {
  await page.goto(`${base}/${agent}/tests`);
  await settled(page);
  await page.locator("button", { hasText: "Новый набор" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("[name='eval_suite.display_name']").fill("Доставка");
  await dialog.getByRole("switch", { name: /Обязателен/ }).click();
  await dialog.locator("button[type=submit]").click();
  const card = page.locator(".card", { hasText: "Доставка" });
  await card.waitFor();
  await card.locator(".link").first().click();
  await page.locator("button", { hasText: "Новый случай" }).click();
  await page.locator("[name='eval_case.display_name']").fill("Спрашивает о доставке");
  await page.locator("[name='eval_case.client_texts']").fill("Сколько стоит доставка?");
  const editor = page.locator("form", { has: page.locator("[name='eval_case.client_texts']") });
  await editor.locator("button[type=submit]").click();
  await page.locator("[aria-label='Случаи'] li").waitFor();
  check(true, "a suite and its case are made");
}

/** The dialog of publishing, with a note. */
async function openPublishing(page, base, agent, note) {
  await page.goto(`${base}/${agent}/versions`);
  await page.locator(".page button", { hasText: "Опубликовать" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("[name=note]").fill(note);
  return dialog;
}

async function publishWithoutProof(page, base, agent, check) {
  const dialog = await openPublishing(page, base, agent, "Без проверки");
  await dialog.locator("button[type=submit]").click();
  await dialog.locator("[name=override_reason]").waitFor();
  check(true, "a draft whose required suite was not run is published only with a reason");
  await page.keyboard.press("Escape");
}

async function runTheSuite(page, base, agent, check, settled) {
  await page.goto(`${base}/${agent}/tests`);
  await settled(page);
  await page.locator(".card button", { hasText: "Запустить" }).click();
  const badge = page.locator(".card").getByText("Пройден", { exact: true });
  await badge.waitFor({ timeout: 60_000 });
  check(true, "a run tells when it has passed");
}

async function publish(page, base, agent, check, settled) {
  const dialog = await openPublishing(page, base, agent, "Первая версия");
  await dialog.locator("button[type=submit]").click();
  await dialog.waitFor({ state: "detached" });
  await settled(page);
  await page.locator(".page", { hasText: "Первая версия" }).waitFor();
  check(true, "what is published stands in the list of versions");
}

async function askAVersion(page, base, check, settled) {
  await page.goto(`${base}/chat`);
  await settled(page);
  await page.locator(".chat-head select").last().selectOption({ index: 1 });
  await page.fill(".composer-input", "Сколько стоит доставка?");
  await page.press(".composer-input", "Enter");
  await page.locator(".trace .facts dd", { hasText: /^1$/ }).first().waitFor();
  check(true, "a published version answers in the test chat");
}

/** Of the answer in the test chat: it is copied, then told where the deal stands and what was said. */
async function makeACase(page, base, agent, check, settled) {
  await page.locator(".trace button", { hasText: "Сделать проверку" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("button", { hasText: "Добавить" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.goto(`${base}/${agent}/tests`);
  await settled(page);
  await page.locator(".card .link").first().click();
  const cases = page.locator("[aria-label='Случаи'] li");
  await cases.nth(1).locator(".link").click();
  const editor = page.locator("form", { has: page.locator("[name='eval_case.client_texts']") });
  await editor.locator("label", { hasText: "Где стоит сделка" }).locator("select").selectOption({ index: 2 });
  await editor.locator("button", { hasText: "Добавить сообщение" }).click();
  await editor.getByLabel("Сообщение", { exact: true }).fill("Добрый день, я ищу диван");
  await editor.locator("button[type=submit]").click();
  await editor.waitFor({ state: "detached" });
  await cases.nth(1).locator(".link").click();
  const said = await editor.getByLabel("Сообщение", { exact: true }).inputValue();
  check(said === "Добрый день, я ищу диван", "an answer becomes a case with a history and a stage");
}
