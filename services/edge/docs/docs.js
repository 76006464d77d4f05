// Draws /api/openapi.json. All text is set as text, never as markup.

const DEPTH = 4;

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

function resolve(api, schema) {
  if (!schema?.$ref) return schema ?? {};
  return schema.$ref.slice(2).split("/").reduce((at, key) => at[key], api);
}

// An example value for a schema: what a body or an answer looks like.
function example(api, schema, sent, depth = 0) {
  const it = resolve(api, schema);
  if (it.enum) return it.enum.find((name) => !name.endsWith("_UNSPECIFIED")) ?? it.enum[0];
  if (it.examples) return it.examples[0];
  switch (it.type) {
    case "object": {
      if (depth >= DEPTH) return {};
      const fields = Object.entries(it.properties ?? {})
        .filter(([, field]) => !(sent && field.readOnly))
        .map(([name, field]) => [name, example(api, field, sent, depth + 1)]);
      return Object.fromEntries(fields);
    }
    case "array": return depth >= DEPTH ? [] : [example(api, it.items, sent, depth + 1)];
    case "integer": case "number": return 0;
    case "boolean": return false;
    case "string": return { "date-time": "2026-11-21T10:00:00Z", int64: "0" }[it.format] ?? "";
    default: return null;
  }
}

function parameterTable(parameters) {
  const rows = parameters.map((it) => element("tr", {},
    element("td", {}, element("code", {}, it.name)),
    element("td", {}, it.required ? `${it.in}, required` : it.in),
    element("td", { class: "text" }, it.description ?? "")));
  const head = element("tr", {}, ...["Name", "Where", "What"].map((name) => element("th", { scope: "col" }, name)));
  return element("table", {}, head, ...rows);
}

function content(api, title, body, sent) {
  const [type, { schema }] = Object.entries(body.content)[0];
  const shown = schema.format === "binary" ? "the bytes of a file" : JSON.stringify(example(api, schema, sent), null, 2);
  return [element("h3", {}, title, " ", element("span", { class: "muted" }, Object.keys(body.content).join(" or ") || type)),
    element("pre", { tabindex: "0" }, shown)];
}

function inside(api, operation) {
  const { parameters = [], requestBody, responses } = operation;
  const permission = operation.security ? "no session needed" : `permission ${operation["x-permission"]}`;
  return element("div", { class: "inside" },
    element("p", { class: "text" }, operation.description ?? ""),
    element("p", { class: "muted" }, `gRPC ${operation["x-rpc"]}; ${permission}`),
    parameters.length ? parameterTable(parameters) : "",
    ...(requestBody ? content(api, "Body", requestBody, true) : []),
    ...content(api, "Answer", responses["200"], false));
}

function card(api, path, method, operation) {
  const node = element("details", { id: operation.operationId },
    element("summary", {},
      element("span", { class: "method" }, method.toUpperCase()),
      element("code", {}, path),
      element("span", { class: "muted" }, operation.summary)));
  // Bodies are drawn when first looked at.
  node.addEventListener("toggle", () => {
    if (node.open && node.children.length === 1) node.append(inside(api, operation));
  });
  const words = [path, method, operation.operationId, operation.summary, operation.description, operation["x-permission"]];
  return { node, tag: operation.tags[0], words: words.join(" ").toLowerCase() };
}

function draw(api) {
  const cards = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => card(api, path, method, operation)));
  const sections = api.tags.map((tag) => ({
    cards: cards.filter((it) => it.tag === tag.name),
    node: element("section", {},
      element("h2", {}, tag.name),
      element("p", { class: "muted text" }, tag.description ?? "")),
  }));
  for (const section of sections) section.node.append(...section.cards.map((it) => it.node));
  document.getElementById("about").textContent = api.info.description;
  document.getElementById("operations").append(...sections.map((it) => it.node));

  const search = document.getElementById("search");
  const count = document.getElementById("count");
  const filter = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const it of cards) it.node.hidden = !wanted.every((word) => it.words.includes(word));
    for (const it of sections) it.node.hidden = it.cards.every((card) => card.node.hidden);
    count.textContent = `${cards.filter((it) => !it.node.hidden).length} of ${cards.length} operations`;
  };
  search.addEventListener("input", filter);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    }
  });
  filter();

  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) {
    target.open = true;
    target.scrollIntoView();
  }
}

const answer = await fetch("/api/openapi.json");
if (answer.ok) draw(await answer.json());
else document.getElementById("count").textContent = `openapi.json could not be read: ${answer.status}`;
