// What is asked of a page from inside it: contrast, names, structure. Run by evaluate(), so nothing from outside is used.

// Texts whose contrast to what is behind them is below the limit of their size, as WCAG 2.2 AA has it.
export function lowContrast() {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a),
    g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a),
    a: 1,
  });
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    const ground = matchMedia("(prefers-color-scheme: dark)").matches ? { r: 18, g: 18, b: 18, a: 1 } : { r: 255, g: 255, b: 255, a: 1 };
    return layers.reverse().reduce((under, layer) => over(layer, under), ground);
  };
  const low = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    const style = getComputedStyle(element);
    if (!node.data.trim() || style.visibility === "hidden" || !element.getClientRects().length || element.closest(".hidden")) continue;
    seen++;
    const ground = behind(element);
    const [a, b] = [light(over(parse(style.color), ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) low.push(`${ratio.toFixed(2)} "${node.data.trim().slice(0, 30)}" ${style.color}`);
  }
  return { seen, low };
}

// Faults of structure that keep a screen reader from telling what is where.
export function structureFaults() {
  const faults = [];
  const need = (good, what) => good || faults.push(what);
  need(document.documentElement.lang === "en", "no language");
  need(document.title.includes("Wallet manager"), "no title");
  for (const tag of ["header", "main", "footer"]) need(document.querySelectorAll(`body > ${tag}`).length === 1, `not one ${tag}`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  need(new Set(ids).size === ids.length, "an id twice");
  const levels = [...document.querySelectorAll("h1,h2,h3,h4")].map((e) => Number(e.tagName[1]));
  need(levels[0] === 1 && levels.filter((l) => l === 1).length === 1, "not one h1, first");
  need(levels.every((l, i) => i === 0 || l <= levels[i - 1] + 1), "a level of heading left out");
  for (const table of document.querySelectorAll("table")) {
    need(table.caption?.textContent.trim(), "a table without caption");
    const heads = [...table.querySelectorAll("thead th")];
    need(heads.length > 0 && heads.every((h) => h.scope === "col"), "a column without scope");
    for (const row of table.tBodies[0].rows) {
      const cells = [...row.cells].reduce((n, c) => n + c.colSpan, 0);
      need(cells === heads.length, `a row of ${cells} cells under ${heads.length} heads`);
      need(row.querySelector(".none") || row.querySelector("th[scope=row]"), "a row without head");
    }
  }
  for (const region of document.querySelectorAll("[role=region],section,nav")) {
    const by = region.getAttribute("aria-labelledby");
    need(region.getAttribute("aria-label") || (by && document.getElementById(by)?.textContent.trim()), `a ${region.tagName} without name`);
  }
  for (const scroll of document.querySelectorAll(".scroll,#event-list")) need(scroll.tabIndex === 0, "a scrolled part that keys do not reach");
  for (const input of document.querySelectorAll("input")) need(input.labels.length === 1, "an input without label");
  for (const picture of document.querySelectorAll("svg")) {
    need(picture.getAttribute("aria-hidden") === "true" || (picture.getAttribute("role") === "img" && picture.getAttribute("aria-label")), "a picture without name");
  }
  for (const control of document.querySelectorAll("button,a")) need(control.textContent.trim(), "a control without name");
  need(document.querySelector("[role=status]") && document.querySelector("[role=log]"), "nothing that is told as it changes");
  return faults;
}

// What is wider than the window, which then scrolls sideways as a whole.
export function overflow() {
  return document.documentElement.scrollWidth - document.documentElement.clientWidth;
}

// The element that has the focus: its words, and whether that shows.
export function focused() {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  return {
    words: (e.getAttribute("aria-label") || e.textContent || e.id).trim().slice(0, 40),
    tag: e.tagName,
    id: e.id,
    shows: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.top < innerHeight && box.width > 0,
  };
}
