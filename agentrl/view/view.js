"use strict";
// The page of `agentrl view`. Data reaches it as base64 or bytes; whatever an episode says becomes a text node,
// never markup. Sections: elements, reading, numbers, colourings, the list, filters and search, tooltip,
// episodes, groups, trees, overview, keys, start.

// ---------------------------------------------------------------- elements

const $ = (id) => document.getElementById(id);

/** Return an element; `about` holds attributes, `on...` listeners; children are nodes, texts or null. */
function make(name, about = {}, ...children) {
  const made = document.createElement(name);
  fill(made, about, children);
  return made;
}

function draw(name, about = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  fill(made, about, children);
  return made;
}

function fill(made, about, children) {
  for (const [key, value] of Object.entries(about)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(3)) {
    if (child !== null && child !== undefined && child !== "") made.append(child instanceof Node ? child : plain(child));
  }
}

/** Return a text with what cannot be seen made visible. */
function plain(text) {
  return String(text).replace(/[\0-\x08\x0b-\x1f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0))).replace(/\x7f/g, "\u2421");
}

function button(text, act, about = {}) {
  return make("button", { type: "button", onclick: act, ...about }, text);
}

function chooser(options, chosen, change, label) {
  const made = options.map(([value, text]) => make("option", { value, selected: String(value) === String(chosen) }, text));
  return make("select", { "aria-label": label, onchange: (event) => change(event.target.value) }, made);
}

/** Return a table; what is a number stands on the right. */
function table(caption, head, rows) {
  const look = (cell) => (typeof cell === "number" ? "n" : null);
  const top = make("tr", {}, head.map((name, place) => make("th", { scope: "col", class: look(rows[0]?.[place]) }, name)));
  const body = rows.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first), rest.map((cell) => make("td", { class: look(cell) }, typeof cell === "number" ? short(cell) : cell))));
  return make("div", { class: "scroll" }, make("table", {}, make("caption", {}, caption), make("thead", {}, top), make("tbody", {}, body)));
}

function folded(title, content, open = false) {
  const body = make("div");
  const made = make("details", { open }, make("summary", {}, title), body);
  const show = () => { if (made.open && !body.childNodes.length) body.append(...[content()].flat()); };
  made.addEventListener("toggle", show);
  show();
  return made;
}

// ---------------------------------------------------------------- reading

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text.trim());
  const raw = atob(text.trim());
  const made = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place++) made[place] = raw.charCodeAt(place);
  return made;
}

async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const whole = new Promise((done) => {
  if (document.readyState !== "loading") done();
  else document.addEventListener("DOMContentLoaded", done);
});

async function bytesOfChunk(run, number) {
  if (data.served) {
    const answer = await fetch(`chunk/${run.place}/${number}`);
    if (!answer.ok) throw new Error(`The server has no chunk ${number} (${answer.status}).`);
    return new Uint8Array(await answer.arrayBuffer());
  }
  const id = `chunk-${run.place}-${number}`;
  if (!$(id)) await whole; // the page may still be arriving
  return bytesOf($(id).textContent);
}

const KEPT = 24; // chunks held unpacked
const held = new Map();

/** Return a promise of a chunk; the ones used last are held. */
function chunkOf(run, number) {
  const key = `${run.place}/${number}`;
  const found = held.get(key) ?? opened(run, number);
  held.delete(key);
  held.set(key, found);
  found.catch(() => held.delete(key));
  if (held.size > KEPT) held.delete(held.keys().next().value);
  return found;
}

async function opened(run, number) {
  const buffer = await unpacked(await bytesOfChunk(run, number));
  const length = new DataView(buffer).getUint32(0, true);
  const told = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let place = 4 + length;
  const next = (Kind, count) => {
    const made = new Kind(buffer, place, count);
    place += 4 * count;
    return made;
  };
  const chunk = { told: told.episodes, action: next(Uint32Array, told.action), prompt: next(Uint32Array, told.prompt) };
  chunk.columns = { behaviour: next(Float32Array, told.action) };
  for (const name of run.columns) chunk.columns[name] = next(Float32Array, told.action);
  chunk.starts = starts(told.episodes);
  return chunk;
}

function starts(episodes) {
  const made = [[0, 0]];
  for (const { turns } of episodes) {
    const [action, prompt] = made.at(-1);
    made.push([action + sum(turns.map((turn) => turn.tokens)), prompt + sum(turns.map((turn) => turn.prompt))]);
  }
  return made;
}

/** Return an episode with its texts, tokens and columns. */
async function episodeOf(run, number) {
  const chunk = await chunkOf(run, Math.floor(number / run.chunk));
  const place = number % run.chunk;
  const [from, promptFrom] = chunk.starts[place];
  const [to] = chunk.starts[place + 1];
  const columns = {};
  for (const [name, values] of Object.entries(chunk.columns)) columns[name] = values.subarray(from, to);
  const told = chunk.told[place];
  let token = 0;
  let prompt = promptFrom;
  const turns = told.turns.map((turn) => {
    const made = { ...turn, from: token, to: token + turn.tokens, ids: chunk.prompt.subarray(prompt, prompt + turn.prompt) };
    token += turn.tokens;
    prompt += turn.prompt;
    return made;
  });
  return { ...told, run, number, ids: chunk.action.subarray(from, to), columns, turns };
}

/** Return a run of the index with what the page asks of it again and again. */
function readRun(index, place) {
  const run = { ...index, place, count: index.episodes.task?.length ?? 0 };
  run.members = Array.from({ length: run.groups.length }, () => []);
  run.byTask = new Map();
  for (let number = 0; number < run.count; number++) {
    run.members[run.episodes.group[number]].push(number);
    const task = run.tasks[run.episodes.task[number]];
    if (!run.byTask.has(task)) run.byTask.set(task, []);
    run.byTask.get(task).push(number);
  }
  run.of = (name, number) => run.episodes[name][number];
  run.task = (number) => run.tasks[run.of("task", number)];
  run.text = (id) => run.vocabulary[id] ?? `⟨${id}⟩`;
  run.main = ["credit", "push"].find((name) => run.columns.includes(name));
  return run;
}

// ---------------------------------------------------------------- numbers

const sum = (values) => values.reduce((total, value) => total + value, 0);
const mean = (values) => (values.length ? sum(values) / values.length : NaN);
const known = (values) => Array.from(values).filter((value) => Number.isFinite(value));

function deviation(values) {
  const middle = mean(values);
  return values.length > 1 ? Math.sqrt(sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1)) : 0;
}

