// On a page that looks again: what was open stays open.
document.querySelectorAll("details").forEach((details) => {
  const key = `${location.pathname} ${details.previousSibling?.textContent ?? ""}`;
  details.open = sessionStorage.getItem(key) !== null;
  details.addEventListener("toggle", () => {
    if (details.open) sessionStorage.setItem(key, "");
    else sessionStorage.removeItem(key);
  });
});
