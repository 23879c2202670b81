import { cut, printable } from '../../cli/printable.js';
import { layoutOf, type Place } from '../../graph/layout.js';
import type { Graph, GraphEdge, GraphNode } from '../../graph/model.js';
import { iconOf, TONE_ICONS } from './icon.js';
import { IconPath } from './icon.js';
import { paletteOf } from './status.js';

const BOX = { width: 176, height: 50 } as const;
const UNDO = { gap: 18, height: 38 } as const;
const GAP = { column: 44, row: 22 } as const;
const MARGIN = 10;
const LONGEST = { name: 19, command: 24 } as const;

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * A definition, or where a saga of it is, from left to right; below each step what undoes it. What was done is drawn strong. Steps are links
 * where `toStep` says where they lead.
 */
export function GraphPicture({ graph, toStep }: { readonly graph: Graph; readonly toStep?: (name: string) => string }) {
  const { columns, rows, places, routes } = layoutOf(graph);
  const canUndo = graph.nodes.some(({ compensation }) => compensation);
  const rowHeight = BOX.height + (canUndo ? UNDO.gap + UNDO.height : 0);
  const at = ({ column, row }: Place): Point => ({
    x: MARGIN + column * (BOX.width + GAP.column),
    y: MARGIN + row * (rowHeight + GAP.row),
  });
  const width = columns * (BOX.width + GAP.column) - GAP.column + 2 * MARGIN;
  const height = rows * (rowHeight + GAP.row) - GAP.row + 2 * MARGIN;
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  return (
    <svg
      class={`graph ${graph.saga ? '' : 'as-declared'}`}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="group"
      aria-label={`Steps of ${graph.name}`}
    >
      {routes.map(({ edge, via }) => (
        <path
          key={`${edge.from} ${edge.to}`}
          class={`edge ${isTaken(edge, nodes) ? 'taken' : ''}`}
          d={pathOf([places.get(edge.from)!, ...via, places.get(edge.to)!].map(at))}
        />
      ))}
      {graph.nodes.map((node) => (
        <Step key={node.name} node={node} at={at(places.get(node.name)!)} href={toStep?.(node.name)} />
      ))}
    </svg>
  );
}

/** The path goes through what was sent, and through what needed no sending. */
const UNTOUCHED: readonly (string | undefined)[] = [undefined, 'waiting', 'not-reached', 'dropped'];
function isTaken({ from, to }: GraphEdge, nodes: ReadonlyMap<string, GraphNode>): boolean {
  return !UNTOUCHED.includes(nodes.get(from)?.state) && !UNTOUCHED.includes(nodes.get(to)?.state);
}

function pathOf(points: readonly Point[]): string {
  const half = GAP.column / 2;
  const middle = BOX.height / 2;
  return points
    .slice(1)
    .map(({ x, y }, index) => {
      const before = points[index]!;
      const fromX = before.x + BOX.width;
      const start = `${index === 0 ? 'M' : 'L'}${fromX} ${before.y + middle}`;
      return `${start}C${fromX + half} ${before.y + middle} ${x - half} ${y + middle} ${x} ${y + middle}`;
    })
    .join('');
}

function Step({ node, at: { x, y }, href }: { readonly node: GraphNode; readonly at: Point; readonly href: string | undefined }) {
  const { name, kind, command, code, state, compensation, conditional } = node;
  const about = command ?? (code === undefined ? kind : `else ${code}`);
  const kindWords = [kind === 'step' ? '' : kind, conditional ? 'conditional' : ''].filter((word) => word !== '').join(', ');
  const label = `${printable(name)}${kindWords === '' ? '' : `, ${kindWords}`}${state === undefined ? '' : `: ${state}`}`;
  const box = (
    <>
      <title>{`${label}\n${printable(about)}`}</title>
      <rect class="box" x={x} y={y} width={BOX.width} height={BOX.height} rx={kind === 'retriable' ? 25 : kind === 'check' ? 0 : 7} />
      {kind === 'pivot' ? <rect class="inner" x={x + 3} y={y + 3} width={BOX.width - 6} height={BOX.height - 6} rx={5} /> : null}
      {state === undefined ? null : <IconPath name={iconOf(state)} x={x + 12} y={y + 10} />}
      <text class="node-name" x={x + (state === undefined ? 14 : 32)} y={y + 21}>
        {cut(printable(name), LONGEST.name)}
      </text>
      <text class="node-about" x={x + 14} y={y + 38}>
        {cut(printable(about), LONGEST.command)}
      </text>
      {kindWords === '' ? null : (
        <text class="node-kind" x={x + BOX.width - 10} y={y - 4}>
          {kindWords}
        </text>
      )}
    </>
  );
  return (
    <g class={`node tone-${state === undefined ? 'plain' : paletteOf(state)}`}>
      {href === undefined ? (
        <g role="img" aria-label={label}>
          {box}
        </g>
      ) : (
        <a href={href}>{box}</a>
      )}
      {compensation ? <Undo of={compensation} at={{ x, y: y + BOX.height }} isUnknown={state === undefined} /> : null}
    </g>
  );
}

function Undo(props: { readonly of: NonNullable<GraphNode['compensation']>; readonly at: Point; readonly isUnknown: boolean }) {
  const { of: compensation, at, isUnknown } = props;
  const { command, state } = compensation;
  const top = at.y + UNDO.gap;
  const tone =
    state === undefined ? (isUnknown ? 'plain' : 'idle') : state === 'succeeded' ? 'undone' : state === 'stuck' ? 'stuck' : 'back';
  return (
    <g class={`undo tone-${tone}`} role="img" aria-label={`undone by ${printable(command)}${state === undefined ? '' : `: ${state}`}`}>
      <path class={`edge ${state === undefined ? 'possible' : 'taken'}`} d={`M${at.x + BOX.width / 2} ${at.y}V${top}`} />
      <rect class="box" x={at.x + 14} y={top} width={BOX.width - 28} height={UNDO.height} rx={6} />
      <IconPath
        name={state === 'succeeded' ? 'back' : state === undefined ? 'back' : state === 'stuck' ? TONE_ICONS.stuck : iconOf('retrying')}
        x={at.x + 23}
        y={top + 6}
      />
      <text class="node-about" x={at.x + 42} y={top + 17}>
        {cut(printable(command), LONGEST.command - 6)}
      </text>
      <text class="node-kind start" x={at.x + 42} y={top + 30}>
        {state === undefined ? 'undoes it' : state === 'succeeded' ? 'undone' : state}
      </text>
    </g>
  );
}
