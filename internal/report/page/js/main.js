let records = readRecords(document);
let maps = [], charts = [];
const query = document.getElementById("query"), results = document.getElementById("results");

const showTimes = () => {
  const today = formatTime(records.at).slice(0, 10);
  for (const t of document.querySelectorAll("time")) {
    const text = formatTime(Date.parse(t.dateTime) / 1000);
    t.textContent = t.closest(".columns") && text.startsWith(today) ? text.slice(11) : text;
    t.title = text;
  }
};

const go = (l) => {
  const a = parseAddress(l.addr);
  const map = maps.find((m) => m.net === l.net && m.map.six === a.six && m.cellOf(a.n));
  if (map) map.go(a.n);
};

// answerOf says in a sentence what a search has found.
const answerOf = (q, found) => {
  const what = q.address?.text ?? "", then = q.moment ? ` at ${formatTime(q.moment.from)}` : "";
  if (found.length === 1) {
    const l = found[0], held = l.until === null && !l.ended, since = l.since === null ? "" : formatTime(l.since);
    const times = held ? (since ? `, since ${since}` : ", now") : `, ${since ? `from ${since} ` : ""}until ${l.until === null ? "a time that is not known" : formatTime(l.until)}; ${l.ended}`;
    return `${l.addr}${then}: ${holder(l)}${times}`;
  }
  if (found.length > 1) return `${what || "Found"}${then}: ${found.length} ${found.length === 1 ? "lease" : "leases"}`;
  return what ? `${what}${then}: no lease is known` : `No lease is known that matches${then}`;
};

// limits says why something may be missing from the answer.
const limits = (q, found) => {
  const places = q.address ? where(records, q.address) : records.nets.map((net) => ({ net }));
  const texts = [];
  if (q.moment?.again) texts.push(`Clocks were put back, so that time was twice: the second time ${q.moment.again / 60} minutes later.`);
  if (q.address && places.length === 0) texts.push(`${q.address.text} is in no range of these networks.`);
  for (const { net, map } of places) {
    if (!net.listed) texts.push(`${net.name}: its leases are not listed in this page.`);
    if (map && net.listed && found.length === 0 && !q.moment && q.words.length === 0) {
      const m = maps.find((m) => m.map === map), cell = m?.cellOf(q.address.n);
      texts.push(cell ? m.describe(...cell).replaceAll("\n", "; ") : `${net.name}: ${q.address.text} is free.`);
    }
    if (q.moment && !net.history && found.length === 0) texts.push(`${net.name} keeps no history.`);
    else if (q.moment && net.reaches > q.moment.from && !(q.address && found.length > 0)) texts.push(`${net.name}: what ended before ${formatTime(net.reaches)} is not in this page${net.why ? `: ${net.why}` : ""}.`);
    else if (q.moment && q.moment.from > records.at) texts.push("That time is after this page was made.");
  }
  if (q.address && q.moment && found.length === 0) {
    const { before, after } = around(records, q);
    if (after) texts.unshift(`After that: ${holder(after)}, from ${formatTime(after.since)}`);
    if (before) texts.unshift(`Before that: ${holder(before)}, until ${formatTime(before.until)}`);
  }
  return [...new Set(texts)].slice(0, 10);
};

const search = () => {
  const text = query.value.trim();
  results.hidden = text === "";
  const q = parseQuery(text, records.at);
  const found = text === "" || (!q.address && q.words.length === 0 && !q.moment) ? [] : find(records, q);
  for (const m of maps) {
    m.mark(text === "" ? [] : found.filter((l) => l.net === m.net).map((l) => parseAddress(l.addr)).filter((a) => a.six === m.map.six).map((a) => a.n));
  }
  if (text === "") return;
  results.replaceChildren(element("p", answerOf(q, found), "answer"));
  for (const line of commands(q, found)) {
    const run = element("p", "In a shell on the host: ");
    run.append(element("code", line));
    results.append(run);
  }
  for (const limit of limits(q, found)) results.append(element("p", limit, "lack"));
  if (found.length > 0) {
    const scroll = element("div", undefined, "scroll");
    scroll.append(leaseTable(found.slice(0, maxResults), records, go));
    results.append(scroll);
  }
  if (found.length > maxResults) results.append(element("p", `and ${found.length - maxResults} more`));
};

const begin = () => {
  maps = [...document.querySelectorAll(".map")].map((figure) => new AddressMap(figure, records));
  charts = [...document.querySelectorAll(".chart")].map((figure) => new Chart(figure, records));
  showTimes();
  search();
};

// show replaces what the page shows by what another document has, and keeps the place of the reader.
const show = (doc) => {
  const focused = maps.find((m) => m.svg === document.activeElement);
  const place = focused?.at && [focused.figure.dataset.net, focused.figure.dataset.map, ...focused.at];
  const then = charts.find((c) => c.svg === document.activeElement)?.place();
  const open = [...document.querySelectorAll("main details")].map((d) => d.open);
  records = readRecords(doc);
  document.querySelector("main").replaceWith(document.adoptNode(doc.querySelector("main")));
  document.getElementById("made").replaceWith(document.adoptNode(doc.getElementById("made")));
  document.querySelectorAll("main details").forEach((d, i) => { d.open = open[i] ?? false; });
  begin();
  const again = place && maps.find((m) => m.figure.dataset.net === place[0] && m.figure.dataset.map === place[1]);
  if (again?.isCell(place[2], place[3])) {
    again.svg.focus({ preventScroll: true });
    again.move(place[2], place[3]);
  }
  if (then) charts.find((c) => c.figure.dataset.net === then.net && c.figure.dataset.set === then.set)?.restore(then);
};

document.getElementById("search").hidden = false;
document.getElementById("search").addEventListener("submit", (e) => e.preventDefault());
query.addEventListener("input", search);
const zone = document.getElementById("zone");
zone.hidden = false;
zone.querySelector("select").addEventListener("change", (e) => {
  utc = e.target.value === "utc";
  showTimes();
  search();
  for (const c of charts) c.leave();
});
document.addEventListener("keydown", (e) => {
  if (e.key === "/" && document.activeElement !== query && !e.ctrlKey && !e.metaKey && !e.altKey) {
    e.preventDefault();
    query.focus();
    query.select();
  } else if (e.key === "Escape" && document.activeElement === query) {
    query.value = "";
    search();
  }
});
begin();
if (records.live) follow(show);
document.documentElement.dataset.ready = "true";
