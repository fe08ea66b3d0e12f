// The map of the Explore page: points by WebGL, the face under the pointer, a lasso. Made and fed by ui/explore/face_map.py.
//
// The component is mounted twice: once with the thumbnails, which stay in this browser tab, and once as the map itself, which is
// given again whenever colours or decisions change. Names of files go into the page as text, never as HTML.
//
// face_map_points.js and face_map_pictures.js are joined to this file: the browser is given one module.

const ICONS = {
  move: '<path d="M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3"/>',
  lasso: '<path d="M6 15.5C3.5 14 3 12.300 3 11c0-4 4-7 9-7s9 3 9 6.500S17 17 12 17c-1.500 0-3-.2-4-.6"/><circle cx="6.500" cy="17" r="2"/><path d="M7 19c.5 1.200 0 2-1 2.500"/>',
  box: '<rect x="4" y="5" width="16" height="14" rx="1" stroke-dasharray="3 3"/>',
  closer: '<path d="M12 5v14M5 12h14"/>',
  farther: '<path d="M5 12h14"/>',
  fit: '<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/>',
};
const TOOLS = { move: "Move", lasso: "Lasso", box: "Box" };
const NEAR = 10; // pixels from the pointer to the point that it means
const LEAST_FACE = 26, MOST_FACE = 64; // pixels of the faces that take the place of points
const KEYS = "Arrow keys move, plus and minus zoom, 0 shows all, Enter selects what is in view, Escape clears the selection.";

export default function ({ data, parentElement, setStateValue }) {
  const { header, section } = unpack(data);
  if (header.kind === "thumbnails") {
    if (globalThis.ferThumbnails?.id !== header.id) {
      globalThis.ferThumbnails = new Thumbnails(header, section("sheets"));
      globalThis.dispatchEvent(new Event("fer-thumbnails"));
    }
    return undefined;
  }
  const root = parentElement.querySelector(".face-map");
  root.map ??= new FaceMap(root);
  root.map.show(header, section, (selection) => setStateValue("selection", selection));
  return () => {
    root.map?.close();
    root.map = null;
  };
}

// A JSON header and arrays, one after the other in one run of bytes.
function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const section = (name) => {
    const [begin, end] = header.sections[name];
    return bytes.subarray(4 + length + begin, 4 + length + end);
  };
  return { header, section };
}

class FaceMap {
  constructor(root) {
    this.root = root;
    root.innerHTML = `
      <div class="bar">
        <label>Colour by <select></select></label>
        <div class="tools" role="group" aria-label="Tools of the map"></div>
      </div>
      <div class="legend" role="group" aria-label="Show only"></div>
      <div class="stage" tabindex="0" role="application">
        <canvas class="points"></canvas><canvas class="over"></canvas>
        <div class="card" hidden><canvas width="192" height="192"></canvas><div></div></div>
      </div>
      <p class="status"><span aria-live="polite"></span><span></span></p>`;
    const find = (query) => root.querySelector(query);
    this.select = find("select");
    this.legend = find(".legend");
    this.stage = find(".stage");
    this.over = find(".over").getContext("2d");
    this.card = find(".card");
    [this.said, this.hint] = find(".status").children;
    this.painter = glPainter(find(".points")) ?? plainPainter(find(".points"));
    this.tool = "move";
    this.pointers = new Map();
    this.only = new Set(); // classes that are shown; all, where none is picked
    this.hovered = -1;
    this.makeTools(find(".tools"));
    this.listen();
  }

  // --- what is given ------------------------------------------------------------------------------------------------------

  show(header, section, tell) {
    this.tell = tell;
    const another = header.id !== this.header?.id;
    const marked = this.header && another ? null : this.selected;
    this.header = header;
    const places = new Uint16Array(section("places").slice().buffer);
    this.n = places.length / 2;
    if (another) {
      this.places = places;
      this.selected = null;
      this.hovered = -1;
      this.painter.setPlaces(places);
    } else {
      this.selected = marked;
    }
    this.text = null;
    this.names = () => (this.text ??= new TextDecoder().decode(section("names")).split("\n"));
    this.votes = header.votes ? section("votes") : null;
    this.codes = Object.fromEntries(header.modes.map((mode) => [mode.name, section(mode.name)]));
    this.confidence = section("confidence");
    const kept = header.modes.some((mode) => mode.name === this.mode?.name) ? this.mode.name : header.modes[0].name;
    this.select.replaceChildren(...header.modes.map((mode) => new Option(mode.title, mode.name, false, mode.name === kept)));
    this.setMode(kept);
    if (another) this.fit();
    this.say();
  }

