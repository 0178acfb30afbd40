"use strict";
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell ? cell.dataset.value ?? cell.textContent.trim() : "";
  };
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    const numeric = a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y);
    return numeric ? x - y : a.localeCompare(b, undefined, { numeric: true });
  };
  const sort = (table, header, column) => {
    const body = table.tBodies[0];
    const first = header.classList.contains("n") ? "descending" : "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const order = header.getAttribute("aria-sort") === first ? second : first;
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row, place) => [value(row, column), place, row]);
    rows.sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1]);
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
    body.append(...rows.map(([, , row]) => row));
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    if (!table.tHead || table.tBodies[0].rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sort(table, header, column));
    });
  }
  for (const box of document.querySelectorAll("[data-filter]")) {
    const rows = [...document.getElementById(box.dataset.filter).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const input = box.querySelector("input");
    const output = box.querySelector("output");
    const show = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, place) => {
        row.hidden = !words.every((word) => texts[place].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      output.value = output.dataset.words.replace("{shown}", shown).replace("{total}", rows.length);
    };
    input.addEventListener("input", show);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || /^(input|textarea|select)$/i.test(event.target.tagName)) return;
      event.preventDefault();
      input.focus();
    });
    box.hidden = false;
    show();
  }
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open])")) {
      details.open = true;
      details.dataset.printed = "";
    }
  });
  addEventListener("afterprint", () => {
    for (const details of document.querySelectorAll("details[data-printed]")) {
      details.open = false;
      delete details.dataset.printed;
    }
  });
})();
