// On top of pages that work without it: previews, "where I am", the progress of an upload, answers and maps without
// reload, and Back to a form with all that was typed and chosen.
"use strict";

const kept = new Map(); // what stood at an address, for Back
const address = () => location.pathname + location.search;
let here = address();

document.documentElement.classList.add("scripted");
if (navigator.geolocation && isSecureContext) document.documentElement.classList.add("located");

addEventListener("change", ({ target }) => {
  if (target.type !== "file") return;
  target.form.querySelector(".preview").replaceChildren(...[...target.files].slice(0, 12).map((file) => {
    const image = new Image();
    image.src = URL.createObjectURL(file);
    image.alt = "";
    image.addEventListener("load", () => URL.revokeObjectURL(image.src));
    image.addEventListener("error", () => image.remove()); // a kind of picture that this browser cannot show
    return image;
  }));
});

addEventListener("click", (event) => {
  const { dataset, form } = event.target, map = event.target.closest(".map"), step = event.target.closest(".step");
  if (dataset.here) locate(event.target);
  if (dataset.map) {
    const field = form.elements[dataset.map], near = field.value.replaceAll(" ", "");
    const opened = field.closest("p").nextElementSibling;
    if (opened?.matches(".map")) return opened.remove();
    const made = document.createElement("div");
    field.closest("p").after(made);
    turn(made, /^(?=.*\.)-?[\d.]+,-?[\d.]+$/.test(near) ? `/pets?near=${near}` : "/pets", dataset.map);
  }
  if (step) {
    event.preventDefault();
    turn(map, step.href, map.dataset.field);
  }
  if (map?.dataset.field && event.target.type === "image") { // in a form of many fields a tap fills in one of them
    event.preventDefault();
    const view = [...map.querySelectorAll("[type=hidden]")].map(({ name, value }) => `${name}=${value}`);
    const { offsetX: x, offsetY: y } = event.detail ? event : { offsetX: 0, offsetY: 0 }; // 0: from a keyboard
    turn(map, `/pets?${view.join("&")}&at.x=${x}&at.y=${y}`, map.dataset.field, true);
  }
});

addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (!form.matches("[data-sent]")) return;
  const tap = submitter?.type === "image"; // iOS before 15.4 does not name it, before 16.4 not where it was
  if (submitter === undefined || (tap && !new FormData(form, submitter).has("at.x"))) return;
  event.preventDefault();
  send(form, submitter);
});

addEventListener("popstate", () => {
  if (address() === here) return; // another part of the same page
  const before = kept.get(address());
  if (!before) return location.reload();
  keep();
  put(before);
});

function locate(button) {
  button.textContent = "One moment …";
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      button.form.elements[button.dataset.here].value = `${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)}`;
      button.textContent = "Your place is noted";
      if ("now" in button.dataset) button.form.requestSubmit();
    },
    () => { button.textContent = "Your place is not known"; },
    { maximumAge: 60000, timeout: 10000 },
  );
}

async function turn(map, url, field, tapped) {
  let answer, turned;
  try {
    answer = await fetch(url);
    turned = read(await answer.text()).querySelector(".map");
  } catch { /* the line broke */ }
  if (!turned) return map.matches(".map") || map.remove(); // a map that is there stays
  const near = new URL(answer.url).searchParams.get("near");
  if (field) {
    turned.dataset.field = field;
    turned.removeAttribute("id");
    turned.querySelectorAll("input").forEach((input) => input.setAttribute("form", "none"));
    if (tapped) document.getElementById(field).value = near.replace(",", ", ");
  }
  map.replaceWith(turned);
}

function send(form, submitter) {
  const state = form.querySelector("[data-state]"), request = new XMLHttpRequest();
  const buttons = [...form.elements].filter(({ type }) => type === "submit" || type === "image");
  const again = (sentence) => {
    const wrong = form.querySelector(".wrong") || state;
    state.textContent = "";
    wrong.textContent = sentence;
    wrong.hidden = false;
    wrong.scrollIntoView({ block: "center" });
    buttons.forEach((button) => { button.disabled = false; });
  };
  const pick = form.querySelector("[data-most]"), size = [...pick?.files ?? []].reduce((sum, file) => sum + file.size, 0);
  if (size > pick?.dataset.most) {
    const [has, most] = [size, pick.dataset.most].map((bytes) => Math.ceil(bytes / 2 ** 20));
    return again(`These photos have ${has} MB. At most ${most} MB are taken at a time: please choose fewer, or smaller ones.`);
  }
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    state.textContent = loaded < total ? `Sending: ${Math.round((100 * loaded) / total)} %` : "One moment …";
  });
  request.addEventListener("error", () => again("The line broke. Please try again."));
  request.addEventListener("load", () => {
    const page = read(request.responseText), said = page.querySelector(".wrong:not([hidden])") || page.querySelector("main p");
    if (request.status >= 400) return again((said || page.body).textContent.trim().slice(0, 300));
    for (const button of buttons) button.disabled = false;
    state.textContent = "";
    keep();
    if (request.responseURL !== location.href) history.pushState({}, "", request.responseURL);
    put([page.title, page.querySelector("main"), page.querySelector("footer")], submitter?.type === "image");
  });
  request.open("POST", form.action);
  request.send(new FormData(form, submitter));
  buttons.forEach((button) => { button.disabled = true; });
}

const read = (text) => new DOMParser().parseFromString(text, "text/html");
const keep = () => kept.set(here, [document.title, document.querySelector("main"), document.querySelector("footer")]);

function put([title, main, footer], stay) {
  document.title = title;
  document.querySelector("main").replaceWith(main);
  document.querySelector("footer").replaceWith(footer);
  here = address();
  if (stay) return main.querySelector(".map").scrollIntoView({ block: "center" });
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}
