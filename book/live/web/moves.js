// How a hand moves the point of a plane: mouse, finger, pen, or the keys.
window.Live = window.Live || {};

(function () {
  "use strict";

  const TAP = 6; // pixels a pointer may wander and still have clicked
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  // Calls move(z), pin(z) and clear(); `here()` is the point now.
  Live.listenToMoves = function (plane, { here, move, pin, clear }) {
    const { canvas } = plane;
    let start = null;
    const place = event => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const at = event => plane.inside(plane.toLatent(place(event)));
    const ready = listener => event => { if (plane.limits) listener(event); };

    canvas.addEventListener("pointerdown", ready(event => {
      canvas.setPointerCapture(event.pointerId);
      start = place(event);
      move(at(event));
    }));
    canvas.addEventListener("pointermove", ready(event => {
      if (event.pointerType === "mouse" || start) move(at(event));
    }));
    canvas.addEventListener("pointerup", ready(event => {
      const end = place(event);
      if (start && Math.hypot(end[0] - start[0], end[1] - start[1]) < TAP) pin(at(event));
      start = null;
    }));
    canvas.addEventListener("pointercancel", () => { start = null; });

    canvas.addEventListener("keydown", ready(event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const arrow = ARROWS[event.key];
      if (arrow) {
        const step = plane.step(event.shiftKey ? 0.1 : 0.02);
        move(plane.inside(here().map((value, d) => value + arrow[d] * step[d])));
      } else if (event.key === "Enter" || event.key === " ") {
        pin(here());
      } else if (event.key === "Escape" || event.key === "Delete" || event.key === "Backspace") {
        clear();
      } else {
        return;
      }
      event.preventDefault();
    }));
  };

  // Lets the point glide to a place, or puts it there at once for readers who prefer no motion.
  Live.glide = function (from, to, move) {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return move(to);
    const begin = performance.now(), lasting = 350;
    const frame = now => {
      const share = Math.min((now - begin) / lasting, 1), eased = share * share * (3 - 2 * share);
      move(from.map((value, d) => value + eased * (to[d] - value)));
      if (share < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  };
})();
