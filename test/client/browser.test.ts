import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { type GuardedBerth, basic, callAs, pushAs, startGuarded } from '../support/access.ts';
import { type TestBrowser, startBrowser } from '../support/browser.ts';
import { call } from '../support/call.ts';
import { type OidcProvider, oidcSettings, startOidcProvider } from '../support/oidc-provider.ts';
import { describeWith } from '../support/requires.ts';

describeWith(['chromium'], 'a browser', () => {
  let provider: OidcProvider;
  let berth: GuardedBerth;
  let browser: TestBrowser;
  let page: Page;
  /** Violations of the page's content security policy that the browser reports. */
  let complaints: string[];

  beforeAll(async () => {
    provider = await startOidcProvider();
    berth = await startGuarded(oidcSettings(provider));
    await berth.administration.createUser({ name: 'alice', password: 'wonderland', isAdmin: false });
    browser = await startBrowser();
  }, 120_000);
  afterAll(async () => {
    await Promise.all([browser.close(), berth.close(), provider.close()]);
  });
  beforeEach(async () => {
    const context = await browser.browser.newContext({ javaScriptEnabled: false });
    page = await context.newPage();
    complaints = [];
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) complaints.push(message.text());
    });
    await page.goto(`${berth.url}/`);
  });
  afterEach(async () => {
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  /** Creates a token on the page, and sends the requests of `docker login` and a push with it. */
  async function createTokenAndPush(user: string): Promise<void> {
    await page.getByRole('link', { name: 'Account', exact: true }).click();
    await page.getByRole('link', { name: 'Access tokens' }).click();
    await page.getByLabel('Name').fill('laptop');
    await page.getByRole('button', { name: 'Create' }).click();
    const secret = await page.locator('#secret').innerText();
    const login = basic(user, secret);
    expect((await callAs(berth, login, 'GET', '/v2/')).status).toBe(200);
    expect((await call(berth, 'GET', '/v2/', { headers: login })).status).toBe(200);
    await pushAs(berth, login, `${user}/app`, '1.0');
    await page.getByRole('link', { name: 'Repositories' }).click();
    await page.getByRole('link', { name: `${user}/app` }).click();
    expect(await page.getByRole('rowheader').getByRole('link').allInnerTexts()).toEqual(['1.0']);
  }

  test('logs in with a password, creates a token that docker login accepts, and logs out', async () => {
    await page.getByLabel('Name').fill('alice');
    await page.getByLabel('Password').fill('wonderland');
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(await page.locator('.user').innerText()).toBe('alice');
    await createTokenAndPush('alice');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.goto(`${berth.url}/ui/account/tokens`);
    expect(new URL(page.url()).pathname).toBe('/ui/login');
  });

  test('logs in at an OpenID Connect provider, creates a token that docker login accepts, and revokes it', async () => {
    provider.claims = { sub: 'bob', preferred_username: 'bob' };
    await page.getByRole('link', { name: 'Sign in with Example <Corp>' }).click();
    expect(await page.locator('.user').innerText()).toBe('bob');
    await createTokenAndPush('bob');
    await page.getByRole('link', { name: 'Account', exact: true }).click();
    await page.getByRole('link', { name: 'Access tokens' }).click();
    const row = page.getByRole('row').filter({ hasText: 'laptop' });
    await row.getByRole('button', { name: 'Revoke laptop' }).click();
    expect(await row.count()).toBe(0);
  });

  test('does not send its session with a form of another site', async () => {
    await page.getByLabel('Name').fill('alice');
    await page.getByLabel('Password').fill('wonderland');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.goto(`${provider.url}/evil?${new URLSearchParams({ action: `${berth.url}/ui/logout` }).toString()}`);
    const [answer] = await Promise.all([page.waitForResponse(`${berth.url}/ui/logout`), page.getByRole('button').click()]);
    expect(answer.status()).toBe(403);
    await page.goto(`${berth.url}/ui`);
    expect(await page.locator('.user').innerText()).toBe('alice');
  });
});
