import { readdirSync, readFileSync } from 'node:fs';

/** A fenced block of a page. */
export interface Fence {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

/** Every page that tells somebody to do something. */
export const PAGES: readonly string[] = ['README.md', 'src/README.md', ...pagesIn('docs'), ...pagesIn('examples'), ...pagesIn('sagas')];

/** All fences of all pages, or of one, in their order. */
export function fences(language: string, pages: readonly string[] = PAGES): readonly Fence[] {
  return pages.flatMap(fencesOf).filter((fence) => fence.language === language);
}

/** Commands of the shell fences, one by one: lines, and what `&&` joins. */
export function commands(pages: readonly string[] = PAGES): readonly { readonly at: string; readonly command: string }[] {
  return fences('sh', pages).flatMap(({ page, line, code }) =>
    code
      .split('\n')
      .flatMap((text, index) => text.split('&&').map((command) => ({ at: `${page}:${line + index + 1}`, command: command.trim() })))
      .filter(({ command }) => command !== ''),
  );
}

function fencesOf(page: string): readonly Fence[] {
  const found: Fence[] = [];
  let open: { line: number; language: string; code: string[] } | undefined;
  for (const [index, text] of readFileSync(page, 'utf8').split('\n').entries()) {
    if (!text.startsWith('```')) open?.code.push(text);
    else if (open) {
      found.push({ page, line: open.line, language: open.language, code: `${open.code.join('\n')}\n` });
      open = undefined;
    } else open = { line: index + 1, language: text.slice(3).trim(), code: [] };
  }
  if (open) throw new Error(`${page}:${open.line}: a fence is not closed`);
  return found;
}

function pagesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .toSorted()
    .map((name) => `${folder}/${name}`);
}
