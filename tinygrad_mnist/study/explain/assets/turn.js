// Turning one weight: the loss as it is, and as the gradient predicts it, which is the tangent.
// Of the two-layer network the loss is computed here, for whatever weight is chosen. Of other
// networks the page has samples of it, which the engine computed, for a few weights.

const { turn } = data;

/** How the loss of the two-layer network depends on a change of one number of it. */
function lossOfChange({ name, index: [row, column] }) {
  const [X, W1, b1, W2, b2] = turn.network.map((part) => arrays[part].values);
  const hidden = b1.length;
  const z1 = Array.from(b1, (bias, i) => {
    let sum = bias;
    for (let j = 0; j < X.length; j++) sum += W1[i * X.length + j] * X[j];
    return sum;
  });
  return (change) => {
    const z = [...z1];
    if (name === "W1") z[row] += change * X[column];
    if (name === "b1") z[row] += change;
    const a = z.map((value) => Math.max(value, 0));
    const logits = Array.from(b2, (bias, k) =>
      a.reduce((sum, value, i) => sum + W2[k * hidden + i] * value, bias),
    );
    if (name === "W2") logits[row] += change * a[column];
    if (name === "b2") logits[row] += change;
    const most = Math.max(...logits);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
    return Math.log(total) + most - logits[turn.label];
  };
}

/** The curve of a choice: where the weight is, its gradient, and the loss at every mark. */
function curveOf(choice) {
  if (choice.losses) return choice;
  const flat = choice.index.reduce(
    (place, at, axis) => place * arrays[choice.name].shape[axis] + at,
    0,
  );
  const loss = lossOfChange(choice);
  const marks = Array.from({ length: 2 * turn.marks + 1 }, (_, i) => i - turn.marks);
  return {
    ...choice,
    value: arrays[choice.name].values[flat],
    gradient: arrays[`d${choice.name}`].values[flat],
    losses: marks.map((mark) => loss((mark * turn.reach) / turn.marks)),
  };
}

const chart = document.getElementById("chart");
const weight = document.getElementById("weight");
const amount = document.getElementById("amount");
const choices = [...turn.choices];
let curve = null;

function choose(number) {
  curve = curveOf(choices[number]);
  weight.value = String(number);
  amount.value = "0";
  drawTurn();
}

/** Take a weight that was picked in a picture of the gradients. */
function pickWeight({ detail: { name, index } }) {
  const choice = { name: name.replace(/^d/, ""), index };
  choice.label = `${choice.name}[${index.join(", ")}]: picked by you`;
  if (choices.length === turn.choices.length) weight.add(new Option());
  choices[turn.choices.length] = choice;
  weight.options[turn.choices.length].text = choice.label;
  weight.options[turn.choices.length].value = String(turn.choices.length);
  choose(turn.choices.length);
}

/** Round numbers that divide a range into a few parts. */
function ticksOf(from, to, about) {
  const rough = (to - from) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((size) => size >= rough);
  const ticks = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) ticks.push(i * step);
  return ticks;
}

function drawTurn() {
  const mark = Number(amount.value);
  const change = (mark * turn.reach) / turn.marks;
  const loss = curve.losses[mark + turn.marks];
  const start = curve.losses[turn.marks];
  const tangent = start + curve.gradient * change;
  const numbers = {
    value: number(curve.value + change),
    change: (change > 0 ? "+" : "") + number(change),
    loss: number(loss),
    tangent: number(tangent),
    apart: number(loss - tangent, 3),
    gradient: number(curve.gradient),
  };
  for (const [name, text] of Object.entries(numbers)) {
    document.getElementById(`turn-${name}`).textContent = text;
  }
  amount.setAttribute(
    "aria-valuetext",
    `${numbers.change}: loss ${numbers.loss}, tangent ${numbers.tangent}`,
  );
  chart.setAttribute(
    "aria-label",
    `The loss against ${curve.name}[${curve.index.join(", ")}], from ${number(curve.value - turn.reach, 3)} ` +
      `to ${number(curve.value + turn.reach, 3)}: it goes from ${number(curve.losses[0], 3)} to ` +
      `${number(curve.losses.at(-1), 3)}; the tangent at 0 has the slope ${numbers.gradient}`,
  );
  drawChart(change, loss, tangent);
}

function drawChart(change, loss, tangent) {
  const width = Math.max(280, chart.clientWidth);
  const height = Math.round(Math.min(320, Math.max(220, width * 0.5)));
  const edge = { left: 48, right: 12, top: 12, bottom: 40 };
  const start = curve.losses[turn.marks];
  // A flat curve is shown as flat, and not blown up until its rounding shows.
  const [low, high] = [Math.min(...curve.losses), Math.max(...curve.losses)];
  const room = Math.max(0.12 * (high - low), 0.05, 0.01 * high);
  const [bottom, top] = [Math.max(low - room, 0), high + room];
  const x = (value) =>
    edge.left + ((value + turn.reach) / (2 * turn.reach)) * (width - edge.left - edge.right);
  const y = (value) =>
    height - edge.bottom - ((value - bottom) / (top - bottom)) * (height - edge.top - edge.bottom);
  const shown = (value) => Math.max(edge.top, Math.min(height - edge.bottom, y(value)));
  const path = curve.losses
    .map((value, i) => `${i ? "L" : "M"}${x(((i - turn.marks) * turn.reach) / turn.marks).toFixed(2)} ${y(value).toFixed(2)}`)
    .join("");
  const line = (kind, x1, y1, x2, y2) =>
    `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
  const rows = ticksOf(bottom, top, 5).map(
    (value) =>
      line("grid", edge.left, y(value), width - edge.right, y(value)) +
      `<text x="${edge.left - 8}" y="${y(value) + 4}" text-anchor="end">${number(value, 3)}</text>`,
  );
  const columns = ticksOf(-turn.reach, turn.reach, 5).map(
    (value) =>
      `<text x="${x(value)}" y="${height - edge.bottom + 18}" text-anchor="middle">${value > 0 ? "+" : ""}${number(value, 3)}</text>`,
  );
  const slope = (at) => start + curve.gradient * at;
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  chart.setAttribute("height", height);
  chart.innerHTML =
    `<clipPath id="inside"><rect x="${edge.left}" y="${edge.top}" width="${width - edge.left - edge.right}" height="${height - edge.top - edge.bottom}"/></clipPath>` +
    rows.join("") +
    columns.join("") +
    line("grid", x(0), edge.top, x(0), height - edge.bottom) +
    `<text x="${(edge.left + width - edge.right) / 2}" y="${height - 4}" text-anchor="middle">change of the weight</text>` +
    `<text x="4" y="${edge.top + 2}" dominant-baseline="hanging">loss</text>` +
    `<g clip-path="url(#inside)">` +
    line("tangent", x(-turn.reach), y(slope(-turn.reach)), x(turn.reach), y(slope(turn.reach))) +
    `<path class="curve" d="${path}"/></g>` +
    line("apart", x(change), shown(loss), x(change), shown(tangent)) +
    `<circle class="predicted" cx="${x(change)}" cy="${shown(tangent)}" r="6"/>` +
    `<circle class="actual" cx="${x(change)}" cy="${y(loss)}" r="6"/>`;
}

choices.forEach((choice, i) => weight.add(new Option(choice.label, String(i))));
weight.addEventListener("change", () => choose(Number(weight.value)));
amount.addEventListener("input", drawTurn);
document.addEventListener("pick", pickWeight);
new ResizeObserver(() => chart.clientWidth && drawTurn()).observe(chart);
choose(0);
