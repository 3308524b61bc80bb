// Widgets that follow background processes by the API, as any page may: by stream (`data-method="sse"`) or by
// polling. One whose stream can't be had, or keeps failing, polls, says so, and goes back to the stream when
// that works again. What is heard goes out as a "process" event, for whoever draws it.
(() => {
  const FAILURES = 3;
  const RETRY = 20000;
  const NAMES = ["status", "summary", "heartbeat"];
  const ENDS = ["completed", "failed"];

  function follow(widget) {
    const { method, stream, poll } = widget.dataset;
    const light = connectionLight(widget.querySelector(".connection"));
    const polling = newPolling({ ask, answered: () => light.news("polling"), unanswered });
    let source = null;
    let failures = 0;
    let over = false;
    let retry;

    function open() {
      close();
      if (over || document.hidden) return;
      source = new EventSource(stream);
      for (const name of NAMES) source.addEventListener(name, heard);
      source.addEventListener("error", broken);
    }

    function close() {
      clearTimeout(retry);
      source?.close();
      source = null;
    }

    function heard({ type, data, lastEventId }) {
      failures = 0;
      polling.stop();
      light.news("live");
      tell(type, data, lastEventId);
    }

    // A browser comes back to a stream that was cut, but not to one that was refused.
    function broken() {
      failures += 1;
      if (source.readyState !== EventSource.CLOSED && failures < FAILURES) {
        light.show(navigator.onLine ? "reconnecting" : "offline");
        return;
      }
      close();
      retry = setTimeout(open, RETRY);
      if (!polling.active) startPolling();
    }

    function startPolling() {
      light.show("polling");
      polling.start();
    }

    function unanswered() {
      light.show("offline", navigator.onLine ? "No answer" : undefined);
    }

    async function ask(signal) {
      const response = await fetch(poll, { headers: { Accept: "application/json" }, signal });
      if (response.status in polling.REFUSALS) return finish("refused", polling.REFUSALS[response.status]);
      if (!response.ok) throw new Error(response.status);
      const data = await response.text();
      if (polling.active) tell(widget.dataset.event, data, "");
    }

    function tell(name, text, id) {
      const data = JSON.parse(text);
      widget.dispatchEvent(new CustomEvent("process", { bubbles: true, detail: { name, text, id, data } }));
      if (name === "status" && ENDS.includes(data.status)) finish("ended");
    }

    function finish(state, words) {
      over = true;
      close();
      polling.stop();
      light.show(state, words);
    }

    function begin() {
      if (over) return;
      if (method === "sse") open();
      else if (!polling.active) startPolling();
    }

    document.addEventListener("visibilitychange", () => (document.hidden ? close() : begin()));
    window.addEventListener("online", begin);
    window.addEventListener("pagehide", close);
    begin();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".process").forEach(follow));
})();
