// Sends files that are chosen, or dropped anywhere on the page: two at a time, each with its own progress.
// Several at once make a batch, which is opened before the first is sent and closed after the last.
(() => {
  const form = document.getElementById("upload");
  if (!form) return;

  const AT_ONCE = 2;
  const input = form.elements.file;
  const list = document.getElementById("uploads");
  const jobs = document.getElementById("jobs-list");
  const limit = Number(form.dataset.maxUpload);
  const waiting = [];
  let sending = 0;

  const kind = () => form.querySelector("[name=kind]:checked");
  const options = () => form.querySelector(`.options[data-kind="${kind().value}"]`);

  function size(bytes) {
    const units = ["bytes", "kB", "MB", "GB"];
    const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 3);
    return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
  }

  function make(tag, className, text = "") {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
  }

  function makeButton(text, action) {
    const button = make("button", "link", text);
    button.type = "button";
    button.addEventListener("click", action);
    return button;
  }

  // What can be told from here; the server looks into the file.
  function objection(file) {
    const { accept, label } = kind().dataset;
    const ending = /\.[^.]+$/.exec(file.name.toLowerCase())?.[0] ?? "";
    if (accept && !accept.split(",").includes(ending)) {
      const taken = accept.replaceAll(".", "").replaceAll(",", ", ").toUpperCase();
      return `“${label}” does not take ${ending ? `${ending} files` : "files without an extension"}. It takes ${taken}.`;
    }
    if (form.elements.start.value && !form.elements.run_at.value) return "Say first when it is to start: a day and a time.";
    if (file.size === 0) return "This file is empty.";
    if (file.size > limit) return `This file has ${size(file.size)}; the most is ${size(limit)}.`;
    return "";
  }

  async function take(files) {
    const fields = [...(options()?.querySelectorAll("[name]") ?? [])].filter((field) => field.value !== "");
    const values = [["kind", kind().value], ...fields.map((field) => [field.name, field.value])];
    for (const name of ["priority", "start", "run_at", "zone"]) values.push([name, form.elements[name].value]);
    const uploads = files.map((file) => ({ file, values, row: makeRow(file), problem: objection(file) }));
    for (const upload of uploads) if (upload.problem) refuse(upload, upload.problem);
    const good = uploads.filter(({ problem }) => !problem);
    const batch = good.length > 1 ? await openBatch(good) : null;
    for (const upload of good) waiting.push({ ...upload, batch });
    sendNext();
  }

  async function openBatch(uploads) {
    const name = `${uploads.length} files, “${uploads[0].file.name}” first`;
    try {
      const response = await post(form.dataset.batches, [["name", name], ["priority", form.elements.priority.value]]);
      const card = response.ok && parsed(await response.text()).querySelector("article");
      if (!card) return null;
      show(card);
      return { id: card.dataset.job, left: uploads.length };
    } catch {
      // Then each file is a job by itself; why nothing can be sent is said beside it.
      return null;
    }
  }

  // This one has arrived, or will not; after the last the batch can come to its end.
  function settle(upload) {
    const { batch } = upload;
    upload.batch = null;
    if (batch && --batch.left === 0) post(`${form.dataset.batches}/${batch.id}/closing`, []).catch(() => {});
  }

  function post(url, values) {
    const body = new FormData();
    for (const [name, value] of [["csrf_token", form.elements.csrf_token.value], ...values]) body.set(name, value);
    return fetch(url, { method: "POST", body, headers: { "X-Requested-With": "XMLHttpRequest", Accept: "text/html" } });
  }

  function parsed(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  }

  function makeRow(file) {
    const row = make("li", "sending");
    row.append(make("span", "sending-name", file.name));
    list.append(row);
    return row;
  }

  function refuse(upload, problem, retry = false) {
    const { row } = upload;
    const again = makeButton("Try again", () => {
      row.replaceChildren(row.firstChild);
      waiting.push(upload);
      sendNext();
    });
    const words = make("p", "problem", problem);
    words.setAttribute("role", "alert");
    row.replaceChildren(row.firstChild, makeButton("Dismiss", () => row.remove()), words, ...(retry ? [again] : []));
  }

  function sendNext() {
    while (sending < AT_ONCE && waiting.length) send(waiting.shift());
    for (const { row } of waiting) {
      if (row.children.length === 1) row.append(make("span", "sending-words", "Waiting"));
    }
  }

  function send(upload) {
    const { file, values, row } = upload;
    const request = new XMLHttpRequest();
    const bar = make("progress", "bar");
    const words = make("span", "sending-words", "Sending");
    bar.max = file.size;
    bar.value = 0;
    bar.setAttribute("aria-label", `Sending ${file.name}`);
    row.replaceChildren(row.firstChild, makeButton("Cancel", () => request.abort()), bar, words);

    const began = performance.now();
    request.upload.addEventListener("progress", ({ loaded }) => {
      const sent = Math.min(loaded, file.size);
      const rate = (loaded / (performance.now() - began)) * 1000;
      bar.value = sent;
      words.textContent = sent < file.size ? `${size(sent)} of ${size(file.size)}, ${size(rate)}/s` : "Sent. Checking it";
    });
    request.addEventListener("load", () => answered(upload, request));
    request.addEventListener("abort", () => row.remove());
    request.addEventListener("error", () => refuse(upload, "The connection broke before the file had arrived.", true));
    request.addEventListener("loadend", () => {
      settle(upload);
      sending -= 1;
      sendNext();
    });

    sending += 1;
    request.open("POST", form.action);
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.setRequestHeader("Accept", "text/html");
    request.send(body(file, upload.batch ? [...values, ["batch", upload.batch.id]] : values));
  }

  // The file comes last: the server knows what it is for before it arrives.
  function body(file, values) {
    const data = new FormData();
    data.set("csrf_token", form.elements.csrf_token.value);
    for (const [name, value] of values) data.set(name, value);
    data.set("file", file);
    return data;
  }

  function answered(upload, { status, responseText }) {
    const answer = parsed(responseText);
    if (status === 201) return accepted(upload, answer.querySelector("article"));
    const words = answer.querySelector(".problem")?.textContent.trim();
    if (status === 401) return refuse(upload, "You are logged out. Log in again, then send it once more.");
    refuse(upload, words || `The server did not take it (${status}).`, status >= 500 || status === 429);
  }

  function accepted({ file, row, batch }, card) {
    row.remove();
    if (card && !batch) show(card);
    document.getElementById("announcer").textContent = `${file.name}: queued`;
  }

  function show(card) {
    // The stream may have been faster, and have put it behind a button. One's own is shown at once.
    const there = document.getElementById(card.id) ?? card;
    if (!jobs.contains(there)) jobs.prepend(there);
    document.dispatchEvent(new Event("htmx:after:swap"));
  }

  function showKind() {
    input.accept = kind().dataset.accept;
    for (const details of form.querySelectorAll(".options")) details.hidden = details.dataset.kind !== kind().value;
  }

  const carriesFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  const showDrag = (dragging) => document.documentElement.toggleAttribute("data-dragging", dragging);
  const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory;

  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => target.name === "kind" && showKind());
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    showDrag(true);
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || showDrag(false));
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    showDrag(false);
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    take(items.filter((item) => !isFolder(item)).map((item) => item.getAsFile()));
    for (const item of items.filter(isFolder)) {
      const file = item.getAsFile();
      refuse({ row: makeRow(file) }, "This is a folder. Drop the files in it instead.");
    }
  });
  window.addEventListener("beforeunload", (event) => sending && event.preventDefault());
  showKind();
  // Chosen before this script was there.
  if (input.files.length) input.dispatchEvent(new Event("change"));
})();
