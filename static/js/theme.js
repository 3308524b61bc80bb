// Keeps the choice of colours in a cookie: the server writes it into the page, so nothing flashes.
(() => {
  document.addEventListener("change", ({ target }) => {
    if (target.name !== "theme") return;
    document.documentElement.dataset.theme = target.value;
    document.cookie = `theme=${target.value}; path=/; max-age=31536000; samesite=lax`;
  });

  // An open menu closes by Escape, or by a click elsewhere.
  const menu = document.querySelector(".menu");
  document.addEventListener("click", ({ target }) => {
    if (menu && !menu.contains(target)) menu.open = false;
  });
  menu?.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
})();
