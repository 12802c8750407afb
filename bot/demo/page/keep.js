// Keeps what a person holds while the page is redrawn: nodes that have not changed, the focus, the caret.

// `wanted` is a list of { key, mark, make }: a node is made again only where its mark changed.
export function showNodes(container, wanted) {
  const old = new Map([...container.children].map((node) => [node.dataset.key, node]));
  const nodes = wanted.map(({ key, mark, make }) => {
    const kept = old.get(key);
    if (kept && kept.dataset.mark === mark) return kept;
    const node = make();
    node.dataset.key = key;
    node.dataset.mark = mark;
    return node;
  });
  for (const node of old.values()) if (!nodes.includes(node)) node.remove();
  // A node that is moved loses the focus, so those in place are left alone.
  nodes.forEach((node, place) => { if (container.children[place] !== node) container.insertBefore(node, container.children[place] || null); });
}

// Where what had the focus is gone, the container takes it, so that the keyboard goes on from there.
export function keepingFocus(container, draw) {
  const held = container.contains(document.activeElement) ? document.activeElement : null;
  const caret = held && { start: held.selectionStart, end: held.selectionEnd };
  draw();
  const node = held?.id ? document.getElementById(held.id) : null;
  if (!node && held && !held.isConnected) container.focus({ preventScroll: true });
  if (!node || node === document.activeElement) return;
  node.focus({ preventScroll: true });
  if (Number.isInteger(caret.start) && "setSelectionRange" in node) node.setSelectionRange(caret.start, caret.end);
}

// One stop of the Tab key for a row of tabs or radio buttons, and arrows that choose within it (ARIA's practices).
export function steerByArrows(container) {
  container.addEventListener("keydown", (event) => {
    const stops = [...container.children].filter((node) => node.checkVisibility());
    const now = stops.indexOf(document.activeElement);
    const to = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
    if (now < 0 || to === undefined) return;
    event.preventDefault();
    const next = stops.at(to % stops.length);
    next.focus();
    next.click();
  });
}
