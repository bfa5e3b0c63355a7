// Addresses are numbers, as BigInt, beside whether they are of IPv6.

const four = (text) => {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && +p < 256)) return null;
  return parts.reduce((n, p) => n * 256n + BigInt(p), 0n);
};

const six = (text) => {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const groups = (half) => (half === "" ? [] : half.split(":"));
  const head = groups(halves[0]), tail = halves.length === 2 ? groups(halves[1]) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const all = [...head, ...Array(missing).fill("0"), ...tail];
  if (!all.every((g) => /^[0-9a-f]{1,4}$/i.test(g))) return null;
  return all.reduce((n, g) => n * 65536n + BigInt("0x" + g), 0n);
};

// parseAddress returns the number and the family, or null. An IPv4-mapped address is an IPv4 address.
const parseAddress = (text) => {
  const mapped = /^::ffff:([\d.]+)$/i.exec(text);
  const n = four(mapped ? mapped[1] : text);
  if (n !== null) return { n, six: false };
  const m = text.includes(":") ? six(text) : null;
  return m === null ? null : { n: m, six: true };
};

// formatAddress writes an address as RFC 5952 says.
const formatAddress = (n, isSix) => {
  if (!isSix) return [24n, 16n, 8n, 0n].map((s) => (n >> s) & 255n).join(".");
  const groups = [];
  for (let s = 112n; s >= 0n; s -= 16n) groups.push(((n >> s) & 65535n).toString(16));
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === "0") end++;
    if (end - i > best.length) best = { at: i, length: end - i };
  }
  if (best.at < 0) return groups.join(":");
  return groups.slice(0, best.at).join(":") + "::" + groups.slice(best.at + best.length).join(":");
};
