// What `npm run services` has to do, decided from what it found. Pure, so that "nothing is there" can be tried anywhere.

/**
 * @typedef {object} ServerFacts
 * @property {string} name
 * @property {string} debianPackage
 * @property {string | undefined} forTests where the tests will find one, undefined when nowhere
 * @property {boolean} canBePrivate tests can start one of their own, from Docker or binaries
 */

/**
 * @typedef {object} Facts
 * @property {ServerFacts[]} servers
 * @property {boolean} hasPika `/usr/bin/python3` can import pika
 * @property {boolean} hasChromium the tests of the dashboard find a Chromium
 * @property {boolean} isDebian there is an apt-get
 * @property {boolean} isRoot
 */

/**
 * @typedef {object} Plan
 * @property {string[]} lines what was found and what follows, for people
 * @property {string[]} packages to install by apt-get
 * @property {boolean} isComplete when `packages` are installed, the tests can run
 */

const PIKA = 'python3-pika';
const CHROMIUM = 'chromium';

/** @param {Facts} facts @returns {Plan} */
export function planServices({ servers, hasPika, hasChromium, isDebian, isRoot }) {
  const missing = servers.filter((server) => server.forTests === undefined || !server.canBePrivate);
  const lines = servers.map(describe);
  if (!hasPika) lines.push('pika for Python: missing; only the test of the Python example needs it');
  lines.push(...(hasChromium ? [] : ['Chromium: missing; the tests of the dashboard need it']));
  const wanted = [...missing.map((server) => server.debianPackage), ...(hasPika ? [] : [PIKA]), ...(hasChromium ? [] : [CHROMIUM])];
  if (wanted.length === 0) return { lines: [...lines, 'Nothing to do.'], packages: [], isComplete: true };

  const command = `apt-get install ${wanted.join(' ')}`;
  if (isDebian && isRoot)
    return { lines: [...lines, `Installing by ${command} (nothing is started).`], packages: wanted, isComplete: true };
  const isComplete = missing.length === 0 && hasChromium;
  const names = [...missing.map((server) => server.name), ...(hasChromium ? [] : ['Chromium'])].join(' and ');
  const docker = missing.length > 0 ? 'start Docker, or ' : '';
  const remedy = isDebian ? `sudo ${command}` : `${docker}install ${names} so that the programs are found in PATH`;
  return { lines: isComplete ? lines : [...lines, `To run the tests: ${remedy}`], packages: [], isComplete };
}

/** @param {ServerFacts} server */
function describe({ name, forTests, canBePrivate }) {
  if (forTests === undefined) return `${name}: missing`;
  return canBePrivate ? `${name}: ${forTests}` : `${name}: ${forTests}; missing for the tests that kill one of their own`;
}
