import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ContainerModule } from 'inversify';
import { SagaError } from 'backstep';
import { loadSagas } from '../../../src/main/load-sagas.js';

const FIXTURE = 'test/support/fixtures/saga-folder';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'saga-folders-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Files of a folder outside of this package, where only the load hook can find what they import. */
function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

async function faultsOf(dirs: string | readonly string[]): Promise<readonly string[]> {
  try {
    await loadSagas(dirs);
  } catch (error: unknown) {
    if (error instanceof SagaError && error.code === 'SAGA_DEFINITION_INVALID') return error.faults;
    throw error;
  }
  return [];
}

interface Report {
  readonly definitions?: readonly string[];
  readonly participants?: readonly string[];
  readonly modules?: number;
  readonly plans?: readonly unknown[];
  readonly faults?: readonly string[];
}
/** Loads in a process of its own, as the daemon does: compiled, with the load hook. Run from the folder, so that paths are short. */
function loadCompiled(...dirs: string[]): Report {
  const compiled = (module: string) => JSON.stringify(resolve('dist/src', module));
  const program = `
    import { createRequire } from 'node:module';
    const { Container } = await import(createRequire(${compiled('index.js')}).resolve('inversify'));
    const { loadSagas } = await import(${compiled('main/load-sagas.js')});
    const { loadDefinitions } = await import(${compiled('saga/load.js')});
    const { declarationsOf } = await import(${compiled('saga/handlers.js')});
    const { makeIn } = await import(${compiled('saga/instances.js')});
    const report = {};
    try {
      const loaded = await loadSagas(${JSON.stringify(dirs)});
      const container = new Container();
      container.load(...loaded.modules);
      report.definitions = loaded.definitions.map((type) => type.name);
      report.participants = declarationsOf(loaded.participants, (type) => makeIn(container, type)).map((one) => one.participant);
      report.modules = loaded.modules.length;
      const given = { input: { name: 'Kim' }, saga: {} };
      report.plans = loadDefinitions(container, loaded.definitions).plans.map((plan) => [plan.name, plan.steps.at(-1).action.request(given)]);
    } catch (error) {
      if (error.code !== 'SAGA_DEFINITION_INVALID') throw error;
      report.faults = error.faults;
    }
    console.log(JSON.stringify(report));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root, encoding: 'utf8' });
  return JSON.parse(output) as Report;
}

describe('loading saga folders', () => {
  it('recognises definitions, participants and container modules by what they are, each once', async () => {
    const { definitions, participants, modules } = await loadSagas(FIXTURE);
    expect(definitions.map(({ name }) => name)).toEqual(['Greet']);
    expect(participants).toHaveLength(2);
    expect(modules).toEqual([expect.any(ContainerModule)]);
  });

  it('refuses what holds no sagas, every place at once', async () => {
    write({ 'empty/README.md': '', 'forgot/a.saga.ts': '', 'more/note.txt': '', file: '' });
    expect(await faultsOf([join(root, 'nowhere'), join(root, 'file'), join(root, 'empty'), root])).toEqual([
      expect.stringMatching(/nowhere: there is no such folder$/),
      expect.stringMatching(/file: there is no such folder$/),
      expect.stringMatching(/empty: neither it nor a folder in it has an index\.ts or index\.js$/),
      expect.stringMatching(/forgot: it has sagas but no index\.ts or index\.js that exports them$/),
    ]);
  });
});

describe('loading saga folders with the load hook', () => {
  it('takes TypeScript from anywhere, with decorators, their metadata, injection and our own names', () => {
    cpSync(FIXTURE, join(root, 'greet'), { recursive: true });
    write({ 'greet/greet.test.ts': 'throw new Error("tests are not loaded");', 'greet/data.ndjson': '{}', 'notes/README.md': '' });
    const expected = {
      definitions: ['Greet'],
      participants: ['hall', 'door'].toSorted(),
      modules: 1,
      plans: [['greet', { text: 'hello, Kim' }]],
    };
    const { participants, ...rest } = loadCompiled('.');
    expect({ ...rest, participants: participants?.toSorted() }).toEqual(expected);
    expect(loadCompiled('greet', 'greet')).toMatchObject({ definitions: ['Greet'] });
  });

  it('takes compiled folders, and data with import attributes', () => {
    write({
      'package.json': '{ "type": "module" }',
      'js/index.js': `import { contract, command, typed, SagaDefinition, Saga } from 'backstep';
        import data from './data.json' with { type: 'json' };
        const P = contract(data.name, { act: command({ request: typed() }) });
        export class Plain extends SagaDefinition { a = this.step(P.act, { request: () => data, compensate: 'none' }); }
        Saga({ name: 'plain', version: 1 })(Plain);`,
      'js/data.json': '{ "name": "p" }',
      'ts/index.ts': `import data from '../js/data.json' with { type: 'json' };
        import { participant } from 'backstep/participant';
        import { contract, command, typed } from 'backstep';
        export const all = [participant(contract(data.name, { act: command({ request: typed<object>() }) }), { act: async () => {} })];`,
    });
    expect(loadCompiled('js', 'ts')).toEqual({
      definitions: ['Plain'],
      participants: ['p'],
      modules: 0,
      plans: [['plain', { name: 'p' }]],
    });
  });

  it('lists every folder that cannot be loaded, with file, line and cause', () => {
    write({
      'sagas/a-throws/index.ts': `export * from './x.saga.js';`,
      'sagas/a-throws/x.saga.ts': `interface Unused {\n  a: string;\n}\n\nconst settings = undefined as unknown as { name: string };\nexport const name =\n  settings.name;\n`,
      'sagas/b-contract/index.ts': `import { contract } from 'backstep';\n\nexport const C = contract('not a name', {});\n`,
      'sagas/c-syntax/index.ts': `export const a = 1;\nexport const b = = 2;\n`,
      'sagas/d-nothing/index.ts': `export const a = 1;\n`,
      'sagas/e-missing/index.ts': `import './nowhere.js';\n`,
      'sagas/f-package/index.ts': `import 'no-such-package-anywhere';\n`,
      'sagas/g-undecorated/index.ts': `import { SagaDefinition } from 'backstep';\nexport class Forgotten extends SagaDefinition<object> {}\n`,
      'sagas/h-export/index.ts': `import { absent } from './other.js';\nexport const a = absent;\n`,
      'sagas/h-export/other.ts': `export const present = 1;\n`,
      'sagas/i-text/index.ts': `throw 'just a text';\n`,
    });
    expect(loadCompiled('sagas').faults).toEqual([
      expect.stringMatching(/^sagas\/a-throws\/x\.saga\.ts:7:12: Cannot read properties of undefined \(reading 'name'\)$/),
      expect.stringMatching(/^sagas\/b-contract\/index\.ts:3:\d+: the contract 'not a name' is declared wrongly:\n.*must be letters/),
      expect.stringMatching(/^sagas\/c-syntax\/index\.ts:2:\d+: Expression expected\n(?![\s\S]*Caused by)/),
      'sagas/d-nothing/index.ts: it exports no saga definition, participant or ContainerModule',
      expect.stringMatching(/^sagas\/e-missing\/index\.ts: Cannot find module '.*nowhere\.js' imported from/),
      expect.stringMatching(/^sagas\/f-package\/index\.ts: Cannot find package 'no-such-package-anywhere' imported from .*f-package/),
      `sagas/g-undecorated/index.ts: 'Forgotten' extends SagaDefinition but has no @Saga(…); add it, or do not export the class here`,
      expect.stringMatching(/^sagas\/h-export\/index\.ts:1: .*'\.\/other\.js' does not provide an export named 'absent'/),
      'sagas/i-text/index.ts: just a text',
    ]);
  });
});
