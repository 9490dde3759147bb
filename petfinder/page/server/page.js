// What the page does itself: words while nothing is there yet, a sentence when the line is lost, one for photos that
// are too large to be sent (the server would close the line without a word), where the visitor is, if they want, and
// what widgets leave out for those who hear the page.
(() => {
  "use strict";
  const MEGABYTE = 2 ** 20;
  const PATIENCE = 4000;
  const TOO_LARGE = 1009;
  const LOST = "The connection was lost. Reload the page.";
  const element = (id) => document.getElementById(id);
  let clearing = 0;

  const say = (sentence, seconds) => {
    clearTimeout(clearing);
    const message = element("petfinder-message");
    message.textContent = sentence;
    message.hidden = !sentence;
    if (sentence && seconds) clearing = setTimeout(() => say(""), 1000 * seconds);
  };

  // voila calls these two where it would show its own spinner
  window.voila_heartbeat = () => {};
  window.voila_process = window.voila_finish = () => {};

  const opened = () => {
    const shown = document.querySelector("#rendered_cells .jupyter-widgets, #rendered_cells .jp-RenderedText");
    if (shown) element("petfinder-opening").hidden = true;
    return Boolean(shown);
  };
  document.addEventListener("DOMContentLoaded", () => {
    const seen = new MutationObserver(() => opened() && seen.disconnect());
    if (!opened()) seen.observe(element("rendered_cells"), { childList: true, subtree: true });
  });

  // The upload button's input is never in the page: it is met when it is clicked, before it opens the choice of files.
  const met = new WeakSet();
  const click = HTMLInputElement.prototype.click;
  HTMLInputElement.prototype.click = function () {
    if (this.type === "file" && !met.has(this)) {
      met.add(this);
      this.addEventListener("change", refuseTooLarge, { capture: true });
    }
    return click.call(this);
  };
  function refuseTooLarge(event) {
    const bytes = Array.from(this.files).reduce((sum, file) => sum + file.size, 0);
    if (bytes <= window.petfinderMostBytes) return say("");
    event.stopImmediatePropagation();
    const [size, most] = [Math.ceil(bytes / MEGABYTE), Math.floor(window.petfinderMostBytes / MEGABYTE)];
    const what = this.files.length > 1 ? `These ${this.files.length} photos have ${size} MB` : `This photo has ${size} MB`;
    this.value = "";
    say(`${what}; at most ${most} MB can be sent at once. Choose a smaller photo, or fewer at once.`, 30);
  }

  // Beside each field for a place a button that puts in where the visitor is; browsers tell it to safe pages only.
  const offerPlace = (field) => {
    const input = field.querySelector("input");
    if (!input || field.querySelector("button")) return;
    const here = document.createElement("button");
    Object.assign(here, { type: "button", className: "pf-button", textContent: "Use where I am" });
    here.addEventListener("click", () => navigator.geolocation.getCurrentPosition(({ coords }) => {
      say("");
      input.value = [coords.latitude, coords.longitude].map((degrees) => degrees.toFixed(4)).join(", ");
      for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));
    }, () => say("Your browser does not say where you are. Allow it to, or write the place yourself.", 15),
    { enableHighAccuracy: true, timeout: 20000 }));
    field.append(here);
  };
  const tellsPlaces = window.isSecureContext && Boolean(navigator.geolocation);

  // For those who hear the page: which of several buttons is chosen, and which pet a button is about.
  const sayChosen = (button) => button.setAttribute("aria-pressed", button.classList.contains("mod-active"));
  const sayWhose = (button) => {
    const about = button.title !== button.textContent && button.title.startsWith(button.textContent);
    if (about) button.setAttribute("aria-label", button.title);
    else button.removeAttribute("aria-label");
  };
  document.addEventListener("DOMContentLoaded", () => {
    const each = (selector, complete) => document.querySelectorAll(selector).forEach(complete);
    const completed = new MutationObserver(() => {
      if (tellsPlaces) each(".pf-place", offerPlace);
      each(".pf-chooser button", sayChosen);
      each(".pf-button[title]", sayWhose);
    });
    const watched = { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "title"] };
    completed.observe(element("rendered_cells"), watched);
  });

  // The line to the server. It comes back by itself after a short gap; not so what was on its way, or the visitor's
  // process when it was started anew.
  let lines = 0;
  let dead = false;
  let leaving = false;
  const lost = () => { if (!leaving && (dead || lines === 0)) say(LOST); };
  const Line = window.WebSocket;
  window.WebSocket = class extends Line {
    constructor(...options) {
      super(...options);
      if (!String(options[0]).includes("/api/kernels/")) return;
      this.addEventListener("open", () => {
        lines += 1;
        if (!dead && element("petfinder-message").textContent === LOST) say("");
        this.addEventListener("close", ({ code }) => {
          lines -= 1;
          dead ||= code === TOO_LARGE || this.bufferedAmount > 0 || this.unanswered;
          setTimeout(lost, PATIENCE);
        });
      });
      this.addEventListener("message", ({ data }) => {
        this.unanswered = false;
        if (!(data instanceof ArrayBuffer) || data.byteLength > 4096) return;
        if (/"execution_state":\s*"(restarting|autorestarting|dead)"/.test(new TextDecoder().decode(data))) {
          dead = true;
          lost();
        }
      });
    }
    send(data) {
      this.unanswered = true;
      super.send(data);
    }
  };
  window.addEventListener("pagehide", () => {
    leaving = true;
    const { kernelId } = JSON.parse(element("jupyter-config-data").textContent);
    const proof = new FormData();
    proof.append("_xsrf", (document.cookie.match(/\b_xsrf=([^;]*)/) || ["", ""])[1]);
    navigator.sendBeacon(`/voila/api/shutdown/${kernelId}`, proof); // nobody needs the visitor's process any more
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
})();
