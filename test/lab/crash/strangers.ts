import { resolve } from 'node:path';
import type { LabProcess } from '../kit/processes.js';

const OTHER_SAGAS = resolve('dist/test/lab/kit/workloads/bank');

/** Starts a daemon again with other sagas than those that run here: replies of the ones that it does not know are parked. */
export async function becomeStranger(daemon: LabProcess): Promise<void> {
  await daemon.kill();
  const { args } = daemon.spec;
  const first = args.indexOf('--sagas');
  await daemon.start({ args: [...args.slice(0, first), '--allow-orphans', '--sagas', OTHER_SAGAS], env: daemon.spec.env ?? {} });
}
