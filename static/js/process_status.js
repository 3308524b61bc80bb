// Draws what a widget hears of one process.
document.addEventListener("process", ({ target, detail: { name, data } }) => {
  if (name !== "status") return;
  for (const field of target.querySelectorAll("[data-show]")) {
    const value = data[field.dataset.show] ?? "–";
    if (field.textContent !== String(value)) field.textContent = value;
  }
  target.querySelector("progress").value = data.progress;
  target.querySelector(".badge").dataset.face = { pending: "queued" }[data.status] ?? data.status;
  const time = target.querySelector("time");
  time.dateTime = data.updated_at;
  time.textContent = new Date(data.updated_at).toLocaleTimeString(undefined, { hour12: false });
});
