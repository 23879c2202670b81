import { Handles, Participant, type CommandContext, type OutsideContext } from 'backstep/participant';
import { setTimeout as delay } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { Captain, Customs, Quay, type Asked } from './contracts.js';
import { prepareLedger, write } from './ledger.js';

type Tx = CommandContext<EntityManager>;
type Outside = OutsideContext<EntityManager>;

/** Longer than the pivot's timeout, shorter than two. */
const NAP_MS = 800;

@Participant(Quay)
export class Berths {
  static prepare = prepareLedger;
  /** Commands that have clashed in this process: once is enough. */
  private readonly clashed = new Set<string>();

  @Handles(Quay.hold)
  async hold({ kind }: Asked, context: Tx): Promise<void> {
    await write(context.tx, context, 'action');
    if (kind === 'never') throw new Error('the quay is closed for this one');
    if (kind !== 'clash' || this.clashed.has(context.commandId)) return;
    this.clashed.add(context.commandId);
    // What PostgreSQL says when two transactions cannot both be right.
    await context.tx.query(`do $$ begin raise exception 'clash' using errcode = '40001'; end $$`);
  }

  @Handles(Quay.letGo)
  async letGo(_request: Asked, context: Tx): Promise<void> {
    await write(context.tx, context, 'compensation');
  }
}

@Participant(Customs)
export class Office {
  static prepare = prepareLedger;

  @Handles(Customs.stamp, { effects: 'outside' })
  async stamp({ kind }: Asked, context: Outside): Promise<void> {
    if (kind === 'refused') throw Customs.stamp.rejection('contraband');
    context.store((tx) => write(tx, context, 'action'));
  }

  @Handles(Customs.tearUp, { effects: 'outside' })
  async tearUp(_request: Asked, context: Outside): Promise<void> {
    context.store((tx) => write(tx, context, 'compensation'));
  }
}

@Participant(Captain)
export class Bridge {
  static prepare = prepareLedger;

  @Handles(Captain.sail, { slow: true, concurrency: 3 })
  async sail({ kind }: Asked, context: Tx): Promise<void> {
    if (kind === 'fenced') throw new Error('no wind for this one');
    if (kind === 'asleep' && context.attempt === 1) await delay(NAP_MS);
    await write(context.tx, context, 'action');
  }

  @Handles(Captain.greet)
  async greet(_request: Asked, context: Tx): Promise<void> {
    await write(context.tx, context, 'action');
  }
}
