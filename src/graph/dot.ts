import { printable } from '../cli/printable.js';
import { compensationLines, nodeLines, titleOf } from './labels.js';
import type { Graph, GraphNode } from './model.js';
import { FILLS, toneOf } from './tone.js';

const SHAPES: Readonly<Record<string, string>> = {
  pivot: 'shape=box, peripheries=2',
  retriable: 'shape=box, style="filled,rounded"',
  check: 'shape=hexagon',
};

/** The graph as text for Graphviz. */
export function dotOf(graph: Graph): string {
  const lines = [
    `digraph ${quoted(graph.name)} {`,
    `  graph [rankdir=LR, label=${label([titleOf(graph)])}, labelloc=t, fontname="sans-serif"]`,
    '  node [shape=box, style=filled, fillcolor=white, fontname="monospace"]',
    ...graph.nodes.flatMap(nodeLinesOf),
    ...graph.edges.map(({ from, to }) => `  ${quoted(from)} -> ${quoted(to)}`),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

/** A step, and in the same rank, which is below it, what undoes it. */
function nodeLinesOf(node: GraphNode): string[] {
  const { name, kind, compensation } = node;
  const shape = SHAPES[kind];
  const own = `  ${quoted(name)} [label=${label(nodeLines(node))}${shape ? `, ${shape}` : ''}${painted(node.state)}]`;
  if (!compensation) return [own];
  const undo = quoted(`undo ${name}`);
  return [
    own,
    `  ${undo} [label=${label(compensationLines(compensation))}, style="filled,dashed"${painted(compensation.state)}]`,
    `  { rank=same; ${quoted(name)} -> ${undo} [style=dashed, label="undo"] }`,
  ];
}

function painted(state: string | undefined): string {
  if (state === undefined) return '';
  const { fill, stroke, text } = FILLS[toneOf(state)];
  return `, fillcolor="${fill}", color="${stroke}", fontcolor="${text}"`;
}

/** A backslash begins an escape in labels, so it is doubled like the quote; lines end with one of ours. */
function label(lines: readonly string[]): string {
  return `"${lines.map(escaped).join('\\n')}"`;
}

function quoted(name: string): string {
  return label([printable(name)]);
}

function escaped(text: string): string {
  return text.replace(/["\\]/g, '\\$&');
}
