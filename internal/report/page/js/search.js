// Search: an address, words, and a time.

const maxResults = 100;

// parseQuery splits a query into what selects leases. The line of an alert is a query, too: with an
// address, the words around it do not count.
const parseQuery = (text, now) => {
  const { rest, moment } = takeTime(text, now);
  const words = rest.toLowerCase().split(/[\s,;=()"']+/).filter((w) => w !== "" && w !== "at" && w !== "@" && w !== "utc" && w !== "yesterday");
  for (const w of words) {
    const bare = w.replace(/[.:?]+$/, "").replace(/^\[([^\]]*)\](:\d+)?$/, "$1").replace(/^([\d.]+):\d+$/, "$1").replace(/\/\d+$/, "");
    const a = parseAddress(bare);
    if (a) return { moment, address: { ...a, text: formatAddress(a.n, a.six) }, words: [] };
  }
  return { moment, address: null, words };
};

// hasWord reports whether a word is part of the pod or address, or of the container ID, which the page
// has only the beginning of.
const hasWord = (l, w) => {
  const id = l.container.toLowerCase();
  return l.pod.toLowerCase().includes(w) || l.addr.startsWith(w) || (id !== "" && (id.includes(w) || (id.length >= 13 && w.startsWith(id)))) || l.net.name.toLowerCase() === w;
};

const heldAt = (l, moment) => {
  if (!moment) return true;
  if (l.ended !== "" && l.until === null) return false;
  const during = (from, until) => (l.since === null || l.since < until) && (l.until === null || l.until >= from);
  return during(moment.from, moment.until) || (moment.again > 0 && during(moment.from + moment.again, moment.until + moment.again));
};

const selects = (q, l) => (!q.address || l.addr === q.address.text) && q.words.every((w) => hasWord(l, w)) && heldAt(l, q.moment);

// find returns the leases that a query selects: those that are held, and then the others, the latest
// first.
const find = (records, q) => {
  const all = [];
  for (const net of records.nets) all.push(...net.leases.filter((l) => selects(q, l)));
  const ended = [];
  for (const net of records.nets) ended.push(...net.ended.filter((l) => selects(q, l)));
  ended.sort((a, b) => (b.until ?? 0) - (a.until ?? 0));
  return all.concat(ended);
};

// around returns the leases of an address that ended last before a moment, and began first after it.
const around = (records, q) => {
  let before = null, after = null;
  for (const net of records.nets) {
    for (const l of [...net.leases, ...net.ended]) {
      if (l.addr !== q.address.text) continue;
      if (l.until !== null && l.until <= q.moment.from && (before === null || l.until > before.until)) before = l;
      if (l.since !== null && l.since >= q.moment.until && (after === null || l.since < after.since)) after = l;
    }
  }
  return { before, after };
};

// where says what an address is that has no lease.
const where = (records, address) => {
  const places = [];
  for (const net of records.nets) {
    for (const map of net.maps ?? []) {
      if (map.six === address.six && map.first <= address.n && address.n <= map.last) places.push({ net, map });
    }
  }
  return places;
};

// commands returns what to run for the same question: two lines for a time that was twice, and none if several
// pods or containers are found.
const commands = (q, found) => {
  if (!q.moment) return [command(q, found, "")].filter(Boolean);
  const times = q.moment.again > 0 ? [q.moment.from, q.moment.from + q.moment.again] : [q.moment.from];
  return times.map((at) => command(q, found, " --at " + new Date(at * 1000).toISOString().replace(".000", ""))).filter(Boolean);
};

const command = (q, found, at) => {
  const quoted = (w) => (/^[\w.:/-]+$/.test(w) ? w : "'" + w.replaceAll("'", String.raw`'\''`) + "'");
  if (q.address) return (at || !found.some((l) => l.ended) ? "leasehold who " : "leasehold history --address ") + q.address.text + at;
  const same = (key) => found.length > 0 && found[0][key] !== "" && found.every((l) => l[key] === found[0][key]);
  if (same("pod") && found[0].pod.includes("/")) return "leasehold history --pod " + quoted(found[0].pod) + at;
  return same("container") ? "leasehold history --container " + quoted(found[0].container) + at : "";
};
