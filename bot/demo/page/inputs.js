// Draws what holds a value: text inputs, selects, radio buttons, checkboxes.

import { h } from "/page/mrkdwn.js";

const GROUPS = ["checkboxes", "radio_buttons"];

// Ids are listed with spaces between them, so none may hold one.
export function idOf(screen, ...names) {
  return [screen.prefix, ...names].join("-").replace(/\s/g, "_");
}

// An input block: a control under its label.
export function drawInput(block, screen) {
  const { element } = block;
  const id = idOf(screen, block.block_id);
  const error = screen.errors[block.block_id];
  const how = howToSend(block);
  const describedBy = [block.hint ? `${id}-hint` : "", how ? `${id}-how` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  const common = { id, "aria-describedby": describedBy || undefined, "aria-invalid": error ? "true" : undefined };
  const label = GROUPS.includes(element.type)
    ? h("span", { class: "label", id: `${id}-label` }, block.label.text)
    : h("label", { class: "label", for: id }, block.label.text);
  return h("div", { class: `block input ${error ? "wrong" : ""}` },
    h("div", { class: "heading" }, label, block.optional ? h("span", { class: "optional", "aria-hidden": "true" }, "optional") : null),
    drawControl(block, element, common, screen, { "aria-labelledby": `${id}-label` }),
    error ? h("p", { class: "error", id: `${id}-error`, role: "alert" }, error) : null,
    block.hint ? h("p", { class: "hint", id: `${id}-hint` }, block.hint.text) : null,
    how ? h("p", { class: "hint", id: `${id}-how` }, how) : null);
}

// A select or a group of choices in an actions block or beside a section; `name` is what names the group.
export function drawPlaced(block, element, id, screen, name) {
  const common = { id };
  if (element.type === "static_select") common["aria-label"] = element.placeholder?.text || "Select an option";
  return drawControl(block, element, common, screen, name);
}

function drawControl(block, element, common, screen, name) {
  // In an input block a value waits for the form, unless the block says that it is sent at once.
  const changed = (value, node) => {
    screen.enter(block, element, value);
    if (block.type !== "input" || block.dispatch_action) screen.send(block, element, node);
  };
  switch (element.type) {
    case "static_select": return drawSelect(element, common, screen.value(block, element), changed);
    case "datepicker": return drawDate(element, common, screen.value(block, element), changed);
    case "radio_buttons": return drawRadio(element, common, screen.value(block, element), changed, name);
    case "checkboxes": return drawCheckboxes(block, element, common, screen, changed);
    default: return drawText(block, common, screen);
  }
}

function triggers(block) {
  return block.dispatch_action ? block.element.dispatch_action_config?.trigger_actions_on || ["on_enter_pressed"] : [];
}

function howToSend(block) {
  const isChosen = GROUPS.includes(block.element.type) || block.element.type === "static_select";
  if (isChosen || !triggers(block).includes("on_enter_pressed")) return "";
  return block.element.multiline ? "Press Ctrl+Enter to submit." : "Press Enter to submit.";
}

function drawText(block, common, screen) {
  const { element } = block;
  const on = triggers(block);
  const properties = {
    ...common,
    value: screen.value(block, element) ?? "",
    placeholder: element.placeholder?.text,
    maxlength: element.max_length,
    spellcheck: "false",
    autocapitalize: "none",
    enterkeyhint: on.includes("on_enter_pressed") && !element.multiline ? "send" : undefined,
    "data-focus": element.focus_on_load ? "first" : undefined,
    oninput: (event) => {
      screen.enter(block, element, event.target.value);
      if (on.includes("on_character_entered")) screen.send(block, element, event.target);
    },
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.isComposing || !on.includes("on_enter_pressed")) return;
      if (element.multiline && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      screen.send(block, element, event.target);
    },
  };
  if (element.type === "number_input") properties.inputmode = "numeric";
  return element.multiline ? h("textarea", { ...properties, rows: "4" }) : h("input", { ...properties, type: "text" });
}

function drawDate(element, common, value, changed) {
  return h("input", { ...common, type: "date", value: value ?? "", onchange: (event) => changed(event.target.value, event.target) });
}

function drawSelect(element, common, value, changed) {
  const nothing = { value: "", selected: true, disabled: true, hidden: true };
  return h("select", { ...common, onchange: (event) => changed(event.target.value, event.target) },
    value === undefined ? h("option", nothing, element.placeholder?.text || "Select an option") : null,
    ...element.options.map((option) => h("option", { value: option.value, selected: option.value === value }, option.text.text)));
}

function drawRadio(element, common, value, changed, name) {
  const { id, ...told } = common;
  return h("div", { class: "choices", role: "radiogroup", ...told, ...name }, ...element.options.map((option, number) => {
    const own = number ? `${id}-${number}` : id;
    return h("div", { class: "choice" },
      h("input", { id: own, type: "radio", name: id, value: option.value, checked: option.value === value, onchange: (event) => changed(option.value, event.target) }),
      h("label", { for: own }, option.text.text));
  }));
}

function drawCheckboxes(block, element, common, screen, changed) {
  const chosen = screen.value(block, element) || [];
  return h("div", { class: "choices" }, ...element.options.map((option, number) => {
    const id = number ? `${common.id}-${number}` : common.id;
    const change = (event) => {
      const others = (screen.value(block, element) || []).filter((value) => value !== option.value);
      changed(event.target.checked ? [...others, option.value] : others, event.target);
    };
    const told = block.type === "input" ? { "aria-labelledby": `${common.id}-label`, "aria-describedby": `${id}-text` } : {};
    return h("div", { class: "choice" },
      h("input", { ...common, id, type: "checkbox", checked: chosen.includes(option.value), onchange: change, ...told }),
      h("label", { for: id, id: `${id}-text` }, option.text.text));
  }));
}
