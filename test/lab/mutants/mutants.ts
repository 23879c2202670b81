import type { Mutant, Patch } from './mutant.js';

const patch = (file: string, find: string, replace: string): Patch => ({ file, find, replace });
const test = (title: string, ...files: readonly string[]) => ({ by: 'tests', files, title }) as const;
const simulator = (seeds: number, ...invariants: readonly string[]) => ({ by: 'simulator', seeds, invariants }) as const;

/** The deliberate bugs of the catalogue that have an issue by now (M17 waits for signed messages). */
const CATALOGUE: readonly Mutant[] = [
  {
    id: 'M1',
    bug: 'messages are acknowledged before the commit',
    patches: [
      patch(
        'src/engine/batch-loop.ts',
        'const slot = this.parts.settler.open();',
        "const slot = this.parts.settler.open();\n    for (const item of items) deliveryOf(item)?.settle('done');",
      ),
    ],
    caughtBy: test('settles a reply only when', 'unit/engine/publishing.test.ts'),
  },
  {
    id: 'M2',
    bug: 'what has no known outcome counts as sent',
    patches: [
      patch(
        'src/engine/publisher.ts',
        "if (outcome.fate === 'unknown') again.push(publication);",
        "if (outcome.fate === 'unknown') continue;",
      ),
      patch(
        'src/participant/replies.ts',
        "if (outcome.fate === 'confirmed') return true;",
        "if (outcome.fate === 'confirmed' || outcome.fate === 'unknown') return true;",
      ),
    ],
    caughtBy: simulator(300, 'V13', 'V14', 'V1'),
  },
  {
    id: 'M3',
    bug: 'a returned message counts as delivered',
    patches: [
      patch('src/engine/publisher.ts', "else if (outcome.fate !== 'confirmed') {", "else if (outcome.fate === 'refused') {"),
      patch(
        'src/participant/replies.ts',
        "if (outcome.fate === 'confirmed') return true;",
        "if (outcome.fate === 'confirmed' || outcome.fate === 'returned') return true;",
      ),
    ],
    caughtBy: test('settles it only when it is safe there', 'unit/engine/publishing.test.ts'),
  },
  {
    id: 'M4',
    bug: 'the sweep goes on from the highest id it has seen, and never looks back',
    patches: [
      patch(
        'src/memory/in-memory-saga-store.ts',
        '.toSorted((a, b) => (a.wakeAt ?? 0) - (b.wakeAt ?? 0));',
        '.filter((row) => row.id > watermark)\n      .toSorted((a, b) => (a.id < b.id ? -1 : 1));\n    watermark = due.slice(0, limit).at(-1)?.id ?? watermark;',
      ),
      patch('src/memory/in-memory-saga-store.ts', 'const UUID = /', "let watermark = '';\nconst UUID = /"),
    ],
    caughtBy: simulator(50, 'V1'),
  },
  {
    id: 'M5',
    bug: 'a write does not look at the version that it was made from',
    patches: [
      patch(
        'src/memory/in-memory-saga-store.ts',
        'updates.filter((update) => current.get(update.state.id) !== update.fromVersion).map((update) => update.state.id),',
        "updates.filter(() => current.has('')).map((update) => update.state.id),",
      ),
      patch(
        'src/postgres/postgres-saga-store.ts',
        'loaded.sagas.get(state.id)?.version === fromVersion;',
        'loaded.sagas.has(state.id) && fromVersion > 0;',
      ),
      patch('src/postgres/write-sagas.ts', 's.row_version = n.from_version and s.stamp = n.from_stamp', 'n.from_version > 0'),
    ],
    caughtBy: test('another version', 'contract/saga-store-memory.test.ts', 'contract/saga-store-embedded.test.ts'),
  },
  {
    id: 'M6',
    bug: 'timers are kept in memory, not in the row',
    patches: [
      patch(
        'src/engine/batch.ts',
        "this.starts.push({ state, wakeAt, inputHash, startId, isIncoming: caller.via === 'row', history, ownKey });",
        "this.starts.push({ state, wakeAt: null, inputHash, startId, isIncoming: caller.via === 'row', history, ownKey });",
      ),
      patch('src/engine/open-saga.ts', 'return before === null || due < before ? due : undefined;', 'return undefined;'),
    ],
    caughtBy: simulator(50, 'V1'),
  },
  {
    id: 'M7',
    bug: 'a command that was lost is not sent again before its time is up',
    patches: [
      patch('src/core/timers.ts', 'command.resendAt <= draft.now', 'command.resendAt < 0'),
      patch('src/core/timers.ts', 'return Math.min(command.timeoutAt, command.resendAt);', 'return command.timeoutAt;'),
    ],
    caughtBy: simulator(400, 'V1', 'V16'),
  },
  {
    id: 'M8',
    bug: 'an action that timed out counts as not done, and is not compensated',
    patches: [patch('src/core/advance.ts', "draft.settle(step, { outcome: 'unknown' });", "draft.settle(step, { outcome: 'rejected' });")],
    caughtBy: simulator(200, 'V3'),
  },
  {
    id: 'M9',
    bug: 'compensations run in the order of the actions',
    patches: [patch('src/core/advance.ts', '[...draft.state.order].reverse().find(', '[...draft.state.order].find(')],
    caughtBy: simulator(100, 'V5'),
  },
  {
    id: 'M10',
    bug: 'an action that was handled already is handled again',
    patches: [
      patch(
        'src/participant/barrier.ts',
        `    case 'success':
      return replyWith(success(reply ?? EMPTY));
    case 'rejected':
      return replyWith({ outcome: 'rejected', body: reply ?? EMPTY });
    case 'started':
      return { do: 'run', again: true };`,
        `    case 'success':
    case 'rejected':
    case 'started':
      return { do: 'run', again: reply === null };`,
      ),
    ],
    caughtBy: simulator(100, 'V4'),
  },
  {
    id: 'M11',
    bug: 'a compensation leaves no tombstone for the action that has not come yet',
    patches: [
      patch(
        'src/participant/barrier.ts',
        "return { store: isOpen(found.action) ? [writeOf(action, 'tombstone', null), undone] : [undone], release: NONE };",
        'return { store: [undone], release: found.action.fresh ? [action] : [] };',
      ),
    ],
    caughtBy: simulator(400, 'V3', 'V6'),
  },
  {
    id: 'M12',
    bug: "the inbox row is written in a transaction of its own, after the effect's",
    patches: [
      patch(
        'src/participant/group.ts',
        'await this.session.store(this.writes);',
        'await this.session.release(this.writes);\n    later.set(this.session, { claims: found.flatMap(({ claims }) => (claims.own ? [claims.action, claims.own] : [claims.action])), writes: [...this.writes, ...this.records] });',
      ),
      patch('src/participant/group.ts', 'if (!(await this.session.record(this.records))) throw new Spoilt();', ''),
      patch(
        'src/participant/group.ts',
        '  return runtime.store!.transact(async (session) => {\n    if (turn !== undefined) await session.takeTurn(turn);\n    return within(runtime, (signal) => new GroupRun(runtime, session, signal, slow, mode).run(tasks), { giveUp: () => session.condemn() });\n  });',
        `  let first: InboxSession<unknown>;
  return runtime.store!
    .transact(async (session) => {
      if (turn !== undefined) await session.takeTurn(turn);
      return within(runtime, (signal) => new GroupRun(runtime, (first = session), signal, slow, mode).run(tasks), { giveUp: () => session.condemn() });
    })
    .then(async (result) => {
      if (result.fate !== 'committed') return result;
      const { claims, writes } = later.get(first)!;
      const written = new Set(writes.map(({ actionId, direction }) => actionId + direction));
      await runtime.store!.transact(async (session) => {
        await session.claim(claims.filter(({ actionId, direction }) => written.has(actionId + direction)));
        await session.store(writes);
      });
      return result;
    });`,
      ),
      patch(
        'src/participant/group.ts',
        'export class Spoilt extends Error {',
        'const later = new WeakMap<object, { claims: import("../ports/inbox.js").InboxClaim[]; writes: InboxWrite[] }>();\nexport class Spoilt extends Error {',
      ),
    ],
    caughtBy: simulator(400, 'V3', 'V4'),
  },
  {
    id: 'M13',
    bug: 'a late reply is applied as if it were awaited',
    patches: [
      patch(
        'src/core/reply.ts',
        "if (event.phase === 'c') return !at.undone && command.status !== 'settled';",
        "if (event.phase === 'a' && event.outcome !== 'error') return true;\n  if (event.phase === 'c') return !at.undone && command.status !== 'settled';",
      ),
    ],
    caughtBy: simulator(400, 'V3', 'V9'),
  },
  {
    id: 'M14',
    bug: "a handler's error is swallowed and answered as done",
    patches: [
      patch(
        'src/participant/call.ts',
        "if (!isRejection(thrown)) return failure('handler-failed', messageOf(thrown));",
        "if (!isRejection(thrown)) return messageOf(thrown) === '' ? failure('handler-failed', '') : success('{}');",
      ),
    ],
    caughtBy: simulator(100, 'V3'),
  },
  {
    id: 'M15',
    bug: 'a start does not look whether its key was used before',
    patches: [
      patch(
        'src/memory/in-memory-saga-store.ts',
        "if (owner && owner.id !== state.id) return { fate: 'exists', ...owner };",
        "if (owner && owner.id === '') return { fate: 'exists', ...owner };",
      ),
      patch('src/postgres/saga-keys.ts', 'if (wanted.length === 0)', 'if (wanted.length >= 0)'),
    ],
    caughtBy: simulator(200, 'V2'),
  },
  {
    id: 'M16',
    bug: 'a compensation is tried once and then given up',
    patches: [
      patch(
        'src/core/attempts.ts',
        'if (command.tries < draft.commandOf(step.name, phase).retry.attempts) return tryAgain(draft, step, phase, command, failure.kind);',
        "if (phase !== 'c' && command.tries < draft.commandOf(step.name, phase).retry.attempts) return tryAgain(draft, step, phase, command, failure.kind);",
      ),
    ],
    caughtBy: simulator(100, 'V1'),
  },
  {
    id: 'M17',
    bug: 'the attempt is left out of what is signed, on both sides alike',
    patches: [
      patch(
        'src/core/signed-text.ts',
        'const UNSIGNED: ReadonlySet<string> = new Set([HEADER.signature, HEADER.signatureKey]);',
        'const UNSIGNED: ReadonlySet<string> = new Set([HEADER.signature, HEADER.signatureKey, HEADER.attempt]);',
      ),
    ],
    caughtBy: test('[J3]', 'test/unit/signing/message-signing.test.ts'),
  },
  {
    id: 'M18',
    bug: "timers are compared with the process's own clock",
    patches: [
      patch(
        'src/engine/batch-loop.ts',
        'return applyBatch(items, loaded, definitions, this.parts.signing);',
        'return applyBatch(items, { ...loaded, now: this.parts.clock.now() }, definitions, this.parts.signing);',
      ),
      patch(
        'src/engine/sweeper.ts',
        'return applyDue(loaded, definitions, this.instants(loaded.now), this.parts.signing);',
        'return applyDue({ ...loaded, now: clock.now() }, definitions, this.instants(loaded.now), this.parts.signing);',
      ),
    ],
    caughtBy: simulator(200, 'V15', 'V1'),
  },
];

