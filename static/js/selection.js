// Choosing many jobs in the list: all of a page at once, how many that are, and a question before it counts.
(() => {
  const form = document.getElementById("selection");
  if (!form) return;

  const page = document.getElementById("selection-page");
  // What still waits to be shown is not chosen unseen.
  const boxes = () => [...form.elements].filter((field) => field.name === "job" && !field.closest("[hidden]"));

  function look() {
    const chosen = boxes().filter(({ checked }) => checked).length;
    const all = form.elements.all.checked;
    page.checked = chosen === boxes().length;
    page.indeterminate = chosen > 0 && !page.checked;
    document.getElementById("selection-count").textContent = all ? "" : chosen ? form.dataset[chosen === 1 ? "one" : "many"].replace("%d", chosen) : "";
    for (const button of form.querySelectorAll("button")) button.disabled = !chosen && !all;
  }

  page.addEventListener("change", () => {
    for (const box of boxes()) box.checked = page.checked;
    look();
  });
  document.addEventListener("change", ({ target }) => target.form === form && target !== page && look());
  // Back in the browser's history, boxes may still be ticked.
  window.addEventListener("pageshow", look);
  look();
})();
