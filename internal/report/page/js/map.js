// The maps: a cursor that the pointer or the arrow keys move, and what is at the cursor.

const svgElement = (name, className) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  e.setAttribute("class", className);
  return e;
};

const element = (name, text, className) => {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
};

// leaseTable returns a table of leases.
const leaseTable = (leases, records, go) => {
  const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const h of ["Address", "Pod", "Container", "Since", "Until", "Ended by", "Network"]) head.append(element("th", h));
  for (const l of leases) {
    const row = body.insertRow();
    const addr = row.insertCell();
    addr.className = "addr";
    if (go) {
      const button = element("button", l.addr, "go");
      button.type = "button";
      button.title = "show on the map";
      button.addEventListener("click", () => go(l));
      addr.append(button);
    } else {
      addr.textContent = l.addr;
    }
    const pod = row.insertCell(), id = row.insertCell();
    pod.className = "name";
    id.className = "id";
    pod.textContent = pod.title = l.pod || "–";
    id.textContent = id.title = l.container || (l.ended ? "(forgotten)" : "(torn)");
    row.insertCell().textContent = l.since === null ? "–" : formatTime(l.since);
    row.insertCell().textContent = l.until !== null ? formatTime(l.until) : l.ended ? "–" : l.since === null ? "now" : `now, after ${formatAge(records.at - l.since)}`;
    row.insertCell().textContent = l.ended || (l.earlier ? "earlier boot" : "–");
    row.insertCell().textContent = l.net.name;
  }
  return table;
};

class AddressMap {
  constructor(figure, records) {
    this.figure = figure;
    this.records = records;
    this.net = records.nets[+figure.dataset.net];
    this.map = this.net.maps[+figure.dataset.map];
    this.svg = figure.querySelector(".cells");
    this.inspector = figure.querySelector(".inspector");
    this.chosen = figure.querySelector(".chosen");
    this.rows = this.map.rows.filter((r) => r.cells.length > 0);
    this.at = null; // [index of a row, index of a cell]
    const cells = this.svg.querySelector("g");
    this.found = svgElement("path", "found");
    this.cursor = svgElement("rect", "cursor");
    this.cursor.setAttribute("width", 1);
    this.cursor.setAttribute("height", 1);
    cells.append(this.found);
    this.svg.setAttribute("tabindex", "0");
    this.svg.setAttribute("role", "application");
    this.svg.setAttribute("aria-roledescription", "address map");
    this.svg.setAttribute("aria-label", this.svg.getAttribute("aria-label") + "; arrow keys move over the addresses, Enter shows who held one");
    this.svg.addEventListener("pointermove", (e) => this.point(e));
    this.svg.addEventListener("pointerleave", () => { if (document.activeElement !== this.svg) this.leave(); });
    this.svg.addEventListener("click", (e) => { if (this.point(e)) this.choose(); });
    this.svg.addEventListener("keydown", (e) => this.key(e));
    this.svg.addEventListener("focus", () => { if (!this.at && this.svg.matches(":focus-visible")) this.move(0, this.firstCell(0)); });
    this.svg.addEventListener("blur", () => this.leave());
  }

  isCell(row, cell) { const c = this.rows[row]?.cells[cell]; return c !== undefined && c !== -1; }

  firstCell(row) { return this.rows[row].cells.findIndex((c) => c !== -1); }

  lastCell(row) { return this.rows[row].cells.findLastIndex((c) => c !== -1); }

  // span returns the first and the last address of a cell, without what is outside the range.
  span(row, cell) {
    const shift = BigInt(this.map.shift), first = this.rows[row].first + (BigInt(cell) << shift), last = first + (1n << shift) - 1n;
    return [first < this.map.first ? this.map.first : first, last > this.map.last ? this.map.last : last];
  }

  point(e) {
    const box = this.svg.getBoundingClientRect(), scale = box.width / this.svg.viewBox.baseVal.width;
    const x = Math.floor(((e.clientX - box.left) / scale - this.map.left) / this.map.side);
    const y = Math.floor((e.clientY - box.top) / scale / this.map.side);
    const row = this.rows.findIndex((r) => r.y === y);
    if (row < 0 || !this.isCell(row, x)) {
      if (document.activeElement !== this.svg) this.leave();
      return false;
    }
    this.move(row, x);
    return true;
  }

