// Stepping: buttons, keys, the map and the address all lead to one step, and only it is shown.

const sections = [...document.querySelectorAll(".step")];
const chips = [...document.querySelectorAll(".map button")];
const [back, play, next] = ["back", "play", "next"].map((id) => document.getElementById(id));
const PAUSE = 5000; // milliseconds for each step while playing
let current = -1;
let timer = null;

/** The address of a step; it is not the id of an element, to which a browser would scroll. */
const addressOf = (section) => section.id.replace("step-", "#");

function show(step) {
  const last = sections.length - 1;
  step = Math.max(0, Math.min(last, step));
  if (step === current) return;
  current = step;
  heats.forEach((heat) => heat.leave());
  sections.forEach((section, i) => (section.hidden = i !== step));
  chips.forEach((chip, i) => {
    if (i === step) chip.setAttribute("aria-current", "step");
    else chip.removeAttribute("aria-current");
  });
  const map = document.querySelector(".map");
  const chip = chips[step].getBoundingClientRect();
  const frame = map.getBoundingClientRect();
  map.scrollLeft += chip.left + chip.width / 2 - frame.left - frame.width / 2;
  map.scrollTop += chip.top + chip.height / 2 - frame.top - frame.height / 2;
  // A disabled button would lose the focus, and with it the keyboard user's place.
  back.setAttribute("aria-disabled", step === 0);
  next.setAttribute("aria-disabled", step === last);
  const title = sections[step].querySelector("h2").textContent;
  document.getElementById("place").textContent = `Step ${step + 1} of ${sections.length}: ${title}`;
  document.getElementById("progress").value = step / last;
  history.replaceState(null, "", addressOf(sections[step]));
  // Who has read down to the end of a step begins the next one at its beginning.
  if (sections[step].getBoundingClientRect().top < 0) sections[step].scrollIntoView();
  if (step === last) stop();
}

function stop() {
  clearInterval(timer);
  timer = null;
  play.setAttribute("aria-pressed", "false");
  play.innerHTML = '<span aria-hidden="true">▶</span> Play';
}

function start() {
  if (current === sections.length - 1) show(0);
  timer = setInterval(() => show(current + 1), PAUSE);
  play.setAttribute("aria-pressed", "true");
  play.innerHTML = '<span aria-hidden="true">❚❚</span> Pause';
}

const toggle = () => (timer ? stop() : start());

function go(step) {
  stop();
  show(step);
}

back.addEventListener("click", () => go(current - 1));
next.addEventListener("click", () => go(current + 1));
play.addEventListener("click", toggle);
chips.forEach((chip, i) => chip.addEventListener("click", () => go(i)));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  if (event.target.matches("input, select, textarea")) return;
  if (event.key === "ArrowRight") go(current + 1);
  else if (event.key === "ArrowLeft") go(current - 1);
  else if (event.key === " " && !event.target.matches("button, summary, a")) toggle();
  else return;
  event.preventDefault();
});

const asked = () => sections.findIndex((section) => addressOf(section) === location.hash);
addEventListener("hashchange", () => asked() >= 0 && go(asked()));

document.getElementById("controls").hidden = false;
root.classList.add("live");
show(Math.max(0, asked()));
