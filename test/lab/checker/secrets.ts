import { Findings } from './findings.js';
import type { Index } from './run.js';

/** Where the text of a message must not be: who may see it asks for the one letter. */
const NO_PAYLOAD = /^logs\/|^GET |^audit /;

/** V19: what was planted is nowhere, in no log, file, answer or row of the audit; and the search does find what is there. */
export function secretsAreNowhere(index: Index): Findings {
  const found = new Findings('V19', 'planted secrets are in no log, file, answer or row of the audit');
  const { secrets } = index.run;
  if (!secrets) return found;
  const { planted, places, sightings } = secrets;
  if (!places.some((place) => place.startsWith('logs/'))) found.violate('no log was searched');
  if (!places.some((place) => place.startsWith('GET '))) found.violate('no answer of the API was searched');
  for (const { name, kind } of planted) {
    const seen = sightings.filter((sighting) => sighting.name === name);
    if (kind === 'control') {
      found.look(seen.length === 0 && `${name} was not found either: nothing was really searched`);
      continue;
    }
    const bad = kind === 'secret' ? seen : seen.filter(({ where }) => NO_PAYLOAD.test(where));
    found.checked += places.length;
    for (const { where } of bad) found.violate(`${name} is in ${where}`);
  }
  return found;
}
