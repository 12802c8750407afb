// Draws the mail server's side panel.

import { h } from "/page/mrkdwn.js";

export function drawMail(panel, { mail, user }) {
  const mark = JSON.stringify([user, mail.mailbox.length, mail.traffic.length, mail.traffic.at(-1)]);
  if (panel.dataset.mark === mark) return;
  panel.dataset.mark = mark;
  const open = panel.querySelector("details")?.open;
  const facts = [["Email Address", mail.address], ["User/Login", mail.login], ["Password", mail.password], ["SMTP Server Address", mail.host], ["Port", "587 with TLS Y, 465 with SSL Y"]];
  panel.replaceChildren(
    h("h2", {}, "Local mail server"),
    h("p", {}, "A real server beside this page. Use this account:"),
    h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, h("code", {}, value))])),
    h("h3", {}, "Mailbox"),
    mail.mailbox.length ? h("ul", { class: "mailbox" }, ...mail.mailbox.map((one) => h("li", {}, h("strong", {}, one.subject || "(no subject)"), h("span", {}, `${one.from} → ${one.to.join(", ")}`), h("p", {}, one.text))))
      : h("p", { class: "fine" }, "Empty. A connection test sends no message."),
    h("details", { open }, h("summary", {}, `Raw traffic (${mail.traffic.length} lines)`),
      h("ol", { class: "traffic" }, ...mail.traffic.slice(-120).map((line) => h("li", { class: line.speaker }, `${line.port} ${line.speaker === "server" ? "←" : "→"} ${line.text}`)))));
}
