"use strict";
// A button that copies what stands beside it. Where the browser does not allow that, the text is selected.
(() => {
  for (const button of document.querySelectorAll("button.copy")) {
    const source = button.parentElement.querySelector("code");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
      }
    });
  }
})();
