// A card opens when its job begins to run, unless somebody has chosen for themselves.
(() => {
  const begun = new WeakSet();

  document.addEventListener("click", ({ target }) => {
    const details = target.closest?.(".job-details > summary")?.parentElement;
    if (details) begun.add(details);
  });
  document.addEventListener("htmx:after:swap", () => {
    for (const details of document.querySelectorAll(".status[data-state=processing] ~ .job-details")) {
      if (begun.has(details)) continue;
      begun.add(details);
      details.open = true;
    }
  });
})();
