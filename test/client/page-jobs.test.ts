import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { type GuardedBerth, admin, adminPassword, askToken, pushAs, startWithAlice } from '../support/access.ts';
import { pushBuildxIndex } from '../support/attached-artifacts.ts';
import { type TestBrowser, startBrowser } from '../support/browser.ts';
import { call } from '../support/call.ts';
import { freePort } from '../support/free-port.ts';
import { pushRootFilesystems } from '../support/layered-image.ts';
import { describeWith } from '../support/requires.ts';
import { countUsage } from '../support/usage.ts';

/** What a person does with the page: each `use` counts as a click. */
interface Hand {
  /** Follows a link, presses a button or ticks a box. */
  use(target: Locator): Promise<void>;
  /** Writes into a field; the return key sends its form. */
  write(field: Locator, text: string): Promise<void>;
  /** `label`: the only one with its first letter. */
  choose(field: Locator, label: string): Promise<void>;
}

/** More than the links, fields and buttons of any view. */
const mostTabs = 150;

/** Presses the tabulator key until the element has the focus. */
async function reach(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  for (let tabs = 0; tabs < mostTabs; tabs++) {
    if ((await target.and(page.locator(':focus')).count()) > 0) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`no key leads to ${target.toString()}`);
}

const hands: Readonly<Record<string, (page: Page) => Hand>> = {
  'without scripts': () => ({
    use: (target) => target.click(),
    async write(field, text) {
      await field.fill(text);
      await field.press('Enter');
    },
    async choose(field, label) {
      await field.selectOption({ label });
    },
  }),
  'by keyboard alone': (page) => ({
    async use(target) {
      await reach(page, target);
      const isBox = (await target.getAttribute('type')) === 'checkbox';
      await page.keyboard.press(isBox ? 'Space' : 'Enter');
    },
    async write(field, text) {
      await reach(page, field);
      await page.keyboard.type(text);
      await page.keyboard.press('Enter');
    },
    async choose(field, label) {
      await reach(page, field);
      // More letters would begin another search when they come too late.
      await page.keyboard.type(label.slice(0, 1));
    },
  }),
};

