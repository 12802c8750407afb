// The demo's page: shows one person's screen and sends what they do. All state lives in the stand-in.

import { drawBlocks } from "/page/blocks.js";
import { accountEntries, drawAbout, drawSteps } from "/page/guide.js";
import { keepingFocus, showNodes, steerByArrows } from "/page/keep.js";
import { drawMail } from "/page/mail.js";
import { h, mrkdwn } from "/page/mrkdwn.js";
import { drawOverflow } from "/page/overflow.js";
import { drawProgram } from "/page/program.js";

const at = (id) => document.getElementById(id);

let user = sessionStorage.getItem("user") || "U0ADA";
let place = "general";
let state = null;
let asked = 0;
let drawn = 0;
let busy = false;
let drawnModal = "";
let drawnView = ""; // the id of the modal on screen
const held = new Map(); // view id -> what had the focus in it
let opener = null; // what had the focus when the first modal opened
let choice = 0;
const typed = new Map(); // view id, or person and message, or person's Home -> { block id: { action id: value } }
const errors = new Map(); // view id -> { block id: sentence }

// Each change leads to a refresh, and their answers may overtake each other: the last one asked for is the newest.
async function refresh() {
  const number = ++asked;
  const answer = await fetch(`/state?user=${user}`);
  if (!answer.ok) return;
  const screen = await answer.json();
  if (number < drawn || screen.user !== user) return;
  drawn = number;
  state = screen;
  draw();
}

async function act(what) {
  try {
    const answer = await fetch("/act", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Demo": "page" },
      body: JSON.stringify({ user, ...what }),
    });
    const result = await answer.json();
    at("trouble").textContent = result.error ? `The stand-in refuses this: ${result.error}` : "";
    await refresh();
    return result;
  } catch {
    at("trouble").textContent = "The demo does not answer. Is it still running?";
    return { ok: false, errors: {} };
  }
}

function draw() {
  at("team").textContent = state.team;
  document.title = `${{ home: "Home", program: "Label program" }[place] || "#general"} – ${state.team}`;
  drawPlaces();
  drawPersonas();
  drawMain();
  keepingFocus(at("about"), () => drawAbout(at("about"), state, { actAs, openProgram }));
  drawMail(at("mail"), state, say);
  drawModal();
}

function say(words) {
  at("said").textContent = words;
}

function actAs(person) {
  user = person;
  sessionStorage.setItem("user", user);
  drawnModal = "";
  place = "general";
  at("line").value = "";
  at("line").focus();
  return refresh();
}

function drawPlaces() {
  const direct = state.messages.filter((message) => message.direct).length;
  const places = [["general", "# general", "", ""], ["home", "Home", " of the app", ""], ["direct", "Messages", " of the app", direct ? ` (${direct})` : ""], ["program", "Label", " program", ""], ["guide", "Guide", "", ""]];
  keepingFocus(at("places"), () => showNodes(at("places"), places.map(([name, label, ofWhat, count]) => ({ key: name, mark: `${count} ${place === name}`, make: () => h("button", {
    type: "button", role: "tab", id: `place-${name}`, "aria-selected": String(place === name), tabindex: place === name ? "0" : "-1", onclick: () => go(name),
  }, label, h("span", { class: "of" }, ofWhat), count) }))));
}

async function go(name) {
  place = name;
  draw();
  if (name === "home") await act({ act: "home" });
  if (name === "direct") await act({ act: "messages" });
}

function drawPersonas() {
  const people = state.personas.map((id) => state.people.find((one) => one.id === id));
  keepingFocus(at("personas"), () => showNodes(at("personas"), people.map((person) => ({ key: person.id, mark: JSON.stringify([user === person.id, person]), make: () => h("button", {
    type: "button", role: "radio", id: `persona-${person.id}`, "aria-checked": String(user === person.id), tabindex: user === person.id ? "0" : "-1", class: "persona", title: `${person.name}, ${person.role}`,
    onclick: () => { user = person.id; sessionStorage.setItem("user", user); drawnModal = ""; refresh(); },
  }, avatar(person), h("span", {}, person.name, h("small", {}, person.role))) }))));
}

function avatar(person) {
  const letters = person.name.split(" ").map((word) => word[0]).join("").slice(0, 2);
  return h("span", { class: `avatar ${person.id}`, "aria-hidden": "true" }, letters);
}