/** The protocol's naive readings, by the number of the trace that breaks each. */
const NAIVE: readonly Mutant[] = [
  {
    id: 'P1',
    bug: 'a compensation takes an effect outside that has not ended for none',
    patches: [
      patch(
        'src/participant/barrier.ts',
        `    case 'rejected':
    case 'tombstone':
      return { do: 'answer', answer: success(), keep: true };
    case 'success':
    case 'started':`,
        `    case 'rejected':
    case 'tombstone':
    case 'started':
      return { do: 'answer', answer: success(), keep: true };
    case 'success':`,
      ),
    ],
    caughtBy: test('runs after a start', 'unit/participant/barrier.test.ts'),
  },
  {
    id: 'P2',
    bug: 'a command that may have been handled and forgotten runs again',
    patches: [
      patch(
        'src/participant/barrier.ts',
        "  if (action.fresh) {\n    if (now - command.firstSentAt > horizonMs) return refuse('beyond-horizon', BEYOND);\n    return { do: 'run', again: false };\n  }",
        "  if (action.fresh) {\n    if (now - command.firstSentAt > horizonMs * 1e9) return refuse('beyond-horizon', BEYOND);\n    return { do: 'run', again: false };\n  }",
      ),
    ],
    caughtBy: test('horizon', 'unit/participant/barrier.test.ts'),
  },
  {
    id: 'P3',
    bug: 'a compensation takes every row of its action for an effect, a rejected one too',
    patches: [
      patch(
        'src/participant/barrier.ts',
        `    case 'rejected':
    case 'tombstone':
      return { do: 'answer', answer: success(), keep: true };
    case 'success':`,
        `    case 'tombstone':
      return { do: 'answer', answer: success(), keep: true };
    case 'rejected':
    case 'success':`,
      ),
    ],
    caughtBy: simulator(400, 'V3', 'V6'),
  },
  {
    id: 'P4',
    bug: 'a step may stand beside the pivot',
    patches: [patch('src/saga/rules.ts', 'if (isBefore) return [];', 'if (isBefore || !isAfter) return [];')],
    caughtBy: test('beside', 'unit/saga/faults.test.ts', 'unit/saga/shape.test.ts'),
  },
  {
    id: 'P5',
    bug: 'what was rejected is tried again under the same id, and gets the stored answer for ever',
    patches: [
      patch(
        'src/core/attempts.ts',
        "return backOff(draft, step, phase, command, 'execution');",
        "return backOff(draft, step, phase, command, 'attempt');",
      ),
    ],
    caughtBy: test('5: what was rejected', 'unit/core/protocol-flaws.test.ts'),
  },
  {
    id: 'P6',
    bug: 'a pivot of unknown outcome is given up like any other step',
    patches: [
      patch(
        'src/core/attempts.ts',
        "if (isDoing && step.kind === 'pivot' && isPivotToBeFenced(draft, step, command)) return fenceOrStick(draft, step);",
        '',
      ),
      patch(
        'src/core/attempts.ts',
        "  if (isDoing && step.kind === 'step') {\n    giveUp(",
        "  if (isDoing && step.kind !== 'retriable') {\n    giveUp(",
      ),
    ],
    caughtBy: simulator(400, 'V3', 'V7'),
  },
  {
    id: 'P7',
    bug: 'an error counts whichever attempt it is of',
    patches: [
      patch('src/core/reply.ts', '(event.attempt === undefined || event.attempt === command.attempt);', 'event.outcome === event.outcome;'),
    ],
    caughtBy: test('7: errors', 'unit/core/protocol-flaws.test.ts'),
  },
  {
    id: 'P8',
    bug: 'a success whose reply cannot be used is asked for again',
    patches: [
      patch(
        'src/core/reply.ts',
        'const message = `${step.action.type} succeeded, but its reply cannot be used: ${reading.why}`;',
        "const message = `${step.action.type} succeeded, but its reply cannot be used: ${reading.why}`;\n  if (message !== '') return draft.touch();",
      ),
    ],
    caughtBy: test('8: ', 'unit/core/protocol-flaws.test.ts'),
  },
  {
    id: 'P9',
    bug: 'what is unknown is undone last, whenever it was given up',
    patches: [
      patch(
        'src/core/draft.ts',
        'this.state.order = [...this.state.order, name];',
        "this.state.order = parts.outcome === 'unknown' ? [name, ...this.state.order] : [...this.state.order, name];",
      ),
    ],
    caughtBy: simulator(300, 'V5'),
  },
  {
    id: 'P10',
    bug: 'one stuck step holds up every other branch',
    patches: [
      patch(
        'src/core/advance.ts',
        "    if (draft.state.direction !== 'forward') return;\n    if (draft.step(step.name) === undefined",
        "    if (draft.state.direction !== 'forward') return;\n    if (Object.values(draft.state.steps).some((at) => at.fault || at.action?.status === 'stuck')) return;\n    if (draft.step(step.name) === undefined",
      ),
    ],
    caughtBy: test('10: stuck', 'unit/core/protocol-flaws.test.ts'),
  },
  {
    id: 'P11',
    bug: 'a repeated reply sends everything that is in flight once more',
    patches: [
      patch('src/core/reply.ts', 'if (reply.redelivered) emitCaused(draft, causeOf(reply));', 'emitCaused(draft, causeOf(reply));'),
      patch(
        'src/core/reply.ts',
        "if (command?.status === 'inFlight' && command.cause === cause) draft.emit(name, phase);",
        "if (command?.status === 'inFlight' && cause !== '') draft.emit(name, phase);",
      ),
    ],
    caughtBy: test('11: ', 'unit/core/protocol-flaws.test.ts'),
  },
  {
    id: 'P12',
    bug: "a participant without an inbox is believed when it says 'rejected'",
    patches: [
      patch(
        'src/core/reply.ts',
        "return action.inbox || action.idempotent || kind === 'pivot';",
        "return action.inbox || kind !== 'retriable';",
      ),
    ],
    caughtBy: test('12: ', 'unit/core/protocol-flaws.test.ts'),
  },
  {
    id: 'P15',
    bug: 'copies of a command do not expire, and pile up before a participant that is down',
    patches: [
      patch(
        'src/engine/command-message.ts',
        "if (command.status === 'inFlight') return command.gapMs;",
        "if (command.status === 'inFlight') return undefined;",
      ),
    ],
    caughtBy: test('expire', 'unit/engine/publishing.test.ts', 'unit/engine/lifecycle.test.ts', 'unit/engine/parts.test.ts'),
  },
  {
    id: 'P17',
    bug: 'a batch is acknowledged although one before it is still open',
    patches: [
      patch(
        'src/engine/settler.ts',
        'while (this.slots[0]?.isReady) this.slots.shift()!.settleAll();',
        'for (const slot of this.slots.filter((each) => each.isReady)) {\n      this.slots.splice(this.slots.indexOf(slot), 1);\n      slot.settleAll();\n    }',
      ),
    ],
    caughtBy: test('order', 'unit/engine/parts.test.ts'),
  },
];

