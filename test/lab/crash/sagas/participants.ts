import { Handles, Participant } from 'backstep/participant';
import { setTimeout as delay } from 'node:timers/promises';
import { prepareLedger, record, recordUndone, type Outside, type Tx } from '../../kit/workloads/effects.js';
import { Captain, Customs, Quay, type Asked } from './contracts.js';

/** Longer than the pivot's timeout, shorter than two. */
const NAP_MS = 800;

@Participant(Quay)
export class Berths {
  static prepare = prepareLedger;
  /** Commands that have clashed in this process: once is enough. */
  private readonly clashed = new Set<string>();

  @Handles(Quay.hold)
  async hold({ kind }: Asked, context: Tx): Promise<void> {
    await record(context.tx, context);
    if (kind === 'never') throw new Error('the quay is closed for this one');
    if (kind !== 'clash' || this.clashed.has(context.commandId)) return;
    this.clashed.add(context.commandId);
    // What PostgreSQL says when two transactions cannot both be right.
    await context.tx.query(`do $$ begin raise exception 'clash' using errcode = '40001'; end $$`);
  }

  @Handles(Quay.letGo)
  async letGo(_request: Asked, context: Tx): Promise<void> {
    await record(context.tx, context);
  }
}

@Participant(Customs)
export class Office {
  static prepare = prepareLedger;

  @Handles(Customs.stamp, { effects: 'outside' })
  async stamp({ kind }: Asked, context: Outside): Promise<void> {
    if (kind === 'refused') throw Customs.stamp.rejection('contraband');
    context.store((tx) => record(tx, context));
  }

  @Handles(Customs.tearUp, { effects: 'outside' })
  async tearUp(_request: Asked, context: Outside): Promise<void> {
    context.store((tx) => recordUndone(tx, context));
  }
}

@Participant(Captain)
export class Bridge {
  static prepare = prepareLedger;

  @Handles(Captain.sail, { slow: true, concurrency: 3 })
  async sail({ kind }: Asked, context: Tx): Promise<void> {
    if (kind === 'fenced') throw new Error('no wind for this one');
    if (kind === 'asleep' && context.attempt === 1) await delay(NAP_MS);
    await record(context.tx, context);
  }

  @Handles(Captain.greet)
  async greet(_request: Asked, context: Tx): Promise<void> {
    await record(context.tx, context);
  }
}
