// One colour scale for the whole page: neutral at 0, blue below, orange above, which every kind of
// eye tells apart. The strength of a colour grows with the logarithm of the number, so that a
// gradient of a thousandth is still seen beside a weight of one.

const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const darkOutside = matchMedia("(prefers-color-scheme: dark)");

const STOPS = {
  light: {
    minus: ["#f3f1ec", "#cfe1f0", "#8fbfe3", "#3f8fcb", "#12589c", "#062f5f"],
    plus: ["#f3f1ec", "#fbdcbd", "#f5ac70", "#e07428", "#a8480b", "#642504"],
  },
  dark: {
    minus: ["#262a31", "#1d4263", "#22679f", "#3f93d6", "#85c0f2", "#d2eaff"],
    plus: ["#262a31", "#553216", "#96501a", "#dc7a2c", "#f8ae6d", "#ffe3c6"],
  },
};
const RAMPS = Object.fromEntries(
  Object.entries(STOPS).map(([theme, sides]) => [
    theme,
    Object.fromEntries(
      Object.entries(sides).map(([side, stops]) => [
        side,
        stops.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16))),
      ]),
    ),
  ]),
);

function theme() {
  return root.dataset.theme ?? (darkOutside.matches ? "dark" : "light");
}

/** How far a number is along the scale, from 0 to 1. */
function strength(value) {
  const { largest, linear } = data.scale;
  return Math.min(1, Math.log1p(Math.abs(value) / linear) / Math.log1p(largest / linear));
}

/** The colour of a number, as red, green and blue from 0 to 255. */
function colour(value) {
  const ramp = RAMPS[theme()][value < 0 ? "minus" : "plus"];
  const place = strength(value) * (ramp.length - 1);
  const from = Math.min(Math.floor(place), ramp.length - 2);
  return ramp[from].map((c, i) => Math.round(c + (place - from) * (ramp[from + 1][i] - c)));
}

/** Write a number with the digits that float32 has to show. */
function number(value, digits = 5) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 1e-4 && size < 1e6
      ? String(Number(value.toPrecision(digits)))
      : value.toExponential(digits - 1).replace(/\.?0*e/, "e").replace("e+", "e");
  return text.replaceAll("-", "−");
}

/** Draw the legend: the whole scale, with the powers of ten that have room. */
function drawScale() {
  const canvas = document.getElementById("scale");
  const { largest, linear } = data.scale;
  const cells = 201;
  canvas.width = cells;
  const picture = new ImageData(cells, 1);
  for (let i = 0; i < cells; i++) {
    const along = (2 * i) / (cells - 1) - 1;
    const value = Math.sign(along) * linear * Math.expm1(Math.abs(along) * Math.log1p(largest / linear));
    picture.data.set([...colour(value), 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
  canvas.parentElement.querySelectorAll(".tick").forEach((tick) => tick.remove());
  let last = 0;
  const ticks = [0];
  for (let power = Math.floor(Math.log10(linear)); 10 ** power <= largest; power++) {
    const at = strength(10 ** power);
    if (at - last > 0.13 && at < 0.97) {
      ticks.push(10 ** power, -(10 ** power));
      last = at;
    }
  }
  for (const value of ticks) {
    const tick = document.createElement("span");
    tick.className = "tick";
    tick.textContent = number(value);
    tick.style.left = `${50 + 50 * Math.sign(value) * strength(value)}%`;
    canvas.parentElement.append(tick);
  }
}

/** Paint what wears a colour of the scale but is no picture: the swatches in tables. */
function drawSwatches() {
  for (const swatch of document.querySelectorAll(".swatch")) {
    swatch.style.background = `rgb(${colour(Number(swatch.dataset.value)).join()})`;
  }
}

/** Call back now, and whenever the colours change. */
const painters = [];
function paint(painter) {
  painters.push(painter);
  painter();
}
function repaint() {
  for (const painter of painters) painter();
}

const themeButton = document.getElementById("theme");
function nameTheme() {
  const other = theme() === "dark" ? "light" : "dark";
  themeButton.textContent = other === "dark" ? "Dark" : "Light";
  themeButton.setAttribute("aria-label", `${themeButton.textContent} colours`);
}
themeButton.addEventListener("click", () => {
  root.dataset.theme = theme() === "dark" ? "light" : "dark";
  repaint();
});
darkOutside.addEventListener("change", repaint);
themeButton.hidden = false;
paint(nameTheme);
paint(drawScale);
paint(drawSwatches);