// Where the window is wide, the guide stands beside the channel, so that its tab is not there.
function drawMain() {
  const names = { general: "# general", home: "Email profiles", direct: "Email profiles", guide: "# general", program: "Label program" };
  document.body.dataset.place = place;
  at("place").replaceChildren(h("strong", {}, names[place]), h("span", {}, place === "program" ? "No part of Slack" : isChannel() ? "Commands work here" : "App"));
  at("log").hidden = at("composer").hidden = place === "home" || place === "program";
  at("home").hidden = place !== "home";
  at("program").hidden = place !== "program";
  const shown = state.messages.filter((message) => message.direct === (place === "direct"));
  keepingFocus(at("chips"), () => drawSteps(at("chips"), state, { suggest, actAs, openProgram }));
  at("chips").hidden ||= !isChannel();
  if (place === "home") drawHome();
  else if (place === "program") drawProgram(at("program"), sendLabel);
  else drawLog(shown);
}

function openProgram() {
  go("program");
  at("program-address").focus();
}

async function sendLabel(label) {
  const answer = await fetch("/label", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Demo": "page" },
    body: JSON.stringify(label),
  });
  return answer.json();
}

function isChannel() {
  return place === "general" || place === "guide";
}

function drawHome() {
  const home = at("home");
  const mark = JSON.stringify([user, state.home?.blocks]);
  if (home.dataset.mark === mark) return;
  home.dataset.mark = mark;
  keepingFocus(home, () => home.replaceChildren(...(state.home ? drawBlocks(state.home.blocks, screenOf({ home: true }, state.home)) : ["…"])));
}

function drawLog(shown) {
  const log = at("log");
  const mark = JSON.stringify([user, place, shown.map((message) => [message.ts, message.revision])]);
  if (log.dataset.mark === mark) return;
  log.dataset.mark = mark;
  const nodes = shown.map((message) => ({ key: `${user} ${message.ts}`, mark: String(message.revision), make: () => drawMessage(message) }));
  const empty = { key: "empty", mark: place, make: () => h("p", { class: "empty" }, place === "direct"
    ? "Nothing yet. The app writes here when it cannot answer elsewhere."
    : "A channel of a stand-in for Slack, to try email-profile-bot in. Type a command, or begin with the line suggested below.") };
  keepingFocus(log, () => showNodes(log, nodes.length ? nodes : [empty]));
  // Who types into an older message stays there.
  const types = log.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
  if (!types) log.scrollTop = log.scrollHeight;
}

