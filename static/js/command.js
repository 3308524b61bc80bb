// Buttons of the #command form: ask first where that is due, then send without leaving the page.
// Buttons of other forms are only asked about.
// The server is safe by itself: it takes only a POST with this person's token.
(() => {
  const dialog = document.getElementById("confirm");
  const confirmed = new WeakSet();

  function asked({ dataset }) {
    document.getElementById("confirm-question").textContent = dataset.confirm;
    document.getElementById("confirm-detail").textContent = dataset.detail ?? "";
    document.getElementById("confirm-yes").textContent = dataset.verb ?? "Yes";
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((answer) => {
      dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
    });
  }

  function say(message) {
    const flash = document.createElement("p");
    flash.className = "flash";
    flash.dataset.category = "error";
    flash.textContent = message;
    document.getElementById("flashes").replaceChildren(flash);
    flash.scrollIntoView({ block: "nearest" });
  }

  async function send(form, button) {
    // Before it is disabled: a disabled button is not in its form.
    const body = new FormData(form, button);
    button.disabled = true;
    try {
      const options = { method: "POST", body, redirect: "manual" };
      const response = await fetch(button.formAction, { ...options, headers: { "X-Requested-With": "XMLHttpRequest" } });
      if (response.type !== "opaqueredirect" && !response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const words = page.querySelector(".problem, .fault p:not(.fault-status)")?.textContent.trim();
        throw new Error(words || `That did not work (${response.status}).`);
      }
      // Without a stream or poll nothing else would show what came of it.
      if (!document.querySelector("#connection:is([data-state=live], [data-state=polling])")) location.reload();
    } catch (error) {
      say(error instanceof TypeError ? "The server can’t be reached. Try again in a moment." : error.message);
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener("submit", async (event) => {
    const { target: form, submitter: button } = event;
    if (form.id !== "command" && (!button?.dataset.confirm || confirmed.delete(button))) return;
    event.preventDefault();
    if (button.dataset.confirm && !(await asked(button))) return;
    if (form.id !== "command") {
      confirmed.add(button);
      form.requestSubmit(button);
      return;
    }
    if (!("plain" in button.dataset)) return send(form, button);
    form.action = button.formAction;
    form.submit();
  });
})();
