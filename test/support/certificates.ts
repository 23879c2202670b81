import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeAtEnd } from './closing.js';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority of its own that signs certificates with openssl; everything it made is removed at the end of the test file. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'backstep-tls-'));
  readonly ca: string;
  readonly #key: string;

  constructor(name = 'authority') {
    closeAtEnd(() => Promise.resolve(rmSync(this.directory, { recursive: true })));
    // Servers read from here under accounts of their own.
    chmodSync(this.directory, 0o755);
    this.ca = join(this.directory, 'ca.pem');
    this.#key = join(this.directory, 'ca.key');
    openssl('req', '-x509', ...NEW_KEY, '-keyout', this.#key, '-out', this.ca, '-days', '2', '-subj', `/CN=${name}`);
  }

  /** For this machine, under this common name. `days`: how long it is good for; negative: it has expired. */
  issue(name: string, days = 2): Certificate {
    const [request, cert, key, extensions] = ['csr', 'pem', 'key', 'ext'].map((end) => join(this.directory, `${name}${days}.${end}`)) as [
      string,
      string,
      string,
      string,
    ];
    writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    const dates = ['-days', String(days)];
    openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      this.ca,
      '-CAkey',
      this.#key,
      '-CAcreateserial',
      '-out',
      cert,
      '-extfile',
      extensions,
      ...dates,
    );
    return { cert, key };
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
