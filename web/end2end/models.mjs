// What a person does with models: spends, limits, names routes, asks what would happen, and asks a
// model. The built-in demo model answers.

export async function playModels({ page, base, check, settled }) {
  await askTheModel(page, base, check);
  await makeABudget(page, base, check, settled);
  await meetTheKeys(page, base, check, settled);
  await makeARoute(page, base, check);
  await explain(page, check);
  await readTheUsage(page, base, check, settled);
  await hideLess(page, base, check, settled);
  await page.goto(`${base}/settings/models`);
  await page.waitForURL(`${base}/models/catalog`);
  await page.locator("tbody tr").first().waitFor();
  check(true, "the old address of the models leads to the new one");
}

async function askTheModel(page, base, check) {
  await page.goto(`${base}/models/playground`);
  await page.locator(".playground form button[type=submit]").click();
  await page.locator(".said-row .field-error:visible").waitFor();
  check(true, "a prompt without words is refused in words");
  const question = page.locator(".said-row textarea");
  await question.fill("Сколько стоит доставка?");
  await question.press("Control+Enter");
  await page.locator(".playground-answer .facts").waitFor();
  const answer = await page.locator(".playground-answer .said").innerText();
  check(answer.trim().length > 0, "the playground answers, and says what it took");

  await page.locator(".playground-answer button", { hasText: "Продолжить" }).click();
  check(await page.locator(".said-row").count() === 3, "the answer becomes part of the conversation");
  // Held on its way, so that there is time to stop it.
  const calls = "**/t11.llm.v1.CompletionService/Complete";
  await page.route(calls, () => {});
  await page.locator(".said-row textarea").last().fill("Расскажите подробнее о доставке и о сроках");
  await page.locator(".playground form button[type=submit]").click();
  await page.locator(".playground form button", { hasText: "Остановить" }).click();
  await page.locator(".playground-answer .notice-warn").waitFor();
  check(await page.locator(".playground form button[type=submit]").count() === 1, "an answer can be stopped");
  await page.unroute(calls);
}

async function makeABudget(page, base, check, settled) {
  await page.goto(`${base}/models/budgets`);
  await settled(page);
  await page.locator(".page .button-primary").click();
  const dialog = page.getByRole("dialog");
  const complaints = new Set();
  for (const wrong of ["сто", "-5", "1.2345678", "99999999"]) {
    await dialog.locator("[name=cap_micro_usd]").fill(wrong);
    await dialog.locator("button[type=submit]").click();
    complaints.add(await dialog.locator(".field-error:visible").innerText());
  }
  check(complaints.size === 4, "a sum that is none is refused, each in its words");
  await dialog.locator("[name=cap_micro_usd]").fill("12,50");
  await dialog.locator("button[type=submit]").click();
  await dialog.waitFor({ state: "detached" });
  const card = page.locator(".card", { has: page.locator(".meter") });
  await card.waitFor();
  check(/12,5/.test(await card.innerText()), "a budget is made and shows its bar");
}

async function meetTheKeys(page, base, check, settled) {
  await page.goto(`${base}/models/keys`);
  await settled(page);
  await page.locator(".page .notice-warn").waitFor();
  const create = page.locator(".page .button-primary");
  check(await create.isDisabled(), "the demo model needs no key, and the page says so");
}

async function makeARoute(page, base, check) {
  await page.goto(`${base}/models/routes`);
  await page.locator(".page .button-primary").click();
  const sheet = page.locator("dialog.sheet");
  await sheet.locator("[name=alias]").fill("Fast");
  await sheet.locator("button[type=submit]").click();
  await sheet.locator(".field-error:visible").first().waitFor();
  await pick(sheet.locator("ol .picker"), page, "demo");
  await sheet.locator("fieldset > .row .button").click();
  await pick(sheet.locator("ol .picker").last(), page, "openai/gpt-4o-mini");
  await sheet.locator("[name=hedge_delay_ms]").fill("1500");
  await sheet.locator("button[type=submit]").click();
  await sheet.locator("[name=alias][aria-invalid=true]").waitFor();
  check(true, "a route's name is refused in words");
  await sheet.locator("[name=alias]").fill("fast");

  const up = sheet.locator("ol > li").last().locator(".turned-up");
  await up.focus();
  await page.keyboard.press("Enter");
  const first = await sheet.locator("ol .picker").first().innerText();
  const keepsFocus = () => page.waitForFunction(
    () => document.activeElement?.matches(".sheet ol li .turned-up, .sheet ol li .turned-down"),
  );
  await keepsFocus();
  check(/gpt-4o-mini/.test(first), "the order of a route is changed by keyboard");
  await sheet.locator("ol > li").last().locator(".turned-up").press("Enter");
  await sheet.locator("button[type=submit]").click();
  await sheet.waitFor({ state: "detached" });
  await page.locator(".card ol.numbered li").nth(1).waitFor();
  check(await page.locator(".card ol.numbered li").count() === 2, "a route is made of two models");
}

// The list opens with the field, typing narrows it, Enter takes the first.
async function pick(picker, page, words) {
  await picker.click();
  const search = page.locator("dialog input[type=search]");
  await search.fill(words);
  await page.locator(".offer").first().waitFor();
  await search.press("Enter");
  await search.waitFor({ state: "detached" });
}

async function explain(page, check) {
  await page.locator(".card", { has: page.locator("ol.numbered") }).getByRole("button", { name: "Объяснить" }).click();
  await page.waitForFunction(() => document.activeElement?.closest("#explain") !== null);
  await page.keyboard.type("Сколько стоит доставка?");
  await page.locator("#explain button[type=submit]").click();
  await page.locator("#explain table").first().waitFor();
  const candidates = page.locator("#explain table").first().locator("tbody tr");
  check(await candidates.count() === 2, "what would happen to a request is explained");
  const budgets = page.locator("#explain table").nth(1).locator("tbody tr");
  check(await budgets.count() === 1, "with the budget that it would be paid from");
}

async function readTheUsage(page, base, check, settled) {
  await page.goto(`${base}/models/usage`);
  await settled(page);
  check(await page.locator(".figures .stat").count() >= 5, "what models cost is summed");
  check(await page.locator("tbody tr").count() >= 1, "by day");
  await page.locator(".filters select").selectOption("model");
  await page.locator("tbody tr strong", { hasText: "demo" }).waitFor();
  check(true, "and by model");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Скачать CSV" }).click(),
  ]);
  check(/^model-usage-by-model-.+\.csv$/.test(file.suggestedFilename()), "the rows are a file to keep");
}

async function hideLess(page, base, check, settled) {
  await page.goto(`${base}/models/privacy`);
  await settled(page);
  const emails = page.getByRole("switch").first();
  check(await emails.isChecked(), "everything is hidden from models at first");
  await emails.uncheck();
  await page.locator(".toast").waitFor();
  await page.reload();
  await settled(page);
  check(!(await page.getByRole("switch").first().isChecked()), "what is shown to models can be changed");
  await page.getByRole("switch").first().check();
  await page.locator(".toast").waitFor();
}
