// Highlights what a pointer or the keyboard is on in the picture of a community.
// Without this script the picture shows the same and every node is still a link.

const graph = document.getElementById("graph");
if (graph) enliven(graph);

function enliven(graph) {
  const nodes = [...graph.querySelectorAll(".node")];
  const lines = [...graph.querySelectorAll("line")];
  const caption = graph.querySelector("[data-pointed]");
  const rows = [...document.querySelectorAll("li[data-statement]")];
  const nodeOf = new Map(nodes.map((node) => [node.dataset.statement, node]));

  function point(node) {
    const id = node.dataset.statement;
    const near = new Set([id]);
    for (const line of lines) {
      const touches = line.dataset.source === id || line.dataset.target === id;
      line.classList.toggle("near", touches);
      if (touches) near.add(line.dataset.source).add(line.dataset.target);
    }
    for (const other of nodes) other.classList.toggle("near", near.has(other.dataset.statement));
    graph.classList.add("pointing");
    caption.textContent = node.getAttribute("aria-label");
    caption.hidden = false;
  }

  function release() {
    graph.classList.remove("pointing");
    caption.textContent = "";
    caption.hidden = true;
  }

  for (const node of nodes) {
    node.addEventListener("pointerenter", () => point(node));
    node.addEventListener("pointerleave", release);
    node.addEventListener("focus", () => point(node));
    node.addEventListener("blur", release);
  }
  for (const row of rows) {
    const node = nodeOf.get(row.dataset.statement);
    if (!node) continue;
    row.addEventListener("pointerenter", () => point(node));
    row.addEventListener("pointerleave", release);
  }
  walkWithArrows(nodes);
}

// One stop of the tab key for the whole picture; the arrow keys go to the nearest node that way.
function walkWithArrows(nodes) {
  const directions = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  nodes.forEach((node, i) => node.setAttribute("tabindex", i === 0 ? "0" : "-1"));
  for (const node of nodes) {
    node.addEventListener("keydown", (event) => {
      const direction = directions[event.key];
      if (!direction) return;
      event.preventDefault();
      const next = nearest(node, nodes, direction);
      if (!next) return;
      node.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  }
}

function nearest(from, nodes, [dx, dy]) {
  const place = (node) => [Number(node.dataset.x), Number(node.dataset.y)];
  const [x, y] = place(from);
  let best = null;
  let shortest = Infinity;
  for (const node of nodes) {
    const [u, v] = place(node);
    const along = (u - x) * dx + (v - y) * dy;
    const across = Math.abs((u - x) * dy) + Math.abs((v - y) * dx);
    if (node === from || along <= 0) continue;
    const distance = along + 2 * across;
    if (distance < shortest) [best, shortest] = [node, distance];
  }
  return best;
}
