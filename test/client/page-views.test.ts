import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { request } from 'node:http';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type axe from 'axe-core';
import type { Administration } from '../../src/access/accounts/administration.ts';
import type { BrowserContext, Page } from 'playwright-core';
import { type GuardedBerth, adminPassword, apiOf, askToken, basic, callAs, pushAs, startGuarded } from '../support/access.ts';
import { pushBuildxIndex, pushSigned } from '../support/attached-artifacts.ts';
import { type TestBrowser, startBrowser } from '../support/browser.ts';
import { ociArchive } from '../support/archives.ts';
import { call } from '../support/call.ts';
import { pushDescribed } from '../support/described-image.ts';
import { pushRootFilesystems } from '../support/layered-image.ts';
import { realImage } from '../support/real-image.ts';
import { newImage } from '../support/images.ts';
import { countUsage } from '../support/usage.ts';
import { describeWith } from '../support/requires.ts';
import { until } from '../support/until.ts';

/** As long as names may be, and without a place for a line break. */
const longName = `${'n'.repeat(200)}/app`;
const longTag = 't'.repeat(128);

/** Each view in a state that shows something, and what it shows where there is nothing. */
const views: Record<string, string> = {
  login: '/ui/login',
  repositories: '/ui',
  'all-repositories': '/ui/repositories',
  'no-repository': '/ui/repositories?prefix=nothing',
  search: '/ui/search?q=team-a',
  'search-hints': '/ui/search',
  repository: '/ui/r/team-a/app',
  image: '/ui/r/team-a/app:1.9',
  'long-repository': `/ui/r/${longName}`,
  'long-image': `/ui/r/${longName}:${longTag}`,
  index: '/ui/r/team-a/multi:1',
  'not-indexed': '/ui/r/team-a/app:1.9/-/files',
  contents: '/ui/r/team-a/rootfs:2',
  files: '/ui/r/team-a/rootfs:2/-/files?path=etc',
  'layer-files': '/ui/r/team-a/rootfs:2/-/files?path=etc&layer=1',
  'text-file': '/ui/r/team-a/rootfs:2/-/files?path=etc/nginx/nginx.conf',
  packages: '/ui/r/team-a/rootfs:2/-/packages',
  diff: '/ui/diff?from=team-a/rootfs:1&to=2',
  referrers: '/ui/r/team-b/signed:1/-/referrers',
  sbom: '/ui/r/team-b/built:1/-/referrers?document=SBOM',
  history: '/ui/r/team-a/app/-/history?tag=1.9',
  'all-history': '/ui/r/team-a/app/-/history',
  trash: '/ui/r/team-a/app/-/trash',
  mirror: '/ui/mirror',
  storage: '/ui/storage',
  'storage-namespace': '/ui/storage?at=team-a/',
  'storage-repository': '/ui/storage?at=team-a/app',
  retention: '/ui/storage/retention',
  'all-trash': '/ui/trash',
  access: '/ui/r/team-a/app/-/access?account=alice',
  'access-given': '/ui/r/team-a/app/-/access?given=robot:ci',
  settings: '/ui/r/team-a/app/-/settings',
  setup: '/ui/setup?client=podman',
  account: '/ui/account',
  tokens: '/ui/account/tokens',
  upload: '/ui/upload?repository=team-a/app',
  users: '/ui/admin/users',
  user: '/ui/admin/users/alice',
  teams: '/ui/admin/teams',
  team: '/ui/admin/teams/devs',
  robots: '/ui/admin/robots',
  robot: '/ui/admin/robots/ci',
  grants: '/ui/admin/grants',
  explain: '/ui/admin/explain?account=alice&repository=team-a/app',
  'explain-wrong': '/ui/admin/explain?account=nobody&repository=team-a/app',
  audit: '/ui/admin/audit',
  schedule: '/ui/admin/schedule',
  health: '/ui/admin/health',
  jobs: '/ui/jobs',
  help: '/ui/help',
  api: '/ui/api',
  'not-found': '/ui/nothing',
};

/** Each theme, language and width is in one of the two. */
const looks = [
  ['light', 'en', { colorScheme: 'light', locale: 'en-US', viewport: { width: 1200, height: 800 } }],
  ['dark', 'zh-CN', { colorScheme: 'dark', locale: 'zh-CN', viewport: { width: 320, height: 640 } }],
] as const;

const upload = realImage({ hello: 'hello\n' });
/** Makes accounts and grants for the views of admins. */
async function furnish(administration: Administration): Promise<void> {
  await administration.createUser({ name: 'alice', password: 'wonderland', isAdmin: false });
  await administration.createToken({ account: 'alice', name: 'laptop' });
  await administration.createRobot({ name: 'ci', grants: ['team-a/*:pull,push'], expiresAt: Date.now() + 86_400_000 });
  await administration.createTeam('devs');
  await administration.addMember('devs', 'alice');
  await administration.grant('team:devs', 'team-a/**', 'pull,add');
  await administration.grant('user:alice', 'docker.io/**', 'pull');
}

