import { writeFileSync } from 'node:fs';
import { makeVectors } from './vectors.js';

writeFileSync('docs/signing-vectors.json', `${JSON.stringify(makeVectors(), null, 2)}\n`);
