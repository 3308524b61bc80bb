// A list that somebody reads does not jump: what is new waits behind a button, live all the while.
(() => {
  const button = document.getElementById("newcomers");
  const list = document.getElementById("jobs-list");
  const waiting = document.getElementById("jobs-waiting");
  if (!button || !list) return;

  const selecting = () => getSelection().type === "Range" && list.contains(getSelection().anchorNode);
  const scrolledPast = () => list.getBoundingClientRect().top < 0;

  function isRead() {
    if (!list.childElementCount) return false;
    // Behind those that wait already, the others wait too: the order stays.
    if (waiting.childElementCount || "always" in button.dataset) return true;
    return scrolledPast() || list.matches(":hover, :focus-within") || selecting();
  }

  function count() {
    const number = waiting.childElementCount;
    const words = button.dataset[number === 1 ? "one" : "many"].replace("%d", number);
    if (button.textContent !== words) button.textContent = words;
    button.hidden = !number;
  }

  document.addEventListener("htmx:before:swap", ({ detail }) => {
    for (const task of detail.tasks) {
      if (task.target === list && task.swapSpec.style === "afterbegin" && isRead()) task.target = waiting;
    }
  });
  document.addEventListener("htmx:after:swap", count);
  button.addEventListener("click", () => {
    list.prepend(...waiting.children);
    count();
    list.querySelector("a").focus();
  });
})();