/** Return a number in few characters. */
function short(value) {
  if (value === null || value === undefined || value === "" || Number.isNaN(value)) return "–";
  if (typeof value !== "number" || !Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

const many = (count, what) => `${short(count)} ${what}${count === 1 ? "" : "s"}`;
const signed = (value) => (value > 0 ? `+${short(value)}` : short(value));

/** Return the parts of a token's credit: its episode's mean, what its turn adds to that, what it adds itself. */
function terms(values, turns) {
  const all = mean(known(values));
  const made = { trajectory: new Float32Array(values.length).fill(NaN), turn: new Float32Array(values.length).fill(NaN), token: new Float32Array(values.length).fill(NaN) };
  for (const { from, to } of turns) {
    const own = mean(known(values.subarray(from, to)));
    for (let place = from; place < to; place++) {
      if (Number.isNaN(values[place])) continue;
      made.trajectory[place] = all;
      made.turn[place] = own - all;
      made.token[place] = values[place] - own;
    }
  }
  return made;
}

const MEANING = {
  credit: "credit", push: "push, −∂loss/∂logp", behaviour: "log-prob of the sampler", logp: "log-prob of the trainer",
  gap: "trainer − sampler", entropy: "entropy, nats", values: "value", returns: "return to predict",
  logp_ref: "log-prob of the reference", logp_teacher: "log-prob of the teacher",
};
const meaning = (name) => MEANING[name] ?? (name.startsWith("part/") ? `${name.slice(5)} term` : name);

// ---------------------------------------------------------------- colourings

let lenses = [];
let lens = null;

function column(name) {
  return (episode) => episode.columns[name] ?? new Float32Array(episode.ids.length).fill(NaN);
}

/** List the colourings that the runs' columns allow. */
function findLenses(runs) {
  const names = [...new Set(runs.flatMap((run) => run.columns))];
  const own = (run, name) => run.scale[name] || 1;
  const add = (key, text, of, kind, scale) => lenses.push({ key, text, of, kind, scale });
  for (const name of ["credit", "push"].filter((one) => names.includes(one))) add(name, meaning(name), column(name), "sign", (run) => own(run, name));
  const main = names.includes("credit") ? "credit" : "push";
  if (names.includes(main)) {
    const term = (which) => (episode) => terms(column(main)(episode), episode.turns)[which];
    for (const which of ["turn", "token"]) add(which, `${which} term of the ${main}`, term(which), "sign", (run) => own(run, main));
  }
  for (const name of names.filter((one) => one.startsWith("part/"))) add(name, `${name.slice(5)} term, the algorithm's`, column(name), "sign", (run) => own(run, main));
  add("behaviour", meaning("behaviour"), (episode) => episode.columns.behaviour.map((value) => -value), "size", () => 5);
  if (names.includes("logp")) {
    add("logp", meaning("logp"), (episode) => column("logp")(episode).map((value) => -value), "size", () => 5);
    add("gap", "difference of the two", gap, "sign", (run) => Math.max(1e-6, ...known(run.episodes.gap.filter((value) => value !== null))));
  }
  for (const name of names.filter((one) => ["entropy", "values", "returns"].includes(one))) add(name, meaning(name), column(name), "sign", (run) => own(run, name));
  lens = lenses[0];
}

function gap(episode) {
  const trainer = column("logp")(episode);
  return trainer.map((value, place) => value - episode.columns.behaviour[place]);
}

function paint(span, value, scale) {
  const sign = lens.kind === "size" ? "size" : value < 0 ? "minus" : "plus";
  span.className = Number.isNaN(value) ? "t none" : value === 0 ? "t" : `t ${sign}`;
  span.style.setProperty("--s", Number.isNaN(value) ? 0 : Math.min(1, Math.abs(value) / scale).toFixed(3));
}

/** Colour the replies on the page anew. */
function repaint() {
  for (const [holder, episode] of shown) {
    const values = lens.of(episode);
    const scale = lens.scale(episode.run);
    for (const span of holder.getElementsByClassName("t")) paint(span, values[Number(span.dataset.token)], scale);
  }
  const run = data.runs[0];
  const full = short(lens.scale(run));
  $("legend").replaceChildren(...(lens.kind === "sign" ? [`−${full}`, make("i", { class: "sign" }), `+${full}`] : ["0", make("i", { class: "size" }), `−${full}`]));
}

function chooseLens(key) {
  lens = lenses.find((one) => one.key === key) ?? lens;
  $("lens").value = lens.key;
  repaint();
}

// ---------------------------------------------------------------- the list

const HEIGHT = 46; // of a row, as in the style sheet
const list = { items: [], chosen: -1, render: null, open: null, drawn: new Map() };

/** Show items in the list; only the rows in sight are drawn. */
function setList(items, render, open) {
  Object.assign(list, { items, render, open, chosen: -1 });
  list.drawn.clear();
  $("list").replaceChildren(make("div", { class: "tall" }));
  $("list").firstChild.style.height = `${items.length * HEIGHT}px`;
  drawList();
}

function drawList() {
  const box = $("list");
  const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - 4);
  const last = Math.min(list.items.length, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + 4);
  for (const [place, row] of list.drawn) {
    if (place < first || place >= last) {
      row.remove();
      list.drawn.delete(place);
    }
  }
  for (let place = first; place < last; place++) if (!list.drawn.has(place)) drawRow(place);
  for (const [place, row] of list.drawn) row.setAttribute("aria-selected", place === list.chosen);
  if (list.drawn.has(list.chosen)) box.setAttribute("aria-activedescendant", `row-${list.chosen}`);
  else box.removeAttribute("aria-activedescendant");
}

function drawRow(place) {
  const row = make("div", {
    class: "row", role: "option", id: `row-${place}`, "aria-setsize": list.items.length, "aria-posinset": place + 1,
    onclick: () => choose(place),
  }, list.render(list.items[place]));
  row.style.top = `${place * HEIGHT}px`;
  list.drawn.set(place, row);
  $("list").firstChild.append(row);
}

/** Choose an item of the list and open it. */
function choose(place) {
  if (!list.items.length) return;
  mark(Math.max(0, Math.min(list.items.length - 1, place)));
  list.open(list.items[list.chosen]);
}

/** Mark an item as chosen and bring it into sight. */
function mark(place) {
  const box = $("list");
  list.chosen = place;
  const top = place * HEIGHT;
  if (place >= 0 && top < box.scrollTop) box.scrollTop = top;
  if (place >= 0 && top + HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + HEIGHT - box.clientHeight;
  drawList();
}

function badge(run) {
  return data.runs.length > 1 ? make("span", { class: `of${run.place}` }, "AB"[run.place]) : null;
}

function episodeRow([run, number]) {
  const of = (name) => run.of(name, number);
  const line = [`iteration ${of("iteration")}`, `#${of("sample")}`, `return ${short(of("ret"))}`, many(of("turns"), "turn")];
  if (of("calls")) line.push(many(of("calls"), "call"));
  return [
    make("div", {}, badge(run), make("b", {}, run.task(number)), spanOf(run, of("low"), of("high"))),
    make("div", { class: "quiet" }, make("span", { class: of("success") ? "good" : "bad" }, run.outcomes[of("outcome")]), line.join(" · ")),
  ];
}

/** Return a bar from the lowest to the highest credit of an episode. */
function spanOf(run, low, high) {
  const full = run.scale[run.main] || 1;
  const made = make("span", { class: "span", "aria-hidden": "true" });
  const put = (kind, size) => {
    const bar = make("i", { class: kind });
    bar.style[kind === "minus" ? "right" : "left"] = "50%";
    bar.style.width = `${50 * Math.min(1, size / full)}%`;
    made.append(bar);
  };
  if (low < 0) put("minus", -low);
  if (high > 0) put("plus", high);
  return made;
}

function groupRow([run, group]) {
  const own = run.members[group];
  const solved = sum(own.map((number) => run.of("success", number)));
  const returns = own.map((number) => run.of("ret", number) ?? 0);
  const spread = deviation(returns);
  return [
    make("div", {}, badge(run), make("b", {}, run.task(own[0])), make("span", { class: "mark" }, `${solved} of ${own.length} solved`)),
    make("div", { class: "quiet" }, `iteration ${run.of("iteration", own[0])} · return ${short(mean(returns))} ± ${short(spread)}${spread ? "" : " · all alike"}`),
  ];
}

function treeRow([run, place]) {
  const tree = run.trees[place];
  return [
    make("div", {}, badge(run), make("b", {}, tree.task), make("span", { class: "mark" }, many(tree.pairs.length, "preference"))),
    make("div", { class: "quiet" }, `iteration ${tree.iteration} · ${tree.nodes.length} nodes`),
  ];
}

// ---------------------------------------------------------------- filters and search

let tab = "episodes";
const filter = { run: "", iteration: "", outcome: "", only: "", sort: "order", query: "" };
let hits = null; // of the search: a Set of "run/number", or null
let searching = 0; // number of the search that counts

const ONLY = {
  "": ["all episodes", () => true],
  credited: ["learnt from", (run, n) => run.of("low", n) !== null],
  invalid: ["with invalid turns", (run, n) => run.of("invalid", n) > 0],
  calls: ["with tool calls", (run, n) => run.of("calls", n) > 0],
  solved: ["solved", (run, n) => run.of("success", n)],
  failed: ["not solved", (run, n) => !run.of("success", n)],
  surprising: ["solved, of a group mostly not", (run, n) => run.of("success", n) && share(run, n) < 0.5],
};
const SORT = {
  order: ["in order", null],
  ret: ["highest return", (run, n) => -(run.of("ret", n) ?? 0)],
  turns: ["most turns", (run, n) => -run.of("turns", n)],
  high: ["highest credit", (run, n) => -(run.of("high", n) ?? -Infinity)],
  low: ["lowest credit", (run, n) => run.of("low", n) ?? Infinity],
  gap: ["largest gap sampler–trainer", (run, n) => -(run.of("gap", n) ?? -1)],
};

function share(run, number) {
  const own = run.members[run.of("group", number)];
  return mean(own.map((one) => run.of("success", one)));
}

function passes(run, number) {
  return (filter.run === "" || Number(filter.run) === run.place)
    && (filter.iteration === "" || Number(filter.iteration) === run.of("iteration", number))
    && (filter.outcome === "" || run.outcomes[run.of("outcome", number)] === filter.outcome)
    && ONLY[filter.only][1](run, number)
    && (hits === null || hits.has(`${run.place}/${number}`));
}

/** Tell whether a tree is listed: it, one of its actions or one of its episodes is what is looked for. */
function treePasses(run, tree) {
  const nodes = tree.nodes.map(named);
  const asked = hits !== null || filter.outcome !== "" || filter.only !== "";
  return (filter.run === "" || Number(filter.run) === run.place)
    && (filter.iteration === "" || Number(filter.iteration) === tree.iteration)
    && (!asked || nodes.some((node) => node.episode >= 0 && passes(run, node.episode))
      || (filter.query !== "" && nodes.some((node) => node.action.toLowerCase().includes(filter.query))));
}

function passing() {
  const found = [];
  for (const run of data.runs) for (let number = 0; number < run.count; number++) if (passes(run, number)) found.push([run, number]);
  const by = SORT[filter.sort][1];
  if (by) {
    const key = new Map(found.map((one) => [one, by(...one)]));
    found.sort((one, other) => key.get(one) - key.get(other));
  }
  return found;
}

/** Fill the list with what passes the filters. */
function refresh() {
  const found = passing();
  const total = sum(data.runs.map((run) => run.count));
  if (tab === "episodes") {
    setList(found, episodeRow, ([run, number]) => go("e", run.place, number));
    say(`${found.length.toLocaleString("en")} of ${total.toLocaleString("en")} episodes`);
  } else if (tab === "groups") {
    const groups = [...new Map(found.map(([run, number]) => [`${run.place}/${run.of("group", number)}`, [run, run.of("group", number)]])).values()];
    setList(groups, groupRow, ([run, group]) => go("g", run.place, group));
    say(`${groups.length.toLocaleString("en")} groups`);
  } else {
    const trees = data.runs.flatMap((run) => run.trees.map((tree, place) => [run, place]));
    const kept = trees.filter(([run, place]) => treePasses(run, run.trees[place]));
    setList(kept, treeRow, ([run, place]) => go("t", run.place, place));
    say(trees.length ? `${kept.length} of ${trees.length} trees` : "This run grew no trees.");
  }
  $("list").setAttribute("aria-label", tab);
  markRoute();
}

function say(text) {
  $("count").textContent = text;
}

function offer() {
  const set = (key) => (value) => {
    filter[key] = value;
    refresh();
  };
  const iterations = [...new Set(data.runs.flatMap((run) => run.episodes.iteration ?? []))].sort((a, b) => a - b);
  const outcomes = [...new Set(data.runs.flatMap((run) => run.outcomes))];
  const made = [
    chooser([["", "any iteration"], ...iterations.map((n) => [n, `iteration ${n}`])], "", set("iteration"), "Iteration"),
    chooser([["", "any outcome"], ...outcomes.map((name) => [name, name])], "", set("outcome"), "Outcome"),
    chooser(Object.entries(ONLY).map(([key, [text]]) => [key, text]), "", set("only"), "Which episodes"),
    chooser(Object.entries(SORT).map(([key, [text]]) => [key, text]), "order", set("sort"), "Order"),
  ];
  if (data.runs.length > 1) made.unshift(chooser([["", "both runs"], ...data.runs.map((run) => [run.place, `${"AB"[run.place]}: ${run.name}`])], "", set("run"), "Run"));
  $("choices").replaceChildren(...made);
}

/** Search every text, chunk by chunk; the list grows as episodes are found. */
async function search(query) {
  const mine = ++searching;
  filter.query = query.trim().toLowerCase();
  hits = filter.query ? new Set() : null;
  if (!hits) return refresh();
  const jobs = data.runs.flatMap((run) => Array.from({ length: run.chunks }, (_, number) => [run, number]));
  for (let done = 0; done < jobs.length; done++) {
    const [run, number] = jobs[done];
    const texts = await textsOf(run, number);
    if (mine !== searching) return undefined;
    texts.forEach((text, place) => {
      if (text.includes(filter.query)) hits.add(`${run.place}/${number * run.chunk + place}`);
    });
    if (done % 16 === 15) {
      growList(done / jobs.length);
      await new Promise((next) => setTimeout(next));
    }
  }
  refresh();
  return showRoute(); // with what was found marked
}

function growList(share) {
  const top = $("list").scrollTop;
  refresh();
  $("list").scrollTop = top;
  drawList();
  say(`${hits.size.toLocaleString("en")} found, searched ${Math.round(100 * share)} %`);
}

const searched = new Map();

async function textsOf(run, number) {
  const key = `${run.place}/${number}`;
  if (!searched.has(key)) {
    const chunk = await opened(run, number);
    const texts = chunk.told.map((told, place) => {
      const row = number * run.chunk + place;
      const words = told.turns.flatMap((turn) => [turn.observation, turn.text, turn.action, ...turn.calls.map((call) => JSON.stringify(call))]);
      return [run.task(row), run.outcomes[run.of("outcome", row)], told.reason, ...words].join("\n").toLowerCase();
    });
    if (searched.size < 1000) searched.set(key, texts);
    else return texts;
  }
  return searched.get(key);
}

/** Return a text with what was searched for marked. */
function marked(text) {
  if (!filter.query) return [text];
  const low = text.toLowerCase();
  if (low.length !== text.length) return [text];
  const made = [];
  let from = 0;
  for (let at = low.indexOf(filter.query); at >= 0 && made.length < 400; at = low.indexOf(filter.query, from)) {
    made.push(text.slice(from, at), make("mark", {}, text.slice(at, at + filter.query.length)));
    from = at + filter.query.length;
  }
  return [...made, text.slice(from)];
}

// ---------------------------------------------------------------- tooltip

const shown = new Map(); // element that holds an episode's turns -> episode

function ofSpan(span) {
  const holder = span.closest("[data-episode]");
  return [shown.get(holder), Number(span.dataset.token)];
}

function tipRows(episode, token) {
  const rows = [];
  const main = episode.run.main;
  const add = (text, value, inner = false) => rows.push(make("tr", { class: inner ? "inner" : null }, make("th", { scope: "row" }, text), make("td", { class: "n" }, value)));
  if (main && !Number.isNaN(column(main)(episode)[token])) {
    const values = column(main)(episode);
    const parts = terms(values, episode.turns);
    add(meaning(main), signed(values[token]));
    for (const which of ["trajectory", "turn", "token"]) add(`${which} term`, signed(parts[which][token]), true);
    for (const name of episode.run.columns.filter((one) => one.startsWith("part/"))) add(`the algorithm's ${name.slice(5)} term`, signed(episode.columns[name][token]), true);
    if (main === "credit" && episode.columns.push) add(meaning("push"), signed(episode.columns.push[token]));
  } else add(main ? "not learnt from" : "no credit kept", "");
  const behaviour = episode.columns.behaviour[token];
  add(meaning("behaviour"), `${short(behaviour)} (${(100 * Math.exp(behaviour)).toPrecision(3)} %)`);
  if (episode.columns.logp) {
    add(meaning("logp"), short(episode.columns.logp[token]));
    add(meaning("gap"), signed(gap(episode)[token]));
  }
  const rest = episode.run.columns.filter((name) => !["credit", "push", "logp"].includes(name) && !name.startsWith("part/"));
  for (const name of rest) add(meaning(name), short(episode.columns[name][token]));
  return rows;
}

/** Show what is known of a token beside it. */
function showTip(span) {
  const [episode, token] = ofSpan(span);
  const turn = episode.turns.findIndex((one) => token < one.to);
  const id = episode.ids[token];
  const place = `token ${token - episode.turns[turn].from + 1} of ${episode.turns[turn].tokens} in turn ${turn + 1}, id ${id}`;
  const tip = $("tip");
  tip.replaceChildren(make("code", {}, JSON.stringify(episode.run.text(id))), make("div", { class: "quiet" }, place), make("table", {}, make("tbody", {}, tipRows(episode, token))));
  tip.hidden = false;
  const box = span.getBoundingClientRect();
  const own = tip.getBoundingClientRect();
  const below = box.bottom + 6 + own.height < innerHeight;
  tip.style.left = `${Math.max(4, Math.min(box.left, innerWidth - own.width - 8))}px`;
  tip.style.top = `${below ? box.bottom + 6 : Math.max(4, box.top - own.height - 6)}px`;
}

function hideTip() {
  $("tip").hidden = true;
}

/** Move the cursor of a reply by some tokens. */
function stepCursor(reply, by) {
  const spans = reply.getElementsByClassName("t");
  const now = Array.prototype.findIndex.call(spans, (span) => span.classList.contains("cursor"));
  const next = Math.max(0, Math.min(spans.length - 1, now < 0 ? 0 : now + by));
  if (now >= 0) spans[now].classList.remove("cursor");
  if (!spans.length) return;
  spans[next].classList.add("cursor");
  spans[next].scrollIntoView({ block: "nearest" });
  showTip(spans[next]);
}

function replyKeys(event) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (event.key === "Escape") hideTip();
  if (by === undefined) return;
  event.preventDefault();
  stepCursor(event.currentTarget, by * (event.shiftKey ? 10 : 1));
}

// ---------------------------------------------------------------- episodes

const LONG = 700; // characters of an observation shown before the rest is folded away

function facts(pairs) {
  return make("dl", { class: "facts" }, pairs.filter((pair) => pair).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value instanceof Node ? value : short(value)))));
}

