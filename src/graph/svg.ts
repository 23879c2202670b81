import { compensationLines, nodeLines, titleOf } from './labels.js';
import { layoutOf, type Place } from './layout.js';
import type { Graph, GraphNode } from './model.js';
import { FILLS, toneOf } from './tone.js';

const CHARACTER = 7.3;
const LINE = 17;
const PADDING = 12;
const GAP = { column: 56, row: 26, undo: 26 } as const;
const MARGIN = { side: 20, top: 52, bottom: 20 } as const;

/** How large the boxes of a picture are: all alike, so that its rows are rows. */
interface Sizes {
  readonly width: number;
  readonly box: number;
  /** 0: nothing in it can be undone. */
  readonly undo: number;
}

/** The graph as a picture of its own, from left to right: no script, no font, nothing from outside; readable on light and dark pages. */
export function svgOf(graph: Graph): string {
  const { columns, rows, places, routes } = layoutOf(graph);
  const sizes = sizesOf(graph);
  const title = titleOf(graph);
  const at = ({ column, row }: Place) => ({
    x: MARGIN.side + column * (sizes.width + GAP.column),
    y: MARGIN.top + row * (rowHeight(sizes) + GAP.row),
  });
  const steps = graph.nodes.map((node) => stepOf(node, at(places.get(node.name)!), sizes));
  const edges = routes.map(({ edge, via }) => {
    const [from, to] = [places.get(edge.from)!, places.get(edge.to)!];
    return `<path class="edge" marker-end="url(#arrow)" d="${pathOf([from, ...via, to].map(at), sizes)}"/>`;
  });
  const least = title.length * (CHARACTER + 1);
  const width = Math.max(least, columns * (sizes.width + GAP.column) - GAP.column) + 2 * MARGIN.side;
  const height = MARGIN.top + rows * (rowHeight(sizes) + GAP.row) - GAP.row + MARGIN.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" ${box(0, 0, width, height, 'viewBox')} ${size(width, height)}>`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<defs>${ARROW}</defs>`,
    `<rect class="page" ${size(width, height)} rx="6"/>`,
    `<text class="title" x="${MARGIN.side}" y="30">${escaped(title)}</text>`,
    ...edges,
    ...steps,
    '</svg>\n',
  ].join('\n');
}

function sizesOf({ nodes }: Graph): Sizes {
  const own = nodes.map(nodeLines);
  const undoing = nodes.flatMap(({ compensation }) => (compensation ? [compensationLines(compensation)] : []));
  const longest = Math.max(10, ...[...own, ...undoing].flat().map((line) => line.length));
  const high = (texts: readonly string[][]) => Math.max(...texts.map((lines) => lines.length)) * LINE + PADDING;
  return {
    width: longest * CHARACTER + 2 * PADDING,
    box: own.length > 0 ? high(own) : 0,
    undo: undoing.length > 0 ? high(undoing) : 0,
  };
}

