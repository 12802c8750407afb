// Draws a program of the kind that sends with a profile: its own form for the six values, and a label to send.
// It is no part of Slack, and what is typed here stays here until the label is sent.

import { h } from "/page/mrkdwn.js";

const FIELDS = [["address", "Email Address", "text"], ["login", "Login", "text"], ["password", "Password", "password"], ["host", "SMTP Server Address", "text"], ["port", "Port", "text"]];
const TYPES = ["TLS", "SSL"];

// Drawn once, so that nothing typed is lost when anything else on the page changes.
export function drawProgram(place, send) {
  if (place.childElementCount) return;
  const extras = new Map();
  const list = h("ul", { class: "extras", "aria-label": "Extra Configurations that are set" });
  const answer = h("p", { class: "answer", id: "label-answer", role: "status" });
  place.replaceChildren(
    h("p", { class: "fine" }, "This stands for a program that sends mail: label printing, an ERP, a scanner. Nothing about it is new: it speaks SMTP, and has a form for the account. Type what Slack shows when you add a program there."),
    h("form", { class: "program", autocomplete: "off", onsubmit: (event) => { event.preventDefault(); submit(event.currentTarget, extras, answer, send); } },
      h("fieldset", {}, h("legend", {}, "Edit Email Information"),
        ...FIELDS.map(([name, label, type]) => field(name, label, type)),
        h("div", { class: "choice" }, h("input", { id: "program-authenticate", name: "authenticate", type: "checkbox", checked: true }), h("label", { for: "program-authenticate" }, "Authentication"))),
      h("fieldset", {}, h("legend", {}, "Extra Configurations"), chooser(extras, list), list),
      h("fieldset", {}, h("legend", {}, "Label"),
        field("crate", "Crate", "text", "7"), field("to", "Send to", "text", "grace@demo.example"),
        h("button", { type: "submit", id: "send-label", class: "button primary" }, "Send the label"), answer)));
}

function field(name, label, type, value = "") {
  const id = `program-${name}`;
  return h("div", { class: "block input" }, h("label", { class: "label", for: id }, label),
    h("input", { id, name, type, value, spellcheck: "false", autocapitalize: "none", autocomplete: "off" }));
}

// As the classic screen has it: a type is chosen, and set to Y.
function chooser(extras, list) {
  const type = h("select", { id: "program-type" }, ...TYPES.map((one) => h("option", { value: one }, one)));
  const value = h("input", { id: "program-value", type: "text", value: "Y", size: "3", spellcheck: "false" });
  const add = () => { extras.set(type.value, value.value.trim()); drawExtras(extras, list); };
  return h("div", { class: "chooser" },
    h("label", { for: "program-type" }, "Type"), type, h("label", { for: "program-value" }, "Value"), value,
    h("button", { type: "button", id: "program-add", class: "button", onclick: add }, "Add"));
}

function drawExtras(extras, list) {
  list.replaceChildren(...[...extras].map(([type, value]) => h("li", {}, h("code", {}, `${type} ${value}`),
    h("button", { type: "button", class: "button", "aria-label": `Remove ${type}`, onclick: () => { extras.delete(type); drawExtras(extras, list); document.getElementById("program-add").focus(); } }, "Remove"))));
}

async function submit(form, extras, answer, send) {
  const button = form.querySelector("[type=submit]");
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  button.classList.add("waiting");
  tell(answer, "", "Sending …");
  const typed = Object.fromEntries(new FormData(form));
  const { to, crate, ...information } = typed;
  information.authenticate = form.elements.authenticate.checked;
  information.extras = Object.fromEntries(extras);
  try {
    const result = await send({ information, to, crate });
    tell(answer, result.ok ? "good" : "bad", `${result.ok ? "Sent. The server answered:" : "Not sent:"} ${result.answer}`);
  } catch {
    tell(answer, "bad", "The demo does not answer. Is it still running?");
  }
  button.ariaDisabled = "false";
  button.classList.remove("waiting");
}

function tell(answer, kind, words) {
  answer.className = `answer ${kind}`;
  answer.textContent = words;
  answer.scrollIntoView({ block: "nearest" });
}