function episodeHead(episode) {
  const { run, number } = episode;
  const of = (name) => run.of(name, number);
  const outcome = run.outcomes[of("outcome")] + (episode.reason ? `: ${episode.reason}` : "");
  const main = run.main && mean(known(column(run.main)(episode)));
  return [
    make("h2", {}, badge(run), data.runs.length > 1 ? " " : "", run.task(number)),
    facts([
      ["outcome", make("span", { class: of("success") ? "good" : "bad" }, outcome)],
      ["iteration", of("iteration")], ["sample", of("sample")],
      ["return", of("ret")], ["score", of("score")], ["turns", of("turns")], ["tokens", of("tokens")],
      of("invalid") ? ["invalid turns", of("invalid")] : null,
      of("calls") ? ["tool calls", of("calls")] : null,
      run.main && !Number.isNaN(main) ? [`mean ${run.main}`, signed(main)] : null,
      of("gap") === null ? null : ["largest gap sampler–trainer", of("gap")],
    ]),
  ];
}

function rewardTable(episode) {
  const { run, number } = episode;
  const names = Object.keys(run.rewards).filter((name) => run.rewards[name][number] !== null);
  if (!names.length) return null;
  const rows = names.map((name) => {
    const weight = run.weights[name] ?? 1;
    const value = run.rewards[name][number];
    return [name, value, weight, weight * value];
  });
  return table("Rewards by component", ["component", "sum", "weight", "in the return"], rows);
}

