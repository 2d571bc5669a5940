"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const ROW = 26, BOX = 20, TOP = 34, SHOWN = 60, NAMES = 8;
const ANY = -1, CARRIERS = -2, ROLE_CLIENTS = -3, ITSELF = -4;
// Of a link that several exchanges share, the first of these is shown.
const LINKS = ["declared", "allowed", "implied", "undeclared", "dead", "roles"];
const MANY = { [ANY]: "any client", [CARRIERS]: "clients of users' roles", [ROLE_CLIENTS]: "clients of users' roles", [ITSELF]: "itself" };

// What the page was made of, with names instead of numbers where people look.
class Edge {
  constructor([kind, requester, exchange, sources, audiences, grants, when, whyNot], id) {
    Object.assign(this, { id, kind: data.kinds[kind][0], rank: kind, requester, exchange, grants, when, whyNot, from: sources, to: audiences, words: "" });
  }
  get sources() { return expanded(this.from); }
  get audiences() { return expanded(this.to).map((to) => (to === ANY ? ITSELF : to)); }
  get size() { return expanded(this.from).length * expanded(this.to).length; }
  takesFrom(client) { return expanded(this.from)[0] === ANY || expanded(this.from).includes(client); }
  has(client) { return client === this.requester || this.takesFrom(client) || expanded(this.to).includes(client); }
}

// A long list is stored as what it leaves out of the clients that most such lists hold.
const known = [];
function expanded(number) {
  if (!known[number]) {
    const stored = data.lists[number];
    if (Array.isArray(stored)) known[number] = stored;
    else { const but = new Set(stored.but); known[number] = data.most.filter((client) => !but.has(client)); }
  }
  return known[number];
}

const edges = data.edges.map((row, id) => new Edge(row, id));
const key = (requester, client) => requester * 1e6 + client;
const reasons = (rows) => new Map(rows.map(([requester, client, said]) => [key(requester, client), said.map((n) => data.sentences[n])]));
const held = reasons(data.held), named = reasons(data.named);
const counted = (count) => count.toLocaleString("en");
const nameOf = (client) => (client >= 0 ? data.clients[client] : MANY[client]);
const sourcesOf = (edge) => (edge.kind === "roles" && edge.sources.length > NAMES ? [CARRIERS] : edge.sources);
const audiencesOf = (edge) => (edge.kind === "roles" && edge.audiences.length > NAMES ? [ROLE_CLIENTS] : edge.audiences);
const why = (edge) => [
  [...new Set(edge.sources.flatMap((from) => held.get(key(edge.requester, from)) || []))],
  [...new Set(edge.audiences.flatMap((to) => named.get(key(edge.requester, to)) || []))],
];

// What is filtered and chosen; it is kept in the address, so that a view can be shared.
const state = { client: "", kinds: null, exchange: "", text: "", edge: "", theme: "" };

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of ["client", "exchange", "text", "edge", "theme"]) state[name] = given.get(name) || "";
  const all = data.kinds.map(([kind]) => kind);
  state.kinds = new Set(given.has("kind") ? given.get("kind").split(",").filter((kind) => all.includes(kind)) : usualKinds());
}

function usualKinds() {
  const usual = data.kinds.filter(([kind]) => !data.hidden.includes(kind));
  return (usual.some(([, , count]) => count) ? usual : data.kinds).map(([kind]) => kind);
}

function writeAddress() {
  const given = new URLSearchParams();
  for (const name of ["client", "exchange", "text", "edge", "theme"]) if (state[name]) given.set(name, state[name]);
  if ([...state.kinds].sort().join() !== usualKinds().sort().join()) given.set("kind", [...state.kinds].join(","));
  history.replaceState(null, "", `#${given}`);
}

function wordsOf(edge) {
  if (!edge.words) {
    const roles = edge.kind === "roles", [from, to] = roles ? [[], []] : why(edge);
    const names = [edge.requester, ...sourcesOf(edge), ...audiencesOf(edge)].map(nameOf);
    edge.words = [...names, ...edge.grants, ...edge.when, ...edge.whyNot, ...from, ...to].join("\n").toLowerCase();
  }
  return edge.words;
}

