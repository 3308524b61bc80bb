// How a connection stands, in a light and in words, and how old what is shown has become.
function connectionLight(box) {
  const WORDS = {
    connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", polling: "Polling",
    offline: "Offline", stale: "Stale", ended: "Finished",
  };
  let updated = Date.now();

  function show(state, words = WORDS[state]) {
    if (box.dataset.state === state && box.words === words) return;
    box.words = words;
    box.dataset.state = state;
    box.querySelector(".connection-words").textContent = words;
    showAge();
  }

  function showAge() {
    const seconds = Math.round((Date.now() - updated) / 1000);
    const age = seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
    const tells = !["connecting", "live", "ended"].includes(box.dataset.state);
    box.querySelector(".connection-age").textContent = tells ? `updated ${age} ago` : "";
    box.title = `Updated ${age} ago`;
  }

  function news(state) {
    updated = Date.now();
    show(state);
  }

  setInterval(() => document.hidden || showAge(), 1000);
  return { show, news };
}
