// The plane of a LatentExplorer: a picture that Python has drawn, and on it the point that the reader moves.
// Python knows the latents, this file the pixels; it sends `z` and `pinned` and draws whatever comes back.

const HELP = "Plane of latents. Arrow keys move the point, with shift faster; space pins it.";
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };

function add(parent, name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return parent.appendChild(element);
}

function render({ model, el }) {
  const [width, height] = model.get("size");
  const frame = model.get("frame"); // left, right, bottom, top in pixels
  const extent = model.get("extent"); // and in latent units
  const rescale = (value, axis, from, to) => {
    const share = (value - from[2 * axis]) / (from[2 * axis + 1] - from[2 * axis]);
    return to[2 * axis] + Math.min(1, Math.max(0, share)) * (to[2 * axis + 1] - to[2 * axis]);
  };

  const svg = add(el, "svg", {
    viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "application", "aria-label": HELP,
    "data-lm-suppress-shortcuts": true, // or JupyterLab takes the arrow keys for itself
    style: `width: ${width / 1.5}px; max-width: 100%; cursor: crosshair; touch-action: none; user-select: none`,
  });
  const url = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
  add(svg, "image", { href: url, width, height });
  const rings = add(svg, "g", { fill: "none", stroke: "black", "stroke-width": 1.5 });
  const point = add(svg, "circle", { r: 8, stroke: "black", "stroke-width": 3 });

  function draw() {
    const put = (circle, z) => ["cx", "cy"].forEach((key, axis) => {
      circle.setAttribute(key, rescale(z[axis], axis, extent, frame));
    });
    rings.replaceChildren();
    for (const z of model.get("near")) put(add(rings, "circle", { r: 7 }), z);
    put(point, model.get("z"));
    point.setAttribute("fill", model.get("pinned") ? "black" : "white");
  }

  function send(changes) {
    for (const [key, value] of Object.entries(changes)) model.set(key, value);
    model.save_changes();
  }

  function follow(event) {
    const box = svg.getBoundingClientRect();
    const pixel = [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
    send({ z: pixel.map((value, axis) => rescale(value, axis, frame, extent)) });
  }

  let pressed = null; // where, and whether the point was pinned then
  svg.addEventListener("pointerdown", event => {
    svg.setPointerCapture(event.pointerId);
    pressed = { x: event.clientX, y: event.clientY, pinned: model.get("pinned") };
    follow(event);
  });
  svg.addEventListener("pointermove", event => {
    if (pressed || !model.get("pinned")) follow(event);
  });
  svg.addEventListener("pointerup", event => {
    if (!pressed) return; // elsewhere, and only let go here
    // A click pins or frees the point; whoever drags it wants it where it is dropped.
    const dragged = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > 4;
    send({ pinned: dragged || !pressed.pinned });
    pressed = null;
  });
  svg.addEventListener("pointercancel", () => { pressed = null; });
  svg.addEventListener("keydown", event => {
    const step = STEPS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    if (!step) return send({ pinned: !model.get("pinned") });
    const share = event.shiftKey ? 0.05 : 0.01;
    const inside = (value, axis) => rescale(value, axis, extent, extent); // the border stops it
    const span = axis => extent[2 * axis + 1] - extent[2 * axis];
    send({ z: model.get("z").map((value, axis) => inside(value + step[axis] * share * span(axis), axis)) });
  });

  const shown = ["change:z", "change:near", "change:pinned"];
  shown.forEach(name => model.on(name, draw));
  draw();
  return () => {
    shown.forEach(name => model.off(name, draw));
    URL.revokeObjectURL(url);
  };
}

export default { render };
