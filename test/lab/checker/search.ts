import { createReadStream, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { CANARIES_FILE, type Canary } from '../kit/canaries.js';
import { ask } from '../kit/http.js';
import type { AuditFound, SecretsFound } from './run.js';

/** Files that have the texts because they must, and the checker's own. */
const LEFT_OUT = new Set([CANARIES_FILE, 'manifest.json', 'report.json']);
/** What an operator's tools read; single payloads are not among it. */
const ANSWERS = [
  '/metrics',
  '/readyz',
  '/openapi.json',
  '/api/v1/me',
  '/api/v1/sagas?limit=500',
  '/api/v1/definitions',
  '/api/v1/overview',
  '/api/v1/activity',
  '/api/v1/participants',
  '/api/v1/failures',
  '/api/v1/audit?limit=500',
  '/api/v1/dead-letters?limit=500',
  '/api/v1/nowhere',
  '/api/v1/sagas?cursor=nothing',
];
const KEPT = 200;

/** Looks for planted texts in everything that a run leaves: files, answers of the API, the audit. Tells where, never what. */
export async function lookForSecrets(
  directory: string,
  canaries: readonly Canary[],
  { api, audit }: { readonly api: readonly string[]; readonly audit: AuditFound | undefined },
): Promise<SecretsFound> {
  const search = new Search(canaries);
  for (const file of filesIn(directory)) await search.file(join(directory, file), file);
  for (const url of api)
    for (const path of ANSWERS) {
      const answer = await ask(`${url}${path}`).catch(() => undefined);
      if (answer) search.text(`${JSON.stringify(answer.headers)}\n${answer.text}`, `GET ${path}`);
    }
  for (const { seq, content } of audit?.rows ?? []) search.text(content, `audit row ${seq}`);
  return search.found();
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
    .filter((path) => !LEFT_OUT.has(path));
}

class Search {
  private readonly looks: readonly { readonly name: string; readonly forms: readonly string[] }[];
  private readonly places = new Set<string>();
  private readonly sightings: { name: string; where: string }[] = [];

  constructor(private readonly canaries: readonly Canary[]) {
    this.looks = canaries.map(({ name, text }) => ({ name, forms: formsOf(text) }));
  }

  async file(path: string, where: string): Promise<void> {
    this.places.add(where);
    let n = 0;
    for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) this.text(line, where, ++n);
  }

  text(text: string, where: string, line?: number): void {
    this.places.add(where);
    for (const { name, forms } of this.looks)
      if (forms.some((form) => text.includes(form)) && this.isNew(name, where))
        this.sightings.push({ name, where: line === undefined ? where : `${where}:${line}` });
  }

  found(): SecretsFound {
    return { planted: this.canaries.map(({ name, kind }) => ({ name, kind })), places: [...this.places], sightings: this.sightings };
  }

  /** One place is told once for each text. */
  private isNew(name: string, where: string): boolean {
    if (this.sightings.length >= KEPT) return false;
    return !this.sightings.some((one) => one.name === name && (one.where === where || one.where.startsWith(`${where}:`)));
  }
}

/** As it is, as in a URL, and as base64 at the three places of a triplet at which it may begin. */
function formsOf(text: string): readonly string[] {
  const shifted = [0, 1, 2].map((shift) => {
    const encoded = Buffer.from(' '.repeat(shift) + text).toString('base64');
    // What the neighbours have a part in is left out.
    return encoded.slice(shift === 0 ? 0 : shift + 1, Math.floor(((shift + text.length) * 8) / 6));
  });
  return [...new Set([text, encodeURIComponent(text), ...shifted])];
}
