// What is added to a list is added once: after a poll or an upload's answer the stream may
// bring a row that stands there already.
document.addEventListener("htmx:before:swap", ({ detail }) => {
  for (const { swapSpec, fragment } of detail.tasks) {
    if (!["afterbegin", "beforeend"].includes(swapSpec.style)) continue;
    for (const row of [...fragment.children]) {
      if (row.id && document.getElementById(row.id)) row.remove();
    }
  }
});
