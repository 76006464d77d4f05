// What a person does with versions: tries a draft with a required suite, is refused while it was not
// run, runs it, publishes, and reads what was published.

export async function playVersions({ page, base, agent, check, settled }) {
  await makeASuite(page, base, agent, check, settled);
  await publishWithoutProof(page, base, agent, check);
  await runTheSuite(page, base, agent, check, settled);
  await publish(page, base, agent, check, settled);
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