/** Return where the state of a turn was met: by how many turns of the group, this one included. */
async function anchorsOf(run, group) {
  const found = new Map();
  for (const number of run.members[group]) {
    const episode = await episodeOf(run, number);
    episode.turns.forEach((turn, place) => {
      if (!found.has(turn.state)) found.set(turn.state, []);
      found.get(turn.state).push({ episode, place });
    });
  }
  return found;
}

function turnHead(episode, place, anchors) {
  const turn = episode.turns[place];
  const made = [make("h3", {}, `Turn ${place + 1}`)];
  if (!turn.format) made.push(make("span", { class: "bad" }, "not readable"));
  else if (!turn.admissible) made.push(make("span", { class: "bad" }, "not usable"));
  for (const [name, value] of Object.entries(turn.rewards)) if (value) made.push(make("span", { class: value > 0 ? "good" : "bad" }, `${name} ${signed(value)}`));
  const main = episode.run.main;
  const own = main ? mean(known(column(main)(episode).subarray(turn.from, turn.to))) : NaN;
  if (!Number.isNaN(own)) made.push(make("span", { class: "quiet" }, `mean ${main} ${signed(own)}`));
  const same = anchors.get(turn.state)?.length ?? 1;
  if (same > 1) made.push(button(`state met by ${same} turns`, () => go("g", episode.run.place, episode.run.of("group", episode.number), `s${episode.number}.${place}`), { class: "link", title: turn.state }));
  if (turn.versions.length > 1) made.push(make("span", { class: "quiet" }, `weights ${turn.versions.join(", ")}`));
  return make("div", { class: "head" }, made);
}

