import { SagaError } from '../core/errors.js';
import type { SagaFilter } from '../ports/saga-filter.js';
import type { SagaPage } from '../ports/saga-store.js';
import { isAtStep, isWaitingAt, openErrorIs, reasonCodeOf } from './conditions.js';
import { STORED, toStored, type StoredRow } from './load-sagas.js';
import { firstIdAt } from './partitions.js';
import type { Searches } from './searches.js';

const FINAL: readonly string[] = ['completed', 'compensated'];
/** How far the clocks of those who make ids may be from the database's. */
const SLACK_MS = 10_000;

/**
 * Newest first. Each table gives at most a page, so that a page costs the same however many sagas there are. What only open sagas can be
 * asked is not asked of the finished ones, and what is asked of those has an index: see the migrations.
 */
export async function listSagas(searches: Searches, schema: string, filter: SagaFilter): Promise<SagaPage> {
  const { text, values } = listing(schema, filter);
  const rows = await searches.rows<StoredRow>(text, values);
  const limit = limitOf(filter);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { sagas: page.map(toStored), ...(rows.length > limit && last ? { cursor: cursorAfter(last.id) } : {}) };
}

/** The statement of a page and one more; also for tests that look at how it is carried out. */
export function listing(schema: string, filter: SagaFilter): { readonly text: string; readonly values: unknown[] } {
  const conditions = new Conditions(schema, filter);
  const most = limitOf(filter) + 1;
  const from = (table: string, all: readonly string[]): string =>
    `(select ${STORED} from ${schema}.${table} s where ${all.length > 0 ? all.join(' and ') : 'true'} order by id desc limit ${most})`;
  const parts = [from('saga', conditions.ofOpen()), ...(canBeFinished(filter) ? [from('finished_saga', conditions.ofFinished())] : [])];
  return { text: `select * from (${parts.join(' union all ')}) found order by id desc limit ${most}`, values: conditions.values };
}

function limitOf({ limit }: SagaFilter): number {
  return Math.min(500, Math.max(1, Math.floor(limit)));
}
function canBeFinished({ status, step, places }: SagaFilter): boolean {
  return step === undefined && places === undefined && (status?.some((one) => FINAL.includes(one)) ?? true);
}

/** The conditions of a filter, and the values that they mean. */
class Conditions {
  readonly values: unknown[] = [];
  private readonly common: readonly string[];

  constructor(
    private readonly schema: string,
    private readonly filter: SagaFilter,
  ) {
    this.common = this.ofBoth();
  }

  ofOpen(): string[] {
    const { status, step, places, error } = this.filter;
    const all = [...this.common, ...this.hasStatus(status)];
    if (step !== undefined || places !== undefined) all.push('ended_at is null');
    // Few have ended and are not moved yet; they have an index.
    if (status?.every((one) => FINAL.includes(one))) all.push('ended_at is not null');
    if (step !== undefined) all.push(isAtStep(this.value(step)));
    if (places !== undefined) {
      const columns = [places.map(({ name }) => name), places.map(({ version }) => version), places.map(({ step: at }) => at)] as const;
      const sides = places.map(({ side }) => side);
      all.push(
        isWaitingAt(`unnest(${this.value(columns[0])}::text[], ${this.value(columns[1])}::integer[],
          ${this.value(columns[2])}::text[], ${this.value(sides)}::text[])`),
      );
    }
    if (error !== undefined) all.push(openErrorIs(this.value(error), this.value(`"code":${JSON.stringify(error)}`)));
    return all;
  }

  ofFinished(): string[] {
    const { status, error, startedAfter } = this.filter;
    const all = [...this.common, ...this.hasStatus(status?.filter((one) => FINAL.includes(one)))];
    // Newer ids are read first, and this is where to stop.
    if (startedAfter !== undefined) all.push(`id >= ${this.value(firstIdAt(Math.max(0, startedAfter - SLACK_MS)))}::uuid`);
    // A saga that turned back ends compensated: the second half is what the partial index asks for.
    if (error !== undefined) all.push(`${reasonCodeOf('s.state')} = ${this.value(error)} and status = 'compensated'`);
    return all;
  }

  private ofBoth(): string[] {
    const { cursor, name, version, key, tags, startedBefore, startedAfter } = this.filter;
    const all: string[] = [];
    if (cursor !== undefined) all.push(`id < ${this.value(idOf(cursor))}::uuid`);
    if (name !== undefined) all.push(`name = ${this.value(name)}`);
    if (version !== undefined) all.push(`version = ${this.value(version)}`);
    if (key !== undefined) {
      const named = name === undefined ? '' : ` and name = ${this.value(name)}`;
      all.push(`id = any (array(select saga_id from ${this.schema}.saga_key where key = ${this.value(key)} and kind = 'key'${named}))`);
    }
    // The second half is what the partial index on tags asks for.
    if (tags && Object.keys(tags).length > 0) all.push(`tags @> ${this.value(JSON.stringify(tags))}::jsonb and tags <> '{}'`);
    // An id is made before its saga starts, so nothing that started before has a later one.
    if (startedBefore !== undefined)
      all.push(
        `started_at < ${this.instant(startedBefore)} and id < ${this.value(firstIdAt(Math.max(0, startedBefore + SLACK_MS)))}::uuid`,
      );
    if (startedAfter !== undefined) all.push(`started_at > ${this.instant(startedAfter)}`);
    return all;
  }

  private hasStatus(wanted: readonly string[] | undefined): string[] {
    return wanted ? [`status = any (${this.value(wanted)}::text[])`] : [];
  }
  private instant(ms: number): string {
    return `to_timestamp(${this.value(ms)}::float8 / 1000)`;
  }
  private value(given: unknown): string {
    return `$${this.values.push(given)}`;
  }
}

const cursorAfter = (id: string): string => Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');

/** Throws SAGA_REQUEST_INVALID for a cursor that none of our pages gave. */
function idOf(cursor: string): string {
  const hex = Buffer.from(cursor, 'base64url').toString('hex');
  if (hex.length !== 32) throw new SagaError('SAGA_REQUEST_INVALID', 'the cursor is not one that a page gave');
  return hex;
}
