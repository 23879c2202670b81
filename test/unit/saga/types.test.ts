import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';

describe('the types', () => {
  it('accept what must compile and refuse what must not', () => {
    const compiler = ['node_modules/typescript/bin/tsc', '--checkers', '1', '-p', 'test/types'];
    const { stdout, status } = spawnSync(process.execPath, compiler, { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  }, 60_000);
});
