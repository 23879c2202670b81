// PostgreSQL's protocol (version 3) as far as the proxy looks into it.
import { Frames } from './frames.js';

/** `type` is the message's letter; empty for what has none (the start-up packet, the answer to a request for encryption). */
export interface PostgresFrame {
  readonly type: string;
  readonly bytes: Buffer;
}

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;

/** Both directions of one connection: the answer to a request for encryption is a single letter, which only the request tells. */
export function postgresFrames(): { readonly fromClient: Frames<PostgresFrame>; readonly fromServer: Frames<PostgresFrame> } {
  let isStarted = false;
  let lettersExpected = 0;
  const fromClient = new Frames<PostgresFrame>((bytes) => {
    if (isStarted) return message(bytes);
    if (bytes.length < 8 || bytes.length < bytes.readUInt32BE(0)) return undefined;
    const code = bytes.readUInt32BE(4);
    if (code === SSL_REQUEST || code === GSS_REQUEST) lettersExpected++;
    else isStarted = true;
    const length = bytes.readUInt32BE(0);
    return { frame: { type: '', bytes: bytes.subarray(0, length) }, length };
  });
  const fromServer = new Frames<PostgresFrame>((bytes) => {
    if (lettersExpected === 0) return message(bytes);
    if (bytes.length === 0) return undefined;
    lettersExpected--;
    return { frame: { type: '', bytes: bytes.subarray(0, 1) }, length: 1 };
  });
  return { fromClient, fromServer };
}

function message(bytes: Buffer): { frame: PostgresFrame; length: number } | undefined {
  if (bytes.length < 5) return undefined;
  const length = 1 + bytes.readUInt32BE(1);
  if (bytes.length < length) return undefined;
  return { frame: { type: String.fromCharCode(bytes[0]!), bytes: bytes.subarray(0, length) }, length };
}

/** A client's message that asks for a COMMIT: a simple query, or one that is parsed first. */
export function asksToCommit({ type, bytes }: PostgresFrame): boolean {
  return (type === 'Q' || type === 'P') && /(^|[\0;\s])commit\s*(;|\0|$)/i.test(bytes.toString('latin1', 5));
}

/** The server's word that it has committed. */
export function saysCommitted({ type, bytes }: PostgresFrame): boolean {
  return type === 'C' && bytes.toString('latin1', 5, bytes.length - 1) === 'COMMIT';
}