function tokensOf(episode, turn, place) {
  const values = lens.of(episode);
  const scale = lens.scale(episode.run);
  const spans = [];
  for (let token = turn.from; token < turn.to; token++) {
    const text = episode.run.text(episode.ids[token]);
    const span = make("span", { class: "t", "data-token": token }, text === "" ? "⟨⟩" : text.replace(/\n/g, "⏎\n"));
    paint(span, values[token], scale);
    spans.push(span);
  }
  return make("p", { class: "tokens", tabindex: 0, role: "group", "aria-label": `Reply of turn ${place + 1}, ${turn.tokens} tokens; left and right go from token to token`, onkeydown: replyKeys, onblur: hideTip }, spans);
}

function callsOf(turn) {
  return turn.calls.map((call) => {
    const { name, arguments: given, args, answer, result, ...rest } = call;
    const told = [given ?? args, ...Object.entries(rest).map(([key, value]) => `${key}: ${typeof value === "number" ? short(value) : value}`)].filter((one) => one !== undefined && one !== "");
    const answered = answer ?? result;
    return [make("p", {}, "tool call ", make("code", {}, name ?? "?"), " ", make("code", {}, told.join(" · "))), answered === undefined ? null : make("pre", {}, marked(String(answered)))];
  });
}

function observationOf(text) {
  if (text.length <= LONG) return make("pre", {}, marked(text));
  return folded(`${text.slice(0, 160).trim()} … (${text.length.toLocaleString("en")} characters)`, () => make("pre", {}, marked(text)), filter.query !== "" && text.toLowerCase().includes(filter.query));
}

function turnOf(episode, place, anchors, here) {
  const turn = episode.turns[place];
  const prompt = () => make("pre", {}, Array.from(turn.ids, (id) => episode.run.text(id)).join(""));
  return make("section", { class: place === here ? "turn here" : "turn", "data-turn": place },
    turnHead(episode, place, anchors),
    observationOf(turn.observation),
    turn.tokens ? tokensOf(episode, turn, place) : make("p", { class: "quiet" }, "No token was written."),
    turn.action.trim() === turn.text.trim() ? null : make("p", {}, "→ ", make("code", {}, turn.action || "(nothing)")),
    callsOf(turn),
    turn.prompt ? folded(`${turn.fresh ? "prompt" : "added to the prompt"}, ${turn.prompt.toLocaleString("en")} tokens`, prompt) : null);
}

/** Return a plot of the trainer's log-probabilities over the sampler's. */
function scatter(episode) {
  const trainer = column("logp")(episode);
  const pairs = Array.from(trainer, (value, place) => [episode.columns.behaviour[place], value]).filter((pair) => pair.every(Number.isFinite));
  const low = Math.min(-1, ...pairs.flat());
  const at = (value) => 8 + 184 * (value / low);
  const step = Math.ceil(pairs.length / 1500);
  const dots = pairs.filter((pair, place) => place % step === 0).map(([x, y]) => draw("circle", { class: "dot", cx: 232 - at(x), cy: at(y), r: 2.5 }));
  return make("figure", {}, draw("svg", { viewBox: "0 0 240 220", width: 300, role: "img", "aria-label": `Trainer against sampler, ${pairs.length} tokens, from ${short(low)} to 0 nats` },
    draw("path", { class: "axis", d: "M40 8V192H224M40 192L224 8" }), dots,
    draw("text", { x: 40, y: 208 }, short(low)), draw("text", { x: 224, y: 208, "text-anchor": "end" }, "sampler 0"),
    draw("text", { x: 2, y: 14 }, "trainer"), draw("text", { x: 8, y: 192 }, short(low))),
  make("figcaption", {}, "log-probabilities; on the line both agree"));
}

