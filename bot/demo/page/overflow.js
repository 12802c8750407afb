// Draws an overflow menu: a small button that opens a list of further actions.

import { h } from "/page/mrkdwn.js";

const EDGE = 8;

export function drawOverflow(id, subject, options, choose) {
  const place = h("span", { class: "overflow" });
  const name = subject ? `More actions: ${subject}` : "More actions";
  const opener = h("button", {
    id, type: "button", class: "button more", "aria-label": name, "aria-haspopup": "menu", "aria-expanded": "false",
    onclick: () => (place.querySelector("[role=menu]") ? close(place, opener) : open(place, opener, name, options, choose)),
    onkeydown: (event) => {
      if (event.key !== "ArrowDown" || place.querySelector("[role=menu]")) return;
      event.preventDefault();
      open(place, opener, name, options, choose);
    },
  }, "⋯");
  place.append(opener);
  return place;
}

function open(place, opener, name, options, choose) {
  const menu = h("div", { role: "menu", class: "more-menu", "aria-label": name, onkeydown: (event) => steer(event, place, opener) },
    ...options.map((option) => item(option, () => { close(place, opener); choose(option, opener); })));
  place.append(menu);
  opener.setAttribute("aria-expanded", "true");
  position(menu, opener);
  menu.firstElementChild.focus();
  // What happens elsewhere closes the menu: a press, the focus, or a movement that would leave it behind.
  const elsewhere = (event) => {
    if (!place.isConnected || !place.contains(menu)) stop.abort();
    else if (!(event.target instanceof Node) || !place.contains(event.target)) close(place, null);
  };
  const stop = new AbortController();
  for (const kind of ["pointerdown", "focusin", "scroll"]) document.addEventListener(kind, elsewhere, { capture: true, signal: stop.signal });
  window.addEventListener("resize", elsewhere, { signal: stop.signal });
}

function item(option, chosen) {
  const common = { role: "menuitem", tabindex: "-1", onclick: chosen };
  const words = [option.text.text, option.description ? h("small", {}, " ", option.description.text) : null];
  const address = /^https?:\/\//.test(option.url || "") ? option.url : null;
  return address
    ? h("a", { ...common, href: address, target: "_blank", rel: "noopener noreferrer" }, ...words, h("span", { "aria-hidden": "true" }, " ↗"))
    : h("button", { ...common, type: "button" }, ...words);
}

function close(place, focused) {
  place.querySelector("[role=menu]")?.remove();
  place.querySelector("button").setAttribute("aria-expanded", "false");
  focused?.focus();
}

// The menu is fixed to the window, so that the list it stands in neither cuts it off nor scrolls for it.
function position(menu, opener) {
  const at = opener.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + 4;
  const top = below + height > innerHeight - EDGE ? at.top - 4 - height : below;
  menu.style.left = `${Math.max(EDGE, Math.min(at.right - width, innerWidth - width - EDGE))}px`;
  menu.style.top = `${Math.max(EDGE, top)}px`;
}

function steer(event, place, opener) {
  const items = [...place.querySelectorAll("[role=menuitem]")];
  const now = items.indexOf(document.activeElement);
  const next = { ArrowDown: now + 1, ArrowUp: now - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
  if (next !== undefined) {
    event.preventDefault();
    items[next % items.length].focus();
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close(place, opener);
  } else if (event.key === "Tab") {
    // From the button on, Tab goes where it goes without a menu.
    close(place, opener);
  }
}
