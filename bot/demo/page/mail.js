// Draws the mail server's part of the side panel: the account to use, the mailbox, the traffic.

import { accountValues } from "/page/guide.js";
import { keepingFocus } from "/page/keep.js";
import { h } from "/page/mrkdwn.js";

const BESIDE = { Port: "with TLS; or 465 with SSL" };

export function drawMail(panel, { mail, user }, say) {
  const mark = JSON.stringify([user, mail.mailbox.length, mail.traffic.length, mail.traffic.at(-1)]);
  if (panel.dataset.mark === mark) return;
  panel.dataset.mark = mark;
  const open = panel.querySelector("details")?.open;
  keepingFocus(panel, () => panel.replaceChildren(
    h("h2", {}, "The account to use"),
    h("p", { class: "fine" }, "On the local mail server. The form can fill it in by itself."),
    h("dl", {}, ...Object.entries(accountValues(mail)).flatMap(([name, value]) => account(name, value, say))),
    h("h3", {}, "Mailbox"),
    mail.mailbox.length ? h("ul", { class: "mailbox" }, ...mail.mailbox.map((one) => h("li", {}, h("strong", {}, one.subject || "(no subject)"), h("span", {}, `${one.from} → ${one.to.join(", ")}`), h("p", {}, one.text))))
      : h("p", { class: "fine" }, "Empty. A connection test sends no message."),
    h("details", { open }, h("summary", { id: "traffic" }, `Raw traffic (${mail.traffic.length} lines)`),
      h("ol", { class: "traffic", tabindex: "0", "aria-label": "Raw traffic" }, ...mail.traffic.slice(-120).map((line) => h("li", { class: line.speaker }, `${line.port} ${line.speaker === "server" ? "←" : "→"} ${line.text}`))))));
}

function account(name, value, say) {
  const words = h("code", {}, value);
  return [
    h("dt", {}, name),
    h("dd", {}, h("span", {}, words, BESIDE[name] ? h("small", {}, ` ${BESIDE[name]}`) : null),
      h("button", { type: "button", id: `copy-${name.replace(/\W/g, "-")}`, class: "copy", "aria-label": `Copy ${name}`, onclick: (event) => copy(event.currentTarget, name, value, words, say) }, "Copy")),
  ];
}

async function copy(button, name, value, words, say) {
  try {
    await navigator.clipboard.writeText(value);
    button.textContent = "Copied";
    say(`${name} is copied.`);
  } catch {
    // Where the browser forbids it, the value is selected, so that the usual keys copy it.
    getSelection().selectAllChildren(words);
    button.textContent = "Selected";
    say(`${name} is selected. Copy it with Ctrl+C.`);
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
