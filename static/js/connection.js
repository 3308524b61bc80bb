// How the page's one stream stands, and what happens when it can't be had: the page polls
// the same parts, says so, and goes back to the stream when that works again.
(() => {
  const box = document.getElementById("connection");
  const stream = document.getElementById("stream");
  if (!box || !stream) return;

  const light = connectionLight(box);
  const polling = newPolling({ ask, answered, unanswered });
  const FAILURES = 3;
  const SILENCE = 8000;
  const RETRY = 19000; // htmx asks every 10 s; every second time is let through
  const ENDED = ".job-page .status:is([data-state=completed], [data-state=failed], [data-state=cancelled])";

  let connection = null;
  let over = false;
  let failures = 0;
  let heard = false; // anything since this connection was opened
  let tried = -RETRY;
  let ticked = Date.now();
  let silence;
  let etag = null;

  const news = (state) => light.news(document.querySelector("[data-known=no]") ? "stale" : state);

  function finish(state, words) {
    over = true;
    polling.stop();
    light.show(state, words);
    drop();
  }

  function refuse(status) {
    finish(status === 204 ? "ended" : "refused", polling.REFUSALS[status]);
    const login = box.querySelector(".connection-login");
    if (login) login.hidden = status !== 401;
  }

  // Let go of the stream in whatever phase it is; the guards below keep it from coming back.
  function drop() {
    clearTimeout(silence);
    if (connection) connection.config.reconnect = false;
    connection?.reader?.cancel();
    connection?.abortController?.abort();
    stream.dispatchEvent(new Event("htmx:abort"));
  }

  function failed(status) {
    if (over) return;
    if (status in polling.REFUSALS) refuse(status);
    else if (!connection) startPolling();
  }

  // Skip the wait before the next attempt: somebody is looking.
  const hurry = () => setTimeout(() => connection?.delayCanceller?.());

  function tryStream() {
    tried = -RETRY;
    stream.dispatchEvent(new CustomEvent("every"));
  }

  function startPolling() {
    if (polling.active || over) return;
    tried = Date.now();
    light.show(navigator.onLine ? "polling" : "offline");
    polling.start();
  }

  function answered(before) {
    news("polling");
    if (document.querySelector(ENDED)) finish("ended");
    else if (!before) tryStream(); // the server is back
  }

  function unanswered() {
    light.show("offline", navigator.onLine ? "No answer" : undefined);
  }

  async function ask(signal) {
    const headers = { "HX-Request": "true", Accept: "text/html", ...(etag && { "If-None-Match": etag }) };
    const response = await fetch(box.dataset.parts, { headers, signal, redirect: "manual" });
    if (response.type === "opaqueredirect") return refuse(401);
    if (response.status in polling.REFUSALS) return refuse(response.status);
    if (!response.ok && response.status !== 304) throw new Error(response.status);
    if (response.ok) {
      const text = await response.text();
      if (!polling.active) return;
      etag = response.headers.get("ETag");
      await htmx.swap({ text, sourceElement: box, swap: "none" });
    }
  }

  // The first attempt, and each that htmx makes while there is no stream.
  stream.addEventListener("htmx:before:request", (event) => {
    const tooSoon = polling.active && Date.now() - tried < RETRY;
    if (over || tooSoon || document.hidden) return event.preventDefault();
    tried = Date.now();
  });
  stream.addEventListener("htmx:response:error", ({ detail }) => failed(detail.ctx.response.status));
  stream.addEventListener("htmx:error", () => failed());
  // A stream never gets this far: the answer was a page, or nothing.
  stream.addEventListener("htmx:after:request", ({ detail }) => {
    if (detail.ctx.response.status < 400) failed(detail.ctx.response.status);
  });

  stream.addEventListener("htmx:sse:before:connection", (event) => {
    connection = event.detail.connection;
    if (connection.attempt === 0) return;
    failures = heard ? 0 : failures + 1;
    heard = false;
    if (failures >= FAILURES) startPolling();
    if (over || polling.active) event.preventDefault();
    else light.show(navigator.onLine ? "reconnecting" : "offline");
  });
  stream.addEventListener("htmx:sse:after:connection", () => {
    heard = false;
    if (connection.status in polling.REFUSALS) return refuse(connection.status);
    silence = setTimeout(() => {
      startPolling();
      drop();
    }, SILENCE);
  });
  stream.addEventListener("htmx:sse:before:message", () => {
    clearTimeout(silence);
    heard = true;
    failures = 0;
    polling.stop();
  });
  stream.addEventListener("htmx:sse:after:message", () => over || news("live"));
  stream.addEventListener("htmx:sse:error", ({ detail }) => failed(detail.status));
  stream.addEventListener("htmx:sse:close", ({ detail }) => {
    clearTimeout(silence);
    connection = null;
    if (detail.reason === "message") finish("ended");
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !over && !polling.active) hurry();
  });
  window.addEventListener("online", () => (polling.active ? tryStream() : hurry()));
  window.addEventListener("offline", () => over || light.show("offline"));
  window.addEventListener("pageshow", ({ persisted }) => persisted && !over && location.reload());

  setInterval(() => {
    // A gap in the ticks: the machine slept, and the connection is likely dead without word of it.
    if (Date.now() - ticked > 20000 && !document.hidden) {
      connection?.reader?.cancel();
      hurry();
    }
    ticked = Date.now();
  }, 1000);
})();
