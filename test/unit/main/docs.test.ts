import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { EXIT } from '../../../src/cli/exit-codes.js';
import { run } from '../cli/program.js';
import { Api } from '../http/api.js';

describe('the documentation', () => {
  it('names every command', async () => {
    const page = readFileSync('docs/cli.md', 'utf8');
    const { out } = await run(['--help']);
    const commands = [...out.matchAll(/^ {2}([a-z-]+)(?: \[| <)/gm)].map(([, name]) => name!).filter((name) => name !== 'help');
    expect(commands.length).toBeGreaterThan(10);
    for (const name of commands) expect(page).toContain(`| \`backstep ${name}`);
  });

  it('names every exit code', () => {
    const listed = [...readFileSync('docs/cli.md', 'utf8').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(listed).toEqual(Object.values(EXIT));
  });

  it('names every call of the API', () => {
    const page = readFileSync('docs/http.md', 'utf8');
    const served = new Api().app.routes
      .filter(({ method, path }) => method !== 'ALL' && path !== '/openapi.json')
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    const listed = [...page.matchAll(/^\| `((?:GET|POST) [^`]+)` \|/gm)].map(([, call]) => call!);
    const sorted = (calls: Iterable<string>) => [...new Set(calls)].toSorted((one, other) => one.localeCompare(other));
    expect(sorted(listed)).toEqual(sorted(served));
  });
});
