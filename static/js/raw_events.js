// Shows the events of a stream as they came, newest first.
(() => {
  const LONGEST = 200;
  const list = document.getElementById("raw-events");

  document.addEventListener("process", ({ detail: { name, text, id } }) => {
    const item = document.createElement("li");
    item.append(`event: ${name}`, document.createElement("br"));
    if (id) item.append(`id: ${id}`, document.createElement("br"));
    item.append(`data: ${text}`);
    list.prepend(item);
    while (list.children.length > LONGEST) list.lastElementChild.remove();
  });
})();
