import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { pageOf } from '../../src/page/page.ts';
import { pushesOf } from '../../src/page/pushes.ts';
import { HEADERS } from '../../src/page/style.ts';
import { testDoor } from '../support/http-door.ts';
import { describeWithTools } from '../support/needs.ts';
import { busyDay, pageData, story } from '../support/page.ts';
import { withWaiting } from '../support/status.ts';
import { NOW_MS } from '../support/store.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const HOSTILE = '<img src=x onerror=alert(1)>';

describeWithTools({ chromium: 'chromium' }, 'in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  test('390 px wide, by day and by night', async () => {
    const { page, troubles } = await opened(browser, { viewport: { width: 390, height: 844 } });
    expect(await page.title()).toBe(
      'does not work: Apple cannot be reached (Because) – xapplepush on mail.example.org',
    );
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await page.click('summary');
    const grounds: unknown[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      grounds.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
      expect(await violations(page)).toEqual([]);
    }
    expect(grounds).toEqual(['rgb(246, 247, 249)', 'rgb(17, 21, 26)']);
    expect(troubles).toEqual([]);
  });

  test('by keyboard, to the events of a user, whose name stays text', async () => {
    const { page, troubles } = await opened(browser, { viewport: { width: 1200, height: 900 } });
    const focused = (): Promise<unknown> =>
      page.evaluate('document.activeElement.textContent || document.activeElement.name');
    const order: unknown[] = [];
    for (let key = 0; key < 4; key += 1) {
      await page.keyboard.press('Tab');
      order.push(await focused());
    }
    expect(order).toEqual(['To the latest events', 'The same as a table', 'user', 'Show']);
    await page.fill('input', HOSTILE);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\?user=/);
    expect(await page.textContent('#events ~ table caption')).toContain(`Events of ${HOSTILE}`);
    expect(await page.locator('tbody td').filter({ hasText: HOSTILE }).count()).toBe(story('').length);
    expect(await page.locator('img, script').count()).toBe(0);
    expect(await violations(page)).toEqual([]);
    expect(troubles).toEqual([]);
  });
});

/** The page of a door of its own, and what the browser finds wrong with it. */
async function opened(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0],
): Promise<{ page: Page; troubles: string[] }> {
  const door = await testDoor({ authorization: 'admin:s3cret', page: shown });
  const context = await browser.newContext({
    ...options,
    httpCredentials: { username: 'admin', password: 's3cret' },
  });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('console', (message) => troubles.push(message.text())); // a breach of the policy is told there too
  page.on('pageerror', (error) => troubles.push(error.message));
  await page.goto(`http://${door.address}/status`);
  return { page, troubles };
}

function shown(user: string): Promise<{ headers: Record<string, string>; body: string }> {
  const data = pageData({
    look: withWaiting({ connection: { pushes: 3 }, new: { pushes: 2 } }),
    pushes: pushesOf(busyDay(), { nowMs: NOW_MS, sinceMs: undefined }),
    events: { user, entries: story(user || 'alice'), explanation: undefined, limit: 100 },
  });
  return Promise.resolve({ headers: { ...HEADERS }, body: pageOf(data) });
}

/** What axe-core finds, which the policy of the page keeps out but for the protocol of the browser's developer tools. */
async function violations(page: Page): Promise<unknown> {
  await page.evaluate(AXE);
  const found =
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))';
  return page.evaluate(found);
}