const screenshots = resolve(import.meta.dirname, '../../.cache/screenshots');

/** Traffic of one upstream, more by day than by night. */
function trafficOfADay() {
  const hourMs = 3_600_000;
  return Array.from({ length: 24 }, (_, index) => {
    const requests = 40 + Math.round(30 * Math.sin(index / 4));
    const bytes = { servedBytes: requests * 5e7, fetchedBytes: requests * 4e6 + (index % 5) * 1e8, savedBytes: requests * 4.6e7 };
    const hour = Math.floor(Date.now() / hourMs - index) * hourMs;
    return { upstream: 'docker.io', hour, requests, hits: requests - 4, failures: index % 2, ...bytes };
  });
}

describeWith(['chromium'], 'the page in a browser', () => {
  let berth: GuardedBerth;
  let chromium: TestBrowser;
  let axeSource: string;
  /** Digest of a document. */
  let sbom: string;

  beforeAll(async () => {
    await mkdir(screenshots, { recursive: true });
    axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    berth = await startGuarded({ BERTH_MIRROR_DEFAULT: 'docker.io' });
    const admin = basic('admin', adminPassword);
    const bearer = await askToken(berth, admin, 'repository:team-a/app:pull,push', 'repository:team-a/multi:pull,push');
    await pushDescribed(berth, 'team-a/app', '1.9', { Authorization: `Bearer ${bearer}` });
    await pushDescribed(berth, 'team-a/multi', '1', { Authorization: `Bearer ${bearer}` }, ['linux/amd64', 'linux/arm64']);
    await pushAs(berth, admin, 'team-a/web', 'latest');
    await pushAs(berth, admin, longName, longTag);
    const readme =
      '# App\n\nServes the *pages* of team A, see [the guide](https://docs.example/app).\n\n```\ndocker run app\n```';
    await apiOf(() => berth)('PATCH', '/repository', {
      repository: 'team-a/app',
      description: 'Serves the pages of team A',
      readme,
    });
    await pushRootFilesystems(berth, 'team-a/rootfs');
    await pushSigned(berth, 'team-b/signed', '1');
    await pushBuildxIndex(berth, 'team-b/built', '1', ['curl', 'libssl3', 'zlib1g']);
    const answer = await call(berth, 'GET', '/api/v1/image/sbom?repository=team-b/built&reference=1', { headers: admin });
    sbom = (answer.json() as { readonly document: string }).document;
    const { digest } = await pushAs(berth, admin, 'team-a/app', 'old');
    await callAs(berth, admin, 'DELETE', `/v2/team-a/app/manifests/${digest}`);
    const archive = ociArchive({ 'registry.example.com/team/app:1.9': upload, 'registry.example.com/team/db:16': realImage({}) });
    const headers = { ...admin, 'Content-Type': 'application/x-tar' };
    const uploaded = await call(berth, 'POST', '/api/v1/archives?repository=team-a', { headers, body: archive });
    views['preview'] = `/ui/upload/${(uploaded.json() as { id: string }).id}`;
    await furnish(berth.administration);
    for (const [index, name] of ['team-b/api', 'team-b/web', 'tools', 'zoo/base'].entries())
      await pushAs(berth, admin, name, '1', newImage({}, 2500 * (index + 1)));
    await countUsage(berth);
    await berth.metadata.mirrorTraffic.add(trafficOfADay());
    chromium = await startBrowser();
  }, 120_000);
  afterAll(() => Promise.all([berth.close(), chromium.close()]));

  type Look = NonNullable<Parameters<TestBrowser['browser']['newContext']>[0]>;

  /** A browser that is signed in as the admin. `complaints` are what its console says. */
  async function signIn(look: Look): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
    const context = await chromium.browser.newContext(look);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.text().includes('404') || complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${berth.url}/ui/login`);
    await page.locator('input[name=name]').fill('admin');
    await page.locator('input[name=password]').fill(adminPassword);
    await page.locator('main button').click();
    await page.locator('strong.user').waitFor();
    return { context, page, complaints };
  }

  /** What axe finds, as sentences with the elements. */
  async function findings(page: Page): Promise<readonly string[]> {
    await page.evaluate(axeSource);
    const options = '{ resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }';
    const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(${options})`);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
  }

  describe.each(looks)('%s, in %s', (theme, language, look) => {
    test('every view is accessible, fits the screen and fills the console with nothing', async () => {
      const { context, page, complaints } = await signIn(look);
      const found: Record<string, readonly string[]> = {};
      for (const [name, path] of Object.entries(views)) {
        await page.goto(`${berth.url}${path.replace('SBOM', sbom)}`);
        const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'));
        found[name] = [...(await findings(page)), ...(overflow > 0 ? [`${overflow} pixels too wide`] : [])];
        expect(await page.locator('html').getAttribute('lang')).toBe(language);
        await page.screenshot({ path: join(screenshots, `${name}-${theme}-${language}.png`), fullPage: true });
      }
      await context.close();
      expect(found).toEqual(Object.fromEntries(Object.keys(views).map((name) => [name, []])));
      expect(complaints).toEqual([]);
    }, 300_000);
  });

  test('a running job is followed by one stream, which stops while the page is hidden, and the view shows its end', async () => {
    const { hostname, port } = new URL(berth.url);
    const archive = ociArchive({ 'x/app:1': upload });
    const headers = { ...basic('admin', adminPassword), 'Content-Type': 'application/x-tar', 'Content-Length': archive.length };
    const sending = request({ hostname, port, method: 'POST', path: '/api/v1/archives?repository=team-a/held', headers });
    sending.write(archive.subarray(0, 1000));
    const { context, page } = await signIn({ viewport: { width: 320, height: 640 } });
    const streams = { opened: 0, closed: 0 };
    page.on('request', (one) => void (streams.opened += one.url().includes('/events') ? 1 : 0));
    page.on('requestfailed', (one) => void (streams.closed += one.url().includes('/events') ? 1 : 0));
    await until(async () => {
      await page.goto(`${berth.url}/ui/jobs`);
      return (await page.getByRole('link', { name: 'team-a/held' }).count()) > 0;
    });
    await page.getByRole('link', { name: 'team-a/held' }).click();
    const bar = page.locator('progress');
    await until(async () => Number(await bar.getAttribute('value')) === 1000);
    expect(await findings(page)).toEqual([]);
    await page.screenshot({ path: join(screenshots, 'job.png'), fullPage: true });
    expect(streams).toEqual({ opened: 1, closed: 0 });
    const setHidden = (isHidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });` +
          `document.dispatchEvent(new Event('visibilitychange'))`,
      );
    await setHidden(true);
    await until(() => streams.closed === 1);
    await setHidden(false);
    await until(() => streams.opened === 2);
    sending.end(archive.subarray(1000));
    await page.getByRole('link', { name: 'Show the result' }).click();
    await page.getByRole('button', { name: 'Store images' }).waitFor();
    expect(streams.opened).toBe(2);
    await context.close();
  }, 60_000);

  test('a file is sent with progress and leads to its preview, and a refusal keeps the file and everything typed', async () => {
    const { context, page } = await signIn({ viewport: { width: 320, height: 640 } });
    await page.goto(`${berth.url}/ui/upload`);
    await page.locator('input[name=repository]').fill('team-a/uploaded');
    const file = (buffer: Buffer) => ({ name: 'images.tar', mimeType: 'application/x-tar', buffer });
    await page.locator('input[type=file]').setInputFiles(file(Buffer.alloc(12_000_000, 'not a tar file')));
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByRole('alert').getByText('expected tar, gzip or zstd').waitFor();
    expect(await page.locator('input[name=repository]').inputValue()).toBe('team-a/uploaded');
    await page.screenshot({ path: join(screenshots, 'upload-refused.png'), fullPage: true });
    await page.locator('input[type=file]').setInputFiles(file(ociArchive({ 'x/app:1': upload })));
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.waitForURL('**/ui/upload/*');
    await page.getByRole('button', { name: 'Store images' }).click();
    await page.getByText('team-a/uploaded:1: stored').waitFor();
    await context.close();
  }, 60_000);

  test('keys open views, move through rows and copy, but not while somebody writes or after they are switched off', async () => {
    const { context, page } = await signIn({ viewport: { width: 1200, height: 800 } });
    await page.goto(`${berth.url}/ui/repositories?prefix=team-a/&sort=name`);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/ui/r/team-a/multi');
    await page.keyboard.press('c');
    await page.getByText('Copied', { exact: true }).waitFor();
    expect(await page.locator('#announcements').textContent()).toContain('docker pull');
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.waitForURL('**/ui');
    await page.keyboard.press('/');
    await page.keyboard.type('gs/j');
    expect([page.url(), await page.locator('input[type=search]').inputValue()]).toEqual([`${berth.url}/ui`, 'gs/j']);
    await page.getByRole('group', { name: 'Keyboard shortcuts' }).getByRole('button', { name: 'Off' }).click();
    await page.locator('body[data-shortcuts=off]').waitFor();
    await page.locator('h1').click();
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    expect(page.url()).toBe(`${berth.url}/ui`);
    await context.close();
  }, 60_000);
});