function moreOf(episode) {
  const metrics = Object.entries(episode.metrics);
  return [
    known(column("logp")(episode)).length ? folded("Trainer against sampler", () => scatter(episode)) : null,
    metrics.length ? folded("Measured by the environment", () => table("", ["measure", "value"], metrics.map(([name, value]) => [name, value]))) : null,
    episode.data ? folded("Task data", () => make("pre", {}, episode.data)) : null,
    episode.final ? folded("Final state", () => make("pre", {}, episode.final)) : null,
  ];
}

function neighbours(run, number) {
  const own = run.members[run.of("group", number)];
  const place = own.indexOf(number);
  return [own[place - 1], own[place + 1]];
}

function pairMarks(run, number) {
  const won = run.pairs.filter((pair) => pair[0] === number).length;
  const lost = run.pairs.filter((pair) => pair[1] === number).length;
  if (!won && !lost) return null;
  return make("p", {}, `Chosen in ${many(won, "preference")}, rejected in ${lost}.`);
}

async function episodePane(run, number, here) {
  const episode = await episodeOf(run, number);
  const group = run.of("group", number);
  const anchors = await anchorsOf(run, group);
  const [before, after] = neighbours(run, number);
  const holder = make("div", { "data-episode": number }, episode.turns.map((_, place) => turnOf(episode, place, anchors, here)));
  shown.set(holder, episode);
  return make("div", { class: "pane" }, episodeHead(episode),
    make("span", { class: "buttons" },
      button("← in the group", () => go("e", run.place, before), { disabled: before === undefined }),
      button("in the group →", () => go("e", run.place, after), { disabled: after === undefined }),
      button(`group of ${run.members[group].length}`, () => go("g", run.place, group))),
    pairMarks(run, number), rewardTable(episode), holder, moreOf(episode));
}

/** Return the episode of the other run to set beside one: the same task, of the nearest iteration. */
function counterpart(run, number) {
  const other = data.runs[1 - run.place];
  const same = other.byTask.get(run.task(number)) ?? [];
  const far = (one) => 1000 * Math.abs(other.of("iteration", one) - run.of("iteration", number)) + Math.abs(other.of("sample", one) - run.of("sample", number));
  return [...same].sort((one, two) => far(one) - far(two))[0];
}

async function besidePane(run, number, beside) {
  const other = data.runs[1 - run.place];
  const chosen = beside ?? counterpart(run, number);
  if (chosen === undefined) return make("div", { class: "pane" }, make("p", { class: "quiet" }, `${"AB"[other.place]}: ${other.name} keeps no episode of this task.`));
  const options = other.byTask.get(other.task(chosen)).map((one) => [one, `iteration ${other.of("iteration", one)}, #${other.of("sample", one)}, return ${short(other.of("ret", one))}`]);
  const pane = await episodePane(other, chosen);
  pane.prepend(chooser(options, chosen, (value) => go("e", run.place, number, `b${value}`), "Episode to compare with"));
  return pane;
}

async function episodeView(run, number, extra) {
  const here = extra.startsWith("t") ? Number(extra.slice(1)) : undefined;
  const panes = [await episodePane(run, number, here)];
  if (data.runs.length > 1) {
    const beside = await besidePane(run, number, extra.startsWith("b") ? Number(extra.slice(1)) : undefined);
    if (run.place === 0) panes.push(beside);
    else panes.unshift(beside);
  }
  return make("div", { class: panes.length > 1 ? "panes two" : "panes" }, panes);
}

// ---------------------------------------------------------------- groups

function memberRow(run, number) {
  const of = (name) => run.of(name, number);
  return [button(`#${of("sample")}`, () => go("e", run.place, number), { class: "link" }), run.outcomes[of("outcome")], of("ret") ?? NaN, of("score") ?? NaN, of("turns"), of("invalid"), of("calls"), of("low") ?? NaN, of("high") ?? NaN];
}

function visitRow({ episode, place }) {
  const turn = episode.turns[place];
  const of = (name) => mean(known(column(name)(episode).subarray(turn.from, turn.to)));
  const parts = episode.run.columns.filter((name) => name.startsWith("part/")).map(of);
  const link = button(`#${episode.run.of("sample", episode.number)}, turn ${place + 1}`, () => go("e", episode.run.place, episode.number, `t${place}`), { class: "link" });
  return [link, make("code", {}, turn.action || "(nothing)"), sum(Object.values(turn.rewards)), episode.run.of("ret", episode.number) ?? NaN, episode.run.main ? of(episode.run.main) : NaN, ...parts];
}

function anchorTable(run, state, visits) {
  const { episode, place } = visits[0];
  const text = episode.turns[place].observation;
  const heads = ["turn", "action", "reward", "return", `mean ${run.main ?? "credit"}`, ...run.columns.filter((name) => name.startsWith("part/")).map(meaning)];
  return make("section", { class: "turn", "data-state": state }, make("div", { class: "head" }, make("h3", {}, `State met by ${visits.length} turns`), make("code", { class: "quiet" }, state)), observationOf(text), table("", heads, visits.map(visitRow)));
}

async function groupView(run, group, extra) {
  const own = run.members[group];
  const anchors = [...await anchorsOf(run, group)].sort((one, two) => two[1].length - one[1].length);
  const shared = anchors.filter(([, visits]) => visits.length > 1);
  const returns = own.map((number) => run.of("ret", number) ?? 0);
  const heads = ["sample", "outcome", "return", "score", "turns", "invalid", "calls", "lowest credit", "highest"];
  const made = make("div", {}, make("h2", {}, badge(run), data.runs.length > 1 ? " " : "", `Group: ${run.task(own[0])}`),
    facts([["iteration", run.of("iteration", own[0])], ["episodes", own.length], ["solved", sum(own.map((number) => run.of("success", number)))],
      ["return", make("span", {}, `${short(mean(returns))} ± ${short(deviation(returns))}`)], ["states", anchors.length], ["met more than once", shared.length]]),
    deviation(returns) ? null : make("p", { class: "quiet" }, "All episodes earned the same: nothing tells them apart in comparisons of the group."),
    table("Episodes", heads, own.map((number) => memberRow(run, number))),
    make("p", { class: "quiet" }, "States as the environment names them; turns taken from one state are what anchors compare."),
    shared.map(([state, visits]) => anchorTable(run, state, visits)));
  if (extra.startsWith("s")) {
    const [number, place] = extra.slice(1).split(".").map(Number);
    const wanted = (await episodeOf(run, number)).turns[place].state;
    const found = [...made.querySelectorAll("[data-state]")].find((one) => one.dataset.state === wanted);
    found?.classList.add("here");
  }
  return made;
}

