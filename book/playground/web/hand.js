// The reader's hand on the data: takes hold of a pseudo-input and moves it, by pointer or by keys.
window.Playground = window.Playground || {};

(function () {
  "use strict";

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // view(): what shows the data now; prior(): the model's; choose(k or null); moved(k).
  Playground.listenToHand = function (canvas, { view, prior, chosen, choose, moved }) {
    let held = null, last = null;
    const place = event => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const move = (k, way) => {
      const left = view().move(prior(), k, way);
      moved(k);
      return left;
    };

    canvas.addEventListener("pointerdown", event => {
      if (!prior().pseudo) return;
      held = view().hit(prior(), place(event));
      last = place(event);
      choose(held);
      if (held !== null) canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (held === null || held >= prior().pseudoCount) return;
      const now = place(event), left = move(held, [now[0] - last[0], now[1] - last[1]]);
      last = [now[0] - left[0], now[1] - left[1]];
    });
    // A finger that holds a pseudo-input does not scroll the page; anywhere else it does.
    canvas.addEventListener("touchstart", event => { if (held !== null) event.preventDefault(); }, { passive: false });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });

    canvas.addEventListener("keydown", event => {
      const count = prior().pseudoCount;
      if (event.ctrlKey || event.metaKey || event.altKey || !count) return;
      const arrow = ARROWS[event.key], k = chosen();
      if (arrow && k !== null) move(k, arrow.map(by => by * view().arrow * 1.001));
      else if (event.key === "Enter" || event.key === " ") choose(k === null ? 0 : (k + (event.shiftKey ? count - 1 : 1)) % count);
      else if (event.key === "Escape") choose(null);
      else return;
      event.preventDefault();
    });
  };
})();