function visible() {
  const text = state.text.trim().toLowerCase();
  const client = data.clients.indexOf(state.client);
  return edges.filter((edge) =>
    state.kinds.has(edge.kind) &&
    (!state.exchange || edge.exchange === state.exchange) &&
    (!state.client || (client >= 0 && edge.has(client))) &&
    (!text || wordsOf(edge).includes(text)));
}

// Three columns; within each, clients stand near to those that they are linked with.
function layOut(found) {
  const columns = [new Map(), new Map(), new Map()];
  const links = new Map();
  const node = (column, client) => {
    if (!columns[column].has(client)) columns[column].set(client, { client, column, near: [], y: 0 });
    return columns[column].get(client);
  };
  const link = (from, to, edge) => {
    const id = `${from.column}/${from.client}/${to.client}`;
    if (!links.has(id)) { links.set(id, { from, to, edges: [], kind: edge.kind }); from.near.push(to); to.near.push(from); }
    const known = links.get(id);
    known.edges.push(edge.id);
    if (LINKS.indexOf(edge.kind) < LINKS.indexOf(known.kind)) known.kind = edge.kind;
  };
  const chosen = data.clients.indexOf(state.client);
  for (const edge of found) {  // around a chosen client only what it takes part in
    const middle = node(1, edge.requester), all = chosen < 0 || edge.requester === chosen;
    const given = edge.takesFrom(chosen), got = edge.audiences.includes(chosen);
    for (const from of all || (got && !given) ? sourcesOf(edge) : given ? (edge.sources[0] === ANY ? [ANY] : [chosen]) : []) link(node(0, from), middle, edge);
    for (const to of all || (given && !got) ? audiencesOf(edge) : got ? [chosen] : []) link(middle, node(2, to), edge);
  }
  const place = (column) => [...columns[column].values()];
  place(1).sort((a, b) => nameOf(a.client).localeCompare(nameOf(b.client))).forEach((each, row) => { each.y = row; });
  for (let round = 0; round < 4; round += 1) {
    for (const column of [0, 2, 1]) {
      const sorted = place(column);
      for (const each of sorted) each.pull = each.near.reduce((sum, other) => sum + other.y, 0) / (each.near.length || 1);
      sorted.sort((a, b) => a.pull - b.pull || nameOf(a.client).localeCompare(nameOf(b.client)));
      sorted.forEach((each, row) => { each.y = row; });
    }
  }
  const rows = Math.max(...columns.map((column) => column.size), 1);
  for (const column of columns) for (const each of column.values()) each.y = TOP + ((each.y + 0.5) * rows * ROW) / column.size;
  return { columns: columns.map((column) => [...column.values()].sort((a, b) => a.y - b.y)), links: [...links.values()], height: TOP + rows * ROW + 10 };
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function html(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function shorten(name, room) {
  const length = Math.floor(room / 7.2);
  return name.length <= length ? name : `${name.slice(0, length - 1)}…`;
}

function draw(found) {
  const { columns, links, height } = layOut(found);
  const width = Math.max(at("drawing").clientWidth - 4, 640);
  const box = Math.min(230, width * 0.25), left = [16, (width - box) / 2, width - box - 16];
  const graph = at("graph");
  graph.setAttribute("width", width);
  graph.setAttribute("height", height);
  const chosen = state.edge === "" ? null : Number(state.edge);
  const lines = links.map((each) => {
    const x = left[each.from.column] + box, to = left[each.to.column], half = (x + to) / 2;
    const strong = chosen !== null && each.edges.includes(chosen);
    const path = svg("path", {
      d: `M${x} ${each.from.y}C${half} ${each.from.y} ${half} ${each.to.y} ${to} ${each.to.y}`,
      class: `link ${strong ? edges[chosen].kind : each.kind}${strong ? " strong" : chosen !== null ? " faint" : ""}`,
      "data-edges": each.edges.join(" "), "data-link": `${nameOf(each.from.client)} → ${nameOf(each.to.client)}`,
    });
    path.append(svg("title", {}, `${nameOf(each.from.client)} → ${nameOf(each.to.client)}`));
    path.addEventListener("click", () => choose({ edge: String(each.edges[0]) }));
    return path;
  });
  const boxes = columns.flatMap((column, number) => column.map((each) => {
    const name = nameOf(each.client);
    const group = svg("g", {
      class: `node${each.client < 0 ? " many" : ""}${name === state.client ? " chosen" : ""}`,
      transform: `translate(${left[number]} ${each.y - BOX / 2})`,
      ...(each.client >= 0 ? { tabindex: "0", role: "button" } : { role: "img" }), "aria-label": `${name}, ${["its tokens are exchanged", "exchanges", "new tokens are for it"][number]}`,
      "data-client": name, "data-column": number,
    }, svg("rect", { width: box, height: BOX }), svg("text", { x: 8, y: 14.5 }, shorten(name, box - 14)), svg("title", {}, name));
    if (each.client >= 0) group.addEventListener("click", () => choose({ client: name === state.client ? "" : name, edge: "" }));
    return group;
  }));
  const heads = ["tokens issued for", "are exchanged by", "for use at"].map((words, number) =>
    svg("text", { class: "column", x: left[number], y: 18 }, words));
  graph.replaceChildren(...lines, ...heads, ...boxes);
  at("empty").hidden = found.length > 0;
  graph.style.display = found.length ? "" : "none";
}

let listed = SHOWN;
function list(found) {
  const held = found.slice(0, listed);
  at("edges").replaceChildren(...held.map(item));
  at("more").hidden = found.length <= listed;
  at("more").textContent = `Show more (${counted(found.length - listed)} left)`;
  const some = state.client || state.text || state.exchange;
  const count = found.reduce((sum, edge) => sum + edge.size, 0);
  at("heading").textContent = state.client || (some ? "What matches" : "All exchanges shown");
  at("about").textContent = state.client ? about(found) : `${counted(count)} exchange${count === 1 ? "" : "s"}; choose one to see why it is possible.`;
  at("notes").replaceChildren(...(state.client ? [] : data.notes.map((note) => html("li", {}, note))));
}

function about(found) {
  const client = data.clients.indexOf(state.client);
  if (client < 0) return "takes part in no exchange that is computed.";
  const asks = found.filter((edge) => edge.requester === client).length;
  const gives = found.filter((edge) => edge.takesFrom(client)).length;
  const gets = found.filter((edge) => edge.audiences.includes(client)).length;
  return `Lines in which it exchanges: ${asks}; its tokens are exchanged: ${gives}; new tokens are for it: ${gets}.`;
}

function names(clients, own) {
  const shown = clients.slice(0, NAMES).map((client) => html("span", { class: "name" }, client === ITSELF ? own : nameOf(client)));
  const parts = shown.flatMap((each, number) => (number ? [", ", each] : [each]));
  return clients.length > NAMES ? [...parts, ` and ${clients.length - NAMES} more`] : parts;
}

function item(edge) {
  const open = String(edge.id) === state.edge;
  const [, word] = data.kinds[edge.rank];
  const sentence = [html("span", { class: "name" }, nameOf(edge.requester)), " exchanges tokens of ", ...names(edge.sources, ""), " for ", ...names(edge.audiences, "itself")];
  const button = html("button", { type: "button", "aria-expanded": open }, html("div", { class: "label" }, word, html("span", {}, ` · ${edge.exchange}`)), ...sentence);
  button.addEventListener("click", () => choose({ edge: open ? "" : String(edge.id) }));
  const made = html("li", { class: edge.kind, "data-edge": edge.id, "data-kind": edge.kind }, button);
  if (open) made.append(details(edge));
  return made;
}

function details(edge) {
  const [from, to] = why(edge);
  const rows = [
    [edge.kind === "implied" ? "implied by" : "declared by", edge.grants.map((grant) => `grant ${grant}`)],
    ["refused", edge.whyNot],
    ["switch", data.switches[edge.requester] && edge.exchange === "standard" ? [data.switches[edge.requester]] : []],
    ["source", from], ["audience", to],
    ["roles", edge.kind === "roles" ? ["Keycloak puts each client into a token of which the token's user has a role."] : []],
    ["only when", edge.when],
    ["sources", edge.sources.length > NAMES ? [edge.sources.map(nameOf).join(", ")] : []],
    ["audiences", edge.audiences.length > NAMES ? [edge.audiences.map(nameOf).join(", ")] : []],
  ];
  return html("dl", {}, ...rows.filter(([, said]) => said.length).flatMap(([label, said]) => [
    html("dt", {}, label), html("dd", {}, ...said.map((each) => html("div", {}, each)))]));
}

function show() {
  const dark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  at("text").value = state.text;
  at("exchange").value = state.exchange;
  for (const box of document.querySelectorAll("#kinds input")) box.checked = state.kinds.has(box.value);
  const found = visible();
  draw(found);
  list(found);
}

function choose(change) {
  Object.assign(state, change);
  if ("edge" in change && state.edge) listed = Math.max(listed, visible().findIndex((edge) => String(edge.id) === state.edge) + 1);
  const active = document.activeElement?.closest?.(".node");
  writeAddress();
  show();
  if (state.edge) document.querySelector(`[data-edge="${CSS.escape(state.edge)}"]`)?.scrollIntoView({ block: "nearest" });
  if (change.client) document.querySelector(".node.chosen")?.scrollIntoView({ block: "center" });
  if (active) focusNode(active.dataset.client, active.dataset.column);
}

function focusNode(client, column) {
  const nodes = [...document.querySelectorAll(".node[tabindex]")];
  (nodes.find((each) => each.dataset.client === client && each.dataset.column === column) || nodes[0])?.focus({ preventScroll: true });
}

function move(node, step) {
  const nodes = [...document.querySelectorAll(".node[tabindex]")];
  nodes[(nodes.indexOf(node) + step + nodes.length) % nodes.length]?.focus();
}

function start() {
  document.title = `Token exchange in ${data.realm}`;
  at("realm").textContent = data.realm;
  const few = data.without ? `${counted(data.without)} of its ${counted(data.total)} clients take part in no exchange, users' roles aside.` : `All of its ${counted(data.total)} clients take part.`;
  at("summary").textContent = `${few}${data.compared ? "" : " Not compared with a stack."}`;
  at("made").textContent = `${data.url}, ${data.made}`;
  for (const [kind, word, count] of data.kinds) {
    if (!count && !(data.compared && ["undeclared", "dead"].includes(kind))) continue;
    const box = html("input", { type: "checkbox", value: kind });
    box.addEventListener("change", () => { state.kinds[box.checked ? "add" : "delete"](kind); choose({ edge: "" }); });
    at("kinds").append(html("label", { class: `kind ${kind}` }, box, html("span", { class: "mark" }), word, html("b", {}, counted(count))));
  }
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("text").addEventListener("input", () => choose({ text: at("text").value, edge: "" }));
  at("exchange").addEventListener("change", () => choose({ exchange: at("exchange").value, edge: "" }));
  at("clear").addEventListener("click", () => { state.kinds = new Set(usualKinds()); choose({ client: "", exchange: "", text: "", edge: "" }); });
  at("more").addEventListener("click", () => { listed += SHOWN * 5; show(); });
  at("theme").addEventListener("click", () => choose({ theme: document.documentElement.dataset.theme === "dark" ? "light" : "dark" }));
  addEventListener("hashchange", () => { readAddress(); show(); });
  addEventListener("resize", () => draw(visible()));
  document.addEventListener("keydown", (event) => {
    const node = event.target.closest?.(".node");
    if (event.key === "/" && !["INPUT", "SELECT"].includes(event.target.tagName)) { event.preventDefault(); at("text").focus(); }
    else if (event.key === "Escape") choose(state.edge ? { edge: "" } : state.text ? { text: "" } : { client: "" });
    else if (node && ["ArrowDown", "ArrowUp"].includes(event.key)) { event.preventDefault(); move(node, event.key === "ArrowDown" ? 1 : -1); }
    else if (node && ["Enter", " "].includes(event.key)) { event.preventDefault(); node.dispatchEvent(new MouseEvent("click")); }
  });
  readAddress();
  show();
  document.querySelector(".node.chosen")?.scrollIntoView({ block: "center" });
}

start();
