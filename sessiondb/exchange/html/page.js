"use strict";
// Nothing here is needed to read: a search that shows the messages it finds, and a button that opens all there is.
(() => {
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const unfold = document.getElementById("unfold");
  const articles = [...document.querySelectorAll("article")];
  const MAX_MARKS = 2000;
  let texts = null;
  let waiting = 0;

  function openAround(element) {
    for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  }

  function marks(shown, words) {
    const ranges = [];
    for (const article of shown) {
      const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.data.toLowerCase();
        for (const word of words) {
          for (let at = text.indexOf(word); at >= 0 && at + word.length <= node.length; at = text.indexOf(word, at + word.length)) {
            const range = new Range();
            range.setStart(node, at);
            range.setEnd(node, at + word.length);
            ranges.push(range);
            if (ranges.length <= 200) openAround(node.parentElement);
            if (ranges.length >= MAX_MARKS) return ranges;
          }
        }
      }
    }
    return ranges;
  }

  function search() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    texts ??= articles.map((article) => article.textContent.toLowerCase());
    const shown = articles.filter((article, number) => {
      const is = words.every((word) => texts[number].includes(word));
      article.hidden = !is;
      return is;
    });
    found.textContent = words.length ? `${shown.length} of ${articles.length} messages` : "";
    const ranges = words.length ? marks(shown, words) : [];
    if (globalThis.Highlight) CSS.highlights.set("found", new Highlight(...ranges));
  }

  function follow() {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash.startsWith("q=")) {
      find.value = hash.slice(2);
      search();
      return;
    }
    const target = hash && document.getElementById(hash);
    if (!target) return;
    if (target.closest("article[hidden]")) {
      find.value = "";
      search();
    }
    openAround(target);
    if (target.matches("span:empty")) openAround(target.nextElementSibling);
    target.scrollIntoView();
  }

  find.hidden = unfold.hidden = false;
  find.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 120);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement === find) {
      find.value = "";
      search();
      find.blur();
    }
  });
  unfold.addEventListener("click", () => {
    const open = unfold.textContent === "Open all";
    for (const each of document.querySelectorAll("details")) each.open = open;
    unfold.textContent = open ? "Close all" : "Open all";
  });
  addEventListener("hashchange", follow);
  follow();
})();
