// Numbers as people read them.

const SPACE = "\u202f";

export function bytes(count) {
  if (!count) return `0${SPACE}B`;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  const number = count / 1024 ** power;
  return `${number >= 100 || power === 0 ? Math.round(number) : number.toFixed(1)}${SPACE}${units[power]}`;
}

export function duration(us) {
  if (us == null || us === 0) return "–";
  if (us < 1000) return `${Math.round(us)}${SPACE}µs`;
  if (us < 1e6) return `${trim(us / 1e3)}${SPACE}ms`;
  if (us < 120e6) return `${trim(us / 1e6)}${SPACE}s`;
  return ago(us / 1e3);
}

export function ago(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds}${SPACE}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}${SPACE}min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)}${SPACE}h`;
  return `${Math.round(seconds / 86400)}${SPACE}d`;
}

export function percent(share) {
  if (!share) return `0${SPACE}%`;
  const number = share * 100;
  return `${number < 10 ? number.toFixed(1) : Math.round(number)}${SPACE}%`;
}

export function rate(perSecond) {
  if (!perSecond) return "0";
  return perSecond >= 10 ? whole(perSecond) : perSecond.toFixed(1);
}

export function whole(count) {
  return Math.round(count).toLocaleString("en").replaceAll(",", SPACE);
}

// The number of a limit by what its name says it is.
export function limit(name, value) {
  if (/_bytes(_|$)/.test(name)) return bytes(value);
  if (/_ms$/.test(name)) return duration(value * 1000);
  return whole(value);
}

function trim(number) {
  return Number(number.toPrecision(3));
}

// An element with text and attributes; text is never read as HTML.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

// Sets text only if it is another: most of what is told each second is the same.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
