import { chosen } from './global-setup.mjs';
import { removeLeftoversOfThisRun } from './leftovers.mjs';

export default async function tearDown() {
  await removeLeftoversOfThisRun(chosen);
  await Promise.all(chosen.map((server) => server.dispose()));
}
