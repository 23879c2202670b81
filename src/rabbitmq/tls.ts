import { accessSync, constants, readFileSync } from 'node:fs';
import amqp, { type SocketOptions } from 'amqplib';

/** What a URL may say about TLS, in the words of RabbitMQ's own URI parameters: paths of files in PEM. */
const FILES = { cacertfile: 'ca', certfile: 'cert', keyfile: 'key' } as const;
type File = keyof typeof FILES;
const isFile = (name: string): name is File => Object.hasOwn(FILES, name);

/** What is wrong with the parameters of a URL, without repeating it. */
export function tlsFaults(url: URL): string[] {
  const faults: string[] = [];
  const named = [...url.searchParams.keys()];
  const files = named.filter(isFile);
  if (files.length > 0 && url.protocol !== 'amqps:') faults.push(`it has ${files.join(', ')}, but does not begin with amqps:`);
  if (named.includes('certfile') !== named.includes('keyfile')) faults.push('certfile and keyfile need each other');
  for (const name of files) if (!isReadable(url.searchParams.get(name)!)) faults.push(`the file of its ${name} cannot be read`);
  // A certificate that is not checked protects from nobody who can answer in the broker's place.
  if ((url.searchParams.get('verify') ?? 'verify_peer') !== 'verify_peer')
    faults.push('verify must be verify_peer: the broker’s certificate is always checked');
  const mechanism = url.searchParams.get('auth_mechanism');
  if (mechanism !== null && mechanism !== 'plain' && mechanism !== 'external') faults.push('auth_mechanism must be plain or external');
  if (mechanism === 'external' && !named.includes('certfile')) faults.push('auth_mechanism=external needs certfile and keyfile');
  return faults;
}

/** What the parameters mean for the socket. Files are read for every connection: certificates are renewed while a daemon runs. */
export function tlsOptions(url: URL): Partial<SocketOptions> {
  const files = [...url.searchParams].filter(([name]) => isFile(name));
  const options = Object.fromEntries(files.map(([name, path]) => [FILES[name as File], readFileSync(path)]));
  const isExternal = url.searchParams.get('auth_mechanism') === 'external';
  return { ...options, ...(isExternal ? { credentials: amqp.credentials.external() } : {}) };
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
