import type { DefinitionView, SagaView, StepView } from '../http/schemas.js';

/** A definition as a picture shows it, or one saga of it; plain data that every renderer draws from. */
export interface Graph {
  readonly name: string;
  readonly version: number;
  /** Whose states the nodes have. */
  readonly saga: { readonly id: string; readonly status: string } | undefined;
  /** In declaration order: an edge points only to what comes later. */
  readonly nodes: readonly GraphNode[];
  /** What waits for what; an edge that follows from others is left out. */
  readonly edges: readonly GraphEdge[];
}
/** A step. */
export interface GraphNode {
  readonly name: string;
  readonly kind: string;
  /** It may be skipped. */
  readonly conditional: boolean;
  /** `<participant>.<command>`. */
  readonly command: string | undefined;
  readonly participant: string | undefined;
  /** Of a check: what the saga compensates with unless it passes. */
  readonly code: string | undefined;
  /** Of the saga's step. */
  readonly state: string | undefined;
  /** What undoes it; drawn below it. */
  readonly compensation: GraphCompensation | undefined;
}
export interface GraphCompensation {
  readonly command: string;
  readonly participant: string;
  /** Where it has begun. */
  readonly state: string | undefined;
}
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
}

/** The graph of a definition; with a saga of it, its steps have their states. */
export function graphOf(definition: DefinitionView, saga?: Pick<SagaView, 'id' | 'status' | 'steps'>): Graph {
  const states = new Map(saga?.steps.map((step) => [step.name, step]));
  return {
    name: definition.name,
    version: definition.version,
    saga: saga && { id: saga.id, status: saga.status },
    nodes: definition.steps.map((step) => nodeOf(step, states.get(step.name))),
    edges: edgesOf(definition.steps),
  };
}

function nodeOf(step: DefinitionView['steps'][number], at: StepView | undefined): GraphNode {
  const { action, compensation } = step;
  return {
    name: step.name,
    kind: step.kind,
    conditional: step.conditional,
    command: action?.command,
    participant: action?.participant,
    code: step.code,
    state: at?.state,
    compensation: compensation && {
      command: compensation.command,
      participant: compensation.participant,
      state: at?.compensation?.state,
    },
  };
}

/** By default a step waits for everything above it; of that only the nearest says something. */
function edgesOf(steps: DefinitionView['steps']): GraphEdge[] {
  const upstream = new Map<string, ReadonlySet<string>>();
  return steps.flatMap(({ name, needs }) => {
    const known = [...new Set(needs)].filter((need) => upstream.has(need));
    upstream.set(name, new Set(known.flatMap((need) => [need, ...upstream.get(need)!])));
    const nearest = known.filter((need) => !known.some((other) => upstream.get(other)!.has(need)));
    return nearest.map((from) => ({ from, to: name }));
  });
}
