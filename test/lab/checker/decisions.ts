import { createHash } from 'node:crypto';
import type { DecisionLine } from '../kit/evidence.js';
import { Findings } from './findings.js';
import { put, type Index } from './run.js';

const VERB_OF: Readonly<Record<string, string>> = {
  'cancel-requested': 'cancel',
  suspended: 'suspend',
  resumed: 'resume',
  'retry-requested': 'retry',
  'settled-by-hand': 'settle',
};
/** A daemon may die between a decision and its outcome in the audit; what it logs of that comes later. */
const GRACE_MS = 30_000;
const NO_HASH = '0'.repeat(64);

/** A row as it was written; all of it may be missing in one that was tampered with. */
interface Row {
  readonly seq?: number;
  readonly at?: number;
  readonly requestId?: string;
  readonly stage?: string;
  readonly verb?: string;
  readonly target?: string;
  readonly who?: string;
  readonly details?: { readonly verb?: string };
}
/** The rows of one request. */
interface Request {
  readonly asked: Row;
  outcome?: Row;
}

/**
 * V17: the chain of the audit is whole by our own reckoning; every request in it was asked before it had its one outcome; every decision in a
 * history has its request, and every request that is said to be done is in a history; what an operator was answered is what the audit says.
 */
export function decisionsAreAudited(index: Index): Findings {
  const found = new Findings('V17', 'every decision of an operator is in the audit, whose chain is whole, and nothing else is');
  const { audit, decisions } = index.run;
  if (!audit) {
    if (decisions.length > 0) found.violate(`operators have asked ${decisions.length} times, and there is no audit`);
    return found;
  }
  const rows = audit.rows.map(({ content }) => rowOf(content));
  followChain(found, audit);
  const requests = requestsOf(found, rows);
  for (const [id, { asked, outcome }] of requests)
    found.look(
      !outcome &&
        !index.isInFault(asked.at ?? 0, GRACE_MS) &&
        `request ${id} (${asked.verb} of ${asked.target}) has no outcome in the audit`,
    );
  compareWithHistories(found, index, [...requests.values()]);
  for (const line of decisions) found.look(differs(index, line, requests));
  return found;
}

function rowOf(content: string): Row {
  try {
    return (JSON.parse(content) as Row | null) ?? {};
  } catch {
    return {};
  }
}

function followChain(found: Findings, { head, rows }: NonNullable<Index['run']['audit']>): void {
  let before = { seq: 0, hash: NO_HASH };
  for (const { seq, previous, hash, content } of rows) {
    const reckoned = createHash('sha256').update(`${previous}\n${content}`).digest('hex');
    found.look(
      seq !== before.seq + 1
        ? `after row ${before.seq} of the audit comes ${seq}`
        : previous !== before.hash
          ? `row ${seq} of the audit does not follow the one before it`
          : hash !== reckoned
            ? `row ${seq} of the audit does not have the hash of its content`
            : rowOf(content).seq !== seq && `row ${seq} of the audit has the content of another one`,
    );
    before = { seq, hash };
  }
  if (head.seq !== before.seq || head.hash !== before.hash)
    found.violate(`the audit ends with row ${before.seq}, its head says ${head.seq}, or another one of that number`);
}

function requestsOf(found: Findings, rows: readonly Row[]): ReadonlyMap<string, Request> {
  const requests = new Map<string, Request>();
  for (const row of rows) {
    const { requestId = '', stage, seq } = row;
    const known = requests.get(requestId);
    if (stage === 'asked') {
      if (known) found.violate(`request ${requestId} was asked twice in the audit (row ${seq})`);
      else requests.set(requestId, { asked: row });
    } else if (!known) found.violate(`request ${requestId} has an outcome in the audit, but was never asked (row ${seq})`);
    else if (known.outcome) found.violate(`request ${requestId} has two outcomes in the audit (row ${seq})`);
    else known.outcome = row;
  }
  return requests;
}

/** Decisions of one person about one saga by one verb: as many in the history as in the audit, but for those whose outcome nobody wrote down. */
function compareWithHistories(found: Findings, index: Index, requests: readonly Request[]): void {
  const audited = new Map<string, Request[]>();
  for (const request of requests) put(audited, keyOf(request.asked.target, request.asked.verb, request.asked.who), request);
  const told = new Map<string, number>();
  for (const [id, { history }] of index.run.details)
    for (const { event, by, count = 1 } of history) {
      const verb = VERB_OF[event];
      if (verb === undefined) continue;
      const key = keyOf(`saga:${id}`, verb, by);
      told.set(key, (told.get(key) ?? 0) + count);
      if (!audited.has(key)) audited.set(key, []);
    }
  for (const [key, of] of audited) {
    const [target, verb, who] = key.split('\n') as [string, string, string];
    const isShown = target.startsWith('saga:') && index.run.details.has(target.slice('saga:'.length));
    if (!isShown || !Object.values(VERB_OF).includes(verb)) continue;
    const times = told.get(key) ?? 0;
    const done = of.filter(({ outcome }) => outcome?.stage === 'done' || outcome?.stage === 'noted').length;
    const open = of.filter(({ outcome }) => !outcome || outcome.stage === 'failed').length;
    const isByMany = requests.some(({ asked }) => asked.verb === 'bulk' && asked.who === who && asked.details?.verb === verb);
    found.look(
      times < done
        ? `the audit has ${done} times '${verb}' of ${target} by ${who} done, its history ${times} times`
        : times > done + open && !isByMany && `the history of ${target} has ${times} times '${verb}' by ${who}, the audit ${done}`,
    );
  }
}
const keyOf = (target = '', verb = '', who = '') => `${target}\n${verb}\n${who}`;

/** What the operator was answered, against what the audit says. */
function differs(index: Index, line: DecisionLine, requests: ReadonlyMap<string, Request>): string | false {
  const { requestId, status, saga, verb, at } = line;
  // Nobody knows what became of it, or who asked was not let in.
  if (status === undefined || (requestId === undefined && status >= 400)) return false;
  const what = `'${verb}' of ${saga} was answered ${status}`;
  const request = requestId === undefined ? undefined : requests.get(requestId);
  // What cannot be recorded is not done, and answered with 503.
  if (!request) return status < 500 && `${what}, and is not in the audit`;
  const { asked, outcome } = request;
  if (asked.target !== `saga:${saga}` || asked.verb !== verb) return `${what}; the audit has '${asked.verb}' of ${asked.target} for it`;
  if (!outcome) return !index.isInFault(at, GRACE_MS) && `${what}; the audit does not say what became of it`;
  const wanted = status >= 500 ? 'failed' : status >= 400 ? 'refused' : status === 202 ? 'noted' : 'done';
  return outcome.stage !== wanted && `${what}; the audit says that it was ${outcome.stage}`;
}