function rowHeight({ box: height, undo }: Sizes): number {
  return height + (undo > 0 ? GAP.undo + undo : 0);
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Bends only between columns; straight through the places that are kept free for it. */
function pathOf(points: readonly Point[], { width, box: height }: Sizes): string {
  const half = GAP.column / 2;
  const legs = points.slice(1).map(({ x, y }, index) => {
    const before = points[index]!;
    const [fromX, fromY, toY] = [before.x + width, before.y + height / 2, y + height / 2];
    const through = index === 0 ? `M${round(fromX)} ${round(fromY)}` : `L${round(fromX)} ${round(fromY)}`;
    return `${through}C${round(fromX + half)} ${round(fromY)} ${round(x - half)} ${round(toY)} ${round(x)} ${round(toY)}`;
  });
  return legs.join('');
}

function stepOf(node: GraphNode, { x, y }: Point, sizes: Sizes): string {
  const { compensation, kind, state } = node;
  const centre = round(x + sizes.width / 2);
  const parts = [shape(kind, x, y, sizes), textOf(nodeLines(node), centre, y, sizes.box, 'name')];
  const step = `<g class="${classOf('step', state)}">${parts.join('')}</g>`;
  if (!compensation) return step;
  const top = y + sizes.box + GAP.undo;
  const down = `<path class="edge undoing" marker-end="url(#arrow)" d="M${centre} ${round(y + sizes.box)}V${round(top)}"/>`;
  const rect = `<rect ${box(x, top, sizes.width, sizes.undo)} rx="4"/>`;
  const text = textOf(compensationLines(compensation), centre, top, sizes.undo, '');
  return `${step}\n${down}<g class="${classOf('undo', compensation.state)}">${rect}${text}</g>`;
}

/** A pivot has two borders, a retriable step round ends, a check pointed ones. */
function shape(kind: string, x: number, y: number, { width, box: height }: Sizes): string {
  if (kind === 'check') {
    const [tip, middle] = [10, y + height / 2];
    const top = `M${round(x)} ${round(middle)}L${round(x + tip)} ${round(y)}H${round(x + width - tip)}L${round(x + width)} ${round(middle)}`;
    return `<path d="${top}L${round(x + width - tip)} ${round(y + height)}H${round(x + tip)}Z"/>`;
  }
  const rect = `<rect ${box(x, y, width, height)} rx="${kind === 'retriable' ? 20 : 4}"/>`;
  return kind === 'pivot' ? `${rect}<rect class="inner" ${box(x + 3, y + 3, width - 6, height - 6)} rx="2"/>` : rect;
}

function textOf(lines: readonly string[], x: number, y: number, height: number, first: string): string {
  const top = y + (height - lines.length * LINE) / 2 + LINE * 0.75;
  return lines
    .map((line, index) => {
      const name = index === 0 && first !== '' ? ` class="${first}"` : '';
      return `<text${name} x="${x}" y="${round(top + index * LINE)}">${escaped(line)}</text>`;
    })
    .join('');
}

function classOf(what: string, state: string | undefined): string {
  return state === undefined ? what : `${what} ${toneOf(state)}`;
}
function box(x: number, y: number, width: number, height: number, name?: 'viewBox'): string {
  const [left, top, w, h] = [x, y, width, height].map(round);
  return name ? `viewBox="${left} ${top} ${w} ${h}"` : `x="${left}" y="${top}" width="${w}" height="${h}"`;
}
function size(width: number, height: number): string {
  return `width="${round(width)}" height="${round(height)}"`;
}
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** XML has no way to write two characters that Unicode has, not even as references. */
function escaped(text: string): string {
  return text.replace(/[<>&"'\ufffe\uffff]/g, (found) => ENTITIES[found] ?? '\ufffd');
}
const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;', "'": '&#39;' };

const ARROW = `<marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker>`;
const tones = Object.entries(FILLS).map(
  ([tone, { fill, stroke, text }]) =>
    `.${tone} rect,.${tone} path{fill:${fill};stroke:${stroke}}.${tone} .inner{fill:none}.${tone} text{fill:${text}}`,
);
const STYLE = [
  'text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328;text-anchor:middle}',
  '.title{font-weight:bold;font-size:14px;text-anchor:start}.name{font-weight:bold}',
  '.page{fill:#ffffff}.step rect,.step path{fill:#f6f8fa;stroke:#57606a}.undo rect{fill:#ffffff;stroke:#57606a;stroke-dasharray:4 3}',
  '.step .inner{fill:none}.edge{fill:none;stroke:#57606a}.undoing{stroke-dasharray:4 3}.head{fill:#57606a}',
  '@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.step rect,.step path{fill:#161b22;stroke:#8b949e}',
  '.undo rect{fill:#0d1117;stroke:#8b949e}.step .inner{fill:none}.edge{stroke:#8b949e}.head{fill:#8b949e}}',
  ...tones,
].join('');
