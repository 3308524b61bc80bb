// Times in words, in this person's zone, and ticking: quiet seconds count too.
(() => {
  const TIMES = "time[datetime], time[data-at], [data-since], [data-left]";
  const MOVING = "[data-since], [data-left], time:is([data-as=ago], [data-as=for], [data-as=at], [data-as=in])";
  const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
  const clock = new Intl.DateTimeFormat(undefined, CLOCK);
  const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const minute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
  const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  let ahead = 0; // by how many seconds the server's clock is ahead of this one

  const now = () => Date.now() / 1000 + ahead;
  const two = (number) => String(number).padStart(2, "0");

  function duration(seconds) {
    const whole = Math.max(Math.floor(seconds), 0);
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
    return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  }

  // A guess is rounded, lest it seem to know better.
  function roughly(seconds) {
    if (seconds < 20) return `${Math.ceil(seconds)} s`;
    if (seconds < 90) return `${5 * Math.round(seconds / 5)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  }

  function ago(at) {
    const seconds = now() - at;
    if (seconds < 60) return "just now";
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    return seconds < 86400 ? `${Math.floor(seconds / 3600)} h ago` : date.format(at * 1000);
  }

  function untilThen(at) {
    const seconds = at - now();
    if (seconds < 1) return "any moment now";
    if (seconds < 172800) return `in ${duration(seconds)}`;
    return `in ${Math.round(seconds / 86400)} days`;
  }

  function toCome(at) {
    const midnight = new Date(now() * 1000).setHours(0, 0, 0, 0);
    const days = Math.round((new Date(at * 1000).setHours(0, 0, 0, 0) - midnight) / 86400000);
    return `${["today", "tomorrow"][days] ?? day.format(at * 1000)} at ${minute.format(at * 1000)}`;
  }

  function words(element, at) {
    const { since, left, as } = element.dataset;
    if (since) return duration(now() - since);
    if (left) {
      const rest = left - (now() - element.dataset.at);
      return rest > 0.5 ? `about ${roughly(rest)} left` : ""; // a guess that has run out is none
    }
    if (as === "for") return `for ${duration(now() - at)}`;
    if (as === "ago") return ago(at);
    if (as === "at") return toCome(at);
    if (as === "in") return untilThen(at);
    return (as === "date" ? date : clock).format(at * 1000);
  }

  function set(element) {
    const at = element.dataset.at || Date.parse(element.dateTime) / 1000;
    if (element.dateTime !== undefined && !element.title) element.title = full.format(at * 1000);
    const text = words(element, at);
    if (element.textContent !== text) element.textContent = text;
  }

  // What does not move is set once; its title shows that it has been.
  const setAll = () => document.querySelectorAll(TIMES).forEach((element) => element.title || set(element));
  const tick = () => document.hidden || document.querySelectorAll(MOVING).forEach(set);
  const key = ({ dataset: { since, left, at, as }, dateTime }) => [since, left, at, as, dateTime].join();

  setAll();
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("htmx:after:swap", setAll);
  window.htmx?.registerExtension("clock", {
    // Runs before the stream's own extension takes the answer over.
    htmx_before_response(_element, { ctx }) {
      const difference = (Date.parse(ctx.response.headers.get("Date")) + 500 - Date.now()) / 1000;
      ahead = Math.abs(difference) > 2 ? difference : 0;
    },
    // A morph leaves the words of an unchanged time alone: they are ours.
    htmx_before_morph_node: (old, { newNode }) => !(old.matches?.(TIMES) && key(old) === key(newNode)),
  });
})();
