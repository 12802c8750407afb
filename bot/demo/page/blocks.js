// Draws Block Kit: sections, inputs, buttons, menus.
// `screen` says who reads, what stands in inputs, where to keep what is entered, and how to send it.

import { drawInput, drawPlaced, idOf } from "/page/inputs.js";
import { h, mrkdwn } from "/page/mrkdwn.js";
import { drawOverflow } from "/page/overflow.js";

export function textNodes(object, screen) {
  return object.type === "mrkdwn" ? mrkdwn(object.text, screen.people) : [object.text];
}

export function drawBlocks(blocks, screen) {
  return blocks.map((block) => drawBlock(block, screen));
}

function drawBlock(block, screen) {
  switch (block.type) {
    case "header": return h("h2", { class: "block" }, ...textNodes(block.text, screen));
    case "alert": return drawAlert(block, screen);
    case "divider": return h("hr");
    case "context": return h("p", { class: "block context" }, ...block.elements.flatMap((one) => textNodes(one, screen)));
    case "section": return drawSection(block, screen);
    case "actions": return h("div", { class: "block actions" }, ...block.elements.map((one) => drawElement(block, one, screen, { "aria-label": "Options" })));
    case "input": return drawInput(block, screen);
    default: return h("p", { class: "block context" }, `(a block of type ${block.type})`);
  }
}

// Levels have a word, because a colour alone says nothing to many.
const LEVELS = { error: "Error", warning: "Warning", success: "Success", info: "Information" };

function drawAlert(block, screen) {
  const word = LEVELS[block.level];
  return h("div", { class: `block alert ${block.level || ""}`, role: block.level === "error" ? "alert" : "status" },
    word ? h("span", { class: "visually-hidden" }, `${word}: `) : null, ...textNodes(block.text, screen));
}

function drawSection(block, screen) {
  const words = [];
  if (block.text) words.push(h("div", { class: "text" }, ...textNodes(block.text, screen)));
  for (const field of block.fields || []) words.push(h("div", { class: "field" }, ...textNodes(field, screen)));
  if (!block.accessory) return h("div", { class: "block section" }, ...words);
  const id = idOf(screen, block.block_id, "words");
  const beside = h("div", { class: "words", id }, ...words);
  return h("div", { class: "block section beside" }, beside,
    drawElement(block, block.accessory, screen, { "aria-labelledby": id }, subjectOf(beside)));
}

// Whom or what a row is about, for controls that are too short to speak for themselves: whoever is mentioned, else its first line.
function subjectOf(words) {
  const mentioned = words.querySelector(".mention")?.textContent.replace(/^@/, "");
  return mentioned || words.innerText?.split("\n")[0] || words.textContent.slice(0, 80);
}

// `name` names a group of choices, `subject` says what the menu of a row is about.
function drawElement(block, element, screen, name, subject = "") {
  const id = idOf(screen, block.block_id, element.action_id);
  switch (element.type) {
    case "button": return drawButton(block, element, id, screen);
    case "overflow": return drawOverflow(id, subject, element.options, (option, node) => screen.send(block, element, node, option.value));
    case "static_select": case "radio_buttons": case "checkboxes": return drawPlaced(block, element, id, screen, name);
    default: return h("span", {}, `(${element.type})`);
  }
}

function drawButton(block, element, id, screen) {
  const common = { id, "aria-label": element.accessibility_label, class: `button ${element.style || ""}`, onclick: (event) => screen.send(block, element, event.currentTarget) };
  if (!/^https?:\/\//.test(element.url || "")) return h("button", { ...common, type: "button" }, element.text.text);
  return h("a", { ...common, href: element.url, target: "_blank", rel: "noopener noreferrer" },
    element.text.text, h("span", { "aria-hidden": "true" }, " ↗"), h("span", { class: "visually-hidden" }, " (opens a new tab)"));
}
