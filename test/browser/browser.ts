import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { closeAtEnd } from '../support/closing.js';
import { findChromium } from '../support/find-chromium.mjs';

/** Where the pictures go, for a person to look at. */
export const SCREENSHOTS = 'dist/screenshots';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Sooner than a test's own limit, so that what was waited for is said. */
const PATIENCE_MS = 15_000;

export type Theme = 'light' | 'dark';
/** What a page said that it should not have said. */
export interface Complaints {
  readonly errors: string[];
  readonly foreign: string[];
}

/** One browser for a test file. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('there is no Chromium; `npm run services` installs it, or BACKSTEP_TEST_CHROMIUM says where it is');
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  closeAtEnd(() => browser.close());
  mkdirSync(SCREENSHOTS, { recursive: true });
  return browser;
}

/** A tab that complains of errors, of what its policy forbids, and of requests to anywhere else. */
export async function openPage(
  browser: Browser,
  url: string,
  theme: Theme = 'light',
  width = 1280,
): Promise<Page & { readonly complaints: Complaints }> {
  const context = await browser.newContext({ baseURL: url, colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: Complaints = { errors: [], foreign: [] };
  page.on('pageerror', (error) => complaints.errors.push(error.message));
  page.on('console', (message) => {
    // A status of the API that is no success is said by the browser as well; the page has said it itself.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.errors.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) complaints.foreign.push(request.url());
  });
  return Object.assign(page, { complaints });
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

/** What axe finds wrong, a line each. */
export async function axe(page: Page): Promise<readonly string[]> {
  // By the debugger's way and not as a script of the page, which its policy would rightly refuse.
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { axe: engine } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await engine.run()).violations;
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} (${failureSummary ?? ''})`),
  );
}

/** A picture of the whole page. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** Whether the page can be scrolled sideways as a whole. */
export async function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
}
