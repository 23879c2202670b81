import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { VARIABLES } from '../../src/main/config.js';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../support/servers.js';
import { backstep, Command, type Variables } from './command.js';
import { commands, fences, PAGES } from './docs-fences.js';

const run = promisify(execFile);
/** Within the package, so that `backstep` is what `npm run build` made of it. */
let folder: string;
beforeAll(async () => {
  await mkdir('.backstep', { recursive: true });
  folder = await mkdtemp(resolve('.backstep/docs-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the pages', () => {
  it('compile: every TypeScript snippet, against the public API', async () => {
    for (const [index, { page, code }] of fences('ts').entries()) {
      const name = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? `snippet-${index}.ts`;
      await write(join(folder, page.replaceAll(/\W+/g, '-'), name), code);
    }
    const options = { noEmit: true, declaration: false, sourceMap: false, rootDir: '../..' };
    await write(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: options, include: ['.'] }),
    );
    const faults = await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', folder]).then(
      () => '',
      (error: { stdout?: string; message: string }) => error.stdout ?? error.message,
    );
    expect(faults).toBe('');
  }, 60_000);

  it('name only commands that exist, with options that they have', async () => {
    const faults: string[] = [];
    for (const { at, command } of commands()) {
      const fault = await faultOf(command);
      if (fault !== undefined) faults.push(`${at}: ${command}: ${fault}`);
    }
    expect(faults).toEqual([]);
  }, 60_000);

  it('link to pages, and to headings in them, that exist', async () => {
    const faults: string[] = [];
    for (const page of PAGES) {
      for (const [, link] of (await readFile(page, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link!)) continue;
        const [path, heading] = link!.split('#');
        const target = path === '' ? page : join(dirname(page), path!);
        if (!existsSync(target)) faults.push(`${page}: ${link}`);
        else if (heading !== undefined && !(await headingsOf(target)).includes(heading)) faults.push(`${page}: ${link}`);
      }
    }
    expect(faults).toEqual([]);
  });
});

describe('the map', () => {
  it('names only files and folders that exist', async () => {
    const spans = [...(await readFile('src/README.md', 'utf8')).matchAll(/`([a-z]+\/[\w./*-]*)`/g)].map(([, path]) =>
      path!.replace('*', 'replies'),
    );
    expect(spans.length).toBeGreaterThan(20);
    expect(spans.filter((path) => !existsSync(join('src', path)))).toEqual([]);
  });
});

