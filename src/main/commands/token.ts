import { appendFile, readFile } from 'node:fs/promises';
import type { Terminal } from '../../cli/terminal.js';
import { EXIT, UsageError } from '../../cli/exit-codes.js';
import { tabbed } from '../../cli/table.js';
import { messageOf } from '../../core/errors.js';
import type { Role } from '../../access/principal.js';
import { newToken, readTokens, writeToken } from '../../access/tokens.js';

export interface TokenOptions {
  readonly name: string;
  readonly role: Role;
  readonly definitions?: readonly string[];
  /** Milliseconds from now. */
  readonly expires?: number;
  /** A file of tokens that the entry is added to. */
  readonly addTo?: string;
  /** Do nothing where the file has a token of this name. */
  readonly once?: boolean;
  readonly json?: boolean;
}

/** `backstep token new`: prints a token, which nobody can print again, and what is configured of it. */
export async function newTokenCommand(terminal: Terminal, options: TokenOptions, now: number): Promise<number> {
  const { name, role, definitions, expires, addTo, once, json } = options;
  const { token, entry } = newToken({
    name,
    role,
    ...(definitions ? { definitions } : {}),
    ...(expires === undefined ? {} : { expiresAt: now + expires }),
  });
  const line = writeToken(entry);
  const { faults } = readTokens(line);
  if (faults.length > 0) throw new UsageError(faults.map((fault) => fault.replace('entry 1: ', '')).join('; '));
  if (addTo !== undefined && !(await add(addTo, name, line, once ?? false))) {
    terminal.err(`${addTo} has a token named ${name} already; nothing was made\n`);
    return EXIT.ok;
  }
  if (json) terminal.out(`${JSON.stringify({ token, entry: line }, null, 2)}\n`);
  else if (!terminal.isTty) terminal.out(tabbed([token, line]));
  else {
    terminal.out(`token  ${token}\nentry  ${line}\n\n`);
    terminal.out('The token is shown this once: keep it as BACKSTEP_TOKEN, or in a file for --token-file.\n');
    terminal.out(
      addTo === undefined
        ? 'The server gets the entry, in BACKSTEP_TOKENS or the file of --tokens-file.\n'
        : `The entry is in ${addTo} now.\n`,
    );
  }
  return EXIT.ok;
}

/** False: one of this name is there, and that is all right. */
async function add(file: string, name: string, line: string, once: boolean): Promise<boolean> {
  try {
    const before = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const { entries, faults } = readTokens(before);
    if (faults.length > 0) throw new UsageError(`${file} is no file of tokens: ${faults.join('; ')}`);
    if (entries.some((entry) => entry.name === name)) {
      if (once) return false;
      throw new UsageError(`${file} has a token named ${name} already`);
    }
    await appendFile(file, `${before === '' || before.endsWith('\n') ? '' : '\n'}${line}\n`, { mode: 0o600 });
    return true;
  } catch (error: unknown) {
    throw error instanceof UsageError ? error : new UsageError(`the entry cannot be added: ${messageOf(error)}`);
  }
}
