"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows];
      rows.sort((first, second) => {
        const [a, b] = [key(first), key(second)];
        if (a === "" || b === "") return (a === "") - (b === "");
        const order = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
        return down ? -order : order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
// Two conditions on top of each other, from the pictures of their cards.
(() => {
  const section = document.querySelector(".compare");
  const found = [...document.querySelectorAll(".card[data-split]")].flatMap((card) =>
    [...card.querySelectorAll(".shot")]
      .filter((shot) => shot.dataset.quantity !== "Probe" && shot.dataset.place)
      .map((shot) => ({ shot, split: card.dataset.split, name: card.dataset.name, quantity: shot.dataset.quantity,
        place: shot.dataset.place.split(" ").map(Number) })));
  // Only what two conditions of a split have can be compared.
  const names = {};
  const kind = ({ quantity, split }) => quantity + "\n" + split;
  for (const shot of found) (names[kind(shot)] ??= new Set()).add(shot.name);
  const shots = found.filter((shot) => names[kind(shot)].size > 1);
  // The pixels of the object that two pictures have: top, left, height, width.
  const common = ([t, l, h, w], [top, left, height, width]) => {
    const [y, x] = [Math.max(t, top), Math.max(l, left)];
    return [y, x, Math.min(t + h, top + height) - y, Math.min(l + w, left + width) - x];
  };
  const values = (key, of = shots) => [...new Set(of.map((shot) => shot[key]))];
  if (!section || !shots.length) return;
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const choose = section.querySelector(".choose");
  const wipe = section.querySelector(".wipe");
  const selects = {};
  for (const name of ["quantity", "split", "left", "right"]) {
    selects[name] = make("select");
    choose.append(make("label", {}, name, selects[name]));
  }
  const fill = (select, names, wanted) => {
    const kept = names.includes(select.value) ? select.value : wanted;
    select.replaceChildren(...names.map((name) => make("option", { value: name, textContent: name, selected: name === kept })));
  };
  const slider = make("input", { type: "range", min: 0, max: 100, value: 50 });
  slider.setAttribute("aria-label", "How much of the left picture is seen, percent");
  slider.addEventListener("input", () => wipe.style.setProperty("--at", slider.value + "%"));
  const show = () => {
    const alike = shots.filter((shot) => shot.quantity === selects.quantity.value);
    fill(selects.split, values("split", alike), alike[0].split);
    const here = alike.filter((shot) => shot.split === selects.split.value);
    const names = values("name", here);
    fill(selects.left, names, names[0]);
    fill(selects.right, names, names.at(-1));
    const chosen = (side) => here.find((shot) => shot.name === selects[side].value);
    const [top, left, height, width] = common(chosen("left").place, chosen("right").place);
    const half = (side) => {
      const { shot, place } = chosen(side);
      const image = shot.querySelector("img");
      const picture = make("img", { src: image.src, alt: image.alt, width: image.getAttribute("width"), height: image.getAttribute("height") });
      // Each pixel of the object in the same place of the frame, whatever else the pictures show.
      Object.assign(picture.style, {
        width: 100 * place[3] / width + "%", height: 100 * place[2] / height + "%",
        left: 100 * (place[1] - left) / width + "%", top: 100 * (place[0] - top) / height + "%",
      });
      const frame = make("div", { className: "window" }, picture);
      frame.style.aspectRatio = `${width} / ${height}`;
      const caption = make("figcaption", {}, selects[side].value);
      const scale = shot.querySelector(".scale");
      if (scale) caption.append(scale.cloneNode(true));
      return make("figure", { className: side }, frame, caption);
    };
    if (!(width > 0 && height > 0)) {
      wipe.replaceChildren(make("p", {}, "These two show no pixel of the object in common."));
      return;
    }
    wipe.replaceChildren(half("right"), half("left"), slider);
  };
  fill(selects.quantity, values("quantity"), "Phase");
  Object.values(selects).forEach((select) => select.addEventListener("change", show));
  show();
  section.hidden = false;
})();
// A study that is running.
const again = document.currentScript.dataset.again;
if (again) setTimeout(() => location.reload(), 1000 * again);
// On paper nothing can be opened: the words and the settings are there, the details of a condition
// where the reader has opened them.
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open], .card details)")];
  closed.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));
