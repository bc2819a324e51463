// Heat maps: a picture is a stack of images of numbers, each on a canvas of its own. Whoever points
// at a cell, taps it, or moves to it with the arrow keys reads its number.

/** Numbers as the engine had them: little-endian float32 in base64. */
function decode(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

const pictures = Object.fromEntries(
  Object.entries(data.pictures).map(([key, picture]) => [
    key,
    { ...picture, values: decode(picture.values) },
  ]),
);

// An array may have several pictures, lying and standing, with the same numbers in the same order.
const arrays = Object.fromEntries(Object.values(pictures).map((one) => [one.name, one]));

const tip = document.getElementById("tip");
const reading = document.getElementById("reading");
let telling = null; // the heat map whose number is shown

/** Paint image number `n` of a picture on a canvas with a pixel a number; a dead unit's stays bare. */
function paintImage(canvas, picture, n) {
  if (canvas.parentElement.classList.contains("dead")) return;
  const [, height, width] = picture.size;
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    const value = picture.values[n * height * width + i];
    if (!Number.isNaN(value)) image.data.set([...colour(value), 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** The place of a cell in the array: from image, row and column to an index an axis. */
function indexOf(picture, [n, row, column]) {
  let flat = n * picture.strides[0] + row * picture.strides[1] + column * picture.strides[2];
  const index = [];
  for (const length of [...picture.shape].reverse()) {
    index.unshift(flat % length);
    flat = Math.floor(flat / length);
  }
  return index;
}

function valueAt(picture, [n, row, column]) {
  const [, height, width] = picture.size;
  return picture.values[(n * height + row) * width + column];
}

/** What a cell says: its place and its number. */
function told(picture, cell) {
  const index = indexOf(picture, cell);
  const name = index.length ? `${picture.name}[${index.join(", ")}]` : picture.name;
  const [, height, width] = picture.size;
  const where = height > 1 && picture.shape.length !== 2 || width === 28 && height === 28
    ? ` (row ${cell[1]}, column ${cell[2]})`
    : "";
  return `${name} = ${number(valueAt(picture, cell))}${where}`;
}

class Heat {
  constructor(element) {
    this.element = element;
    this.canvases = [...element.querySelectorAll("canvas")];
    this.cell = null;
    this.cursor = document.createElement("span");
    this.cursor.className = "cursor";
    this.cursor.hidden = true;
    element.append(this.cursor);
    this.picture = pictures[element.dataset.picture] ?? null;
    paint(() => this.draw());
    this.canvases.forEach((canvas, n) => {
      canvas.addEventListener("pointermove", (event) => this.point(n, event));
      canvas.addEventListener("pointerdown", (event) => this.point(n, event));
      canvas.addEventListener("pointerleave", (event) => {
        if (event.pointerType === "mouse") this.leave();
      });
      canvas.addEventListener("click", (event) => {
        this.point(n, event);
        this.pick();
      });
    });
    element.addEventListener("focus", () => {
      if (element.matches(":focus-visible")) this.move(this.cell ?? [0, 0, 0]);
    });
    element.addEventListener("blur", () => this.leave());
    element.addEventListener("keydown", (event) => this.key(event));
  }

  /** Show another picture, of the same size. */
  show(picture) {
    this.picture = picture;
    this.draw();
  }

  draw() {
    if (this.picture) this.canvases.forEach((canvas, n) => paintImage(canvas, this.picture, n));
  }

  point(n, event) {
    const [, height, width] = this.picture.size;
    const box = this.canvases[n].getBoundingClientRect();
    const at = (along, length, count) =>
      Math.max(0, Math.min(count - 1, Math.floor((along / length) * count)));
    const column = at(event.clientX - box.left, box.width, width);
    const row = at(event.clientY - box.top, box.height, height);
    this.tell([n, row, column]);
  }

  /** Show the number of a cell in a bubble above it. */
  tell(cell) {
    if (Number.isNaN(valueAt(this.picture, cell))) return this.leave();
    this.cell = cell;
    telling = this;
    const [n, row, column] = cell;
    const [, height, width] = this.picture.size;
    const box = this.canvases[n].getBoundingClientRect();
    const outer = this.element.getBoundingClientRect();
    const size = [box.width / width, box.height / height];
    Object.assign(this.cursor.style, {
      left: `${box.left - outer.left + column * size[0]}px`,
      top: `${box.top - outer.top + row * size[1]}px`,
      width: `${size[0]}px`,
      height: `${size[1]}px`,
    });
    this.cursor.hidden = false;
    tip.textContent = told(this.picture, cell);
    tip.hidden = false;
    const middle = box.left + (column + 0.5) * size[0];
    const room = tip.offsetWidth / 2 + 6;
    tip.style.left = `${Math.max(room, Math.min(root.clientWidth - room, middle))}px`;
    const above = box.top + row * size[1] - tip.offsetHeight - 8;
    tip.style.top = `${above > 4 ? above : box.top + (row + 1) * size[1] + 8}px`;
  }

  /** Go to a cell, and say it aloud. */
  move(cell) {
    this.tell(cell);
    reading.textContent = told(this.picture, cell);
  }

  leave() {
    if (telling === this) telling = null;
    tip.hidden = true;
    this.cursor.hidden = true;
  }

  pick() {
    if (!this.element.hasAttribute("data-pick") || !this.cell) return;
    const detail = { name: this.picture.name, index: indexOf(this.picture, this.cell) };
    this.element.dispatchEvent(new CustomEvent("pick", { bubbles: true, detail }));
  }

  key(event) {
    const steps = {
      ArrowLeft: [0, 0, -1],
      ArrowRight: [0, 0, 1],
      ArrowUp: [0, -1, 0],
      ArrowDown: [0, 1, 0],
      PageUp: [-1, 0, 0],
      PageDown: [1, 0, 0],
    };
    const cell = this.cell ?? [0, 0, 0];
    if (event.key === "Enter") {
      this.pick();
    } else if (event.key === "Escape") {
      this.element.blur();
    } else if (steps[event.key] && !event.ctrlKey && !event.altKey && !event.metaKey) {
      this.move(this.beside(cell, steps[event.key]));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** The next cell in a direction: from the edge of an image into the one beside it. */
  beside(cell, step) {
    const [count, height, width] = this.picture.size;
    let [n, row, column] = cell.map((place, axis) => place + step[axis]);
    if (column < 0 && n > 0) [n, column] = [n - 1, width - 1];
    if (column >= width && n < count - 1) [n, column] = [n + 1, 0];
    const within = (place, length) => Math.max(0, Math.min(length - 1, place));
    const next = [within(n, count), within(row, height), within(column, width)];
    return Number.isNaN(valueAt(this.picture, next)) ? cell : next;
  }
}

const heats = [...document.querySelectorAll(".heat")].map((element) => new Heat(element));
// The bubble stays with its cell, wherever that goes; taking the focus may scroll it into view.
for (const moves of ["scroll", "resize"]) {
  addEventListener(moves, () => telling?.tell(telling.cell), { passive: true });
}

// What a unit looks at: the product of its weights and the pixels, number by number.
for (const box of document.querySelectorAll(".unit")) {
  const [weights, product] = ["weights", "product"].map((part) =>
    heats.find((heat) => heat.element === box.querySelector(`[data-part=${part}]`)),
  );
  const { W1, X, b1 } = arrays;
  const pixels = X.values.length;
  const show = (unit) => {
    const size = [1, ...X.size.slice(1)];
    const row = W1.values.slice(unit * pixels, (unit + 1) * pixels);
    const times = row.map((weight, pixel) => weight * X.values[pixel]);
    const sum = times.reduce((total, value) => total + value, 0);
    const common = { size, shape: [pixels], strides: [0, size[2], 1] };
    weights.show({ ...common, name: `W1[${unit}]`, values: row });
    product.show({ ...common, name: `(W1[${unit}] ⊙ X)`, values: times });
    const words = { unit, sum: number(sum, 4), bias: number(b1.values[unit], 4) };
    words.z = number(sum + b1.values[unit], 4);
    for (const [name, text] of Object.entries(words)) {
      for (const place of box.querySelectorAll(`[data-word=${name}]`)) place.textContent = text;
    }
  };
  box.addEventListener("change", (event) => show(Number(event.target.value)));
  show(Number(box.querySelector("input:checked").value));
}
