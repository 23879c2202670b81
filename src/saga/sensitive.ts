import { tidyMarks, type Mark } from '../core/sealing.js';
import { isSchema, type AnySchema } from './schema.js';
import { shown } from './written.js';

/** `Symbol.for`, so that another copy of this package is understood too. */
const SENSITIVE: unique symbol = Symbol.for('backstep.sensitive');

/** What is read of a zod schema to find marks in it; other libraries' schemas can only be marked as a whole. */
interface ZodSchema {
  readonly _zod: { readonly def: ZodDef };
  readonly clone: (def: object) => unknown;
}
interface ZodDef {
  readonly type: string;
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly catchall?: unknown;
  readonly element?: unknown;
  readonly items?: readonly unknown[];
  readonly rest?: unknown;
  readonly options?: readonly unknown[];
  readonly left?: unknown;
  readonly right?: unknown;
  readonly valueType?: unknown;
  readonly innerType?: unknown;
  readonly in?: unknown;
  readonly out?: unknown;
  readonly getter?: () => unknown;
  readonly [SENSITIVE]?: true;
}

/**
 * Marks what a schema describes as sensitive: where there are payload keys, it is stored, sent and shown sealed, and only builders and
 * handlers see it. In zod schemas any part can be marked, `z.object({ iban: sensitive(z.string()) })`; schemas of other libraries, and
 * `typed<…>()`, as a whole. The schema given is left as it is; the mark goes on with what is made of the one returned (`.min(3)`, `.optional()`).
 */
export function sensitive<S extends AnySchema>(schema: S): S {
  const given: unknown = schema;
  // Where zod keeps it goes on with everything that is made of the schema.
  if (isZod(given)) return given.clone({ ...given._zod.def, [SENSITIVE]: true }) as S;
  return Object.create(given as object, {
    [SENSITIVE]: { value: true },
    '~standard': { value: schema['~standard'], enumerable: true },
  }) as S;
}

/** Where a schema is marked; faults say what cannot be found. `what` is the payload: `request`, `input` … */
export function marksIn(schema: unknown, what: string, faults: string[] = []): readonly Mark[] {
  if (!isSchema(schema)) return [];
  if (!isZod(schema)) return (schema as { readonly [SENSITIVE]?: boolean })[SENSITIVE] ? [[]] : [];
  const found: Found = { marks: [], hidden: [] };
  look(schema, [], found, new Set());
  for (const path of found.hidden)
    faults.push(
      `'${what}' has something sensitive ${path.length > 0 ? `within '${shown(path.join('.'))}', ` : ''}inside a transformation or a schema that contains itself, ` +
        `where nobody can tell its place; mark all of that: sensitive(…)`,
    );
  return Object.freeze(tidyMarks(found.marks).map((mark) => Object.freeze(mark)));
}

interface Found {
  readonly marks: Mark[];
  /** Paths of schemas that have marks at places that cannot be told. */
  readonly hidden: Mark[];
}

function look(schema: unknown, path: Mark, found: Found, around: ReadonlySet<unknown>): void {
  if (!isZod(schema)) return;
  const { def } = schema._zod;
  if (def[SENSITIVE]) {
    found.marks.push(path);
    return;
  }
  if (around.has(schema)) {
    if (isMarkedWithin(schema, new Set())) found.hidden.push(path);
    return;
  }
  const within = new Set(around).add(schema);
  const step = (inner: unknown, ...names: readonly string[]) => look(inner, [...path, ...names], found, within);
  switch (def.type) {
    case 'object':
      for (const [name, field] of Object.entries(def.shape ?? {})) step(field, name);
      return step(def.catchall, '*');
    case 'array':
      return step(def.element, '*');
    case 'tuple':
      (def.items ?? []).forEach((item, at) => step(item, String(at)));
      return step(def.rest, '*');
    case 'record':
      return step(def.valueType, '*');
    case 'union':
      return (def.options ?? []).forEach((option) => step(option));
    case 'intersection':
      step(def.left);
      return step(def.right);
    case 'pipe':
      if (isMarkedWithin(def.in, new Set()) || isMarkedWithin(def.out, new Set())) found.hidden.push(path);
      return;
    case 'lazy':
      // What contains itself has its parts at any depth.
      if (isMarkedWithin(schema, new Set())) found.hidden.push(path);
      return;
    default:
      // `optional`, `nullable`, `default`, `readonly` …
      return step(def.innerType);
  }
}

/** Whether there is a mark anywhere in it. */
function isMarkedWithin(schema: unknown, seen: Set<unknown>): boolean {
  if (!isZod(schema) || seen.has(schema)) return false;
  seen.add(schema);
  const { def } = schema._zod;
  if (def[SENSITIVE]) return true;
  const lazy = def.type === 'lazy' ? [def.getter?.()] : [];
  const parts = [...Object.values(def.shape ?? {}), ...(def.items ?? []), ...(def.options ?? []), ...lazy];
  parts.push(def.catchall, def.element, def.rest, def.left, def.right, def.valueType, def.innerType, def.in, def.out);
  return parts.some((part) => isMarkedWithin(part, seen));
}

function isZod(schema: unknown): schema is ZodSchema {
  const def = (schema as ZodSchema | null | undefined)?._zod?.def;
  return typeof def?.type === 'string' && typeof (schema as ZodSchema).clone === 'function';
}