  key(e) {
    const [row, cell] = this.at ?? [0, this.firstCell(0)], width = this.rows[row].cells.length;
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], PageUp: [-8, 0], PageDown: [8, 0] }[e.key];
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    if (step) {
      let r = Math.min(Math.max(row + step[0], 0), this.rows.length - 1), c = cell + step[1];
      if (c < 0 && r > 0) [r, c] = [r - 1, width - 1];
      if (c >= width && r < this.rows.length - 1) [r, c] = [r + 1, 0];
      if (!this.isCell(r, c) && step[0] !== 0) c = c < this.firstCell(r) ? this.firstCell(r) : this.lastCell(r);
      if (this.isCell(r, c)) this.move(r, c);
    } else if (e.key === "Home") {
      this.move(row, this.firstCell(row));
    } else if (e.key === "End") {
      this.move(row, this.lastCell(row));
    } else if (e.key === "Enter" || e.key === " ") {
      this.choose();
    } else if (e.key === "Escape") {
      this.chosen.hidden = true;
      this.leave();
    } else {
      return;
    }
    e.preventDefault();
  }

  // move shows what is in a cell, beside it.
  move(row, cell) {
    this.at = [row, cell];
    const r = this.rows[row];
    this.cursor.setAttribute("x", cell);
    this.cursor.setAttribute("y", r.y);
    if (!this.cursor.parentNode) this.found.after(this.cursor);
    this.inspector.textContent = this.describe(row, cell);
    this.inspector.hidden = false;
    const box = this.svg.getBoundingClientRect(), frame = this.figure.getBoundingClientRect(), scale = box.width / this.svg.viewBox.baseVal.width;
    const x = box.left - frame.left + (this.map.left + (cell + 1) * this.map.side) * scale;
    const y = box.top - frame.top + (r.y + 1) * this.map.side * scale + 6;
    this.inspector.style.left = Math.max(0, Math.min(x, frame.width - this.inspector.offsetWidth)) + "px";
    this.inspector.style.top = y + "px";
  }

  leave() {
    this.at = null;
    this.cursor.remove();
    this.inspector.hidden = true;
  }

  describe(row, cell) {
    const [first, last] = this.span(row, cell), look = this.rows[row].cells[cell];
    const name = (n) => formatAddress(n, this.map.six);
    if (typeof look !== "number" && first !== last) return `${name(first)} – ${name(last)}\n` + counts(look);
    const addr = name(first), l = this.net.held.get(addr), past = this.net.past.get(addr) ?? [];
    const what = this.records.looks[typeof look === "number" ? look : look[0]];
    let text = `${addr}: ${what}`;
    if (l) text += `\n${holder(l)}` + (l.since === null ? "" : `\nsince ${formatTime(l.since)}, for ${formatAge(this.records.at - l.since)}`);
    if (past.length > 0 && past[0].until !== null) text += `\n${l ? "before: " : "last: "}${holder(past[0])}, until ${formatTime(past[0].until)}`;
    return text;
  }

  // choose lists who holds and held the addresses of the cell, below the map.
  choose() {
    if (!this.at) return;
    const [first, last] = this.span(...this.at), name = (n) => formatAddress(n, this.map.six);
    const within = (l) => {
      const a = parseAddress(l.addr);
      return a.six === this.map.six && first <= a.n && a.n <= last;
    };
    const leases = first === last
      ? [this.net.held.get(name(first))].filter(Boolean).concat(this.net.past.get(name(first)) ?? [])
      : this.net.leases.filter(within).concat(this.net.ended.filter(within));
    const title = element("p", undefined, "answer");
    title.append(element("b", first === last ? name(first) : `${name(first)} – ${name(last)}`));
    this.chosen.replaceChildren(title);
    if (leases.length === 0) this.chosen.append(element("p", this.describe(...this.at).split("\n").slice(first === last ? 0 : 1).join("; ")));
    else {
      const scroll = element("div", undefined, "scroll");
      scroll.append(leaseTable(leases.slice(0, maxResults), this.records));
      this.chosen.append(scroll);
    }
    if (leases.length > maxResults) this.chosen.append(element("p", `and ${leases.length - maxResults} more`));
    if (first === last) {
      const run = element("p", "In a shell: ");
      run.append(element("code", `leasehold history ${this.net.name} --address ${name(first)}`));
      this.chosen.append(run);
    }
    this.chosen.hidden = false;
  }

  // cellOf returns the place of an address, or null if the map skips it.
  cellOf(n) {
    const size = (r) => BigInt(r.cells.length) << BigInt(this.map.shift);
    const row = this.rows.findIndex((r) => r.first <= n && n < r.first + size(r));
    return row < 0 || n < this.map.first || n > this.map.last ? null : [row, Number((n - this.rows[row].first) >> BigInt(this.map.shift))];
  }

  // mark frames the cells of some addresses.
  mark(numbers) {
    const places = numbers.map((n) => this.cellOf(n)).filter(Boolean);
    this.found.setAttribute("d", places.map(([row, cell]) => `M${cell} ${this.rows[row].y}h1v1h-1z`).join(""));
    return places;
  }

  go(n) {
    const place = this.cellOf(n);
    if (!place) return;
    this.svg.scrollIntoView({ block: "center" });
    this.svg.focus({ preventScroll: true });
    this.move(...place);
    this.choose();
  }
}

const counts = ([, free, leased, earlier, torn, cooling, elsewhere, withheld]) => {
  const parts = [[leased, "leased"], [earlier, "leased in an earlier boot"], [torn, "torn"], [cooling, "cooling"], [free, "free"],
    [elsewhere, "not held by this host"], [withheld, "withheld"]];
  return parts.filter(([n]) => n > 0).map(([n, what]) => `${n.toLocaleString("en")} ${what}`).join(", ");
};