function drawMessage(message) {
  const author = state.people.find((person) => person.id === message.author) || { id: "slack", name: "Workspace", role: "app" };
  const time = new Date(Number(message.ts) * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  const body = message.blocks.length ? drawBlocks(message.blocks, screenOf({ ts: message.ts }, message)) : [h("div", { class: "text" }, ...mrkdwn(message.text, state.people))];
  return h("article", { class: `message ${message.private ? "private" : ""}`, "aria-label": message.text },
    avatar(author),
    h("div", { class: "body" },
      h("p", { class: "author" }, h("strong", {}, author.name), author.role === "app" ? h("span", { class: "tag" }, "APP") : null, h("time", {}, time),
        message.private ? h("span", { class: "only" }, "Only visible to you") : null),
      ...body, drawFiles(message.files)),
    message.private ? null : messageMenu(message));
}

function drawFiles(files) {
  return files.length ? h("ul", { class: "files" }, ...files.map((file) => h("li", {}, file.name))) : null;
}

// The menu of a message, in which the app's shortcuts stand.
function messageMenu(message) {
  const options = state.shortcuts.map((one) => ({ value: one.name, text: { text: one.name } }));
  return drawOverflow(`menu-${message.ts}`, message.text.slice(0, 80), options, (option) => act({ act: "shortcut", name: option.value, ts: message.ts }));
}

// What blocks stand in: a message, the Home tab or a modal. `where` tells the stand-in which.
function screenOf(where, shown, wrong = {}) {
  const own = entriesOf(where.ts ? `${user} ${where.ts}` : where.home ? `${user} home` : shown.id, shown.blocks);
  return {
    people: state.people,
    prefix: where.ts || (where.home ? "home" : shown.id),
    errors: wrong,
    value: (block, element) => own[block.block_id]?.[element.action_id] ?? toldValue(shown, block, element),
    enter: (block, element, value) => { own[block.block_id] = { ...own[block.block_id], [element.action_id]: value }; },
    send: (block, element, node, option) => send(block, element, node, { ...where, option, values: own }),
  };
}

// What was entered on this page; what no longer has a place is forgotten.
function entriesOf(key, blocks) {
  const own = typed.get(key) || {};
  typed.set(key, own);
  for (const [blockId, values] of Object.entries(own)) {
    const block = blocks.find((one) => one.block_id === blockId);
    const elements = block ? [...(block.elements || []), block.accessory, block.element].filter(Boolean) : [];
    for (const [actionId, value] of Object.entries(values)) {
      const element = elements.find((one) => one.action_id === actionId);
      const offered = typeof value !== "string" || !element?.options || element.options.some((option) => option.value === value);
      if (!element || !offered) delete values[actionId];
    }
  }
  return own;
}

function toldValue(shown, block, element) {
  const entry = shown.state.values[block.block_id]?.[element.action_id];
  if (!entry) return undefined;
  if (entry.selected_options) return entry.selected_options.map((option) => option.value);
  if ("selected_date" in entry) return entry.selected_date;
  return "selected_option" in entry ? entry.selected_option?.value : entry.value;
}

async function send(block, element, node, what) {
  const isButton = node.tagName !== "INPUT" && node.tagName !== "SELECT" && node.tagName !== "TEXTAREA";
  if (isButton && node.ariaDisabled === "true") return;
  if (element.confirm && !(await ask(element.confirm))) return;
  if (isButton && top()) errors.delete(top().id);
  // A disabled button would lose the focus, and with it the place on the screen.
  if (isButton) node.ariaDisabled = "true";
  node.classList.add("waiting");
  await act({ act: "press", block_id: block.block_id, action_id: element.action_id, ...what });
  if (isButton) node.ariaDisabled = "false";
  node.classList.remove("waiting");
}

function ask(confirm) {
  const question = at("question");
  const asker = document.activeElement;
  return new Promise((answer) => {
    const done = (yes) => { question.hidden = true; question.replaceChildren(); asker?.focus(); answer(yes); };
    question.replaceChildren(h("div", {
      class: "dialog small", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "question-title",
      onkeydown: (event) => { if (event.key === "Escape") done(false); keepFocus(event, event.currentTarget); },
    },
      h("h2", { id: "question-title" }, confirm.title.text),
      h("p", {}, confirm.text.text),
      h("div", { class: "foot" },
        h("button", { type: "button", class: "button", onclick: () => done(false) }, confirm.deny.text),
        h("button", { type: "button", class: `button ${confirm.style || "primary"}`, onclick: () => done(true) }, confirm.confirm.text))));
    question.hidden = false;
    question.querySelector("button").focus();
  });
}

// The modal

const top = () => state.stack[state.stack.length - 1];

function valuesOfTop() {
  const view = state && top();
  return view ? typed.get(view.id) || {} : {};
}

function drawModal() {
  const layer = at("modal");
  const view = top();
  if (!view) {
    const closed = Boolean(drawnModal);
    drawnModal = drawnView = "";
    held.clear();
    layer.hidden = true;
    layer.replaceChildren();
    // What is inert takes no focus, so this comes first.
    document.getElementById("workspace").inert = false;
    if (closed) returnFocus();
    return;
  }
  const mark = JSON.stringify([view.id, view.blocks, errors.get(view.id), state.stack.length]);
  if (mark === drawnModal) return;
  if (!drawnModal) opener = document.activeElement;
  else holdFocus(layer);
  const told = view.id === drawnView && layer.querySelector(".alert")?.textContent;
  const isNew = view.id !== drawnView && !held.has(view.id);
  drawnModal = mark;
  drawnView = view.id;
  layer.replaceChildren(...[fillStrip(view), modalNode(view)].filter(Boolean));
  layer.hidden = false;
  document.getElementById("workspace").inert = true;
  layer.querySelector(".content").scrollTop = held.get(view.id)?.scroll || 0;
  placeFocus(layer, isNew, held.get(view.id));
  // What is told of the form stands at its top: show it when it has changed.
  const alert = layer.querySelector(".alert");
  if (told !== false && alert && alert.textContent !== told) alert.scrollIntoView({ block: "nearest" });
}

// What had the focus in the modal on screen, for when it is drawn anew or comes back from under another one.
function holdFocus(layer) {
  const focus = layer.contains(document.activeElement) ? document.activeElement : null;
  const scroll = layer.querySelector(".content")?.scrollTop || 0;
  held.set(drawnView, { id: focus?.id, start: focus?.selectionStart, end: focus?.selectionEnd, scroll });
}

// To where the modal was opened; what was pressed there may have been drawn anew since, or be gone.
function returnFocus() {
  const same = opener?.isConnected ? opener : opener?.id && document.getElementById(opener.id);
  const target = [same, at("line"), at("home"), at("log"), at("guide")].find((node) => node && node !== document.body && node.checkVisibility());
  target?.focus({ preventScroll: true });
}

// A new modal begins at its first field. Where what was pressed is gone, the keyboard goes on from the top.
function placeFocus(layer, isNew, before) {
  const dialog = layer.querySelector(".dialog");
  const first = () => dialog.querySelector("[data-focus=first]") || dialog.querySelector("input, textarea, select, .content button, .content a[href]") || dialog.querySelector(".foot button");
  const old = before?.id && document.getElementById(before.id);
  const target = (!isNew && layer.querySelector("[aria-invalid=true]")) || old || (isNew ? first() : dialog.querySelector(".content"));
  target?.focus({ preventScroll: target !== old && !isNew && !target.matches("[aria-invalid=true]") });
  if (old && target === old && Number.isInteger(before.start) && "setSelectionRange" in old) old.setSelectionRange(before.start, before.end);
}

function modalNode(view) {
  return h("div", { class: "dialog", role: "dialog", "aria-modal": "true", "aria-labelledby": "modal-title" },
    h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); if (view.submit) submit(view); } },
      h("div", { class: "head" },
        state.stack.length > 1 ? h("span", { class: "depth" }, `${state.stack.length} of 3`) : null,
        h("h2", { id: "modal-title" }, view.title.text),
        h("button", { type: "button", class: "close", "aria-label": "Close", onclick: close }, "×")),
      h("div", { class: "content", id: "modal-content", tabindex: "-1" }, ...drawBlocks(view.blocks, screenOf({}, view, errors.get(view.id)))),
      h("div", { class: "foot" },
        h("button", { type: "button", class: "button", onclick: close }, view.close?.text || "Close"),
        view.submit ? h("button", { type: "submit", class: "button primary" }, view.submit.text) : null)));
}