// ---------------------------------------------------------------- trees

const NODE = ["parent", "episode", "turn", "action", "N", "Q", "V", "r", "prior", "terminal", "outcome", "score", "push", "way"];

const named = (values) => Object.fromEntries(NODE.map((name, at) => [name, values[at]]));

function nodeOf(run, tree, place) {
  const node = named(tree.nodes[place]);
  const chosen = tree.pairs.filter((pair) => pair[0] === place).length;
  const rejected = tree.pairs.filter((pair) => pair[1] === place).length;
  const marks = [chosen ? make("span", { class: "good" }, `✓ chosen${chosen > 1 ? ` ×${chosen}` : ""}`) : null, rejected ? make("span", { class: "bad" }, `✗ rejected${rejected > 1 ? ` ×${rejected}` : ""}`) : null];
  const end = node.terminal ? make("span", { class: "mark" }, `${node.outcome}, score ${short(node.score)}`) : null;
  const open = () => go("e", run.place, node.episode, `t${node.turn}`);
  const link = node.episode < 0 ? make("span", { class: "quiet" }, "in no episode") : button(`turn ${node.turn + 1}`, open, { class: "link" });
  return make("div", { class: `node${chosen ? " chosen" : ""}${rejected ? " rejected" : ""}`, "data-node": place },
    make("div", { class: "head" }, make("span", { class: "quiet" }, `${place}`), make("code", {}, marked(node.action || "(nothing)")), marks, node.way ? make("span", { class: "mark" }, "way") : null, end, link),
    facts([["N", node.N], ["Q", node.Q], ["V", node.V], ["r", node.r], ["prior", node.prior], node.push === null ? null : ["mean push", signed(node.push)]]));
}

/** Return the nodes from one on: what has no alternative follows on, alternatives are lists side by side. */
function branchOf(run, tree, children, place) {
  const made = [];
  let next = [place];
  while (next.length === 1) {
    made.push(make("li", { role: "treeitem" }, nodeOf(run, tree, next[0])));
    next = children.get(next[0]) ?? [];
  }
  for (const one of next) made.push(make("li", { role: "none" }, make("ul", { role: "group" }, branchOf(run, tree, children, one))));
  return made;
}

async function treeView(run, place) {
  const tree = run.trees[place];
  const children = new Map();
  tree.nodes.forEach(([parent], node) => children.set(parent, [...(children.get(parent) ?? []), node]));
  const roots = children.get(-1) ?? [];
  const begun = tree.nodes.map(named).find((node) => node.parent === -1 && node.episode >= 0);
  const first = begun ? (await episodeOf(run, begun.episode)).turns[begun.turn].observation : "";
  const lists = [];
  for (const root of roots) lists.push(make("ul", { class: "tree", role: "tree", "aria-label": "Actions" }, branchOf(run, tree, children, root)));
  const rows = tree.pairs.map(([chosen, rejected, weight, margin]) => [`${chosen} over ${rejected}`, weight, margin, named(tree.nodes[chosen]).Q, named(tree.nodes[rejected]).Q]);
  return make("div", {}, make("h2", {}, `Tree: ${tree.task}`),
    facts([["iteration", tree.iteration], ["nodes", tree.nodes.length], ["preferences", tree.pairs.length]]),
    make("p", { class: "quiet" }, "N: visits of an action. Q: what they came to. V: worth of where it leads. r: reward. Prior: probability of the reply when sampled. Mean push: of its tokens."),
    first ? observationOf(first) : null, rows.length ? table("Preferences (nodes by number)", ["pair", "weight", "margin", "Q chosen", "Q rejected"], rows) : null, lists);
}

// ---------------------------------------------------------------- overview

function byIteration(run) {
  const found = new Map();
  for (let number = 0; number < run.count; number++) {
    const iteration = run.of("iteration", number);
    if (!found.has(iteration)) found.set(iteration, []);
    found.get(iteration).push(number);
  }
  return [...found].sort((one, two) => one[0] - two[0]);
}

const averaged = (run, own, name) => mean(known(own.map((number) => run.of(name, number) ?? NaN)));

function spot([cx, cy], place, [iteration, value]) {
  return draw("circle", { class: `spot of${place}`, cx, cy, r: 3 }, draw("title", {}, `iteration ${iteration}: ${short(value)}`));
}

function curve(title, name) {
  const lines = data.runs.map((run) => byIteration(run).map(([iteration, own]) => [iteration, averaged(run, own, name)]).filter((point) => Number.isFinite(point[1])));
  const points = lines.flat();
  if (!points.length) return null;
  const [right, top, low] = [Math.max(1, ...points.map(([x]) => x)), Math.max(...points.map(([, y]) => y), 1e-9), Math.min(0, ...points.map(([, y]) => y))];
  const at = ([x, y]) => [(48 + (242 * x) / right).toFixed(1), (140 - (128 * (y - low)) / (top - low)).toFixed(1)];
  return make("figure", {}, draw("svg", { viewBox: "0 0 300 164", width: 360, role: "img", "aria-label": `${title} by iteration` },
    draw("path", { class: "axis", d: "M48 8V140H292" }),
    lines.map((line, place) => (line.length ? [draw("path", { class: `line of${place}`, d: `M${line.map(at).join("L")}` }), line.map((point) => spot(at(point), place, point))] : null)),
    draw("text", { x: 44, y: 14, "text-anchor": "end" }, short(top)), draw("text", { x: 44, y: 142, "text-anchor": "end" }, short(low)), draw("text", { x: 292, y: 156, "text-anchor": "end" }, `iteration ${right}`)),
  make("figcaption", {}, title));
}

function runPart(run) {
  const rows = byIteration(run).map(([iteration, own]) => [
    button(`iteration ${iteration}`, () => showIteration(iteration), { class: "link" }), own.length, averaged(run, own, "success"), averaged(run, own, "ret"), averaged(run, own, "turns"), averaged(run, own, "invalid"), averaged(run, own, "calls"),
    Math.min(...own.map((number) => run.of("low", number) ?? Infinity)), Math.max(...own.map((number) => run.of("high", number) ?? -Infinity)), Math.max(...own.map((number) => run.of("gap", number) ?? -Infinity)),
  ].map((cell) => (typeof cell === "number" && !Number.isFinite(cell) ? NaN : cell)));
  const heads = ["", "episodes", "solved", "return", "turns", "invalid", "calls", "lowest credit", "highest", "gap"];
  return [make("h2", {}, badge(run), data.runs.length > 1 ? " " : "", run.title), make("p", { class: "quiet" }, run.name),
    run.notes.map((note) => make("p", {}, note)), table("Stored episodes, means", heads, rows),
    folded("Settings other than the default", () => table("", ["setting", "value", "default"], run.settings))];
}

