// Keeps an open page fresh: every five seconds the same address is fetched and its main part takes the place of ours.
// It waits while somebody selects text, uses a field, or looks elsewhere; without scripts the page reloads by itself.
"use strict";

const EVERY_MS = 5000;

function isInUse(main) {
  const selection = document.getSelection();
  return document.hidden || (selection && !selection.isCollapsed) ||
    (main.contains(document.activeElement) && document.activeElement.matches("input, select, button"));
}

async function refresh() {
  const main = document.getElementById("main");
  if (isInUse(main)) return;
  const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
  if (fresh && !isInUse(main)) {
    const focused = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    main.replaceChildren(...document.adoptNode(fresh).childNodes);
    if (focused) [...main.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
  }
}

setInterval(() => refresh().catch(() => {}), EVERY_MS);
