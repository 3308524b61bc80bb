// A log follows its end, unless somebody has scrolled up or is selecting in it.
(() => {
  const LONGEST = 1000;
  const left = new WeakSet(); // logs that somebody scrolled away from the end of

  const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  const selecting = (log) => getSelection().type === "Range" && log.contains(getSelection().anchorNode);

  function follow() {
    for (const log of document.querySelectorAll(".log-lines")) {
      if (left.has(log) || selecting(log)) continue;
      while (log.children.length > LONGEST) log.firstElementChild.remove();
      log.scrollTop = log.scrollHeight;
    }
  }

  document.addEventListener("scroll", ({ target }) => {
    if (target.matches?.(".log-lines")) left[atEnd(target) ? "delete" : "add"](target);
  }, true);
  document.addEventListener("toggle", follow, true);
  document.addEventListener("htmx:after:swap", follow);
  follow();
})();
