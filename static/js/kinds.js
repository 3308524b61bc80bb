// Of a form that starts any kind of work, only what is of use for the chosen kind shows.
(() => {
  const file = document.getElementById("file");

  function show() {
    const kind = document.querySelector("[name=kind]:checked");
    if (!kind) return;
    file.accept = kind.dataset.accept;
    for (const details of document.querySelectorAll(".options")) details.hidden = details.dataset.kind !== kind.value;
  }

  document.addEventListener("change", ({ target }) => target.name === "kind" && show());
  show();
})();
