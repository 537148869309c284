// The answers behind a finding: filters, a list, one item with all its answers. Texts of users only ever become text nodes.
(() => {
  "use strict";
  const $ = (name) => document.getElementById(`answers-${name}`);
  const dialog = document.getElementById("answers");
  if (!dialog) return;
  const WHY = ["worst", "typical", "surprising"], PAGE = 100, MOST = 5000;
  const TEXTS = { question: "Question", choices: "Choices", target: "Right answer", prediction: "Answer" };
  const OF_MODEL = ["prediction", "confidence", "expected_score", "repeat"];
  let source, state = {}, found = { total: 0, rows: [] }, at = -1, asked = 0;

  const el = (tag, props, ...inner) => {
    const made = Object.assign(document.createElement(tag), props);
    made.append(...inner);
    return made;
  };

  // --- where answers come from: packed in this page, or asked of `unseen view` ---

  const unpack = async () => {
    const text = document.getElementById("packed").content.textContent;
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  };

  const packed = (data) => {
    const n = data.rows, ofItem = new Int32Array(n), starts = [];
    for (let i = 0, start = 0; i < data.starts.length; i++) starts.push(start += data.starts[i]);
    for (let i = 0; i < starts.length; i++) ofItem.fill(i, starts[i], i + 1 < starts.length ? starts[i + 1] : n);
    const columns = new Map(data.columns.map((c) => [c.name, c]));
    const code = (c, row) => c.codes[c.by === "item" ? ofItem[row] : row];
    const value = (name, row) => { const c = columns.get(name), k = c ? code(c, row) : -1; return k < 0 ? null : c.levels[k]; };
    const sets = data.sets.map((s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0)));
    const why = new Map(data.findings.map((f) => [f.id, new Map(f.named)]));
    const behind = (f, row) => f.set === null ? why.get(f.id).has(row) : (sets[f.set][row >> 3] >> (row & 7)) & 1;
    const entry = (row, reasons) => ({ "#row": row, "#why": reasons.get(row), ...Object.fromEntries([...columns.keys()].map((name) => [name, value(name, row)])) });
    const middle = data.score.low === null ? null : (data.score.low + data.score.high) / 2;
    const matching = (s) => {
      const chosen = data.findings.filter((f) => s.finding && (f.id === s.finding || `check:${f.code}` === s.finding));
      const tests = [];
      if (chosen.length) tests.push((row) => chosen.some((f) => behind(f, row)));
      for (const [name, wanted] of [["model", s.model], ...Object.entries(s.factors || {})]) if (wanted) {
        const c = columns.get(name), k = c ? c.levels.findIndex((v) => String(v) === wanted) : -2;
        tests.push((row) => code(c, row) === k);
      }
      if (s.right) tests.push((row) => { const v = value("score", row); return v !== null && (v >= middle) === (s.right === "right"); });
      if (s.words) {
        const words = s.words.toLowerCase();
        const hits = [...columns.values()].filter((c) => c.role !== "factor").map((c) => [c, c.levels.map((v) => String(v).toLowerCase().includes(words))]);
        tests.push((row) => hits.some(([c, hit]) => hit[code(c, row)]));
      }
      const rows = [];
      for (let row = 0; row < n; row++) if (tests.every((test) => test(row))) rows.push(row);
      const reasons = new Map(chosen.flatMap((f) => f.named));
      const number = { score: (r) => value("score", r), confidence: (r) => value("confidence", r), surprise: (r) => Math.abs(value("score", r) - value("expected_score", r)) }[(s.sort || "").replace("-", "")];
      if (number) {
        const sign = s.sort.startsWith("-") ? -1 : 1, keys = new Map(rows.map((r) => [r, number(r) ?? Infinity * sign]));
        rows.sort((a, b) => sign * (keys.get(a) - keys.get(b)) || a - b);
      } else if (!s.sort) {
        const rank = new Map([...reasons.keys()].map((r, i) => [r, i]));
        rows.sort((a, b) => (rank.get(a) ?? n) - (rank.get(b) ?? n) || a - b);
      }
      return { rows, reasons };
    };
    return {
      about: { ...data, of: n },
      find: async (s, from, count) => {
        const { rows, reasons } = matching(s);
        const place = s.item ? rows.findIndex((row) => value("item", row) === s.item) : -1;
        const to = place < MOST ? Math.max(from + count, place + count) : from + count;
        return { total: rows.length, place, rows: rows.slice(from, to).map((row) => entry(row, reasons)) };
      },
      item: async (name) => {
        const c = columns.get("item"), k = c.levels.indexOf(name), i = c.by === "item" ? c.codes.indexOf(k) : ofItem[c.codes.indexOf(k)];
        if (k < 0 || i === undefined || i < 0) return [];
        return Array.from({ length: (i + 1 < starts.length ? starts[i + 1] : n) - starts[i] }, (_, j) => entry(starts[i] + j, new Map()));
      },
    };
  };

  const served = async () => {
    const ask = async (path, query) => {
      const answer = await fetch(`${path}?${new URLSearchParams(query)}`, { headers: { "X-Unseen": "1" } });
      if (!answer.ok) throw new Error(await answer.text());
      return answer.json();
    };
    return {
      about: await ask("about", {}),
      find: (s, from, count) => ask("find", { state: JSON.stringify(s), from, count }),
      item: (name) => ask("item", { name }),
    };
  };

  // --- showing ---

  const IMAGE = /^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+/=\s]+$/;
  const block = (text) => {
    if (IMAGE.test(text.trim())) return el("img", { src: text.trim(), alt: "image of the item" });
    const turns = messages(text);
    if (turns) return el("div", {}, ...turns.map((m) => el("div", { className: "turn" }, el("strong", { textContent: String(m.role) }), ...contents(m.content))));
    return el("pre", { dir: "auto", textContent: text, tabIndex: 0 });
  };
  const messages = (text) => {
    if (!/^\s*\[\s*\{/.test(text)) return null;
    try {
      const read = JSON.parse(text);
      return read.every((m) => m && typeof m.role === "string" && "content" in m) ? read : null;
    } catch { return null; }
  };
  const contents = (content) => (Array.isArray(content) ? content : [content]).map((part) => {
    if (part && typeof part === "object") part = part.text ?? part.image_url?.url ?? part.image ?? JSON.stringify(part);
    return IMAGE.test(String(part).trim()) ? block(String(part)) : el("pre", { dir: "auto", textContent: String(part ?? ""), tabIndex: 0 });
  });
  const short = (v) => String(v ?? "").replace(/\s+/g, " ").slice(0, 200);
  const digits = (v) => v === null || v === undefined ? "–" : Number.isInteger(v) ? String(v) : v.toFixed(3).replace(/0+$/, "").replace(/\.$/, "");
  // Answers carry minus a loss where that is what users know.
  const told = (v) => (source.about.score.loss && v !== null && v !== undefined ? -v || 0 : v);
  const word = () => source.about.score.loss ?? "score";
  const mark = (v) => {
    const { graded, low, high } = source.about.score;
    if (v === null || v === undefined) return el("span", { className: "mark", textContent: "?" });
    if (graded) return el("span", { className: "mark", textContent: digits(told(v)) });
    const right = v >= (low + high) / 2;
    return el("span", { className: `mark ${right ? "right" : "wrong"}`, textContent: right ? "✓" : "✗", title: `${word()} ${digits(told(v))}` });
  };

  const row = (answer, i) => {
    const made = el("div", { className: "row", id: `answers-row-${i}` });
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", "false");
    const first = el("b", {});
    if (answer["#why"] !== undefined) first.append(el("i", { className: "why", textContent: WHY[answer["#why"]] }));
    first.append(el("bdi", { textContent: short(answer.question) || answer.item }));
    const said = answer.prediction === null || answer.prediction === undefined ? `${word()} ${digits(told(answer.score))}` : short(answer.prediction);
    const second = el("span", { className: "soft" }, el("bdi", { textContent: said }), " · ", el("bdi", { textContent: answer.model }));
    made.append(mark(answer.score), el("div", {}, first, second));
    made.addEventListener("click", () => { select(i); dialog.classList.add("one"); });
    return made;
  };

  const list = async (more) => {
    const turn = ++asked, from = more ? found.rows.length : 0;
    const got = await source.find(more ? { ...state, item: "" } : state, from, PAGE);
    if (turn !== asked) return;
    found = { total: got.total, rows: more ? [...found.rows, ...got.rows] : got.rows };
    const rows = got.rows.map((answer, i) => row(answer, from + i));
    if (more) $("list").append(...rows); else { $("list").replaceChildren(...rows); at = -1; }
    $("more").hidden = found.rows.length >= found.total;
    const { total, of } = source.about;
    const held = of < total ? `; of ${total.toLocaleString("en")} audited, this page holds ${of.toLocaleString("en")}, drawn by the weight of the findings that blame them (all of them: unseen view LOG, in a terminal)` : "";
    $("count").textContent = `${found.total.toLocaleString("en")} ${found.total === 1 ? "answer" : "answers"} of ${of.toLocaleString("en")}${held}`;
    if (!more) {
      if (state.item && !(got.place in found.rows)) await show(state.item);
      else if (found.rows.length) await select(Math.max(0, got.place));
      else $("one").replaceChildren(el("p", { className: "soft", textContent: "No answer fits these filters." }));
    }
  };

  const select = async (i) => {
    if (i >= found.rows.length && found.rows.length < found.total) await list(true);
    if (i < 0 || i >= found.rows.length) return;
    const rows = $("list").children;
    if (at >= 0) rows[at]?.setAttribute("aria-selected", "false");
    at = i;
    rows[i].setAttribute("aria-selected", "true");
    rows[i].scrollIntoView({ block: "nearest" });
    $("list").setAttribute("aria-activedescendant", rows[i].id);
    await show(found.rows[i].item, found.rows[i].model);
  };

  const show = async (name, model) => {
    state.item = name;
    remember();
    const answers = await source.item(name);
    if (state.item !== name) return;
    const one = $("one"), columns = source.about.columns, back = el("button", { type: "button", className: "back", textContent: "← list" });
    back.addEventListener("click", () => dialog.classList.remove("one"));
    if (!answers.length) return one.replaceChildren(back, el("p", { className: "soft", textContent: `The item ${name} is not among these answers.` }));
    const shared = (c) => answers.every((a) => a[c.name] === answers[0][c.name]);
    const common = columns.filter((c) => c.role !== "key" && !OF_MODEL.includes(c.name) && shared(c) && answers[0][c.name] !== null);
    const chips = common.filter((c) => c.role === "factor" || c.name === "split" || (c.role === "more" && String(answers[0][c.name]).length <= 40));
    const texts = common.filter((c) => !chips.includes(c) && !["variant_of", "parent"].includes(c.name));
    const parts = [back, el("h3", {}, el("bdi", { textContent: name })), el("div", { className: "chips" }, ...chips.map((c) => el("span", {}, el("bdi", { textContent: `${c.name} = ${digitsOr(answers[0][c.name])}` }))))];
    for (const c of columns.filter((c) => ["variant_of", "parent"].includes(c.name) && answers[0][c.name] !== null)) {
      const other = el("button", { type: "button" }, c.name === "parent" ? "part of " : "variant of ", el("bdi", { textContent: answers[0][c.name] }));
      other.addEventListener("click", () => show(answers[0][c.name], model));
      parts.push(el("p", {}, other));
    }
    for (const c of texts) parts.push(el("h4", { textContent: TEXTS[c.name] ?? c.name }), block(digitsOr(answers[0][c.name])));
    parts.push(el("h4", { textContent: `Answers (${answers.length})` }));
    answers.sort((a, b) => (b.model === model) - (a.model === model));
    for (const a of answers) {
      const own = columns.filter((c) => c.role !== "key" && c.name !== "expected_score" && !common.includes(c) && a[c.name] !== null);
      const numbers = [`${word()} ${digits(told(a.score))}`, `expected ${digits(told(a.expected_score))}`, ...own.filter((c) => typeof a[c.name] === "number").map((c) => `${c.name} ${digits(a[c.name])}`)];
      const made = el("div", { className: a.model === model ? "of-model own" : "of-model" }, el("p", {}, mark(a.score), " ", el("bdi", { textContent: a.model }), ` · ${numbers.join(" · ")}`));
      for (const c of own.filter((c) => typeof a[c.name] !== "number")) made.append(...(c.name === "prediction" ? [] : [el("h4", { textContent: TEXTS[c.name] ?? c.name })]), block(String(a[c.name])));
      parts.push(made);
    }
    one.replaceChildren(...parts);
    one.scrollTop = 0;
  };
  const digitsOr = (v) => typeof v === "number" ? digits(v) : String(v);

  // --- filters and links ---

  const options = (select, entries) => select.replaceChildren(...entries.map(([value, text]) => el("option", { value, textContent: text })));
  const build = () => {
    const { findings, columns, score } = source.about, codes = [...new Set(findings.map((f) => f.code))];
    $("finding").replaceChildren(el("option", { value: "", textContent: "all answers" }), ...codes.map((code) => {
      const own = findings.filter((f) => f.code === code);
      const any = own.length > 1 ? [el("option", { value: `check:${code}`, textContent: `${code} any of ${own.length}` })] : [];
      return el("optgroup", { label: `${code} ${own[0].title}` }, ...any, ...own.map((f) => el("option", { value: f.id, textContent: `${code} ${short(f.name)}` })));
    }));
    const levels = (name) => columns.find((c) => c.name === name)?.levels ?? [];
    options($("model"), [["", "all models"], ...levels("model").map((m) => [m, m])]);
    $("right").hidden = Boolean(score.graded);
    if (score.loss) [["score", "highest"], ["-score", "lowest"]].forEach(([order, which]) => { $("sort").querySelector(`[value="${order}"]`).textContent = `${which} ${score.loss}`; });
    const asked = columns.filter((c) => (c.role === "factor" || c.name === "split") && c.levels.length > 1 && c.levels.length <= 60);
    $("factors").hidden = !asked.length;
    $("factors").lastElementChild.replaceChildren(...asked.map((c) => {
      const choice = el("select", { name: c.name });
      options(choice, [["", "any"], ...c.levels.map((v) => [String(v), digitsOr(v)])]);
      choice.addEventListener("change", () => { state.factors = { ...state.factors, [c.name]: choice.value }; refresh(); });
      return el("label", {}, c.name, choice);
    }));
  };
  const fill = () => {
    for (const name of ["words", "finding", "model", "right", "sort"]) $(name).value = state[name] ?? "";
    for (const choice of $("factors").querySelectorAll("select")) choice.value = state.factors?.[choice.name] ?? "";
    if (Object.values(state.factors ?? {}).some(Boolean)) $("factors").open = true;
    const f = source.about.findings.find((f) => f.id === state.finding);
    $("title").textContent = f ? `${f.code} ${f.name}` : state.finding?.startsWith("check:") ? `Answers behind ${state.finding.slice(6)}` : "All answers";
    $("about").textContent = f ? f.statement : "";
  };
  const refresh = () => { state.item = ""; fill(); dialog.classList.remove("one"); return list(false); };
  const link = () => {
    const words = new URLSearchParams({ finding: state.finding ?? "" });
    for (const name of ["item", "model", "right", "sort", "words"]) if (state[name]) words.set(name, state[name]);
    for (const [name, level] of Object.entries(state.factors ?? {})) if (level) words.set(`factor.${name}`, level);
    return `#${words}`;
  };
  // A frame without an address of its own (a notebook's) refuses this.
  const remember = (to = link()) => { try { history.replaceState(null, "", to); } catch { /* the drawer works without */ } };
  const open = async (hash) => {
    const words = new URLSearchParams(hash.slice(1));
    source ??= document.getElementById("packed") ? packed(await unpack()) : await served();
    if (!$("finding").options.length) build();
    state = { factors: {} };
    for (const [name, value] of words) if (name.startsWith("factor.")) state.factors[name.slice(7)] = value; else state[name] = value;
    if (!dialog.open) dialog.showModal();
    dialog.classList.toggle("one", Boolean(state.item));
    fill();
    await list(false);
    $("list").focus({ preventScroll: true });
  };
  const follow = () => { if (/^#finding=/.test(location.hash)) open(location.hash); };

  const cell = (v) => { const text = String(v ?? "").replace(/[\t\r\n]+/g, " "); return /^[=+@]|^-(?!\d)/.test(text) ? `'${text}` : text; };
  const copy = async () => {
    const { rows } = await source.find(state, 0, MOST), names = source.about.columns.map((c) => c.name);
    const text = [["why", ...names], ...rows.map((r) => [r["#why"] === undefined ? "" : WHY[r["#why"]], ...names.map((n) => r[n])])].map((r) => r.map(cell).join("\t")).join("\n");
    try { await navigator.clipboard.writeText(text); } catch {
      const box = el("textarea", { value: text });
      dialog.append(box); box.select(); document.execCommand("copy"); box.remove();
    }
    $("copy").textContent = `Copied ${rows.length.toLocaleString("en")} rows`;
    setTimeout(() => { $("copy").textContent = "Copy as table"; }, 2000);
  };

  let waiting;
  $("words").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => { state.words = $("words").value; refresh(); }, 150); });
  for (const name of ["finding", "model", "right", "sort"]) $(name).addEventListener("change", () => { state[name] = $(name).value; refresh(); });
  $("more").addEventListener("click", () => list(true));
  $("copy").addEventListener("click", copy);
  $("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => remember(location.href.replace(/#.*$/, "") || "#top"));
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (event.key === "/" && !typing) { event.preventDefault(); $("words").focus(); }
    else if (event.key === "Escape" && event.target === $("words")) { event.preventDefault(); $("list").focus(); }
    else if (event.key === "Enter" && event.target === $("list")) dialog.classList.add("one");
    else if (step && !typing && (event.target === $("list") || event.key.length === 1)) { event.preventDefault(); select(at + step); }
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("a[href^='#finding=']");
    if (opener) { event.preventDefault(); open(opener.getAttribute("href")); }
  });
  // An old browser, or a server that has ended: said where the answers would stand.
  addEventListener("unhandledrejection", (event) => { $("count").textContent = `The answers can't be read here (${event.reason}).`; });
  addEventListener("hashchange", follow);
  follow();
})();