describe('getting started', () => {
  const page = 'docs/getting-started.md';
  const lines = commands([page]).map(({ command }) => command);
  const sagas = () => join(folder, 'docs-getting-started-md', 'my-sagas');
  beforeAll(async () => {
    for (const { code } of fences('ts', [page])) {
      await write(join(folder, 'docs-getting-started-md', /^\/\/ (\S+\.ts)\n/.exec(code)![1]!), code);
    }
  });
  /** A line of the page as it is written, but for where things are. */
  const argumentsOf = (line: string, id = '') =>
    wordsOf(line.replace(/^npx backstep /, ''))
      .map((word) => (word === 'my-sagas' ? sagas() : word))
      .map((word) => (word === 'ID' ? id : word));

  it('runs as it is written: completes, is undone, sells the seat again, refuses what is wrong', async () => {
    const dev = new Command([
      ...argumentsOf(lines.find((line) => line.includes('backstep dev'))!),
      '--port',
      '0',
      '--directory',
      join(folder, 'db'),
    ]);
    const [, url] = await dev.says(/(http:\/\/127\.0\.0\.1:\d+)/);
    const client = { BACKSTEP_URL: url! };
    const said: string[] = [];
    let id = '';
    for (const line of lines.filter((one) => /backstep (start|show|list)/.test(one))) {
      const { code, stdout, stderr } = await backstep(argumentsOf(line, id), client);
      const [, started, status] = /^([0-9a-f-]{36})\t(\w+)$/m.exec(stdout) ?? [];
      id = started ?? id;
      said.push([code, status ?? /SAGA_\w+/.exec(stderr)?.[0]].filter((part) => part !== undefined).join(' '));
      if (line.includes('backstep show')) expect(stdout).toMatch(/step\tprint\tsucceeded\tprinter\.print\t3\t/);
    }
    expect(said).toEqual(['0 completed', '0', '10 compensated', '0 completed', '10 compensated', '0', '1 SAGA_INPUT_INVALID']);
    dev.kill('SIGTERM');
    expect((await dev.ended).code).toBe(0);
  }, 90_000);

  it('runs over real servers as it is written', async () => {
    const { url } = await freshDatabase();
    const at: Variables = {
      BACKSTEP_POSTGRES_URL: url,
      BACKSTEP_RABBITMQ_URL: amqpUrl(),
      BACKSTEP_NAMESPACE: uniqueNamespace('docs').slice(0, 41),
    };
    const written = lines.slice(lines.findIndex((line) => line.startsWith('export')));
    expect(written.map((line) => line.split(/[= ]/, 3).join(' '))).toEqual([
      expect.stringMatching(/^export BACKSTEP_POSTGRES_URL/),
      expect.stringMatching(/^export BACKSTEP_RABBITMQ_URL/),
      'npx backstep migrate',
      'npx backstep serve',
      'npx backstep participants',
    ]);
    const [migrate, serve, participants] = written.slice(2) as [string, string, string];
    expect((await backstep(argumentsOf(migrate), at)).code).toBe(0);
    const daemon = new Command([...argumentsOf(serve), '--port', '0'], at);
    const [, server] = await daemon.says(/listening on (http:\/\/[^\s"/,]+)/);
    await new Command(argumentsOf(participants), at).says(/participants are up/);
    const first = lines.find((line) => line.includes('start sell-ticket'))!;
    expect((await backstep(argumentsOf(first), { BACKSTEP_URL: server! })).code).toBe(0);
  }, 90_000);
});

/** Why a command is not one that somebody can run, or `undefined`. */
async function faultOf(command: string): Promise<string | undefined> {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> };
  const words = wordsOf(command);
  if (command === 'npm ci' || command === 'apt-get install -y python3-pika') return undefined;
  if (words[0] === 'npm') {
    const script = words[1] === 'run' ? words[2] : words[1];
    return scripts[script ?? ''] === undefined ? 'package.json has no such script' : undefined;
  }
  if (words[0] === '/usr/bin/python3') return existsSync(words[1]!) ? undefined : 'there is no such file';
  if (words[0] === 'export') return Object.hasOwn(VARIABLES, words[1]!.split('=')[0]!) ? undefined : 'there is no such variable';
  if (words[0] === 'npx' && words[1] === 'backstep') return backstepFault(words.slice(2));
  return 'the tests know no such command';
}

const helps = new Map<string, Promise<string>>();
/** Commands that have commands of their own. */
const GROUPS: readonly string[] = ['token', 'audit'];
async function backstepFault([first = '', ...others]: readonly string[]): Promise<string | undefined> {
  const path = GROUPS.includes(first) ? [first, ...others.slice(0, 1)] : [first];
  const [name, rest] = [path.join(' '), others.slice(path.length - 1)];
  if (!helps.has(name))
    helps.set(
      name,
      backstep([...path, '--help']).then(({ stdout }) => stdout),
    );
  const help = await helps.get(name)!;
  if (!help.startsWith(`Usage: backstep ${name} `)) return 'there is no such command';
  const unknown = rest.filter((word) => word.startsWith('--') && !help.includes(word.split('=')[0]!));
  return unknown.length > 0 ? `it has no ${unknown.join(', ')}` : undefined;
}

/** As a shell splits them; single quotes only. */
function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
}

async function headingsOf(page: string): Promise<readonly string[]> {
  const text = await readFile(page, 'utf8');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
