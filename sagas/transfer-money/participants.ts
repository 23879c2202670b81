import type { ReplyOf } from 'backstep';
import { Handles, Participant, type CommandContext } from 'backstep/participant';
import type { EntityManager } from 'typeorm';
import { ACCOUNT_ON_A_BAD_LINE, NORTH_ACCOUNTS, SOUTH_ACCOUNTS } from './accounts.js';
import { NorthBank, SouthBank, type Posting } from './contracts.js';
import { lockAccount, NORTH, openBank, post, SOUTH } from './ledger.js';

type Tx = CommandContext<EntityManager>;

/** Where the money comes from. */
@Participant(NorthBank)
export class North {
  static async prepare(tx: EntityManager): Promise<void> {
    await openBank(tx, NORTH, NORTH_ACCOUNTS);
  }

  @Handles(NorthBank.withdraw)
  async withdraw(posting: Posting, { tx, commandId }: Tx): Promise<ReplyOf<typeof NorthBank.withdraw>> {
    const found = await lockAccount(tx, NORTH, posting.account);
    if (!found) throw NorthBank.withdraw.rejection('no-such-account', { message: `there is no account ${posting.account}` });
    if (found.closed) throw NorthBank.withdraw.rejection('account-closed', { message: `${posting.account} is closed` });
    if (found.balance < posting.cents) throw NorthBank.withdraw.rejection('insufficient-funds', { details: { balance: found.balance } });
    await post(tx, NORTH, { ...posting, cents: -posting.cents }, { commandId, entry: 'withdrawn' });
    return { balance: found.balance - posting.cents };
  }

  @Handles(NorthBank.putBack)
  async putBack(posting: Posting, { tx, commandId }: Tx): Promise<void> {
    await post(tx, NORTH, posting, { commandId, entry: 'put-back' });
  }
}

/** Where the money goes. */
@Participant(SouthBank)
export class South {
  static async prepare(tx: EntityManager): Promise<void> {
    await openBank(tx, SOUTH, SOUTH_ACCOUNTS);
  }

  @Handles(SouthBank.deposit)
  async deposit(posting: Posting, { tx, commandId, attempt }: Tx): Promise<ReplyOf<typeof SouthBank.deposit>> {
    const found = await lockAccount(tx, SOUTH, posting.account);
    if (!found) throw SouthBank.deposit.rejection('no-such-account', { message: `there is no account ${posting.account}` });
    if (found.closed) throw SouthBank.deposit.rejection('account-closed', { message: `${posting.account} is closed` });
    await post(tx, SOUTH, posting, { commandId, entry: 'deposited' });
    // After the posting on purpose: the error takes it away again, so that the second try does not post twice.
    if (posting.account === ACCOUNT_ON_A_BAD_LINE && attempt === 1) throw new Error('the line to the branch dropped');
    return { balance: found.balance + posting.cents };
  }
}
