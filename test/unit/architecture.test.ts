import { describe, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { codeOf, cycleIn, importsOf, sourcesIn, type Import } from '../support/imports.js';

/** What a folder of `src` may import besides itself: other folders or files of `src`, and packages by the beginning of their names. */
interface Arrows {
  readonly own: readonly string[];
  readonly packages: readonly string[];
}

const PURE: Arrows = { own: ['core/'], packages: [] };
const NODE = 'node:';

/** What a participant's author declares. */
const declarations = ['saga/contract.ts', 'saga/schema.ts', 'saga/participant-declaration.ts'];
/** The HTTP API as its callers see it. */
const apiForCallers = ['http/api-client.ts', 'http/schemas'];

/** What hosts of participants tell of themselves. */
const toldByParticipants = ['participant/runtime.ts', 'participant/tracing.ts', 'participant/answer.ts'];

const ARROWS: Record<string, Arrows> = {
  core: { own: [], packages: [] },
  ports: PURE,
  saga: { own: ['core/'], packages: ['inversify', 'reflect-metadata'] },
  engine: { own: ['core/', 'ports/'], packages: [] },
  participant: { own: ['core/', 'ports/', ...declarations], packages: [] },
  postgres: { own: ['core/', 'ports/'], packages: ['typeorm', 'pg', '@electric-sql/pglite', NODE] },
  rabbitmq: { own: ['core/', 'ports/'], packages: ['amqplib', NODE] },
  memory: { own: ['core/', 'ports/'], packages: [] },
  signing: { own: ['core/', 'ports/'], packages: ['zod', NODE] },
  sealing: { own: ['core/', 'ports/'], packages: ['zod', NODE] },
  access: { own: ['core/', 'ports/'], packages: ['jose', NODE] },
  http: { own: ['access/', 'core/', 'engine/', 'ports/'], packages: ['hono', '@hono/node-server', '@hono/zod-openapi', 'zod', NODE] },
  telemetry: {
    own: ['core/', 'engine/', 'ports/', ...toldByParticipants, 'saga/participant-declaration.ts'],
    packages: ['prom-client', '@opentelemetry/api'],
  },
  // A definition as the API gives it.
  graph: { own: ['core/', 'http/schemas.ts', 'cli/printable.ts'], packages: [] },
  // The API's shapes, as types alone; and pure code, which runs in a browser as well.
  dashboard: {
    own: ['core/', 'graph/', 'http/schemas.ts', 'http/schemas-activity.ts', 'http/schemas-figures.ts', 'cli/printable.ts', 'cli/words.ts'],
    packages: ['preact', '@preact/signals'],
  },
  cli: { own: ['core/', 'engine/', 'ports/', 'graph/', ...apiForCallers], packages: ['commander', 'picocolors', 'cli-table3', NODE] },
};

const OF_A_SAGA = ['backstep', 'zod', 'inversify', 'typeorm', NODE];

const folderOf = (file: string): string => file.split('/').slice(0, 2).join('/');
const sources = sourcesIn('src');
const isPackage = (name: string, allowed: readonly string[]) =>
  allowed.some((start) => name === start || name.startsWith(start === NODE ? NODE : `${start}/`));
const told = (imports: readonly Import[]) => imports.map(({ from, to }) => `${from} imports ${to}`);

describe('the arrows between folders', () => {
  it.each(Object.entries(ARROWS))('src/%s imports only what it may', (folder, { own, packages }) => {
    const allowed = [`src/${folder}/`, ...own.map((path) => `src/${path}`)];
    const isAllowed = ({ to, isOwn }: Import) => (isOwn ? allowed.some((path) => to.startsWith(path)) : isPackage(to, packages));
    const forbidden = sourcesIn(`src/${folder}`).flatMap((file) => importsOf(file).filter((each) => !isAllowed(each)));
    expect(told(forbidden)).toEqual([]);
  });

  it('are drawn for every folder; only main may import everything', () => {
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(Object.keys(ARROWS)).toEqual(expect.arrayContaining(folders.map(({ name }) => name).filter((name) => name !== 'main')));
  });

  it('form no circle', () => {
    expect(cycleIn([...sources, ...sourcesIn('sagas')])).toBeUndefined();
  });

  it('never leave src', () => {
    const stray = sources.flatMap((file) => importsOf(file).filter(({ to, isOwn }) => isOwn && !to.startsWith('src/')));
    expect(told(stray)).toEqual([]);
  });
});

describe('the package', () => {
  it.each(['index', 'participant', 'orchestrator', 'client', 'tracing'])(
    'has an entry %s that re-exports by name and does nothing else',
    (name) => {
      const rest = codeOf(`src/${name}.ts`)
        .replace(/^(?:import 'reflect-metadata'|export \{\});$/gm, '')
        .replace(/export\s+(?:type\s+)?\{([^{}]*)\}\s*from\s*'[^']+';/g, (_match, names: string) =>
          /\bdefault\b/.test(names) ? names : '',
        );
      expect(rest.trim()).toBe('');
    },
  );

  it('[I12] evaluates no text as code, and makes no patterns of what it is given', () => {
    const dynamic = /\beval\s*\(|\bnew\s+Function\b|\bFunction\s*\(\s*['"`]|\bRegExp\s*\(|['"](?:node:)?vm['"]/;
    expect(sources.filter((file) => dynamic.test(codeOf(file)))).toEqual([]);
  });

  it('[I8] calls an address only in the client and for the keys of an issuer, which is configured, and in the dashboard, which may reach its own server only', () => {
    const callers = sources.filter((file) =>
      /\bfetch\s*\(\s*(?!request\b)|\bcreateRemoteJWKSet\s*\(|\bhttps?\.(?:get|request)\s*\(/.test(codeOf(file)),
    );
    expect(callers).toEqual([
      'src/access/fetched.ts',
      'src/access/oidc.ts',
      'src/dashboard/api/api.ts',
      'src/dashboard/api/http.ts',
      'src/http/api-client.ts',
    ]);
  });

  it('reads the environment only in src/main', () => {
    const readers = sources.filter(
      (file) => folderOf(file) !== 'src/main' && /\bprocess\s*\.\s*env\b|\benv\b[^;]*from 'node:process'/.test(codeOf(file)),
    );
    expect(readers).toEqual([]);
  });
});

describe('the example sagas', () => {
  it('import public names, their own files and nothing else', () => {
    const isAllowed = ({ from, to, isOwn }: Import) => (isOwn ? folderOf(to) === folderOf(from) : isPackage(to, OF_A_SAGA));
    const forbidden = sourcesIn('sagas').flatMap((file) => importsOf(file).filter((each) => !isAllowed(each)));
    expect(told(forbidden)).toEqual([]);
  });
});