  setMode(name) {
    if (this.mode?.name !== name) this.only.clear();
    this.mode = this.header.modes.find((mode) => mode.name === name);
    const counts = new Array(this.mode.classes.length).fill(0);
    for (const code of this.codes[name]) counts[code] += 1;
    this.legend.replaceChildren(
      ...this.mode.classes.flatMap((kind, code) => {
        if (!counts[code]) return [];
        const pill = document.createElement("button");
        pill.type = "button";
        const dot = document.createElement("span");
        dot.className = "dot";
        dot.style.background = kind.colour;
        const n = document.createElement("span");
        n.className = "n";
        n.textContent = counts[code].toLocaleString("en");
        pill.append(dot, `${kind.emoji} ${kind.name}`.trim(), n);
        pill.onclick = () => {
          if (!this.only.delete(code)) this.only.add(code);
          this.paint();
          this.say();
        };
        pill.dataset.code = code;
        return [pill];
      }),
    );
    this.paint();
    this.stage.setAttribute("aria-label", `Map of ${this.n.toLocaleString("en")} faces by ${this.mode.title.toLowerCase()}: ` +
      this.mode.classes.map((kind, code) => `${kind.name} ${counts[code]}`).join(", ") + `. ${KEYS}`);
  }

  // Colours of all points: what is filtered out stays as a shade, what is not selected steps back.
  paint() {
    const codes = this.codes[this.mode.name];
    const rgb = this.mode.classes.map((kind) => [1, 3, 5].map((at) => parseInt(kind.colour.slice(at, at + 2), 16)));
    const all = this.only.size === 0;
    this.shown = new Uint8Array(this.n);
    const colours = new Uint8Array(4 * this.n);
    for (let i = 0; i < this.n; i++) {
      const code = codes[i], shown = all || this.only.has(code);
      this.shown[i] = shown;
      const [r, g, b] = shown ? rgb[code] : [128, 132, 140];
      colours.set([r, g, b, !shown ? 18 : !this.selected ? 215 : this.selected[i] ? 255 : 40], 4 * i);
    }
    const order = new Uint32Array(this.n);
    let at = 0;
    const front = (i) => (this.shown[i] ? (this.selected?.[i] ? 2 : 1) : 0);
    for (const layer of [0, 1, 2]) for (let i = 0; i < this.n; i++) if (front(i) === layer) order[at++] = i;
    this.colours = colours;
    this.painter.setColours(colours, order);
    this.legend.classList.toggle("only", !all);
    for (const pill of this.legend.children) pill.setAttribute("aria-pressed", this.only.has(Number(pill.dataset.code)));
    this.redraw();
  }

  // --- view ---------------------------------------------------------------------------------------------------------------

  fit() {
    const { width, height } = this.size();
    const [ex, ey] = this.header.extent;
    this.scale = this.least = 0.94 * Math.min(width / Math.max(ex, 1e-6), height / Math.max(ey, 1e-6), 4 * Math.max(width, height));
    this.centre = [ex / 2, ey / 2];
    this.redraw();
  }

