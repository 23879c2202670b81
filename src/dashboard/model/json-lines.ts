/** A piece of a line of JSON; what it is decides its colour. */
export interface Token {
  readonly kind: 'key' | 'string' | 'number' | 'word' | 'mark';
  readonly text: string;
}
export interface JsonLine {
  readonly depth: number;
  readonly tokens: readonly Token[];
}

/** Any JSON as lines, one value each; empty lists and objects stay on theirs. */
export function jsonLines(value: unknown): readonly JsonLine[] {
  const lines: JsonLine[] = [];
  write(value, 0, [], '', lines);
  return lines;
}

function write(value: unknown, depth: number, before: readonly Token[], after: string, lines: JsonLine[]): void {
  const isList = Array.isArray(value);
  const entries: readonly (readonly [string | undefined, unknown])[] | undefined = isList
    ? value.map((one: unknown) => [undefined, one] as const)
    : typeof value === 'object' && value !== null
      ? Object.entries(value)
      : undefined;
  const [open, end] = isList ? ['[', ']'] : ['{', '}'];
  if (!entries || entries.length === 0) {
    const token = entries ? mark(open + end) : scalar(value);
    lines.push({ depth, tokens: [...before, token, ...(after ? [mark(after)] : [])] });
    return;
  }
  lines.push({ depth, tokens: [...before, mark(open)] });
  for (const [index, [key, one]] of entries.entries()) {
    const label = key === undefined ? [] : [{ kind: 'key', text: JSON.stringify(key) } as const, mark(': ')];
    write(one, depth + 1, label, index < entries.length - 1 ? ',' : '', lines);
  }
  lines.push({ depth, tokens: [mark(end + after)] });
}

function mark(text: string): Token {
  return { kind: 'mark', text };
}

function scalar(value: unknown): Token {
  const text = JSON.stringify(value) ?? 'null';
  return { kind: typeof value === 'string' ? 'string' : typeof value === 'number' ? 'number' : 'word', text };
}
