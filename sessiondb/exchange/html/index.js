"use strict";
// The search of the index: sessions that hold each word that was typed, in their title, project or messages.
(() => {
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const items = [...document.querySelectorAll(".sessions > li")];
  const heads = items.map((item) => item.textContent.toLowerCase());
  const links = items.map((item) => item.querySelector("a"));
  const pages = links.map((link) => link.getAttribute("href"));
  let words = null;
  let waiting = 0;

  const PARTS = /[\p{L}\p{N}\p{M}_]+/gu;

  // The numbers of sessions with a word that holds these letters.
  function said(letters) {
    const numbers = new Set();
    for (const [word, steps] of words) {
      if (!word.includes(letters.slice(0, 40))) continue;
      let number = 0;
      for (const step of steps) numbers.add((number += step));
    }
    return numbers;
  }

  // A typed word such as src/app.py is in a head as it is, and in messages by its parts.
  function holding(typed) {
    const parts = (typed.match(PARTS) ?? []).map(said);
    return (number) => heads[number].includes(typed) || (parts.length > 0 && parts.every((set) => set.has(number)));
  }

  function search() {
    words ??= Object.entries(JSON.parse(document.getElementById("words").textContent));
    const typed = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const tests = typed.map(holding);
    let count = 0;
    items.forEach((item, number) => {
      item.hidden = !tests.every((test) => test(number));
      count += !item.hidden;
      links[number].setAttribute("href", pages[number] + (typed.length ? `#q=${encodeURIComponent(find.value.trim())}` : ""));
    });
    found.textContent = typed.length ? `${count} of ${items.length} sessions` : "";
  }

  find.hidden = false;
  find.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 120);
  });
  if (find.value) search();
})();
