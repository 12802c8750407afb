// Turns Slack's mrkdwn into DOM nodes. Text only ever becomes text nodes, never markup.

export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "hidden") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// Drawn as coloured text, so that no emoji font is needed.
const EMOJI = {
  white_check_mark: ["✔", "good"], x: ["✖", "bad"], heavy_minus_sign: ["–", "idle"], hourglass_flowing_sand: ["◔", "busy"],
  white_small_square: ["▫", "idle"], black_square_for_stop: ["◼", "idle"],
  warning: ["⚠", "warn"], large_green_circle: ["●", "good"], red_circle: ["●", "bad"], large_yellow_circle: ["●", "warn"],
  white_circle: ["○", "idle"], black_circle: ["●", "idle"], information_source: ["ℹ", "idle"], wrench: ["⚒", "idle"],
};

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const decoded = (text) => text.replace(/&(lt|gt|amp);/g, (entity) => ENTITIES[entity]);

const PIECES = /```([\s\S]+?)```|`([^`\n]+)`|<([^>\n]+)>|:([a-z0-9_+-]+):|\*([^*\n]+)\*|(?<![\w])_([^_\n]+)_(?![\w])|\n/g;

export function mrkdwn(text, people = []) {
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(PIECES)) {
    const node = piece(match, people);
    if (node === null) continue;
    nodes.push(decoded(text.slice(last, match.index)), node);
    last = match.index + match[0].length;
  }
  nodes.push(decoded(text.slice(last)));
  return nodes.filter((node) => node !== "");
}

function piece(match, people) {
  const [whole, block, code, special, emoji, bold, italic] = match;
  if (block !== undefined) return h("pre", {}, decoded(block));
  if (code !== undefined) return h("code", {}, decoded(code));
  if (special !== undefined) return specialNode(special, people);
  if (emoji !== undefined) return emoji in EMOJI ? h("span", { class: `symbol ${EMOJI[emoji][1]}`, "aria-hidden": "true" }, EMOJI[emoji][0]) : null;
  if (bold !== undefined) return h("strong", {}, ...mrkdwn(bold, people));
  if (italic !== undefined) return h("em", {}, ...mrkdwn(italic, people));
  return whole === "\n" ? h("br") : null;
}

function specialNode(special, people) {
  const [target, label] = special.split("|");
  if (target.startsWith("@")) {
    const person = people.find((one) => one.id === target.slice(1));
    return h("span", { class: "mention" }, `@${person ? person.name : target.slice(1)}`);
  }
  if (target.startsWith("!date^")) return h("time", {}, dateText(target, label));
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${target.slice(1)}`);
  if (/^(https?:\/\/|mailto:)/.test(target)) return h("a", { href: target, rel: "noreferrer", target: "_blank" }, decoded(label || target));
  return null;
}

function dateText(target, fallback) {
  const [, seconds, pattern] = target.split("^");
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return fallback || "";
  const day = at.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
  const today = new Date().toDateString() === at.toDateString();
  const time = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return pattern.replace("{ago}", agoText(at)).replace("{date_short_pretty}", today ? "today" : day).replace("{date_short}", day).replace("{time}", time);
}

function agoText(at) {
  const seconds = Math.max(0, Math.round((Date.now() - at.getTime()) / 1000));
  if (seconds < 60) return "less than a minute ago";
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, size]) => seconds >= size);
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}
