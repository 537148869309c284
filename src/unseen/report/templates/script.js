(() => {
  "use strict";
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search).get("theme");
  let stored = null;
  try { stored = localStorage.getItem("unseen-theme"); } catch { /* storage may be forbidden for files */ }
  const theme = asked || stored;
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("unseen-theme", root.dataset.theme); } catch { /* the choice lasts for this page */ }
  });
  const key = (row, i) => {
    const cell = row.cells[i];
    return cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const x = Number(a), y = Number(b);
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  for (const th of document.querySelectorAll("table.sortable th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...th.childNodes);
    th.append(button);
    button.addEventListener("click", () => {
      const down = th.getAttribute("aria-sort") === "ascending";
      for (const other of th.parentNode.cells) other.removeAttribute("aria-sort");
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = th.closest("table").tBodies[0];
      const rows = [...body.rows].sort((a, b) => compare(key(a, th.cellIndex), key(b, th.cellIndex)));
      body.append(...(down ? rows.reverse() : rows));
    });
  }
  const search = document.getElementById("search");
  if (search) search.addEventListener("input", () => {
    const words = search.value.toLowerCase();
    for (const row of document.querySelectorAll("#all-numbers tbody tr"))
      row.hidden = !row.textContent.toLowerCase().includes(words);
  });
  // A link to a finding inside a folded list opens the list.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let up = target && target.parentElement; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    if (target && target.tagName === "DETAILS") target.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
