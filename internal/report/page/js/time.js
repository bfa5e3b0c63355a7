// Times are Unix seconds.

let utc = false;

const two = (n) => String(n).padStart(2, "0");

// formatTime writes a time in the zone that the reader has chosen.
const formatTime = (at) => {
  const d = new Date(at * 1000);
  const get = (unit) => (utc ? d["getUTC" + unit]() : d["get" + unit]());
  const text = `${get("FullYear")}-${two(get("Month") + 1)}-${two(get("Date"))} ${two(get("Hours"))}:${two(get("Minutes"))}:${two(get("Seconds"))}`;
  return utc ? text + " UTC" : text;
};

const formatAge = (seconds) => {
  const day = Math.floor(seconds / 86400), hour = Math.floor(seconds / 3600), minute = Math.floor(seconds / 60);
  if (seconds < 60) return `${seconds}s`;
  if (hour < 1) return `${minute}m${seconds % 60}s`;
  if (day < 1) return `${hour}h${minute % 60}m`;
  return `${day}d${hour % 24}h`;
};

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

// putBack returns how much later the local time of a moment is once more, because clocks are put back: 0 if it
// is not. Of the two, scripts get the first.
const putBack = (at) => {
  const near = 3 * 3600; // Clocks are changed by at most so much.
  const zone = (at) => new Date(at * 1000).getTimezoneOffset();
  const back = (zone(at + near) - zone(at - near)) * 60;
  const clock = (at) => new Date(at * 1000).toString().slice(0, 24); // without the zone
  return back > 0 && clock(at) === clock(at + back) ? back : 0;
};

// takeTime takes the first time out of a query, and returns the rest and the moment: from, and until,
// which is not part of it; and again, if the same time was once more so much later. A time of day without a date is the last such time before now, and so is a
// date without a year.
const takeTime = (query, now) => {
  const date = String.raw`(?:(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)|(?<name>${months.join("|")})[a-z]*\s+(?<dayOf>\d{1,2}))[T,\s]+`;
  const time = String.raw`(?<hour>\d{1,2}):(?<minute>\d\d)(?::(?<second>\d\d)(?:[.,]\d+)?)?(?:\s*(?<half>[ap])\.?m\b\.?)?`;
  const zone = String.raw`\s*(?<zone>Z|UTC|[+-]\d\d:?\d\d)?`;
  const m = new RegExp(String.raw`(?<![\w.:])(?:${date})?${time}${zone}(?![\w.:])`, "i").exec(query);
  const g = m?.groups;
  if (!g || +g.hour > 23 || +g.minute > 59 || +(g.second ?? 0) > 59) return { rest: query, moment: null };
  if (g.half && (+g.hour < 1 || +g.hour > 12)) return { rest: query, moment: null };
  const hour = g.half ? +g.hour % 12 + (g.half.toLowerCase() === "p" ? 12 : 0) : +g.hour;
  const offset = /[+-]/.test(g.zone ?? "") ? (g.zone[0] === "-" ? -60 : 60) * (+g.zone.slice(1, 3) * 60 + +g.zone.slice(-2)) : 0;
  const inUTC = utc || g.zone !== undefined;
  const on = (year, month, day) => {
    const args = [year, month, day, hour, +g.minute, +(g.second ?? 0)];
    return (inUTC ? Date.UTC(...args) : new Date(...args).getTime()) / 1000 - offset;
  };
  const d = new Date((now + offset) * 1000), get = (unit) => (inUTC ? d["getUTC" + unit]() : d["get" + unit]());
  const [year, month, day] = [get("FullYear"), get("Month"), get("Date")];
  let from;
  if (g.year) {
    from = on(+g.year, g.month - 1, +g.day);
  } else if (g.name) {
    const named = months.indexOf(g.name.toLowerCase());
    from = on(year, named, +g.dayOf);
    if (from > now) from = on(year - 1, named, +g.dayOf);
  } else {
    from = on(year, month, /\byesterday\b/i.test(query) ? day - 1 : day);
    if (from > now) from = on(year, month, day - 1);
  }
  const rest = query.slice(0, m.index) + " " + query.slice(m.index + m[0].length);
  let again = inUTC ? 0 : putBack(from);
  if (from + again > now) again = 0;
  return { rest, moment: { from, until: from + (g.second === undefined ? 60 : 1), again } };
};
