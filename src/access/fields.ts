/** One entry of a list, as `name=value` fields in any order. */
export interface Entry {
  /** Its place in the list, from 1. */
  readonly number: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly faults: readonly string[];
}

const LINE_OR_SEMICOLON = /\r\n|[\n\r;]/;

/** Entries, separated by `;` or line ends; `#` begins a comment where a field could begin. Values are never repeated in faults: they may be secret. */
export function readEntries(text: string): Entry[] {
  return text
    .split(LINE_OR_SEMICOLON)
    .map((line) => line.trim().split(/\s+/))
    .map((words) => words.slice(0, wordsBeforeComment(words)).filter((word) => word !== ''))
    .filter((words) => words.length > 0)
    .map((words, index) => readEntry(words, index + 1));
}

function wordsBeforeComment(words: readonly string[]): number {
  const at = words.findIndex((word) => word.startsWith('#'));
  return at < 0 ? words.length : at;
}

function readEntry(words: readonly string[], number: number): Entry {
  const fields = new Map<string, string>();
  const faults: string[] = [];
  for (const [index, word] of words.entries()) {
    const at = word.indexOf('=');
    const name = word.slice(0, at);
    if (at < 1 || at === word.length - 1) faults.push(`its word ${index + 1} is not of the form name=value`);
    else if (fields.has(name)) faults.push(`it says ${name} twice`);
    else fields.set(name, word.slice(at + 1));
  }
  return { number, fields, faults };
}

/** The parts of `a,b`. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** What an entry says that nobody asks for. */
export function strayFields({ fields }: Entry, known: readonly string[]): string[] {
  const stray = [...fields.keys()].filter((name) => !known.includes(name)).map((name) => name.slice(0, 40));
  return stray.length === 0 ? [] : [`it has ${stray.join(', ')}; what there is: ${known.join(', ')}`];
}
