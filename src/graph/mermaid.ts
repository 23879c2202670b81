import { STEP_NAME } from '../core/plan.js';
import { compensationLines, nodeLines, titleOf } from './labels.js';
import type { Graph, GraphNode } from './model.js';
import { FILLS, toneOf, type Tone } from './tone.js';

/** The graph as text of Mermaid. A step with its compensation is a box of its own: only within one can something stand below something. */
export function mermaidOf(graph: Graph): string {
  const ids = new Map(graph.nodes.map(({ name }, index) => [name, STEP_NAME.test(name) ? name : String(index)]));
  const tones = new Map<Tone, string[]>();
  const paint = (id: string, state: string | undefined) => {
    if (state === undefined) return;
    const tone = toneOf(state);
    tones.set(tone, [...(tones.get(tone) ?? []), id]);
  };
  const steps = graph.nodes.flatMap((node) => stepLines(node, ids.get(node.name)!, paint));
  const edges = graph.edges.map(({ from, to }) => `  step_${ids.get(from)} --> step_${ids.get(to)}`);
  const styles = [...tones].flatMap(([tone, painted]) => {
    const { fill, stroke, text } = FILLS[tone];
    return [`  classDef ${tone} fill:${fill},stroke:${stroke},color:${text}`, `  class ${painted.join(',')} ${tone}`];
  });
  const pivots = graph.nodes.filter(({ kind }) => kind === 'pivot').map(({ name }) => `  style step_${ids.get(name)} stroke-width:4px`);
  return `${['---', `title: ${JSON.stringify(titleOf(graph))}`, '---', 'flowchart LR', ...steps, ...edges, ...styles, ...pivots].join('\n')}\n`;
}

function stepLines(node: GraphNode, id: string, paint: (id: string, state: string | undefined) => void): string[] {
  const { compensation } = node;
  if (!compensation) {
    paint(`step_${id}`, node.state);
    const [open, close] = SHAPES[node.kind] ?? ['[', ']'];
    return [`  step_${id}${open}${label(nodeLines(node))}${close}`];
  }
  paint(`do_${id}`, node.state);
  paint(`undo_${id}`, compensation.state);
  const [name, ...rest] = nodeLines(node);
  return [
    `  subgraph step_${id}[${label([name!])}]`,
    '    direction TB',
    `    do_${id}[${label(rest)}]`,
    `    undo_${id}[${label(compensationLines(compensation))}]`,
    `    do_${id} -. undo .-> undo_${id}`,
    `    style undo_${id} stroke-dasharray:4 3`,
    '  end',
  ];
}

const SHAPES: Readonly<Record<string, readonly [string, string]>> = { pivot: ['[[', ']]'], retriable: ['([', '])'], check: ['{{', '}}'] };

/** In quotes, whatever could end them or mean something to Mermaid or to HTML as a number. */
function label(lines: readonly string[]): string {
  const escaped = lines.map((line) => line.replace(/[^\p{L}\p{M}\p{N} ._,:/-]/gu, (found) => `#${found.codePointAt(0)};`));
  return `"${escaped.join('<br/>')}"`;
}
