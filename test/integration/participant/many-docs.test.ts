import { afterAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { DataSource } from 'typeorm';
import type { CommandMessage } from '../../../src/core/wire.js';
import type { HostParts } from '../../../src/participant/host.js';
import { typeormInbox } from '../../../src/postgres/inbox-typeorm.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import type { ParticipantTarget } from '../../../src/saga/participant.js';
import { fences } from '../../e2e/docs-fences.js';
import { Stage, Step } from './stage.js';

let folder: string | undefined;
afterAll(async () => folder && rm(folder, { recursive: true }));

/** The class as the page has it, compiled within the package, so that `backstep` is what `npm run build` made of it. */
async function fareBook(): Promise<ParticipantTarget> {
  const { code } = fences('ts', ['docs/participants.md']).find((fence) => fence.code.includes('class FareBook'))!;
  await mkdir('.backstep', { recursive: true });
  folder = await mkdtemp(resolve('.backstep/many-'));
  await writeFile(join(folder, 'fares.ts'), code);
  const compilerOptions = { outDir: 'out', rootDir: '.', declaration: false, sourceMap: false, incremental: false };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['.'] }));
  await promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', '-p', folder]);
  const { FareBook } = (await import(pathToFileURL(join(folder, 'out/fares.js')).href)) as { readonly FareBook: ParticipantTarget };
  return FareBook;
}

const take = (step: Step, cents: number): CommandMessage => ({
  ...step.action,
  participant: 'fares',
  type: 'fares.take',
  body: JSON.stringify({ account: step.sagaId, cents }),
});
const giveBack = (step: Step): CommandMessage => ({
  ...step.undo('success'),
  participant: 'fares',
  type: 'fares.giveBack',
  body: JSON.stringify({ account: step.sagaId, cents: 0 }),
});

describe('the example of a handler of many commands', () => {
  it('takes fares, refuses those that are too high, and gives back', async () => {
    const stage = await Stage.open();
    const source = await new DataSource({ type: 'postgres', url: stage.url }).initialize();
    const store = typeormInbox(source) as HostParts['store'];
    const host = await stage.host({ store, declarations: [handlersOf(await fareBook())] });
    const steps = Array.from({ length: 20 }, () => new Step());
    await stage.send(...steps.map((step, at) => take(step, at === 7 ? 50_001 : at)));
    const answers = await Promise.all(steps.map((step) => stage.answer(step.action)));
    expect(answers).toEqual(steps.map((step, at) => (at === 7 ? 'rejected too-high' : JSON.stringify({ receipt: step.action.id }))));
    const fares = async () => (await source.query<{ cents: number }[]>('select cents from fare order by cents')).map(({ cents }) => cents);
    expect(await fares()).toEqual(steps.map((_, at) => at).filter((at) => at !== 7));
    const undone = [...steps.slice(0, 5), steps[7]!];
    await stage.send(...undone.map((step) => giveBack(step)));
    expect(await Promise.all(undone.map((step) => stage.answer(step.undo('success'))))).toEqual(undone.map(() => 'null'));
    expect(await fares()).toEqual(steps.map((_, at) => at).filter((at) => at > 4 && at !== 7));
    await host.stop();
    await source.destroy();
  }, 60_000);
});
