// The main job in a real browser, and a picture of every screen in both languages, both themes and
// two widths. `T11_URL` is a running server, `T11_DEMO_CRM` its pretended Kommo account (see
// crm.mjs), `T11_SCREENSHOTS` a folder.
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { playCrm } from "./crm.mjs";
import { readCutAnswers } from "./cut.mjs";
import { playModels } from "./models.mjs";
import { playVersions } from "./versions.mjs";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");

const base = process.env.T11_URL;
const pictures = process.env.T11_SCREENSHOTS;
const data = path.join(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../services/agents/tests/data",
);
mkdirSync(pictures, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.T11_CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

const complaints = [];

function watch(page) {
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
  page.on("console", (message) => {
    // A refused sign-in is an answer, not a fault of the page.
    if (message.type() === "error" && !message.text().includes("status of 4")) {
      complaints.push(`console: ${message.text()}`);
    }
  });
}

function check(condition, words) {
  if (!condition) throw new Error(words);
  console.log(`ok: ${words}`);
}

async function context(language, theme, width, storage) {
  const made = await browser.newContext({
    viewport: { width, height: width < 500 ? 844 : 900 },
    colorScheme: theme,
    locale: language === "ru" ? "ru-RU" : "en-US",
    storageState: storage,
  });
  await made.addInitScript(([language, theme]) => {
    localStorage.setItem("t11.language", language);
    localStorage.setItem("t11.theme", theme);
  }, [language, theme]);
  return made;
}

async function settled(page) {
  await page.waitForFunction(() => !document.querySelector(".skeleton"));
  await page.waitForTimeout(350);
}

async function picture(page, name) {
  await settled(page);
  await page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

// --- the main job ---------------------------------------------------------------------------

const main = await context("ru", "light", 1440);
const page = await main.newPage();
watch(page);

await page.goto(`${base}/sign-up`);
await page.fill("[name=organization_display_name]", "Мебель и уют");
await page.fill("[name=display_name]", "Анна Смирнова");
await page.fill("[name=email]", `anna${Date.now()}@example.com`);
await page.fill("[name=password]", "верная лошадь 42 батарейка");
await page.click("button[type=submit]");
await page.waitForURL(`${base}/`);
check(true, "a visitor signs up and sees the dashboard");

await page.goto(`${base}/knowledge?add=files`);
await page.setInputFiles("input[type=file]", [
  path.join(data, "ru-chromium.pdf"),
  path.join(data, "en-word.docx"),
  path.join(data, "ru-price.xlsx"),
]);
await page.waitForFunction(() => document.querySelectorAll("tbody tr").length >= 3);
await page.waitForFunction(async () => {
  const answer = await fetch("/api/knowledge/sources");
  const { sources } = await answer.json();
  return sources.length === 3 && sources.every((source) => source.state === "SOURCE_STATE_READY");
}, null, { polling: 500 });
check(true, "a Russian PDF, an English DOCX and an XLSX price list are read");

await page.goto(`${base}/knowledge/search`);
await page.fill("[name=query]", "доставка");
await page.click("form button[type=submit]");
await page.waitForSelector("mark, .hit, article, .passage");
check(true, "the search test finds a passage");

await page.goto(`${base}/prices?import=1`);
await page.setInputFiles("input[type=file]", path.join(data, "ru-price.xlsx"));
await page.getByRole("dialog").waitFor();
await settled(page);
check(true, "a price list is imported");

await page.goto(`${base}/agents?new=1`);
await page.fill("[name='agent.display_name']", "Консультант Анна");
await page.getByRole("dialog").locator("button[type=submit]").click();
await page.waitForURL(/\/agents\/.+\/general/);
check(true, "an agent is created from a template");

const chunk = await page.evaluate(async () => {
  const { sources } = await (await fetch("/api/knowledge/sources")).json();
  const texts = {};
  for (const source of sources) {
    const { chunks } = await (await fetch(`/api/knowledge/${source.name}/chunks`)).json();
    texts[source.display_name] = chunks[0].content;
  }
  return texts;
});
const words = (text) => text.split(/\s+/).slice(0, 7).join(" ");

async function ask(question) {
  await page.goto(`${base}/chat`);
  await page.fill(".composer-input", question);
  await page.press(".composer-input", "Enter");
  await page.waitForSelector(".message.from-bot[aria-busy=true], .message.from-bot .said");
  await page.waitForSelector(".message.from-bot:not([aria-busy=true]) .said");
  await page.waitForSelector(".steps");
  return {
    text: await page.textContent(".message.from-bot .said"),
    sources: await page.locator(".message.from-bot .source-mark").count(),
    steps: await page.locator(".steps > *").count(),
  };
}

const russian = await ask(`Расскажите: ${words(chunk["ru-chromium.pdf"])}`);
check(russian.sources > 0 && russian.steps >= 10, "a Russian question is answered with sources and a trace");
check(/[а-яё]/i.test(russian.text), "in Russian");
const english = await ask(`Tell me: ${words(chunk["en-word.docx"])}`);
check(english.sources > 0 && /[a-z]/i.test(english.text), "an English question is answered with sources");
const conversation = page.url();
const agent = await page.evaluate(async () => (await (await fetch("/api/agents")).json()).agents[0].name);
// --- a client writes in the CRM ---------------------------------------------------------------

const live = await playCrm({ page, base, agent, check, settled });

// --- what people are told -----------------------------------------------------------------------

await page.goto(`${base}/notifications`);
await settled(page);
const unread = page.locator(".notices li.is-new");
const told = await unread.count();
check(told > 0, "people are told what waits for them");
await unread.first().locator("button").focus();
await page.keyboard.press("Enter");
await page.waitForFunction(
  (left) => document.querySelectorAll(".notices li.is-new").length === left,
  told - 1,
);
await page.waitForFunction(() => Boolean(document.activeElement?.closest(".notices li")));
check(true, "what is read keeps the focus in the list");

// --- models: what they cost, who is asked -----------------------------------------------------

await playModels({ page, base, check, settled });

// --- versions: what clients are answered from ---------------------------------------------------

await playVersions({ page, base, agent, check, settled });
const storage = await main.storageState();

// --- answers that come in pieces ---------------------------------------------------------------

await readCutAnswers({ page, base, check, settled });

// --- eight tabs at once ---------------------------------------------------------------------

const tabs = [];
for (let index = 0; index < 8; index += 1) {
  const tab = await main.newPage();
  watch(tab);
  await tab.goto(`${base}/jobs`);
  tabs.push(tab);
}
for (const tab of tabs) {
  await settled(tab);
  await tab.goto(`${base}/agents`);
  await tab.waitForSelector("tbody tr, .card");
  await tab.close();
}
check(true, "eight tabs keep working");

for (let visit = 0; visit < 9; visit += 1) {
  await page.goto(`${base}/jobs`);
  await settled(page);
  await page.goto(`${base}/knowledge`);
  await settled(page);
}
check(true, "leaving a page ends its streams");

// --- a picture of every screen --------------------------------------------------------------

const screens = {
  dashboard: "/",
  conversations: "/conversations",
  conversation: live,
  drafts: "/conversations/drafts",
  "agent-pipelines": `/${agent}/pipelines`,
  "agent-deals": `/${agent}/leads-contacts`,
  "agent-triggers": `/${agent}/triggers`,
  "agent-sequences": `/${agent}/sequences`,
  "agent-tests": `/${agent}/tests`,
  "agent-versions": `/${agent}/versions`,
  scripts: "/scripts",
  objections: "/objections",
  integrations: "/integrations",
  events: "/integrations/events",
  agents: "/agents",
  "agent-general": `/${agent}/general`,
  "agent-advanced": `/${agent}/advanced`,
  knowledge: "/knowledge",
  "knowledge-add": "/knowledge?add=files",
  search: "/knowledge/search",
  prices: "/prices",
  chat: new URL(conversation).pathname,
  jobs: "/jobs?show=all",
  notifications: "/notifications",
  "notification-settings": "/settings/notifications",
  profile: "/settings/profile",
  security: "/settings/security",
  organization: "/settings/organization",
  "models-usage": "/models/usage",
  "models-usage-by-model": "/models/usage?by=model",
  "models-budgets": "/models/budgets",
  "models-keys": "/models/keys",
  "models-routes": "/models/routes",
  "models-catalog": "/models/catalog",
  "models-privacy": "/models/privacy",
  "models-playground": "/models/playground",
  "api-keys": "/settings/api-keys",
  "not-found": "/nowhere",
};
const doors = { "sign-in": "/sign-in", "sign-up": "/sign-up" };

// The language is the person's: it follows them to every browser.
async function speak(language) {
  const answer = await page.evaluate(async (locale) => {
    const csrf = document.cookie.match(/t11_csrf=([^;]+)/)[1];
    const headers = { "content-type": "application/json", "x-t11-csrf": csrf };
    const body = JSON.stringify({ locale });
    return (await fetch("/api/auth/me", { method: "PATCH", headers, body })).status;
  }, language);
  check(answer === 200, `the person reads ${language}`);
}

// Each two of language, theme and width meet; `T11_PICTURES=all` takes all eight together.
const looks = [["ru", "light", 1440], ["ru", "dark", 360], ["en", "light", 360], ["en", "dark", 1440]];
if (process.env.T11_PICTURES === "all") {
  looks.push(["ru", "light", 360], ["ru", "dark", 1440], ["en", "light", 1440], ["en", "dark", 360]);
}
looks.sort(([one], [other]) => one.localeCompare(other));

// The first thing that no box scrolls to and the edge of the page cuts off.
function overTheEdge() {
  const page = document.querySelector(".main") ?? document.documentElement;
  const { left, right } = page.getBoundingClientRect();
  const isScrolled = (one) => {
    for (let box = one.parentElement; box && box !== page; box = box.parentElement) {
      if (getComputedStyle(box).overflowX !== "visible") return true;
    }
    return false;
  };
  const isOver = (one) => {
    const box = one.getBoundingClientRect();
    return box.width > 0 && (box.right > right + 1 || box.left < left - 1);
  };
  const found = [...page.querySelectorAll("*")].find((one) => isOver(one) && !isScrolled(one));
  return found && `${found.localName}.${found.className}`;
}

async function takePictures(language, theme, width, set, signedIn) {
  const shown = await context(language, theme, width, signedIn ? storage : undefined);
  const tab = await shown.newPage();
  watch(tab);
  for (const [name, address] of Object.entries(set)) {
    await tab.goto(base + address);
    await picture(tab, `${name}-${language}-${theme}-${width}`);
    const over = await tab.evaluate(overTheEdge);
    const isCut = await tab.evaluate(() => {
      const present = document.querySelector(".tabs [aria-current=page]");
      if (!present) return false;
      const [box, strip] = [present, present.closest(".tabs")].map((one) => one.getBoundingClientRect());
      return box.left < strip.left - 1 || box.right > strip.right + 1;
    });
    if (isCut) complaints.push(`${name}-${language}-${width}: the open tab is not to be seen`);
    if (over) complaints.push(`${name}-${language}-${width}: runs over the edge: ${over}`);
  }
  await shown.close();
}

let spoken = "";
for (const [language, theme, width] of looks) {
  if (spoken !== language) await speak(language);
  spoken = language;
  await takePictures(language, theme, width, screens, true);
  await takePictures(language, theme, width, doors, false);
}
check(true, "every screen has its pictures");

await browser.close();
if (complaints.length > 0) {
  console.error(`the pages complained:\n${[...new Set(complaints)].join("\n")}`);
  process.exit(1);
}
console.log("the browser has nothing to complain about");
