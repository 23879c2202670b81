import type { CommandContext, OutsideContext } from 'backstep/participant';
import type { EntityManager } from 'typeorm';
import { CREATE_LEDGER } from '../../kit/ledger.js';

type Facts = CommandContext<EntityManager> | OutsideContext<EntityManager>;

/** Participants prepare themselves side by side, and what all of them share is made once. */
export async function prepareLedger(tx: EntityManager): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('lab ledger', 0))`);
  for (const statement of CREATE_LEDGER) await tx.query(statement);
}

/** Writes an effect down, in the transaction of the effect. */
export async function write(tx: EntityManager, facts: Facts, direction: 'action' | 'compensation'): Promise<void> {
  const { commandId, actionId, saga, attempt } = facts;
  await tx.query(`insert into ledger (saga_id, step, direction, command_id, action_id, attempt) values ($1, $2, $3, $4, $5, $6)`, [
    saga.id,
    saga.step,
    direction,
    commandId,
    actionId ?? commandId,
    attempt,
  ]);
}
