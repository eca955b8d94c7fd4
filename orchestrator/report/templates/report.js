// SPDX-License-Identifier: MIT
//
// What the page does beyond being read: the mark of a timeline that the mouse or a finger points at says its records in the
// box below it, and a link to a folded scenario unfolds it. Without script the marks still have their tooltips.
// The template copies this into the page, which is well-formed XML too: no ampersand and no less-than sign in here.
"use strict";

// How far from a mark, in pixels of the screen, still points at it; a tick counts before a bar that it stands on.
const REACH = 12;
const TICK_FIRST = 4;
// The template's geometry, in units of the SVG.
const LANE_HEIGHT = 24;
const LANES_LEFT = 150;

function markAt(svg, event) {
  const matrix = svg.getScreenCTM();
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  const lane = svg.querySelectorAll("g")[Math.floor(point.y / LANE_HEIGHT)];
  let found = null;
  let least = REACH / matrix.a;
  for (const mark of lane ? lane.querySelectorAll(".mark") : []) {
    const bar = mark.tagName === "rect";
    const left = Number(mark.getAttribute(bar ? "x" : "x1"));
    const right = bar ? left + Number(mark.getAttribute("width")) : left;
    const x = point.x - LANES_LEFT;
    const distance = Math.max(left - x, x - right, 0) + (bar ? TICK_FIRST / matrix.a : 0);
    if (least > distance) {
      least = distance;
      found = mark;
    }
  }
  return found;
}

function say(timeline, mark) {
  timeline.querySelector(".shown")?.classList.remove("shown");
  if (mark) {
    mark.classList.add("shown");
    timeline.querySelector("output").textContent = mark.querySelector("title").textContent;
  }
}

for (const timeline of document.querySelectorAll(".timeline")) {
  const svg = timeline.querySelector("svg");
  // A click keeps what is said, to be read and copied, until the next click.
  let kept = false;
  svg.addEventListener("pointermove", (event) => {
    const mark = kept ? null : markAt(svg, event);
    if (mark) say(timeline, mark);
  });
  svg.addEventListener("click", (event) => {
    const mark = markAt(svg, event);
    kept = mark !== null;
    timeline.classList.toggle("kept", kept);
    say(timeline, mark);
  });
}

function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
}
addEventListener("hashchange", unfold);
unfold();
