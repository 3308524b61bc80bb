// The tab says how far the work is, in its title and its icon.
(() => {
  const icon = document.getElementById("favicon");
  const title = document.title;
  const ENDS = { completed: "✓", failed: "✗", cancelled: "■" };

  function lead() {
    const page = document.querySelector(".job-page .status")?.dataset;
    if (page) {
      if (page.state in ENDS) return [ENDS[page.state], page.state];
      return [page.percent ? `${page.percent} %` : page.state === "queued" ? "Queued" : "", "working"];
    }
    const running = document.querySelectorAll(":is(.status, .job-row)[data-state=processing]").length;
    return running ? [`${running} running`, "working"] : ["", "plain"];
  }

  function look() {
    const [words, face] = lead();
    const next = words ? `${words} – ${title}` : title;
    if (document.title !== next) document.title = next;
    const href = icon.dataset[face] ?? icon.dataset.plain;
    if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
  }

  look();
  document.addEventListener("htmx:after:swap", look);
})();
