// What the page knows of leases, from its block of JSON.

// unpack turns columns into objects.
const unpack = (net, columns, at) => {
  if (!columns) return [];
  const earlier = new Set(columns.b ?? []);
  let prefix = "";
  return columns.a.map((short, i) => {
    const cut = Math.max(short.lastIndexOf("."), short.lastIndexOf(":")) + 1;
    if (cut > 0) prefix = short.slice(0, cut);
    const since = columns.s[i] < 0 ? null : at - columns.s[i];
    const lease = {
      net, since, addr: cut > 0 ? short : prefix + short, container: columns.c[i], pod: columns.p?.[i] ?? "",
      ifName: columns.i.length === 1 ? columns.i[0] : columns.i[i], earlier: earlier.has(i), until: null, ended: "",
    };
    if (columns.u) {
      lease.until = columns.u[i] < 0 ? null : at - columns.u[i];
      lease.ended = columns.e[i];
    }
    return lease;
  });
};

const byAddress = (leases) => {
  const all = new Map();
  for (const l of leases) {
    const some = all.get(l.addr);
    if (some) some.push(l);
    else all.set(l.addr, [l]);
  }
  return all;
};

// readRecords returns the records of a document, prepared for looking up.
const readRecords = (doc) => {
  const r = JSON.parse(doc.getElementById("records").textContent);
  for (const net of r.nets) {
    net.leases = unpack(net, net.leases, r.at);
    net.ended = unpack(net, net.ended, r.at);
    net.held = new Map(net.leases.map((l) => [l.addr, l]));
    net.past = byAddress(net.ended);
    for (const map of net.maps ?? []) {
      map.first = parseAddress(map.first).n;
      map.last = parseAddress(map.last).n;
      for (const row of map.rows) {
        row.first = parseAddress(row.f).n;
        if (row.l) row.last = parseAddress(row.l).n;
        row.cells = [];
        for (let i = 0; i < (row.c?.length ?? 0); i += 2) {
          for (let n = 0; n < row.c[i]; n++) row.cells.push(row.c[i + 1]);
        }
      }
    }
  }
  return r;
};

// holder names the holder of a lease in one line.
const holder = (l) => {
  if (l.container === "") return l.ended ? "(forgotten)" : "(torn: the owner is unknown)";
  const container = l.ifName ? `${l.container} (${l.ifName})` : l.container;
  return l.pod ? `${l.pod}, container ${container}` : `container ${container}`;
};