// What Slack has not: one press that types the demo's account into the form.
function fillStrip(view) {
  const entries = accountEntries(view, state.mail, (block) => toldValue(view, block, block.element));
  return entries && h("aside", { class: "strip", "aria-label": "Only in this demo" }, h("span", {}, "Only in this demo"), h("button", {
    type: "button", id: "fill-in", class: "button", onclick: () => {
      const own = entriesOf(view.id, view.blocks);
      for (const [blockId, values] of Object.entries(entries)) own[blockId] = { ...own[blockId], ...values };
      errors.delete(view.id);
      drawnModal = "drawn anew";
      drawModal();
      at("modal").querySelector("button[type=submit]")?.focus();
      say("The account is filled in. Save it, or test the connection first.");
    },
  }, "Fill in the account"));
}

at("modal").addEventListener("keydown", (event) => {
  if (event.key === "Escape") { event.preventDefault(); close(); }
  keepFocus(event, at("modal"));
});

async function submit(view) {
  if (busy) return;
  busy = true;
  const button = at("modal").querySelector("button[type=submit]");
  button.disabled = true;
  button.classList.add("waiting");
  errors.delete(view.id);
  const result = await act({ act: "submit", values: valuesOfTop() });
  busy = false;
  button.disabled = false;
  button.classList.remove("waiting");
  if (result.errors && Object.keys(result.errors).length) {
    errors.set(view.id, result.errors);
    if (result.errors[""]) at("trouble").textContent = result.errors[""];
    draw();
  } else if (!state.stack.some((one) => one.id === view.id)) {
    typed.delete(view.id);
  }
}

