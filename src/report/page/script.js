
"use strict";
// Sorting: a button in each heading, so that it works with a keyboard; without this script the tables are whole.
const key = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.sort ?? cell.textContent.trim();
};
const compare = (a, b) => {
  const [x, y] = [Number(a), Number(b)];
  if (a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return a.localeCompare(b, "en", { numeric: true });
};
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.textContent = "";
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => compare(key(a, column), key(b, column)));
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}
// Finding: what a row or a lane says, or its state.
const items = [...document.querySelectorAll("[data-find]")];
const [text, state, shown] = ["text", "state", "shown"].map((id) => document.getElementById(id));
const words = items.map((item) => item.textContent.toLowerCase());
const filter = () => {
  const wanted = text.value.trim().toLowerCase();
  let count = 0;
  items.forEach((item, index) => {
    const fits = words[index].includes(wanted) && (state.value === "" || item.dataset.state === state.value);
    item.hidden = !fits;
    count += fits ? 1 : 0;
  });
  shown.textContent = count + " of " + items.length;
};
text.addEventListener("input", filter);
state.addEventListener("change", filter);
document.querySelector(".filter").hidden = false;
// A link may name what to find: page.html#find=nginx
const find = () => {
  const wanted = /^#find=(.*)$/.exec(location.hash);
  if (wanted) {
    try { text.value = decodeURIComponent(wanted[1]); } catch { text.value = wanted[1]; }
  }
  filter();
};
addEventListener("hashchange", find);
find();
