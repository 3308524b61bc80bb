// How the page's one stream stands, and what happens when it can't be had: the page polls
// the same parts, says so, and goes back to the stream when that works again.
(() => {
  const box = document.getElementById("connection");
  const stream = document.getElementById("stream");
  if (!box || !stream) return;

  const FAILURES = 3;
  const SILENCE = 8000;
  const POLL = 2000;
  const LONGEST_POLL = 20000;
  const RETRY = 19000; // htmx asks every 10 s; every second time is let through
  const ENDED = ".job-page .status:is([data-state=completed], [data-state=failed], [data-state=cancelled])";
  const WORDS = {
    connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", polling: "Polling",
    offline: "Offline", stale: "Stale", ended: "Finished",
  };
  // Answers after which there is no point in asking again.
  const REFUSALS = { 204: "Finished", 401: "Logged out", 403: "Not allowed", 404: "Not found", 410: "Gone" };

  let connection = null;
  let over = false;
  let polling = false;
  let failures = 0;
  let heard = false; // anything since this connection was opened
  let tried = -RETRY;
  let updated = Date.now();
  let ticked = Date.now();
  let silence;
  let pollTimer;
  let pollDelay = POLL;
  let etag = null;

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
    show(document.querySelector("[data-known=no]") ? "stale" : state);
  }

  function finish(state, words) {
    over = true;
    stopPolling();
    show(state, words);
    drop();
  }

  function refuse(status) {
    finish(status === 204 ? "ended" : "refused", REFUSALS[status]);
    box.querySelector(".connection-login").hidden = status !== 401;
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
    if (status in REFUSALS) refuse(status);
    else if (!connection) startPolling();
  }

  // Skip the wait before the next attempt: somebody is looking.
  const hurry = () => setTimeout(() => connection?.delayCanceller?.());

  function tryStream() {
    tried = -RETRY;
    stream.dispatchEvent(new CustomEvent("every"));
  }

  function startPolling() {
    if (polling || over) return;
    polling = true;
    pollDelay = POLL;
    tried = Date.now();
    show(navigator.onLine ? "polling" : "offline");
    poll();
  }

  function stopPolling() {
    polling = false;
    clearTimeout(pollTimer);
  }

  async function poll() {
    clearTimeout(pollTimer);
    if (!polling || document.hidden) return;
    try {
      await ask();
      if (pollDelay > POLL) tryStream(); // the server is back
      pollDelay = POLL;
    } catch {
      if (polling) show("offline", navigator.onLine ? "No answer" : WORDS.offline);
      pollDelay = Math.min(pollDelay * 2, LONGEST_POLL);
    }
    if (polling) pollTimer = setTimeout(poll, pollDelay * (0.8 + 0.4 * Math.random()));
  }

  async function ask() {
    const headers = { "HX-Request": "true", Accept: "text/html", ...(etag && { "If-None-Match": etag }) };
    const signal = AbortSignal.timeout(SILENCE);
    const response = await fetch(box.dataset.parts, { headers, signal, redirect: "manual" });
    if (response.type === "opaqueredirect") return refuse(401);
    if (response.status in REFUSALS) return refuse(response.status);
    if (!response.ok && response.status !== 304) throw new Error(response.status);
    if (response.ok) {
      const text = await response.text();
      if (!polling) return;
      etag = response.headers.get("ETag");
      await htmx.swap({ text, sourceElement: box, swap: "none" });
    }
    if (!polling) return;
    news("polling");
    if (document.querySelector(ENDED)) finish("ended");
  }

  // The first attempt, and each that htmx makes while there is no stream.
  stream.addEventListener("htmx:before:request", (event) => {
    const tooSoon = polling && Date.now() - tried < RETRY;
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
    if (over || polling) event.preventDefault();
    else show(navigator.onLine ? "reconnecting" : "offline");
  });
  stream.addEventListener("htmx:sse:after:connection", () => {
    heard = false;
    if (connection.status in REFUSALS) return refuse(connection.status);
    silence = setTimeout(() => {
      startPolling();
      drop();
    }, SILENCE);
  });
  stream.addEventListener("htmx:sse:before:message", () => {
    clearTimeout(silence);
    heard = true;
    failures = 0;
    stopPolling();
  });
  stream.addEventListener("htmx:sse:after:message", () => over || news("live"));
  stream.addEventListener("htmx:sse:error", ({ detail }) => failed(detail.status));
  stream.addEventListener("htmx:sse:close", ({ detail }) => {
    clearTimeout(silence);
    connection = null;
    if (detail.reason === "message") finish("ended");
  });

  document.addEventListener("visibilitychange", () => {
    if (document.hidden || over) return;
    if (polling) poll();
    else hurry();
  });
  window.addEventListener("online", () => (polling ? tryStream() : hurry()));
  window.addEventListener("offline", () => over || show("offline"));
  window.addEventListener("pageshow", ({ persisted }) => persisted && !over && location.reload());

  setInterval(() => {
    // A gap in the ticks: the machine slept, and the connection is likely dead without word of it.
    if (Date.now() - ticked > 20000 && !document.hidden) {
      connection?.reader?.cancel();
      hurry();
    }
    ticked = Date.now();
    if (!document.hidden) showAge();
  }, 1000);
})();
