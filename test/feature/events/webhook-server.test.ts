import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { checkConfig } from '../../../src/assembly/check-config.ts';
import { createLogOn } from '../../../src/observability/log.ts';
import { admin, adminPassword, apiOf, basic, callAs, pushAs } from '../../support/access.ts';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { until } from '../../support/until.ts';
import { type WebhookReceiver, startReceiver } from '../../support/webhook-receiver.ts';

let folder: string;
let file: string;
let receiver: WebhookReceiver;
let berth: TestBerth;
let lines = '';
const api = apiOf(() => berth);

/** Texts that nobody but the receivers may see. */
const secrets = ['k3y-of-ci', 'k3y-of-mirror', 'b3arer-t0ken', 'p4th-secret'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-webhooks-'));
  receiver = await startReceiver();
  file = join(folder, 'berth.yaml');
  await writeFile(join(folder, 'key'), 'k3y-of-mirror\n');
  await writeFile(
    file,
    `publicUrl: https://registry.example.com
webhooks:
  pulls: all
  targets:
    ci:
      url: ${receiver.url}/p4th-secret
      secret: k3y-of-ci
      headers: ['Authorization: Bearer b3arer-t0ken']
      events: [push, pull, login]
      repositories: [team/**]
      privateAddress: true
    mirror:
      url: ${receiver.url}/mirror
      secretFile: ${folder}/key
      format: distribution
      events: [push]
      repositories: ['!team/**']
      privateAddress: true
`,
  );
  const log = createLogOn({ write: (line) => void (lines += line) }, { level: 'debug' });
  const settings = { BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: adminPassword, BERTH_CONFIG: file };
  berth = await startBerth(settings, log);
});
afterAll(async () => {
  await berth.close();
  await receiver.close();
  await rm(folder, { recursive: true });
});

interface Received {
  readonly type: string;
  readonly data: { readonly repository: string; readonly tag: string };
}

const receivedBy = (path: string) => receiver.received.filter((message) => message.path === path);
const toldCi = () => receivedBy('/p4th-secret').map(({ body }) => JSON.parse(body) as Received);
const types = () => toldCi().map(({ type }) => type);

test('pushes, pulls and refused logins reach the targets that want them, without a wait of the client', async () => {
  await pushAs(berth, admin, 'team/app', '1');
  await pushAs(berth, admin, 'other/app', '1');
  await callAs(berth, admin, 'GET', '/v2/team/app/manifests/1');
  await callAs(berth, admin, 'HEAD', '/v2/team/app/manifests/1');
  expect((await call(berth, 'GET', '/token?service=berth', { headers: basic('admin', 'wrong') })).status).toBe(401);
  await until(() => types().length >= 3 && receivedBy('/mirror').length >= 1);
  expect(types().sort()).toEqual(['berth.image.pull', 'berth.image.push', 'berth.login.refused']);
  const [mirrored] = receivedBy('/mirror');
  expect(JSON.parse(mirrored?.body ?? '')).toMatchObject({
    events: [{ action: 'push', target: { repository: 'other/app', tag: '1' }, request: { host: 'registry.example.com' } }],
  });
  expect(mirrored?.headers['webhook-signature']).toMatch(/^v1,/);
});

test('everything that happened while the receiver was down comes in order after a restart of berth', async () => {
  const before = toldCi().length;
  receiver.answer(503);
  for (const tag of ['2', '3', '4']) await pushAs(berth, admin, 'team/app', tag);
  await until(() => toldCi().length > before);
  berth = await berth.restart();
  await pushAs(berth, admin, 'team/app', '5');
  const failed = receiver.received.length;
  receiver.answer(204);
  const delivered = () =>
    receiver.received
      .slice(failed)
      .filter(({ path }) => path === '/p4th-secret')
      .map(({ body }) => JSON.parse(body) as Received);
  await until(() => delivered().length >= 4);
  expect(delivered().map(({ data }) => data.tag)).toEqual(['2', '3', '4', '5']);
});

