// Draws what a widget hears of all processes: how many are in each state, and a row for each of the newest.
// Rows stay the same elements, so that focus and selection stay too.
(() => {
  const row = document.getElementById("process-row").content.firstElementChild;
  const body = document.getElementById("process-rows");
  const ACTIONS = { pending: "cancel", processing: "cancel", failed: "retry" };

  function rowOf({ id }) {
    const there = document.getElementById(`process-${id}`);
    if (there) return there;
    const made = row.cloneNode(true);
    made.id = `process-${id}`;
    return made;
  }

  function draw(line, job) {
    for (const field of line.querySelectorAll("[data-show]")) {
      const value = String(job[field.dataset.show] ?? "–");
      if (field.textContent !== value) field.textContent = value;
    }
    line.querySelector("a").href = `/jobs/${job.id}`;
    line.querySelector(".badge").dataset.face = { pending: "queued" }[job.status] ?? job.status;
    line.querySelector("progress").value = job.progress;
    const button = line.querySelector("button");
    const action = ACTIONS[job.status];
    button.hidden = !action;
    button.dataset.job = job.id;
    button.dataset.action = action ?? "";
    button.textContent = action === "retry" ? "Try again" : "Cancel";
  }

  document.addEventListener("process", ({ detail: { name, data } }) => {
    if (name !== "summary") return;
    for (const [state, number] of Object.entries(data.counts)) {
      document.querySelector(`[data-count="${state}"]`).textContent = number;
    }
    const lines = data.jobs.map((job) => {
      const line = rowOf(job);
      draw(line, job);
      return line;
    });
    for (const [n, line] of lines.entries()) {
      if (body.children[n] !== line) body.insertBefore(line, body.children[n] ?? null);
    }
    while (body.children.length > lines.length) body.lastElementChild.remove();
    document.getElementById("process-none").hidden = lines.length > 0;
  });

  body.addEventListener("click", async ({ target }) => {
    if (!target.dataset.action) return;
    target.disabled = true;
    const form = new URLSearchParams({ action: target.dataset.action, job_id: target.dataset.job });
    const answer = await fetch(body.dataset.steer, { method: "POST", body: form }).catch(() => null);
    if (!answer?.ok) document.getElementById("announcer").textContent = "That did not work.";
    target.disabled = false;
  });
})();
