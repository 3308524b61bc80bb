// Tells a screen reader how jobs get on: start, each stage, end; never the figures in between.
(() => {
  const PAUSE = 1500;
  const announcer = document.getElementById("announcer");
  const known = new Map();
  const news = new Map();
  let timer;

  const words = ({ face, stage, state }) => (state === "processing" && face === state && stage ? stage.replaceAll("-", " ") : face);

  function look() {
    for (const { id, dataset } of document.querySelectorAll(".status")) {
      const now = words(dataset);
      if (known.has(id) && known.get(id) !== now) news.set(id, `${dataset.name}: ${now}`);
      known.set(id, now);
    }
    if (news.size) timer ??= setTimeout(say, PAUSE);
  }

  function say() {
    announcer.textContent = [...news.values()].join(". ");
    news.clear();
    timer = undefined;
  }

  look();
  document.addEventListener("htmx:after:swap", look);
})();
