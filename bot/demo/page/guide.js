// Draws what is no part of Slack: what this demo is, the lines to type, and the account to fill in.

import { h } from "/page/mrkdwn.js";

const FORM = "Email profile";
const ADD_PROGRAM = "/email-profile programs add Label program";

// The person whose view comes next, with how the page speaks of it.
export function nextPersona({ personas, people, user }) {
  const other = people.find((person) => personas.includes(person.id) && person.id !== user);
  return other && { id: other.id, label: `Act as ${other.name}, ${other.role === "admin" ? "an admin" : "a member"}` };
}

export function drawAbout(panel, state, { actAs, openProgram }) {
  const { story } = state;
  const mark = JSON.stringify([state.user, story]);
  if (panel.dataset.mark === mark) return;
  panel.dataset.mark = mark;
  const next = nextPersona(state);
  panel.replaceChildren(
    h("h2", {}, "What this is"),
    h("p", {}, "email-profile-bot in a stand-in for a Slack workspace of forty people, with a real mail server beside it. Nothing leaves this machine unless you test a server elsewhere."),
    h("p", { class: "fine" }, "As in Slack, what only you can see is gone when you load the page anew. Home of the app keeps what lasts."),
    h("h3", {}, `Lines to type, as ${nameOf(state)}`),
    h("ol", { class: "steps" }, ...story.steps.map((step) => h("li", { class: step.done ? "done" : "" },
      h("code", {}, step.line), step.done ? h("strong", {}, " done") : null, h("span", {}, step.shows)))),
    h("h3", {}, "What it is for"),
    h("ul", { class: "steps" },
      h("li", {}, h("code", {}, ADD_PROGRAM), h("span", {}, "shows six values, once. Type them into Label program, which is no part of Slack, and the label is in the mailbox.")),
      h("li", {}, "Email this message", h("span", {}, "stands in the menu ⋯ of every message in the channel that all can see."))),
    h("button", { type: "button", id: "about-program", class: "button", onclick: openProgram }, "Open Label program"),
    next ? h("button", { type: "button", id: "about-other", class: "button", onclick: () => actAs(next.id) }, next.label) : null);
}

function nameOf({ people, user }) {
  return people.find((person) => person.id === user)?.name || user;
}

// The suggestions above the composer: what comes next in words, and each line as a button.
export function drawSteps(place, state, { suggest, actAs, openProgram }) {
  const { story } = state;
  const next = nextPersona(state);
  const isMember = state.people.find((person) => person.id === state.user)?.role !== "admin";
  place.hidden = story.over && !(isMember && next);
  const mark = JSON.stringify([state.user, story]);
  if (place.dataset.mark === mark) return;
  place.dataset.mark = mark;
  if (story.over) {
    place.replaceChildren(
      h("p", { id: "next" }, "It works. Now let a program send with it, or see everybody's accounts as an admin sees them:"),
      h("div", { class: "row" },
        h("button", { type: "button", id: "chip-add", class: "chip now", onclick: () => suggest(ADD_PROGRAM) }, ADD_PROGRAM),
        h("button", { type: "button", id: "chip-program", class: "chip", onclick: openProgram }, "Open Label program"),
        next ? h("button", { type: "button", id: "chip-other", class: "chip", onclick: () => actAs(next.id) }, next.label) : null));
    return;
  }
  const current = story.steps.find((step) => !step.done);
  place.replaceChildren(
    h("p", { id: "next" }, h("code", {}, current.line), ` ${current.shows}`),
    h("div", { class: "row" }, ...story.steps.map((step, number) => h("button", {
      type: "button", id: `chip-${number}`, class: `chip ${step === current ? "now" : ""} ${step.done ? "done" : ""}`,
      "aria-describedby": step === current ? "next" : undefined, title: step.shows, onclick: () => suggest(step.line),
    }, step.line, step.done ? h("span", { "aria-hidden": "true" }, " ✓") : null, step.done ? h("span", { class: "visually-hidden" }, " (done)") : null))));
}

export function accountValues(mail) {
  return { "Email Address": mail.address, "User/Login": mail.login, Password: mail.password, "SMTP Server Address": mail.host, Port: "587" };
}

// What to enter into the form of one's own profile, by block id; null where the modal on top is another one.
export function accountEntries(view, mail, shown) {
  const inputs = view.blocks.filter((block) => block.type === "input");
  const labelled = (label) => inputs.find((block) => block.label.text === label);
  const address = labelled("Email Address");
  if (view.title.text !== FORM || !address || ![undefined, null, "", mail.address].includes(shown(address))) return null;
  const entries = {};
  for (const [label, value] of Object.entries(accountValues(mail))) {
    const block = labelled(label);
    if (block) entries[block.block_id] = { [block.element.action_id]: value };
  }
  const encryption = labelled("Encryption");
  const starttls = encryption?.element.options?.find((option) => option.text.text.startsWith("TLS"));
  if (starttls) entries[encryption.block_id] = { [encryption.element.action_id]: starttls.value };
  return entries;
}
