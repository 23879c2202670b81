import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Addresses at which the dashboard begins; it finds out itself which page was meant. */
export const DASHBOARD_PAGES = [
  '/',
  '/sagas',
  '/sagas/:id',
  '/definitions',
  '/definitions/:name',
  '/dead-letters',
  '/dead-letters/:id',
  '/participants',
] as const;

/** Where its files are, as routes. */
export const DASHBOARD_FILES = ['/assets/:file', '/favicon.svg'] as const;

/** A file of the dashboard, ready to be sent. */
export interface DashboardFile {
  readonly type: string;
  readonly etag: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The same, compressed; absent where that saves nothing. */
  readonly gzipped: Uint8Array<ArrayBuffer> | undefined;
}
/** The dashboard as it was built. */
export interface DashboardFiles {
  /** What every page of it begins with. */
  readonly page: DashboardFile;
  /** By path, e.g. `/assets/main-1a2b3c.js`. Those below `/assets/` have a hash in their name, so they never change. */
  readonly files: ReadonlyMap<string, DashboardFile>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const PAGE = 'index.html';

/** Reads all of it into memory; it is small. `undefined`: there is none, because it was not built. */
export function readDashboard(directory: string): DashboardFiles | undefined {
  if (!existsSync(join(directory, PAGE))) return undefined;
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => TYPES[extname(name)] !== undefined);
  const files = new Map(names.map((name) => [`/${name.replaceAll('\\', '/')}`, fileOf(join(directory, name))]));
  const page = files.get(`/${PAGE}`)!;
  files.delete(`/${PAGE}`);
  return { page, files };
}

function fileOf(path: string): DashboardFile {
  const body = Uint8Array.from(readFileSync(path));
  const gzipped = Uint8Array.from(gzipSync(body));
  return {
    type: TYPES[extname(path)]!,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    body,
    gzipped: gzipped.length < body.length ? gzipped : undefined,
  };
}
