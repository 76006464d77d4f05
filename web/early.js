// Runs before the first paint: the saved theme and language stand on <html> from the start.
(() => {
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem("t11.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    root.lang = localStorage.getItem("t11.language") || navigator.language.slice(0, 2);
  } catch {
    // Storage is refused to this site: the system's theme and the default language are used.
  }
})();