function showIteration(iteration) {
  filter.iteration = String(iteration);
  $("choices").querySelector("[aria-label=Iteration]").value = filter.iteration;
  showTab("episodes");
}

function differing() {
  const [one, two] = data.runs.map((run) => new Map(run.settings.map(([key, value]) => [key, value])));
  const keys = [...new Set([...one.keys(), ...two.keys()])].filter((key) => one.get(key) !== two.get(key));
  return table("Settings in which the runs differ", ["setting", "A", "B"], keys.map((key) => [key, one.get(key) ?? "default", two.get(key) ?? "default"]));
}

function overview() {
  return make("div", {}, curve("share of stored episodes solved", "success"), curve("mean return of stored episodes", "ret"),
    data.runs.length > 1 ? differing() : null, data.runs.map(runPart));
}

// ---------------------------------------------------------------- routes

let visit = 0;

/** Go to an episode ("e"), group ("g") or tree ("t") of a run. */
function go(...words) {
  if (words.includes(undefined)) return;
  location.hash = words.filter((word) => word !== "").join("/");
}

function route() {
  const [kind, place, number, extra = ""] = location.hash.slice(1).split("/");
  const run = data.runs[Number(place)];
  const known = { e: run?.count, g: run?.groups.length, t: run?.trees.length }[kind];
  return Number(number) < known ? { kind, run, number: Number(number), extra } : null;
}

async function showRoute() {
  const mine = ++visit;
  hideTip();
  const wanted = route();
  let made;
  try {
    if (!wanted) made = overview();
    else if (wanted.kind === "e") made = await episodeView(wanted.run, wanted.number, wanted.extra);
    else if (wanted.kind === "g") made = await groupView(wanted.run, wanted.number, wanted.extra);
    else made = await treeView(wanted.run, wanted.number);
  } catch (why) {
    made = make("p", { class: "bad" }, `This could not be read: ${why.message}`);
  }
  if (mine !== visit) return;
  for (const holder of [...shown.keys()]) if (!made.contains(holder)) shown.delete(holder);
  $("main").replaceChildren(made);
  $("main").scrollTop = 0;
  made.querySelector(".here")?.scrollIntoView({ block: "center" });
  repaint();
  markRoute();
}

/** Mark in the list what is shown. */
function markRoute() {
  const wanted = route();
  const kind = { episodes: "e", groups: "g", trees: "t" }[tab];
  if (wanted && list.chosen >= 0 && list.items[list.chosen][0] === wanted.run && list.items[list.chosen][1] === wanted.number && wanted.kind === kind) return;
  mark(wanted?.kind === kind ? list.items.findIndex(([run, number]) => run === wanted.run && number === wanted.number) : -1);
}

function showTab(name) {
  tab = name;
  for (const one of $("tabs").children) one.setAttribute("aria-selected", one.dataset.tab === name);
  refresh();
}

// ---------------------------------------------------------------- keys

const THEMES = ["light dark", "light", "dark"];

function nextTheme() {
  const now = document.documentElement.style.colorScheme || THEMES[0];
  document.documentElement.style.colorScheme = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
}

function stepInGroup(by) {
  const wanted = route();
  if (wanted?.kind === "e") go("e", wanted.run.place, neighbours(wanted.run, wanted.number)[by < 0 ? 0 : 1]);
}

const KEYS = {
  j: () => choose(list.chosen + 1), k: () => choose(list.chosen - 1),
  "]": () => stepInGroup(1), "[": () => stepInGroup(-1),
  c: () => chooseLens(lenses[(lenses.indexOf(lens) + 1) % lenses.length].key),
  e: () => showTab("episodes"), g: () => showTab("groups"), t: () => showTab("trees"),
  o: () => { location.hash = "overview"; },
  "/": () => $("query").focus(), "?": () => $("help").showModal(),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target.closest("input, select")) {
    if (event.key === "Escape") $("list").focus();
    return;
  }
  if (event.key === "Escape") hideTip();
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
}

function listKeys(event) {
  const page = Math.max(1, Math.floor($("list").clientHeight / HEIGHT) - 1);
  const to = { ArrowDown: list.chosen + 1, ArrowUp: list.chosen - 1, PageDown: list.chosen + page, PageUp: list.chosen - page, Home: 0, End: list.items.length - 1 }[event.key];
  if (event.key === "Enter") $("main").focus();
  if (to === undefined) return;
  event.preventDefault();
  choose(to);
}

// ---------------------------------------------------------------- start

function listen() {
  let waiting;
  $("query").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => search(event.target.value), 200);
  });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("list").addEventListener("scroll", () => requestAnimationFrame(drawList), { passive: true });
  $("list").addEventListener("keydown", listKeys);
  new ResizeObserver(drawList).observe($("list"));
  $("main").addEventListener("mouseover", (event) => (event.target.classList.contains("t") ? showTip(event.target) : hideTip()));
  $("main").addEventListener("scroll", hideTip, { passive: true });
  $("main").addEventListener("mouseleave", hideTip);
  $("lens").addEventListener("change", (event) => chooseLens(event.target.value));
  $("theme").addEventListener("click", nextTheme);
  $("keys").addEventListener("click", () => $("help").showModal());
  document.addEventListener("keydown", pressed);
  window.addEventListener("hashchange", showRoute);
}

let data = null;

async function start() {
  const index = JSON.parse(new TextDecoder().decode(await unpacked(bytesOf($("index").textContent))));
  data = { served: index.served, runs: index.runs.map(readRun) };
  $("title").append(...data.runs.flatMap((run) => [badge(run) ?? "", badge(run) ? " " : "", run.title, data.runs.length > 1 && run.place === 0 ? " against " : ""]));
  findLenses(data.runs);
  $("lens").replaceChildren(...lenses.map((one) => make("option", { value: one.key }, one.text)));
  const tabs = ["episodes", "groups", ...(data.runs.some((run) => run.trees.length) ? ["trees"] : [])];
  $("tabs").replaceChildren(...tabs.map((name) => button(name[0].toUpperCase() + name.slice(1), () => showTab(name), { role: "tab", "data-tab": name, "aria-selected": String(name === tab), "aria-controls": "list" })));
  offer();
  listen();
  refresh();
  await showRoute();
  performance.mark("ready");
  document.body.dataset.ready = "yes";
}

start().catch((why) => $("main").replaceChildren(make("p", { class: "bad" }, `The page could not be read: ${why.message}. A recent browser is needed (2024 or later).`)));
