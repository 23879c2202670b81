import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES, SagaError, type ErrorCode } from '../../../src/core/errors.js';
import { problemOf, RequestRefused, STATUS_OF } from '../../../src/http/problem.js';

describe('problems', () => {
  it('are documented: docs/errors.md has a row for every code, with its status and meaning, and no other', () => {
    const page = readFileSync('docs/errors.md', 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| `SAGA_'));
    const codes = Object.keys(ERROR_CODES) as ErrorCode[];
    expect(rows).toEqual(codes.map((code) => `| \`${code}\` | ${STATUS_OF[code]} | ${ERROR_CODES[code]} |`));
  });

  it('carry the faults in a field of their own', () => {
    const problem = problemOf(new SagaError('SAGA_INPUT_INVALID', 'the input does not fit:', ['total: must be a number', 'sku: missing']));
    expect(problem).toMatchObject({ status: 422, code: 'SAGA_INPUT_INVALID', detail: 'the input does not fit:' });
    expect(problem.faults).toEqual(['total: must be a number', 'sku: missing']);
  });

  it('are no longer than a person reads, however long the request was', () => {
    const faults = Array.from({ length: 1_000 }, () => 'f'.repeat(100_000));
    const problem = problemOf(new SagaError('SAGA_INPUT_INVALID', 'd'.repeat(100_000), faults));
    expect(problem.faults).toHaveLength(51);
    expect(problem.faults?.at(-1)).toBe('and 950 more');
    expect(JSON.stringify(problem).length).toBeLessThan(30_000);
  });

  it('tell nothing about what is not a SagaError', () => {
    const problem = problemOf(new Error('select * from secrets at 10.0.0.1'));
    expect(problem.status).toBe(500);
    expect(JSON.stringify(problem)).not.toMatch(/secrets|10\.0/);
  });

  it('keep the status that the route itself chose', () => {
    expect(problemOf(new RequestRefused(415, 'the body must be application/json'))).toMatchObject({
      status: 415,
      code: 'SAGA_REQUEST_INVALID',
    });
  });
});
