"use strict";
// Everything works without this, but for the questions: it sends forms without leaving the page, and puts the page that comes in place of this one.
(() => {
  // arrive does what a page wants done once it is there.
  const arrive = () => {
    const main = document.querySelector("main");
    if (!main) return;
    const late = Number(main.dataset.late);
    if (late) {
      main.setAttribute("aria-busy", "true");
      setTimeout(() => { main.classList.remove("waiting"); main.removeAttribute("aria-busy"); }, late);
    }
    if (main.dataset.alert) setTimeout(() => alert(main.dataset.alert));
  };

  // show puts a page in place of this one; in a frame only what belongs there.
  const show = (text, address) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const framed = self !== top;
    if (framed) document.querySelector("main").replaceWith(page.querySelector("main"));
    else document.body.replaceWith(page.body);
    document.title = page.title;
    if (address !== location.href) history.pushState(null, "", address);
    scrollTo(0, 0);
    arrive();
  };

  // tell says what a page cannot say because there is none.
  const tell = text => {
    const note = document.createElement("div"), p = document.createElement("p"), again = document.createElement("button");
    note.className = "note";
    note.setAttribute("role", "alert");
    p.textContent = text;
    again.type = "button";
    again.textContent = "Reload the page";
    again.onclick = () => location.reload();
    note.append(p, again);
    document.querySelector(".content").prepend(note);
    scrollTo(0, 0);
  };

  const send = async (form, data) => {
    const main = document.querySelector("main");
    const keys = main.querySelectorAll("button:not(.dismiss):enabled");
    main.setAttribute("aria-busy", "true");
    keys.forEach(k => k.disabled = true);
    try {
      const reply = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "text/html" } });
      const text = await reply.text();
      if (!(reply.headers.get("Content-Type") || "").startsWith("text/html")) throw new Error(text.slice(0, 200));
      show(text, reply.url);
    } catch (err) {
      // It may have arrived: it is not sent again, and nothing can be pressed before the page is loaded again.
      main.removeAttribute("aria-busy");
      tell("The appliance gave no page in answer (" + err.message + "). Whether it did what was asked is not known.");
    }
  };

  document.addEventListener("click", e => {
    const asks = e.target.closest("[data-confirm]");
    if (asks && !confirm(asks.dataset.confirm)) e.preventDefault();
    const dismiss = e.target.closest(".dismiss");
    if (dismiss) dismiss.parentElement.remove();
  });

  document.addEventListener("submit", e => {
    const key = e.submitter;
    if (!key || "plain" in key.dataset || "plain" in e.target.dataset) return;
    let data;
    try { data = new FormData(e.target, key); } catch { return; } // a browser that does not know who submitted sends the form itself
    if (!data.has(key.name)) return;
    e.preventDefault();
    send(e.target, data);
  });

  // A file that was not chosen is not sent.
  document.addEventListener("formdata", e => {
    for (const [name, value] of [...e.formData]) if (value instanceof File && !value.name) e.formData.delete(name);
  });

  // Enter in a field presses the first button of its own card, not the first of the page.
  document.addEventListener("keydown", e => {
    if (e.key !== "Enter" || !e.target.matches(".float input, .switch input, .option input")) return;
    e.preventDefault();
    e.target.closest(".card").querySelector("footer button")?.click();
  });

  document.addEventListener("change", e => {
    if (e.target.type === "file") e.target.parentElement.querySelector("output").value = e.target.files[0]?.name || "No file chosen";
  });
  document.addEventListener("dragover", e => e.target.closest?.(".area")?.classList.add("over"));
  for (const end of ["dragleave", "drop"]) document.addEventListener(end, e => e.target.closest?.(".area")?.classList.remove("over"));

  addEventListener("popstate", () => location.reload());
  addEventListener("DOMContentLoaded", arrive);
})();
