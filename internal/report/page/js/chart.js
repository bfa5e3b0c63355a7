// The charts: a line that the pointer or the arrow keys move, with the time and the number of leases there.

class Chart {
  constructor(figure, records) {
    this.figure = figure;
    this.course = records.nets[+figure.dataset.net].courses[+figure.dataset.set];
    this.svg = figure.querySelector("svg");
    this.inspector = figure.querySelector(".inspector");
    this.last = this.course.leased.length - 1;
    this.at = null; // index of a point
    this.cursor = svgElement("path", "cursor");
    this.dot = svgElement("path", "dot");
    this.svg.setAttribute("tabindex", "0");
    this.svg.setAttribute("role", "slider");
    this.svg.setAttribute("aria-valuemin", "0");
    this.svg.setAttribute("aria-valuemax", this.last);
    this.value(this.last);
    this.svg.addEventListener("pointermove", (e) => this.point(e));
    this.svg.addEventListener("pointerdown", (e) => this.point(e));
    this.svg.addEventListener("pointerleave", () => { if (document.activeElement !== this.svg) this.leave(); });
    this.svg.addEventListener("keydown", (e) => this.key(e));
    this.svg.addEventListener("focus", () => { if (this.at === null && this.svg.matches(":focus-visible")) this.move(this.last); });
    this.svg.addEventListener("blur", () => this.leave());
  }

  timeOf(i) { return this.course.from + Math.round((this.course.to - this.course.from) * i / this.last); }

  // pointAt returns the last point that is not after a time.
  pointAt(time) {
    let i = this.last;
    while (i > 0 && this.timeOf(i) > time) i--;
    return i;
  }

  // point moves to the point whose number is drawn at the pointer.
  point(e) {
    const box = this.svg.getBoundingClientRect();
    this.move(Math.min(this.last, Math.max(0, Math.floor((e.clientX - box.left) / box.width * this.last))));
  }

  key(e) {
    const leap = Math.ceil(this.last / 10), at = this.at ?? this.last;
    const to = {
      ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - leap, PageUp: at + leap, Home: 0, End: this.last,
    }[e.key];
    if (e.ctrlKey || e.altKey || e.metaKey) return;
    if (to !== undefined) this.move(Math.min(this.last, Math.max(0, to)));
    else if (e.key === "Escape") this.leave();
    else return;
    e.preventDefault();
  }

  move(i) {
    this.at = i;
    this.value(i);
    const { width, height } = this.svg.viewBox.baseVal, x = width * i / this.last;
    this.cursor.setAttribute("d", `M${x} 0v${height}`);
    this.dot.setAttribute("d", `M${x} ${height - this.course.leased[i] * (height - 2) / this.course.top}h0`);
    if (!this.cursor.parentNode) this.svg.append(this.cursor, this.dot);
    this.inspector.textContent = this.describe(i);
    this.inspector.hidden = false;
    const box = this.svg.getBoundingClientRect(), frame = this.figure.getBoundingClientRect(), gap = 12;
    const line = box.left - frame.left + box.width * i / this.last, { offsetWidth } = this.inspector;
    const left = i < this.last / 2 ? line + gap : line - gap - offsetWidth;
    this.inspector.style.left = Math.max(0, Math.min(left, frame.width - offsetWidth)) + "px";
    this.inspector.style.top = box.top - frame.top + gap / 2 + "px";
  }

  leave() {
    this.at = null;
    this.value(this.last);
    this.cursor.remove();
    this.dot.remove();
    this.inspector.hidden = true;
  }

  // place returns where the line is, for the chart of a later page: at a time, or at the end.
  place() {
    const time = this.at === null ? null : this.at === this.last ? Infinity : this.timeOf(this.at);
    return { net: this.figure.dataset.net, set: this.figure.dataset.set, time };
  }

  restore({ time }) {
    this.svg.focus({ preventScroll: true });
    if (time === null) this.leave();
    else this.move(this.pointAt(time));
  }

  // value tells a screen reader.
  value(i) {
    this.svg.setAttribute("aria-valuenow", i);
    this.svg.setAttribute("aria-valuetext", this.describe(i).replace("\n", ", "));
  }

  describe(i) {
    const n = this.course.leased[i], all = this.course.of;
    const number = (n) => n.toLocaleString("en");
    const part = all ? ` of ${number(all)} leased, ${Math.floor(100 * n / all)} %` : " leased";
    return `${formatTime(this.timeOf(i))}\n${number(n)}${part}`;
  }
}