describeWith(['chromium'], 'each of the ten jobs takes at most three clicks from the start', () => {
  let berth: GuardedBerth;
  let chromium: TestBrowser;
  let origin: string;

  beforeAll(async () => {
    const port = await freePort();
    origin = `http://registry.test:${port}`;
    const settings = { BERTH_LISTEN: `127.0.0.1:${port}`, BERTH_PUBLIC_URL: origin, BERTH_MIRROR_DEFAULT: 'docker.io' };
    [berth, chromium] = await Promise.all([startWithAlice(settings), startBrowser()]);
    await pushRootFilesystems(berth, 'team/rootfs');
    await pushBuildxIndex(berth, 'team/built', '1', ['curl']);
    await countUsage(berth);
  }, 60_000);
  afterAll(() => Promise.all([berth.close(), chromium.close()]));

  describe.each(Object.keys(hands))('%s', (mode) => {
    let context: BrowserContext;
    let page: Page;
    let clicks: number;
    let hand: Hand;
    let uncounted: Hand;

    const link = (name: string | RegExp) => page.getByRole('main').getByRole('link', { name, exact: true }).first();
    const button = (name: string | RegExp) => page.getByRole('main').getByRole('button', { name, exact: true }).first();
    const view = (name: string) => page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true });
    const shows = (text: string | RegExp) => page.getByRole('main').getByText(text).first().waitFor({ state: 'attached' });

    beforeAll(async () => {
      context = await chromium.browser.newContext({ javaScriptEnabled: mode !== 'without scripts', acceptDownloads: true });
      page = await context.newPage();
      uncounted = (hands[mode] as (page: Page) => Hand)(page);
      hand = {
        ...uncounted,
        async use(target) {
          await uncounted.use(target);
          clicks++;
        },
        async write(field, text) {
          await uncounted.write(field, text);
          clicks++;
        },
      };
      await page.goto(`${origin}/ui/login`);
      await page.locator('input[name=name]').fill('admin');
      await page.locator('input[name=password]').fill(adminPassword);
      await page.locator('main button').click();
      await page.locator('strong.user').waitFor();
    }, 60_000);
    afterAll(() => context.close());
    beforeEach(async () => {
      clicks = 0;
      await page.goto(`${origin}/ui`);
    });
    afterEach(() => expect(clicks).toBeLessThanOrEqual(3));

    test('find an image and copy its pull command', async () => {
      await hand.write(page.getByRole('searchbox'), 'rootfs');
      // The start has such a link, too.
      await page.waitForURL('**/ui/search?**');
      await hand.use(link('team/rootfs'));
      await shows(/^docker pull registry\.test:\d+\/team\/rootfs:\d$/);
      if (mode === 'without scripts') return;
      // Without a secure context browsers have no clipboard API.
      expect(await page.evaluate('window.isSecureContext')).toBe(false);
      await hand.use(button(/^Copy: docker pull/));
      await page
        .getByRole('status')
        .getByText(/^Copied: docker pull/)
        .waitFor();
    });

    test('see what is in it', async () => {
      await hand.use(link('team/rootfs'));
      await hand.use(link('2'));
      await hand.use(link('Files'));
      await link('etc/').waitFor();
    });

    test('see what changed between two tags', async () => {
      await hand.use(link('team/rootfs'));
      await hand.use(link('2'));
      await hand.write(page.getByLabel(/^Compare with/), '1');
      await page.waitForURL('**/ui/diff?**');
      await shows('Configuration');
    });

    test('see who pushed it, when, and where the tag pointed before', async () => {
      await hand.use(link('team/rootfs'));
      await hand.use(page.locator('a[href$="/-/history?tag=2"]'));
      await page.getByRole('row', { name: /admin/ }).getByText('new', { exact: true }).waitFor();
    });

    test('see whether it is signed, has an SBOM, and what built it', async () => {
      await hand.use(link('team/built'));
      await hand.use(link('1'));
      await hand.use(link('Signatures and SBOMs'));
      await page.waitForURL('**/-/referrers**');
      await shows('SBOM');
    });

    test('see why the disk is full', async () => {
      await hand.use(view('Storage'));
      await page.waitForURL('**/ui/storage');
      await shows('team');
      await page.getByRole('table').first().waitFor();
    });

    test('free space safely, and take it back', async () => {
      const repository = mode === 'without scripts' ? 'team/old' : 'team/older';
      const { digest } = await pushAs(berth, admin, repository, 'gone');
      const tagged = async () => {
        const headers = { Authorization: `Bearer ${await askToken(berth, admin, `repository:${repository}:pull`)}` };
        return (await call(berth, 'HEAD', `/v2/${repository}/manifests/gone`, { headers })).headers['docker-content-digest'];
      };
      await page.reload();
      await hand.use(link(repository));
      await hand.use(page.getByRole('checkbox', { name: 'Select gone' }));
      await hand.use(button('Delete'));
      await button('Undo').waitFor();
      expect(await tagged()).toBeUndefined();
      await uncounted.use(button('Undo'));
      await shows('Restored: gone');
      expect(await tagged()).toBe(digest);
    });

    test('give a colleague access', async () => {
      await hand.use(link('team/rootfs'));
      await hand.use(page.getByRole('navigation', { name: 'Views of the repository' }).getByRole('link', { name: 'Access' }));
      await hand.write(page.getByLabel(/^Account \(user:NAME/), 'user:alice');
      await shows(/^docker login registry\.test:\d+ -u alice$/);
    });

    test('set up the mirror in a client', async () => {
      await hand.use(view('Set up clients'));
      await hand.choose(page.getByLabel('Client'), 'Podman, Buildah, CRI-O');
      await hand.use(button('Show'));
      await shows(/prefix = "docker\.io"/);
    });

    test('carry an image to a machine without network', async () => {
      await hand.use(link('team/rootfs'));
      await hand.use(link('2'));
      const [download] = await Promise.all([page.waitForEvent('download'), hand.use(button('Download'))]);
      expect((await readFile(await download.path())).subarray(257, 262).toString()).toBe('ustar');
    });
  });
});
