import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { adminPassword } from '../../support/access.ts';
import { type BerthProcess, startBerthProcess } from '../../support/berth-process.ts';
import { type OidcProvider, oidcClient, oidcSettings, startOidcProvider } from '../../support/oidc-provider.ts';
import { until } from '../../support/until.ts';
import { newVisitor } from '../../support/visitor.ts';

let provider: OidcProvider;
let berth: BerthProcess;

beforeAll(async () => {
  provider = await startOidcProvider();
  const settings = { BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: adminPassword, ...oidcSettings(provider) };
  berth = await startBerthProcess(settings);
});
afterAll(() => Promise.all([berth.dispose(), provider.close()]));

test('no secret of a login is in the log, whether it succeeds or not', async () => {
  const visitor = newVisitor(berth);
  const secrets = [adminPassword, oidcClient.secret];
  const keep = () => secrets.push(...visitor.cookies.values());
  provider.claims = { sub: 'alice', preferred_username: 'alice' };
  for (const audience of ['elsewhere', oidcClient.id]) {
    provider.claims = { ...provider.claims, aud: audience };
    const { location } = await visitor.get('/ui/oidc');
    keep();
    const back = await visitor.get(location);
    secrets.push(new URL(back.location).searchParams.get('state') ?? '');
    await visitor.get(back.location);
    keep();
  }
  await visitor.post('/ui/login', { name: 'admin', password: adminPassword });
  keep();
  const created = await visitor.post('/ui/account/tokens', { name: 'laptop', scopes: '', days: '7' });
  expect(created.status).toBe(303);
  secrets.push(
    visitor.cookies.get('berth-secret') ?? '',
    /berth_pat_[\w-]+/.exec((await visitor.get('/ui/account/tokens')).text)?.[0] ?? '',
  );
  await visitor.get('/ui/the-end');
  await until(() => berth.log().includes('/ui/the-end'));
  secrets.push(...provider.secrets);
  expect(secrets.filter((secret) => secret.length < 8)).toEqual([]);
  expect(secrets.length).toBeGreaterThan(12);
  expect(secrets.filter((secret) => berth.log().includes(secret))).toEqual([]);
  expect(berth.log()).toContain('"url":"/ui/oidc/callback"');
});
