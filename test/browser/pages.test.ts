import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { axe, isTooWide, openBrowser, openPage, picture, type Theme } from './browser.js';
import { Shop } from './world.js';

jest.setTimeout(120_000);

let shop: Shop;
let browser: Browser;
const ids: Record<string, string> = {};

beforeAll(async () => {
  [shop, browser] = await Promise.all([new Shop().open(), openBrowser()]);
  ids['completed'] = await shop.start('o-1001', 'fine', { tags: { shop: 'north' } });
  await shop.consume('mail');
  await Promise.all(Array.from({ length: 24 }, (_, index) => shop.start(`o-11${String(index).padStart(2, '0')}`, 'fine')));
  ids['compensated'] = await shop.start('o-2001', 'declined');
  await shop.start('o-2002', 'declined');
  ids['running'] = await shop.start('o-3001', 'hangs', { tags: { shop: 'south', campaign: 'autumn' } });
  for (const key of ['o-3002', 'o-3003', 'o-3004']) await shop.start(key, 'hangs');
  ids['stuck'] = await shop.start('o-4001', 'mail-fails');
  await shop.start('o-4002', 'mail-fails');
  ids['stuckBack'] = await shop.start('o-4003', 'release-fails');
  ids['suspended'] = await shop.start('o-5001', 'hangs');
  await shop.daemon.orchestrator.operate(ids['suspended'], { kind: 'suspend', by: 'ada', text: 'the customer called' });
  await shop.daemon.orchestrator.start({ name: 'place-order', version: 1, input: { orderId: 'o-6001', fate: 'hangs' } });
  await shop.start('o-7001', 'flaky');
  await shop.rubbish('nobody-knows-this');
});

const PAGES: readonly (readonly [name: string, path: () => string, landmark: string])[] = [
  ['overview', () => '/', 'h1:has-text("Overview")'],
  ['sagas', () => '/sagas', '.saga-link'],
  ['saga-completed', () => `/sagas/${ids['completed']}`, '.timeline'],
  ['saga-compensated', () => `/sagas/${ids['compensated']}`, '.timeline'],
  ['saga-running', () => `/sagas/${ids['running']}`, '.timeline'],
  ['saga-stuck', () => `/sagas/${ids['stuck']}`, '.stuck-panel'],
  ['saga-stuck-compensation', () => `/sagas/${ids['stuckBack']}`, '.stuck-panel'],
  ['saga-suspended', () => `/sagas/${ids['suspended']}`, '.tl-pause'],
  ['definitions', () => '/definitions', 'td a'],
  ['definition', () => '/definitions/place-order', '.graph'],
  ['dead-letters', () => '/dead-letters', '.panel .empty, .panel table'],
  ['participants', () => '/participants', 'td a'],
];
const LOOKS: readonly (readonly [Theme, number])[] = [
  ['light', 1280],
  ['dark', 1280],
  ['light', 400],
  ['dark', 400],
];

describe('every page', () => {
  it.each(LOOKS)('reads well in %s at %s pixels: no violation, no error, nothing from outside', async (theme, width) => {
    const page = await openPage(browser, shop.daemon.url, theme, width);
    const found: string[] = [];
    for (const [name, path, landmark] of PAGES) {
      await page.goto(path());
      await page.locator(landmark).first().waitFor();
      await page.locator('body:not(:has(.loading))').waitFor();
      // Colours differ by theme, and what is there hardly by width.
      if (width === 1280) found.push(...(await axe(page)).map((line) => `${name}: ${line}`));
      if (await isTooWide(page)) found.push(`${name}: wider than the window`);
      await picture(page, `${name}-${theme}-${width}`);
    }
    expect(found).toEqual([]);
    expect(page.complaints).toEqual({ errors: [], foreign: [] });
    await page.context().close();
  });
});