/** What groups of commands may not take for granted. */
const GROUPS: readonly Mutant[] = [
  {
    id: 'G1',
    bug: 'a trusted compensation takes an action of which nothing is found for one that was rejected',
    patches: [
      patch(
        'src/participant/group.ts',
        'return row ? { claims, action: { fresh: false, row }, own: FRESH, now, horizonMs } : undefined;',
        "return { claims, action: { fresh: false, row: row ?? { ...claims.action, state: 'rejected', reply: null } }, own: FRESH, now, horizonMs };",
      ),
    ],
    caughtBy: test('claims the rows of a compensation whose action is not there', 'unit/participant/trusted-groups.test.ts'),
  },
  {
    id: 'G2',
    bug: 'a handler that says "no" in a trusted group keeps what it has written',
    patches: [
      patch(
        'src/participant/group.ts',
        'if (!isRefused || this.session.uses === uses) throw error;',
        "if (!isRefused || this.session.uses === uses || this.mode === 'trusting') throw error;",
      ),
    ],
    caughtBy: test('after it has used the transaction leaves nothing', 'unit/participant/trusted-groups.test.ts'),
  },
  {
    id: 'G3',
    bug: 'rows of a trusted group that stood there already are passed over',
    patches: [
      patch(
        'src/participant/group.ts',
        'if (!(await this.session.record(this.records))) throw new Spoilt();',
        'await this.session.record(this.records);',
      ),
    ],
    caughtBy: simulator(400, 'V3', 'V4'),
  },
];

export const MUTANTS: readonly Mutant[] = [...CATALOGUE, ...NAIVE, ...GROUPS];
