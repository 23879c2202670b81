import type { Graph, GraphEdge } from './model.js';

/** Where a step stands in a grid that is read from left to right: no two share a place. */
export interface Place {
  readonly column: number;
  /** May lie between two rows, but two of one column are a whole row apart. */
  readonly row: number;
}
export interface Layout {
  readonly columns: number;
  readonly rows: number;
  readonly places: ReadonlyMap<string, Place>;
  /** An edge goes from place to place; those between its ends are kept free for it. */
  readonly routes: readonly { readonly edge: GraphEdge; readonly via: readonly Place[] }[];
}

/** What takes a place: a step, or an edge that passes by. */
interface Item {
  readonly column: number;
  readonly step: string | undefined;
  /** The items before it that it is connected with. */
  readonly before: Item[];
}

/** Every step as far left as what it waits for allows; within a column near to what it comes from. */
export function layoutOf({ nodes, edges }: Graph): Layout {
  const steps = new Map<string, Item>();
  const columns: Item[][] = [];
  const add = (item: Item) => {
    (columns[item.column] ??= []).push(item);
    return item;
  };
  for (const { name } of nodes) {
    const needed = edges.filter(({ to }) => to === name).map(({ from }) => steps.get(from)!.column);
    steps.set(name, add({ column: Math.max(-1, ...needed) + 1, step: name, before: [] }));
  }
  const chains = edges.map((edge) => {
    const [from, to] = [steps.get(edge.from)!, steps.get(edge.to)!];
    const passing: Item[] = [];
    for (let column = from.column + 1; column < to.column; column++)
      passing.push(add({ column, step: undefined, before: [passing.at(-1) ?? from] }));
    to.before.push(passing.at(-1) ?? from);
    return { edge, passing };
  });
  const rows = Math.max(1, ...columns.map((column) => column.length));
  const placed = placeAll(columns, rows);
  return {
    columns: columns.length,
    rows,
    places: new Map([...steps].map(([name, item]) => [name, placed.get(item)!])),
    routes: chains.map(({ edge, passing }) => ({ edge, via: passing.map((item) => placed.get(item)!) })),
  };
}

/** Columns one after the other, each in the order of the mean row of what it comes from, in the middle of the picture's height. */
function placeAll(columns: readonly (readonly Item[])[], rows: number): ReadonlyMap<Item, Place> {
  const placed = new Map<Item, Place>();
  for (const [column, items] of columns.entries()) {
    const mean = ({ before }: Item) => before.reduce((sum, item) => sum + placed.get(item)!.row, 0) / Math.max(1, before.length);
    const sorted = items.map((item) => ({ item, at: mean(item) })).toSorted((one, other) => one.at - other.at);
    const first = (rows - items.length) / 2;
    for (const [index, { item }] of sorted.entries()) placed.set(item, { column, row: first + index });
  }
  return placed;
}
