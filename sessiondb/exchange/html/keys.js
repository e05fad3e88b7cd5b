"use strict";
// Keys: j and k go to the next message or session and back, / goes to the search.
(() => {
  const STOPS = "main article:not([hidden]), .sessions > li:not([hidden])";

  function stops() {
    return [...document.querySelectorAll(STOPS)].filter((stop) => !stop.parentElement.closest("details:not([open])"));
  }

  // From where the focus is; without one, from the first stop that is in sight.
  function next(step) {
    const all = stops();
    const at = all.indexOf(document.activeElement?.closest("article, .sessions > li"));
    if (at >= 0) return all[at + step];
    const seen = all.findIndex((stop) => stop.getBoundingClientRect().bottom > 80);
    return all[step > 0 ? seen : seen - 1];
  }

  function go(step) {
    const stop = next(step);
    if (!stop) return;
    const target = stop.matches("li") ? (stop.querySelector("a") ?? stop) : stop;
    if (target === stop) stop.tabIndex = -1;
    target.focus({ preventScroll: true });
    stop.scrollIntoView({ block: stop.matches("li") ? "nearest" : "start" });
  }

  addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j" || event.key === "k") go(event.key === "j" ? 1 : -1);
    else if (event.key === "/") {
      const search = document.getElementById("find") ?? document.querySelector("input[type=search]");
      if (!search) return;
      event.preventDefault();
      search.focus();
    }
  });
})();
