// Asking again and again where a stream can't be had: after longer rests while there is no answer, and not in a
// hidden tab. `ask` throws where there was none; `answered` hears whether there was one before.
function newPolling({ ask, answered, unanswered }) {
  const REST = 2000;
  const LONGEST_REST = 20000;
  const PATIENCE = 8000;
  // Answers after which there is no point in asking again.
  const REFUSALS = { 204: "Finished", 401: "Logged out", 403: "Not allowed", 404: "Not found", 410: "Gone" };
  let active = false;
  let rest = REST;
  let timer;

  function start() {
    active = true;
    rest = REST;
    now();
  }

  function stop() {
    active = false;
    clearTimeout(timer);
  }

  async function now() {
    clearTimeout(timer);
    if (!active || document.hidden) return;
    try {
      await ask(AbortSignal.timeout(PATIENCE));
      if (active) answered(rest === REST);
      rest = REST;
    } catch {
      if (active) unanswered();
      rest = Math.min(rest * 2, LONGEST_REST);
    }
    if (active) timer = setTimeout(now, rest * (0.8 + 0.4 * Math.random()));
  }

  document.addEventListener("visibilitychange", now);
  return { start, stop, REFUSALS, get active() { return active; } };
}