test('admins list targets and messages, send them again and test a target, over the API and on the command line', async () => {
  const listed = (await api('GET', '/webhooks')).json() as readonly object[];
  expect(listed).toMatchObject([
    { name: 'ci', receiver: receiver.url, signed: true, state: 'idle', waiting: 0, dead: 0 },
    { name: 'mirror', format: 'distribution' },
  ]);
  const page = (await api('GET', '/webhooks/ci/deliveries?limit=1')).json() as { items: { id: number }[]; next: string };
  expect(page).toMatchObject({ items: [{ type: 'berth.image.push', tags: ['5'], state: 'delivered', status: 204 }] });
  expect((await api('GET', `/webhooks/ci/deliveries?limit=1&after=${page.next}`)).json()).toMatchObject({
    items: [{ tags: ['4'] }],
  });
  const before = toldCi().length;
  expect((await api('POST', '/webhooks/ci/resend', { ids: [page.items[0]?.id] })).json()).toEqual({ messages: 1 });
  await until(() => toldCi().length > before);
  expect(toldCi().at(-1)).toMatchObject({ type: 'berth.image.push', data: { tag: '5' } });
  expect((await api('POST', '/webhooks/ci/test', {})).json()).toMatchObject({ delivered: true, status: 204, error: null });
  expect([(await api('POST', '/webhooks/none/test', {})).status, (await api('GET', '/webhooks/none/deliveries')).status]).toEqual(
    [404, 404],
  );

  const list = await runCommand(['webhooks', 'list', '--json'], berth.environment);
  expect(JSON.parse(list.stdout)).toMatchObject([{ name: 'ci', receiver: receiver.url }, { name: 'mirror' }]);
  const deliveries = await runCommand(
    ['webhooks', 'deliveries', 'ci', '--state', 'delivered', '--limit', '2'],
    berth.environment,
  );
  expect(deliveries.stdout).toContain('berth.image.push');
  expect((await runCommand(['webhooks', 'resend', 'ci'], berth.environment)).stdout).toContain('0 messages wait for ci again');
  expect((await runCommand(['webhooks', 'test', 'mirror'], berth.environment)).stdout).toContain('mirror has accepted');
  receiver.answer(500);
  const refused = await runCommand(['webhooks', 'test', 'ci'], berth.environment);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('ci has not accepted the message: status 500')]);
  expect((await runCommand(['webhooks', 'deliveries', 'ci', '--state', 'lost'], berth.environment)).code).toBe(2);
  const shown = [JSON.stringify(listed), JSON.stringify(page), list.stdout, deliveries.stdout, refused.stderr].join('\n');
  for (const secret of secrets) expect(shown).not.toContain(secret);
});

test('metrics tell how deliveries go, and no secret is in the metrics, the log or the check of the configuration', async () => {
  const metrics = (await call(berth, 'GET', '/metrics')).body.toString();
  expect(metrics).toMatch(/^berth_webhook_deliveries_total\{target="ci",result="delivered"\} [1-9]/m);
  expect(metrics).toMatch(/^berth_webhook_waiting\{target="mirror"\} 0$/m);
  expect(metrics).toMatch(/^berth_webhook_lag_seconds\{target="ci"\} /m);
  expect(metrics).toMatch(/^berth_events_lag_seconds\{consumer="webhooks"\} /m);
  const check = await runCommand(['config', 'check', '--config', file], berth.environment);
  for (const secret of secrets) expect([metrics, lines, check.stdout, check.stderr].join('\n')).not.toContain(secret);
  expect(lines).toContain('the receiver of a webhook fails');
});

test('every mistake in a target is reported at once, without its secrets', async () => {
  const wrong = join(folder, 'wrong.yaml');
  await writeFile(
    wrong,
    `webhooks:
  targets:
    Name: { url: 'https://user:p4th-secret@hook.example.com' }
    b: { url: 'https://hook.example.com', format: distribution, events: [push, quota], bodySignature: true }
    c: { url: 'https://hook.example.com', events: [pull], repositories: [a/**/b], headers: ['no header'], timeout: 5m }
    d: { url: 'https://hook.example.com', secret: k3y-of-ci, secretFile: ${folder}/none, headers: ['Webhook-Id: 1'], ca: ${folder}/none }
`,
  );
  const refusal = checkConfig(loadConfig({ file: wrong, environment: {} })).catch((error: unknown) => String(error));
  const message = String(await refusal);
  for (const part of [
    'webhooks.targets.Name.url is of a target whose name',
    'webhooks.targets.Name.url must hold no login',
    'webhooks.targets.b.events has quota, which the format distribution cannot express',
    'webhooks.targets.b.bodySignature needs secret',
    'webhooks.targets.c.events has pull: set webhooks.pulls',
    'webhooks.targets.c.repositories has a/**/b',
    'webhooks.targets.c.headers has no NAME: VALUE at position 1',
    'webhooks.targets.c.timeout must be from 100ms to 60s',
    'webhooks.targets.d.secretFile and secret exclude each other',
    'webhooks.targets.d.secretFile cannot read',
    'webhooks.targets.d.headers has Webhook-Id, which berth sets itself',
    'webhooks.targets.d.ca cannot read',
  ])
    expect(message).toContain(part);
  for (const secret of secrets) expect(message).not.toContain(secret);
});
