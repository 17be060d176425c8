// Opened as a file, the page says what it needs; modules, and with them app.js, do not load there.
if (location.protocol === "file:") document.documentElement.classList.add("local");
