// Keeps the page up to date: it asks for itself again and takes over what has changed, and follows
// the events. What came from others is only ever put in as text, or as the server's own escaped HTML.
"use strict";
(() => {
  const PERIOD_MS = 5000;
  const SOON_MS = 400;
  const EVENTS_MAX = 200;
  const list = document.getElementById("event-list");
  const stream = document.getElementById("stream");
  const pause = document.getElementById("pause");
  let timer = 0;
  let due = Infinity; // when it will have run
  let busy = false;
  let paused = false;

  // Parts that hold the focus are left alone until it has moved on.
  function take(fresh) {
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (!next || next.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
      part.replaceChildren(...[...next.childNodes].map((node) => document.importNode(node, true)));
    }
    document.title = fresh.title;
  }

  async function refresh() {
    due = Infinity;
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      say("Not reachable; trying again", "bad");
    } finally {
      busy = false;
      plan(PERIOD_MS);
    }
  }

  // The sooner of what is planned and this; nothing while nobody looks.
  function plan(ms) {
    const at = performance.now() + ms;
    if (document.hidden || at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(refresh, ms);
  }

  function say(text, tone) {
    const pill = document.createElement("span");
    pill.className = `pill ${tone}`;
    pill.textContent = text;
    stream.replaceChildren(pill);
  }

  function add(tag, text, parent, className) {
    const element = document.createElement(tag);
    element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  }

  function show(event) {
    const { time = "", level = "", event: name = "", ...rest } = event;
    const line = document.createElement("li");
    const at = add("time", time.slice(11, 19), line);
    at.dateTime = time;
    add("span", level, line, `pill ${{ error: "bad", warn: "warn" }[level] ?? ""}`);
    add("b", name, line);
    add("code", Object.entries(rest).map(([key, value]) => `${key}=${value}`).join(" "), line);
    line.className = "new";
    list.querySelector(".none")?.remove();
    list.prepend(line);
    while (list.children.length > EVENTS_MAX) list.lastElementChild.remove();
  }

  function follow() {
    const source = new EventSource("/v1/events");
    const kept = [];
    let opened = false;
    source.onopen = () => {
      if (!opened) list.replaceChildren(); // the stream begins with the same ones
      opened = true;
      say(paused ? "Paused" : "Live", paused ? "warn" : "good");
    };
    source.onerror = () => say("Connecting", "warn");
    source.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (paused) kept.push(event);
      else show(event);
      if (kept.length > EVENTS_MAX) kept.shift();
      plan(SOON_MS);
    };
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      say(paused ? "Paused" : "Live", paused ? "warn" : "good");
      for (const event of kept.splice(0)) show(event);
    });
  }

  document.addEventListener("visibilitychange", () => plan(0));
  follow();
  plan(PERIOD_MS);
})();
