// Times are typed by this person's clock: forms tell the server which zone that is.
(() => {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  if (!timeZone) return;
  for (const field of document.querySelectorAll("[data-zone]")) {
    field.value = timeZone;
    if (field.value === timeZone) continue;
    // Browsers may know a zone by an older name than the list does.
    field.add(new Option(timeZone));
    field.value = timeZone;
  }
  for (const words of document.querySelectorAll("[data-zone-name]")) words.textContent = timeZone;

  // Whoever chooses "later" begins at the next full hour.
  document.getElementById("start")?.addEventListener("change", ({ target }) => {
    const field = target.form.elements.run_at;
    if (!target.value || field.value) return;
    const hour = new Date(Date.now() + 3600000 - new Date().getTimezoneOffset() * 60000);
    field.value = `${hour.toISOString().slice(0, 13)}:00`;
  });
})();
