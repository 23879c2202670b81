import { describe, expect, it } from '@jest/globals';
import { QueryRunnerAlreadyReleasedError } from 'typeorm';
import { isConnectionLost } from '../../../src/postgres/fate.js';

describe('a lost connection', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
  it.each([
    ['a reset', reset, true],
    ['a session that was terminated', Object.assign(new Error('x'), { code: '57P01' }), true],
    ['an end without a word', new Error('Connection terminated unexpectedly'), true],
    ['a query after the loss', new Error('Client has encountered a connection error and is not queryable'), true],
    ['a query after its end', new Error('Client was closed and is not queryable'), true],
    ['one that was lost between two statements of TypeORM', new QueryRunnerAlreadyReleasedError(), true],
    ['one that did not come about in time', new Error('timeout exceeded when trying to connect'), true],
    ['a broken constraint', Object.assign(new Error('x'), { code: '23505' }), false],
    ['a missing file', Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'open' }), false],
    ['a bug', new TypeError('x is not a function'), false],
    ['nothing', undefined, false],
  ])('%s', (_what, error, isLost) => expect(isConnectionLost(error)).toBe(isLost));
});
