import { dotOf } from '../../graph/dot.js';
import { mermaidOf } from '../../graph/mermaid.js';
import { graphOf, type Graph } from '../../graph/model.js';
import { svgOf } from '../../graph/svg.js';
import { SagaError } from '../../core/errors.js';
import type { DefinitionView } from '../../http/schemas.js';
import { EXIT, UsageError } from '../exit-codes.js';
import type { GraphFormat } from '../graph-formats.js';
import type { CliContext, CommonOptions } from '../terminal.js';

export interface GraphOptions extends CommonOptions {
  readonly format?: GraphFormat;
  /** Id of a saga, whose steps' states are shown. */
  readonly saga?: string;
  readonly sagaVersion?: number;
  /** Folders that the definition is read from, without a server. */
  readonly sagas?: readonly string[];
}

const RENDERERS: Readonly<Record<GraphFormat, (graph: Graph) => string>> = {
  mermaid: mermaidOf,
  dot: dotOf,
  json: (graph) => `${JSON.stringify(graph, null, 2)}\n`,
  svg: svgOf,
};

/** `backstep graph NAME`: a definition as a picture, or with `--saga ID` one saga of it. */
export async function graph(context: CliContext, name: string | undefined, options: GraphOptions): Promise<number> {
  const { format = options.json ? 'json' : 'mermaid', saga: id } = options;
  if (options.json && format !== 'json') throw new UsageError(`--json and --format ${format} exclude each other`);
  if (name === undefined && id === undefined) throw new UsageError('give the name of a definition, or --saga ID');
  const saga = id === undefined ? undefined : await context.connect(options.url).saga(id);
  if (saga && name !== undefined && name !== saga.name) throw new UsageError(`saga ${saga.id} is one of ${saga.name}, not of ${name}`);
  if (saga && options.sagaVersion !== undefined && options.sagaVersion !== saga.version)
    throw new UsageError(`saga ${saga.id} is of version ${saga.version}, not ${options.sagaVersion}`);
  const definition = await find(context, saga?.name ?? name!, saga?.version ?? options.sagaVersion, options);
  context.terminal.out(RENDERERS[format](graphOf(definition, saga)));
  return EXIT.ok;
}

async function find(context: CliContext, name: string, version: number | undefined, { url, sagas }: GraphOptions): Promise<DefinitionView> {
  if (!sagas) return context.connect(url).definition(name, version);
  const loaded = await context.definitionsIn(sagas);
  const versions = loaded.filter((one) => one.name === name && (version === undefined || one.version === version));
  const newest = versions.toSorted((one, other) => other.version - one.version)[0];
  if (newest) return newest;
  const there = loaded.map((one) => `${one.name}@${one.version}`).join(', ') || 'none';
  const wanted = `${name}${version === undefined ? '' : ` of version ${version}`}`;
  throw new SagaError('SAGA_UNKNOWN_DEFINITION', `there is no definition ${wanted} in ${sagas.join(', ')}; there are: ${there}`);
}
