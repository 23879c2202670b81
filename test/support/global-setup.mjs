// Runs once before the tests that need servers, and hands the chosen ones over by environment variables.
import { POSTGRES, RABBITMQ, findServer } from './find-servers.mjs';
import { removeOldLeftovers } from './leftovers.mjs';

/** @type {import('./find-servers.mjs').FoundServer[]} */
export const chosen = [];

export default async function setUp() {
  process.env['BACKSTEP_TEST_RUN'] = Math.floor(Date.now() / 1_000).toString(36) + process.pid.toString(36).padStart(5, '0');
  const found = await Promise.allSettled([POSTGRES, RABBITMQ].map(findServer));
  for (const result of found) if (result.status === 'fulfilled') chosen.push(result.value);
  const failures = found.flatMap((result) => (result.status === 'rejected' ? [String(result.reason.message ?? result.reason)] : []));
  if (failures.length > 0) {
    await Promise.all(chosen.map((server) => server.dispose()));
    throw new Error(failures.join('\n'));
  }
  [POSTGRES, RABBITMQ].forEach((kind, index) => {
    const server = /** @type {import('./find-servers.mjs').FoundServer} */ (chosen[index]);
    process.env[kind.variable] = server.url;
    process.stderr.write(`${kind.name}: ${server.how}\n`);
  });
  await removeOldLeftovers(chosen);
}
