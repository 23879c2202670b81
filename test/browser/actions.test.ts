import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { openBrowser, openPage } from './browser.js';
import { Shop } from './world.js';

jest.setTimeout(60_000);

let shop: Shop;
let browser: Browser;
let page: Awaited<ReturnType<typeof openPage>>;

beforeAll(async () => {
  [shop, browser] = await Promise.all([new Shop().open(), openBrowser()]);
  await shop.consume('mail');
});
afterEach(async () => {
  expect(page.complaints).toEqual({ errors: [], foreign: [] });
  await page.context().close();
});

/** Opens a saga's page when it has come to the status. */
async function openSaga(id: string, status: string): Promise<void> {
  page = await openPage(browser, shop.daemon.url);
  await page.goto(`/sagas/${id}`);
  await hasStatus(status);
}
async function hasStatus(status: string): Promise<void> {
  await page.locator(`h1 .status:text-is("${status}")`).waitFor();
}
/** Answers the dialog that a button opens. */
async function decide(button: string, fields: Readonly<Record<string, string>>, submit: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.getByRole('dialog');
  for (const [name, value] of Object.entries(fields)) await dialog.locator(`[name="${name}"]`).fill(value);
  await dialog.getByRole('button', { name: submit, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

describe('the verbs', () => {
  it('suspends and resumes, with who and why in the history', async () => {
    await openSaga(await shop.start('v-1', 'hangs'), 'running');
    await decide('Suspend …', { reason: 'the customer called', by: 'ada' }, 'Suspend');
    await hasStatus('suspended');
    expect(await page.locator('.notice').innerText()).toMatch(/Suspended by ada .*: the customer called/);
    await decide('Resume …', { reason: 'she called again' }, 'Resume');
    await hasStatus('running');
    expect(await page.locator('.history').innerText()).toContain('suspended by ada: the customer called');
  });

  it('cancels, and shows how it is undone', async () => {
    const id = await shop.start('v-2', 'hangs');
    await openSaga(id, 'running');
    await page.locator('.node.tone-good').first().waitFor();
    await decide('Cancel …', { reason: 'a test order', by: 'ada' }, 'Cancel the saga');
    await hasStatus('compensating');
    await shop.succeed(id, 'charge');
    await hasStatus('compensated');
    expect(await page.locator('.undo.tone-undone').count()).toBe(3);
    expect(await page.locator('.tl-row.compensation').count()).toBe(3);
  });

  it('retries what is stuck', async () => {
    await openSaga(await shop.start('v-3', 'mail-fails'), 'stuck');
    expect(await page.locator('.stuck-panel').innerText()).toContain('the mail server takes nothing');
    shop.isMended = true;
    await decide('Try again …', { reason: 'the mail server is back' }, 'Try again');
    await hasStatus('completed');
    shop.isMended = false;
  });

  it('settles what is stuck, and says what the server has against it', async () => {
    await openSaga(await shop.start('v-4', 'mail-fails'), 'stuck');
    await page.getByRole('button', { name: 'It succeeded …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('[name="payload"]').fill('{ not JSON');
    await dialog.locator('[name="reason"]').fill('sent by hand');
    await dialog.getByRole('button', { name: 'Settle' }).click();
    await dialog.getByRole('alert').waitFor();
    expect(await dialog.getByRole('alert').innerText()).toContain('This is no JSON');
    await dialog.locator('[name="payload"]').fill('{ "letter": 7 }');
    await dialog.getByRole('button', { name: 'Settle' }).click();
    await hasStatus('completed');
  });

  it('can be reached, used and left by keyboard alone', async () => {
    await openSaga(await shop.start('v-5', 'hangs'), 'running');
    await page.getByRole('button', { name: 'Suspend …' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog [name="reason"]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Suspend …');
    await page.goto('/');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
  });
});

describe('a saga that runs', () => {
  it('moves before the eyes of whoever looks, without being asked', async () => {
    const id = await shop.start('l-1', 'hangs');
    await openSaga(id, 'running');
    await page.locator('.history li').nth(2).waitFor();
    await shop.succeed(id, 'charge');
    await hasStatus('completed');
    expect(await page.locator('.graph .node.tone-good').count()).toBe(5);
    expect(await page.getByRole('button', { name: 'Cancel …' }).count()).toBe(0);
  });
});

describe('the trace of a saga', () => {
  it('is linked to where the server says, for whoever has one that is recorded', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await openSaga(await shop.start('t-1', 'hangs', { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }), 'running');
    const link = page.locator('.facts a', { hasText: traceId });
    expect(await link.getAttribute('href')).toBe(`https://traces.example/${traceId}`);
    expect(await link.getAttribute('rel')).toBe('noopener noreferrer');
    for (const traceparent of [undefined, `00-${traceId}-00f067aa0ba902b7-00`]) {
      const id = await shop.start(`t-2 ${traceparent}`, 'hangs', traceparent === undefined ? {} : { traceparent });
      await page.goto(`/sagas/${id}`);
      await hasStatus('running');
      expect(await page.locator('.facts', { hasText: 'Trace' }).count()).toBe(0);
    }
  });
});

describe('figures', () => {
  it('say where sagas fail, at the definition and at its participants', async () => {
    await openSaga(await shop.start('f-1', 'declined'), 'compensated');
    await page.goto('/definitions');
    await page.locator('td', { hasText: /^charge/ }).waitFor();
    await page.locator('td a', { hasText: 'v2' }).click();
    const row = page.getByRole('region', { name: 'How steps went' }).locator('tr', { hasText: /^charge/ });
    await row.getByText('rejected').waitFor();
    await page.goto('/participants');
    await page.getByText('in the newest 1,000 finished sagas of each version').waitFor();
    expect(await page.locator('tr', { hasText: 'payments' }).innerText()).toMatch(/\d %/);
  });
});

describe('the list of sagas', () => {
  it('keeps what is searched for in the address, and is live', async () => {
    page = await openPage(browser, shop.daemon.url);
    await page.goto('/sagas');
    await page.getByRole('button', { name: 'suspended', exact: true }).click();
    await page.getByRole('combobox').selectOption('place-order');
    await page.locator('[name="key"]').fill('s-1');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sagas?status=suspended&name=place-order&key=s-1');
    await page.getByText('No saga matches').waitFor();
    const id = await shop.start('s-1', 'hangs');
    await shop.daemon.orchestrator.operate(id, { kind: 'suspend', by: 'ada', text: 'wait' });
    await page.getByRole('link', { name: 's-1', exact: true }).click();
    await page.waitForURL(`**/sagas/${id}`);
    await page.goBack();
    await page.getByRole('link', { name: 's-1', exact: true }).waitFor();
    await page.reload();
    expect(await page.locator('[name="key"]').inputValue()).toBe('s-1');
  });

  it('shows a page however many there are', async () => {
    await Promise.all(Array.from({ length: 120 }, (_, index) => shop.start(`many-${index}`, 'hangs')));
    page = await openPage(browser, shop.daemon.url);
    await page.goto('/sagas');
    await page.locator('.saga-link').first().waitFor();
    expect(await page.locator('.saga-link').count()).toBe(50);
    const first = await page.locator('.saga-link').first().innerText();
    await page.getByRole('button', { name: 'Older' }).click();
    await page.waitForURL('**/sagas?cursor=*');
    await page.getByRole('link', { name: first, exact: true }).waitFor({ state: 'detached' });
    await page.locator('.saga-link').first().waitFor(); // the next page may still be on its way
    expect(await page.locator('.saga-link').count()).toBe(50);
  });
});

describe('dead letters', () => {
  it('are read, put back and discarded', async () => {
    await shop.rubbish('no-command-of-ours');
    page = await openPage(browser, shop.daemon.url);
    await page.goto('/dead-letters');
    await page.locator('td a').first().click();
    await page.locator('.json').first().waitFor();
    expect(await page.locator('.facts').innerText()).toContain('no-command-of-ours');
    await decide('Replay …', { reason: 'once more', by: 'ada' }, 'Replay');
    await page.waitForURL('**/dead-letters');
    await page.locator('td a').first().click();
    await page.getByText('1 time').waitFor();
    await decide('Discard …', { reason: 'of a test', by: 'ada' }, 'Discard');
    await page.getByText('There is no dead letter').waitFor();
  });
});

describe('acting on many', () => {
  it('says first what would happen, then what happened to each', async () => {
    page = await openPage(browser, shop.daemon.url);
    const asked: Record<string, unknown>[] = [];
    await page.route('**/api/v1/bulk', async (route) => {
      const body = route.request().postDataJSON() as Record<string, unknown>;
      asked.push(body);
      const sample = [{ id: ID, name: 'place-order', key: 'o-1', status: 'running', becomes: 'suspended', sends: [] }];
      if (body['dryRun'])
        return route.fulfill({ json: { matched: 3, allowed: 2, refused: [{ why: 'it is being cancelled', count: 1 }], sample } });
      const lines = [
        { id: ID, done: true, status: 'suspended' },
        { id: ID.replace('1', '2'), done: false, code: 'SAGA_NOT_ALLOWED', detail: 'it is being cancelled' },
        { summary: { matched: 2, done: 1, refused: 1 } },
      ];
      return route.fulfill({ contentType: 'application/x-ndjson', body: lines.map((line) => `${JSON.stringify(line)}\n`).join('') });
    });
    await page.goto('/sagas?status=running&status=completed&name=place-order');
    await page.getByRole('button', { name: 'Act on all of these …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('[name="reason"]').fill('stock-taking');
    await dialog.getByRole('button', { name: 'What would happen?' }).click();
    await dialog.getByText('3 sagas match').waitFor();
    expect(await dialog.locator('.bulk-plan').innerText()).toContain('Not for 1: it is being cancelled');
    await dialog.getByRole('button', { name: 'Do it for 2 sagas' }).click();
    await dialog.getByText('1 done, 1 refused.').waitFor();
    const filter = { status: ['running'], name: 'place-order' };
    const wanted = { verb: 'suspend', filter, reason: 'stock-taking', by: 'dashboard' };
    expect(asked).toEqual([{ ...wanted, dryRun: true }, wanted]);
  });
});
const ID = '0198f000-0000-7000-8000-000000000001';

describe('hostile data', () => {
  it('[I3] is shown as text, and nothing of it happens', async () => {
    const evil = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\u202egnp.exe';
    const shown = '<script>window.hacked=1</script>\\u202egnp.exe';
    const note = { '<svg onload=window.hacked=1>': evil, href: 'javascript:window.hacked=1', long: 'x'.repeat(5_000) };
    const id = await shop.start(evil, 'courier-says', { note, tags: { '<b>tag</b>': '</bdi><script>window.hacked=1</script>' } });
    await openSaga(id, 'completed');
    for (const step of await page.locator('.step summary').all()) await step.click();
    expect(await page.locator('h1').innerText()).toContain(shown);
    expect(await page.locator('.json').first().innerText()).toContain('javascript:window.hacked=1');
    await nothingHappened();

    // In the words of a participant that fails, and of whoever decides.
    const failed = await shop.start(`failed ${evil}`, 'mail-fails', { note: evil });
    await page.goto(`/sagas/${failed}`);
    await page.locator('.stuck-panel', { hasText: shown }).waitFor();
    await shop.daemon.orchestrator.operate(failed, { kind: 'suspend', by: `${evil} the actor`, text: `${evil} the reason` });
    await page.locator('.notice', { hasText: `${shown} the actor` }).waitFor();
    await page.locator('.history', { hasText: `${shown} the reason` }).waitFor();
    await nothingHappened();

    await shop.rubbish(evil);
    await page.goto('/dead-letters');
    await page.locator('td a').first().click();
    await page.locator('.facts', { hasText: shown }).waitFor();
    await nothingHappened();
    await page.goto('/sagas');
    await page.locator('.saga-link', { hasText: 'failed' }).waitFor();
    await nothingHappened();
    await page.goto('/');
    await page.locator('.flight').first().waitFor();
    await nothingHappened();
  });
});

/** No script ran, and no markup came of text. The browser's own complaints are looked at after every test. */
async function nothingHappened(): Promise<void> {
  expect(await page.evaluate('window.hacked')).toBeUndefined();
  expect(await page.locator('img, script:not([src]), [onerror], [onload]').count()).toBe(0);
}

describe('a server that asks who it is', () => {
  it('is told by a form, and the token is kept for this tab alone', async () => {
    page = await openPage(browser, shop.daemon.url);
    await page.route('**/api/v1/**', async (route) => {
      const isKnown = route.request().headers()['authorization'] === 'Bearer right';
      if (isKnown) return route.continue();
      return route.fulfill({
        status: 401,
        contentType: 'application/problem+json',
        body: '{"code":"SAGA_UNAUTHENTICATED","detail":"who are you?"}',
      });
    });
    await page.goto('/sagas');
    await page.locator('[name="token"]').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('The server does not take this token').waitFor();
    await page.locator('[name="token"]').fill('right');
    await page.keyboard.press('Enter');
    await page.locator('.saga-link').first().waitFor();
    expect(await page.evaluate('Object.keys(localStorage)')).toEqual([]);
    await page.reload();
    await page.locator('.saga-link').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.locator('[name="token"]').waitFor();
  });
});

describe('a server that is away', () => {
  it('is said, what was there stays, and it goes on when it is back', async () => {
    await openSaga(await shop.start('a-1', 'hangs'), 'running');
    await page.route('**/api/v1/**', (route) => route.abort());
    await page.getByText('Not up to date').waitFor();
    await hasStatus('running');
    await page.unroute('**/api/v1/**');
    await page.getByText('Not up to date').waitFor({ state: 'detached' });
  });
});
