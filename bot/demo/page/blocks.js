// Draws Block Kit: sections, inputs, buttons. `screen` says who reads, what stands in inputs, and what presses do.

import { h, mrkdwn } from "/page/mrkdwn.js";

export function textNodes(object, screen) {
  return object.type === "mrkdwn" ? mrkdwn(object.text, screen.people) : [object.text];
}

export function drawBlocks(blocks, screen) {
  return blocks.map((block) => drawBlock(block, screen));
}

function drawBlock(block, screen) {
  switch (block.type) {
    case "header": return h("h3", { class: "block" }, ...textNodes(block.text, screen));
    case "divider": return h("hr");
    case "context": return h("p", { class: "block context" }, ...block.elements.flatMap((one) => textNodes(one, screen)));
    case "section": return drawSection(block, screen);
    case "actions": return h("div", { class: "block actions" }, ...block.elements.map((one) => drawElement(block, one, screen)));
    case "input": return drawInput(block, screen);
    default: return h("p", { class: "block context" }, `(a block of type ${block.type})`);
  }
}

function drawSection(block, screen) {
  const parts = [];
  if (block.text) parts.push(h("div", { class: "text" }, ...textNodes(block.text, screen)));
  for (const field of block.fields || []) parts.push(h("div", { class: "field" }, ...textNodes(field, screen)));
  if (block.accessory) parts.push(drawElement(block, block.accessory, screen));
  return h("div", { class: "block section" }, ...parts);
}

function drawElement(block, element, screen) {
  if (element.type !== "button") return h("span", {}, `(${element.type})`);
  return h("button", {
    type: "button",
    id: `${screen.prefix}-${block.block_id}-${element.action_id}`,
    class: `button ${element.style || ""}`,
    onclick: (event) => screen.press(block, element, event.currentTarget),
  }, element.text.text);
}

const idOf = (screen, block) => `${screen.prefix}-${block.block_id}`;

function drawInput(block, screen) {
  const id = idOf(screen, block);
  const error = screen.errors[block.block_id];
  const describedBy = [block.hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  const common = { id, "aria-describedby": describedBy || undefined, "aria-invalid": error ? "true" : undefined };
  const control = block.element.type === "checkboxes" ? drawCheckboxes(block, common, screen) : drawControl(block, common, screen);
  const label = block.element.type === "checkboxes"
    ? h("span", { class: "label", id: `${id}-label` }, block.label.text)
    : h("label", { class: "label", for: id }, block.label.text);
  return h("div", { class: `block input ${error ? "wrong" : ""}` },
    h("div", { class: "heading" }, label, block.optional ? h("span", { class: "optional", "aria-hidden": "true" }, "optional") : null),
    control,
    error ? h("p", { class: "error", id: `${id}-error`, role: "alert" }, error) : null,
    block.hint ? h("p", { class: "hint", id: `${id}-hint` }, block.hint.text) : null);
}

function drawControl(block, common, screen) {
  const element = block.element;
  const value = screen.value(block, element);
  if (element.type === "static_select") {
    return h("select", { ...common, onchange: (event) => screen.enter(block, element, event.target.value) },
      ...element.options.map((option) => h("option", { value: option.value, selected: option.value === value }, option.text.text)));
  }
  return h("input", {
    ...common,
    type: "text",
    value: value ?? "",
    placeholder: element.placeholder?.text,
    spellcheck: "false",
    autocapitalize: "none",
    "data-focus": element.focus_on_load ? "first" : undefined,
    oninput: (event) => screen.enter(block, element, event.target.value),
  });
}

function drawCheckboxes(block, common, screen) {
  const element = block.element;
  const chosen = screen.value(block, element) || [];
  return h("div", { class: "choices" }, ...element.options.map((option, number) => {
    const id = number ? `${common.id}-${number}` : common.id;
    const change = (event) => {
      const others = (screen.value(block, element) || []).filter((value) => value !== option.value);
      screen.enter(block, element, event.target.checked ? [...others, option.value] : others);
    };
    return h("div", { class: "choice" },
      h("input", { ...common, id, type: "checkbox", checked: chosen.includes(option.value), onchange: change, "aria-labelledby": `${common.id}-label`, "aria-describedby": `${id}-text` }),
      h("label", { for: id, id: `${id}-text` }, option.text.text));
  }));
}