  size() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    return { width: Math.max(width, 1), height: Math.max(height, 1) };
  }

  x(i) {
    return (this.places[2 * i] / 65535 - this.centre[0]) * this.scale + this.size_.width / 2;
  }

  y(i) {
    return this.size_.height / 2 - (this.places[2 * i + 1] / 65535 - this.centre[1]) * this.scale;
  }

  zoom(factor, x, y) {
    const { width, height } = this.size();
    const scale = Math.min(Math.max(this.scale * factor, this.least * 0.5), this.least * 400);
    const shift = 1 / this.scale - 1 / scale;
    this.centre = [this.centre[0] + ((x ?? width / 2) - width / 2) * shift, this.centre[1] - ((y ?? height / 2) - height / 2) * shift];
    this.scale = scale;
    this.redraw();
  }

  move(dx, dy) {
    this.centre = [this.centre[0] - dx / this.scale, this.centre[1] + dy / this.scale];
    this.redraw();
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    if (!this.header || !this.stage.isConnected) return;
    const { width, height } = (this.size_ = this.size());
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    for (const canvas of this.stage.querySelectorAll(":scope > canvas")) {
      const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    }
    const closer = this.scale / this.least;
    const point = Math.min(Math.max((4.2 * Math.sqrt(closer)) / Math.max(1, (this.n / 3000) ** 0.2), 2.8), 13);
    const inView = this.inView();
    const face = Math.min(Math.sqrt((0.5 * width * height) / Math.max(inView.length, 1)), MOST_FACE);
    const faces = face >= LEAST_FACE && closer > 1.5 && globalThis.ferThumbnails?.id === this.header.id;
    this.painter.draw(this, point * ratio);
    const over = this.over;
    over.canvas.hidden = !faces && !this.path && this.hovered < 0; // a layer less for the browser to lay over the points
    over.setTransform(ratio, 0, 0, ratio, 0, 0);
    over.clearRect(0, 0, width, height);
    if (faces) this.drawFaces(inView, face);
    this.drawPath();
    if (this.hovered >= 0) this.drawHovered(faces ? face / 2 + 3 : point / 2 + 3);
  }

  inView() {
    const { width, height } = this.size_, found = [];
    for (let i = 0; i < this.n; i++) {
      if (!this.shown[i]) continue;
      const x = this.x(i), y = this.y(i);
      if (x > -MOST_FACE && y > -MOST_FACE && x < width + MOST_FACE && y < height + MOST_FACE) found.push(i);
    }
    return found;
  }

  drawFaces(rows, side) {
    for (const i of rows) {
      const x = this.x(i) - side / 2, y = this.y(i) - side / 2;
      this.over.globalAlpha = this.selected && !this.selected[i] ? 0.3 : 1;
      this.over.fillStyle = `rgb(${this.colours.subarray(4 * i, 4 * i + 3).join(" ")})`;
      this.over.fillRect(x - 2, y - 2, side + 4, side + 4);
      globalThis.ferThumbnails.draw(this.over, i, x, y, side);
    }
    this.over.globalAlpha = 1;
  }

  drawPath() {
    if (!this.path || this.path.length < 2) return;
    this.over.beginPath();
    for (const [x, y] of this.path) this.over.lineTo(x, y);
    this.over.closePath();
    const accent = getComputedStyle(this.stage).getPropertyValue("--st-primary-color") || "#4F46D1";
    this.over.fillStyle = accent;
    this.over.globalAlpha = 0.12;
    this.over.fill();
    this.over.globalAlpha = 1;
    this.over.strokeStyle = accent;
    this.over.lineWidth = 1.5;
    this.over.stroke();
  }

  drawHovered(radius) {
    const style = getComputedStyle(this.stage);
    for (const [width, colour] of [[4, style.backgroundColor], [2, style.color]]) {
      this.over.beginPath();
      this.over.arc(this.x(this.hovered), this.y(this.hovered), radius, 0, 2 * Math.PI);
      this.over.lineWidth = width;
      this.over.strokeStyle = colour;
      this.over.stroke();
    }
  }

  // --- the face under the pointer -----------------------------------------------------------------------------------------

  hover(x, y) {
    let nearest = -1, least = NEAR ** 2;
    if (x !== null && this.size_) {
      for (let i = 0; i < this.n; i++) {
        if (!this.shown[i]) continue;
        const distance = (this.x(i) - x) ** 2 + (this.y(i) - y) ** 2;
        if (distance < least) [nearest, least] = [i, distance];
      }
    }
    const changed = nearest !== this.hovered;
    this.hovered = nearest;
    this.card.hidden = nearest < 0;
    if (changed) {
      this.fillCard();
      this.redraw();
    }
    if (nearest >= 0) this.placeCard(this.x(nearest), this.y(nearest));
  }

  fillCard() {
    const i = this.hovered;
    if (i < 0) return;
    const line = (words, quiet) => {
      const span = document.createElement("span");
      span.textContent = words;
      if (quiet) span.className = "quiet";
      return span;
    };
    const name = document.createElement("b");
    name.textContent = this.names()[i];
    const { facts } = this.header, lines = [name];
    for (const { mode, words } of facts) {
      const { classes } = this.header.modes.find((one) => one.name === mode), kind = classes[this.codes[mode][i]];
      const sure = mode === "answer" ? ` ${Math.round(this.confidence[i] / 2.55)} %` : "";
      lines.push(line(`${words} ${kind.name} ${kind.emoji}${sure}`));
    }
    if (this.votes) {
      const columns = this.header.votes, votes = [...this.votes.subarray(columns.length * i, columns.length * (i + 1))];
      const said = votes.map((n, at) => [n, columns[at]]).filter(([n]) => n).sort((a, b) => b[0] - a[0]);
      lines.push(line(`Votes: ${said.map(([n, column]) => `${column} ${n}`).join(", ") || "none"}`));
    }
    for (const mode of this.header.modes) {
      if (mode.quiet && this.codes[mode.name][i] !== mode.none) lines.push(line(`${mode.quiet}: ${mode.classes[this.codes[mode.name][i]].name}`, true));
    }
    this.card.lastElementChild.replaceChildren(...lines);
    this.drawCardFace();
  }

  drawCardFace() {
    const canvas = this.card.firstElementChild, context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (globalThis.ferThumbnails?.id === this.header?.id) globalThis.ferThumbnails.draw(context, this.hovered, 0, 0, canvas.width);
  }

  placeCard(x, y) {
    const { width, height } = this.size_, { offsetWidth: w, offsetHeight: h } = this.card;
    const left = x + 18 + w < width ? x + 18 : Math.max(x - 18 - w, 4);
    const top = Math.min(Math.max(y - h / 2, 4), Math.max(height - h - 4, 4));
    this.card.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  // --- selection ----------------------------------------------------------------------------------------------------------

  selectWhere(holds) {
    const selected = new Uint8Array(this.n);
    let count = 0;
    for (let i = 0; i < this.n; i++) if (this.shown[i] && holds(this.x(i), this.y(i))) count += selected[i] = 1;
    this.setSelected(count ? selected : null);
  }

  selectPath(path) {
    const xs = path.map(([x]) => x), ys = path.map(([, y]) => y);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    this.selectWhere((x, y) => x >= left && x <= right && y >= top && y <= bottom && inside(path, x, y));
  }

  setSelected(selected) {
    if (!selected && !this.selected) return;
    this.selected = selected;
    this.tell(selected && { map: this.header.id, bits: packed(selected) });
    this.paint();
    this.say();
  }

  say() {
    const selected = this.selected ? this.selected.reduce((sum, one) => sum + one, 0) : 0;
    const shown = this.shown.reduce((sum, one) => sum + one, 0);
    const words = (n) => `${n.toLocaleString("en")} ${n === 1 ? "face" : "faces"}`;
    const bold = document.createElement("b");
    bold.textContent = selected ? `${words(selected)} selected` : shown < this.n ? `${words(shown)} of ${this.n.toLocaleString("en")}` : words(this.n);
    this.said.replaceChildren(bold);
    this.hint.textContent = selected
      ? "Escape, or a click where there is no face, clears the selection"
      : "Drag to move · Shift and drag to draw a lasso · click, then scroll to zoom";
  }

  // --- input --------------------------------------------------------------------------------------------------------------

  makeTools(place) {
    const button = (name, words, act, more = "") => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = more;
      made.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;
      if (TOOLS[name]) made.append(words);
      else made.setAttribute("aria-label", words);
      made.title = words;
      made.onclick = act;
      place.append(made);
      return made;
    };
    const tools = Object.entries(TOOLS).map(([name, words]) =>
      button(name, words, () => this.setTool(name), name === "box" ? "end" : ""));
    this.setTool = (name) => {
      this.tool = name;
      tools.forEach((tool, at) => tool.setAttribute("aria-pressed", Object.keys(TOOLS)[at] === name));
      for (const each of Object.keys(TOOLS)) this.stage.classList.toggle(each, each === name);
    };
    this.setTool("move");
    button("closer", "Closer", () => this.zoom(1.6), "apart");
    button("farther", "Farther", () => this.zoom(1 / 1.6));
    button("fit", "Show all", () => this.fit());
  }

  listen() {
    const { stage } = this;
    const at = (event) => {
      const { left, top } = stage.getBoundingClientRect();
      return [event.clientX - left - stage.clientLeft, event.clientY - top - stage.clientTop];
    };
    this.select.onchange = () => this.setMode(this.select.value);
    stage.onpointerdown = (event) => {
      if (event.button !== 0) return;
      stage.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, at(event));
      this.drawing = this.pointers.size === 1 && (event.shiftKey && this.tool === "move" ? "lasso" : this.tool !== "move" && this.tool);
      this.path = this.drawing ? [at(event)] : null;
      this.pressed = at(event);
      this.hover(null);
    };
    stage.onpointermove = (event) => {
      const [x, y] = at(event), before = this.pointers.get(event.pointerId);
      if (!before) {
        if (event.pointerType === "mouse") this.hover(x, y);
        return;
      }
      if (this.pointers.size === 2) {
        this.pinch(event.pointerId, [x, y]);
      } else if (this.drawing === "lasso") {
        this.path.push([x, y]);
        this.redraw();
      } else if (this.drawing === "box") {
        const [[left, top]] = this.path;
        this.path = [[left, top], [x, top], [x, y], [left, y]];
        this.redraw();
      } else {
        stage.classList.add("moving");
        this.move(x - before[0], y - before[1]);
      }
      this.pointers.set(event.pointerId, [x, y]);
    };
    const up = (event) => {
      if (!this.pointers.delete(event.pointerId)) return;
      stage.classList.remove("moving");
      const path = this.path;
      this.path = this.drawing = null;
      this.redraw();
      if (event.type !== "pointerup") return;
      const [x, y] = at(event), clicked = Math.hypot(x - this.pressed[0], y - this.pressed[1]) < 4 && (path?.length ?? 0) < 12;
      if (path && !clicked) this.selectPath(path);
      this.hover(x, y);
      if (clicked && this.hovered < 0) this.setSelected(null);
    };
    stage.onpointerup = stage.onpointercancel = up;
    stage.onpointerleave = () => this.pointers.size || this.hover(null);
    stage.ondblclick = (event) => this.zoom(2, ...at(event));
    // The wheel scrolls the page, as everywhere, until the map has been clicked.
    stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && stage.getRootNode().activeElement !== stage) return;
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode ? 30 : 1);
      this.zoom(Math.exp(-Math.max(-200, Math.min(200, pixels)) * (event.ctrlKey ? 0.01 : 0.002)), ...at(event));
      this.hover(null);
    }, { passive: false });
    stage.onkeydown = (event) => this.onKey(event);
    this.root.addEventListener("keydown", (event) => event.key === "Escape" && this.setSelected(null));
    this.onThumbnails = () => {
      this.drawCardFace();
      this.redraw();
    };
    globalThis.addEventListener("fer-thumbnails", this.onThumbnails);
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(stage);
  }

  pinch(id, [x, y]) {
    const [ox, oy] = [...this.pointers].find(([other]) => other !== id)[1], [bx, by] = this.pointers.get(id);
    const factor = Math.hypot(x - ox, y - oy) / Math.max(Math.hypot(bx - ox, by - oy), 1);
    this.path = this.drawing = null;
    this.move((x - bx) / 2, (y - by) / 2);
    this.zoom(factor, (x + ox) / 2, (y + oy) / 2);
  }

  onKey(event) {
    const { width, height } = this.size(), step = 60;
    const acts = {
      ArrowLeft: () => this.move(step, 0), ArrowRight: () => this.move(-step, 0),
      ArrowUp: () => this.move(0, step), ArrowDown: () => this.move(0, -step),
      "+": () => this.zoom(1.4), "=": () => this.zoom(1.4), "-": () => this.zoom(1 / 1.4), 0: () => this.fit(),
      Enter: () => this.selectWhere((x, y) => x >= 0 && y >= 0 && x <= width && y <= height),
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  }

  close() {
    globalThis.removeEventListener("fer-thumbnails", this.onThumbnails);
    this.observer.disconnect();
    this.painter.close();
  }
}

// Whether a point is inside a closed path, by the number of its sides to the right.
function inside(path, x, y) {
  let odd = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [xi, yi] = path[i], [xj, yj] = path[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

// A bit for each face, the first of a byte the highest, in base64.
function packed(selected) {
  const bytes = new Uint8Array(Math.ceil(selected.length / 8));
  selected.forEach((one, i) => (bytes[i >> 3] |= one << (7 - (i & 7))));
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