async function close() {
  const view = top();
  await act({ act: "cancel" });
  if (view) typed.delete(view.id);
}

function keepFocus(event, dialog) {
  if (event.key !== "Tab") return;
  const stops = [...dialog.querySelectorAll("button, input, textarea, select, a[href]")].filter((one) => !one.disabled);
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  if (document.activeElement === edge) {
    event.preventDefault();
    (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
  }
}

// The composer and its menu

function suggest(line) {
  at("line").value = line;
  at("line").focus();
  drawMenu();
}

function suggestions() {
  const line = at("line").value;
  const mention = line.match(/^(\/.* )@([^\s@]*)$/);
  if (mention) {
    const begun = mention[2].toLowerCase();
    return state.people.filter((person) => person.role !== "app" && [person.handle, ...person.name.toLowerCase().split(" ")].some((word) => word.startsWith(begun)))
      .map((person) => ({ text: `${mention[1]}@${person.handle}`, title: `@${person.handle}`, hint: "", meaning: person.name }));
  }
  if (!line.startsWith("/")) return [];
  const word = line.split(" ")[0];
  return state.commands.filter((one) => (line.includes(" ") ? one.command === word : one.command.startsWith(word)))
    .map((one) => ({ text: `${one.command} `, title: one.command, hint: one.usage_hint, meaning: one.description, complete: line.includes(" ") }));
}

function drawMenu() {
  const menu = at("menu");
  const entries = suggestions();
  choice = Math.min(choice, Math.max(entries.length - 1, 0));
  menu.hidden = entries.length === 0;
  at("line").setAttribute("aria-expanded", String(entries.length > 0));
  if (entries.length) at("line").setAttribute("aria-activedescendant", `entry-${choice}`);
  else at("line").removeAttribute("aria-activedescendant");
  menu.replaceChildren(...entries.map((entry, number) => h("li", {
    id: `entry-${number}`, role: "option", "aria-selected": String(number === choice),
    onmousedown: (event) => { event.preventDefault(); complete(entry); },
  }, h("span", { class: "name" }, entry.title), h("span", { class: "usage" }, entry.hint), h("span", { class: "meaning" }, entry.meaning))));
  menu.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
}

function complete(entry) {
  if (!entry.complete) at("line").value = entry.text;
  at("line").focus();
  drawMenu();
}

at("line").addEventListener("input", () => { choice = 0; drawMenu(); });
at("line").addEventListener("blur", () => { at("menu").hidden = true; });
at("line").addEventListener("focus", () => { if (state) drawMenu(); });
at("line").addEventListener("keydown", (event) => {
  const entries = at("menu").hidden ? [] : suggestions();
  const unfinished = entries.length && !entries[choice]?.complete;
  if (event.key === "ArrowDown" && entries.length) { event.preventDefault(); choice = (choice + 1) % entries.length; drawMenu(); }
  else if (event.key === "ArrowUp" && entries.length) { event.preventDefault(); choice = (choice + entries.length - 1) % entries.length; drawMenu(); }
  else if (event.key === "Tab" && unfinished) { event.preventDefault(); complete(entries[choice]); }
  else if (event.key === "Enter" && unfinished && entries[choice].text.trim() !== at("line").value.trim()) { event.preventDefault(); complete(entries[choice]); }
  else if (event.key === "Escape") at("menu").hidden = true;
});

at("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const line = at("line").value.trim();
  if (!line) return;
  at("line").value = "";
  at("menu").hidden = true;
  const direct = place === "direct";
  if (!line.startsWith("/")) { await act({ act: "say", text: line, direct }); return; }
  const [command, ...rest] = line.split(" ");
  const result = await act({ act: "command", command, text: rest.join(" "), direct });
  if (result.error) at("line").value = line;
});

steerByArrows(at("places"));
steerByArrows(at("personas"));
const changes = new EventSource("/changes");
changes.onmessage = refresh;
changes.onerror = () => { if (state) at("trouble").textContent = "The demo does not answer. Is it still running?"; };
changes.onopen = () => { at("trouble").textContent = ""; };
// Messages for one person alone do not outlive the client that shows them.
await act({ act: "reload" });
at("line").focus();
