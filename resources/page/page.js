"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const slider = document.getElementById("step");
const play = document.getElementById("play");
const readout = document.getElementById("readout");
const sprites = [...document.querySelectorAll(".sprite")];
const notes = [...document.querySelectorAll(".note")];
const cursor = document.querySelector(".cursor");
const last = data.words.length - 1;
let timer = 0;

function show(step) {
  slider.value = step;
  const column = step % data.columns, row = Math.floor(step / data.columns);
  for (const [i, sprite] of sprites.entries()) {
    const x = data.columns > 1 ? 100 * column / (data.columns - 1) : 0;
    const y = data.rows > 1 ? 100 * row / (data.rows - 1) : 0;
    sprite.style.backgroundPosition = `${x}% ${y}%`;
    sprite.textContent = data.why[i][step];
    sprite.classList.toggle("missing", data.why[i][step] !== "");
    sprite.classList.toggle("earlier", data.note[i][step] !== "");
    notes[i].textContent = data.note[i][step];
    notes[i].hidden = data.note[i].every((note) => note === "");
  }
  const words = data.words[step];
  readout.textContent = words;
  slider.setAttribute("aria-valuetext", words);
  for (const name of ["x1", "x2"]) cursor.setAttribute(name, data.x[step]);
  document.documentElement.dataset.step = step;
}

function choose(step) {
  show(step);
  try { history.replaceState(null, "", `#step=${step}`); } catch (error) { /* not everywhere from a file */ }
}

function stop() {
  clearInterval(timer);
  timer = 0;
  play.textContent = "Play";
  play.setAttribute("aria-pressed", "false");
}

function toggle() {
  if (timer) { stop(); return; }
  if (Number(slider.value) === last) show(0);
  play.textContent = "Pause";
  play.setAttribute("aria-pressed", "true");
  timer = setInterval(() => {
    const step = Number(slider.value);
    if (step < last) choose(step + 1); else stop();
  }, Math.max(40, Math.min(120, 6000 / (last + 1))));
}

function fromAddress() {
  const found = /step=(\d+)/.exec(location.hash);
  show(found ? Math.min(Number(found[1]), last) : last);
}

slider.addEventListener("input", () => { stop(); choose(Number(slider.value)); });
slider.addEventListener("keydown", (event) => {
  if (event.key === " ") { event.preventDefault(); toggle(); }
});
play.addEventListener("click", toggle);
window.addEventListener("hashchange", fromAddress);
fromAddress();
