import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GuardedBerth, admin, adminPassword, callAs, pushAs, startGuarded } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { startSite } from '../../support/sync.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';

let upstream: FakeUpstream;
let berth: GuardedBerth;
let folder: string;

beforeAll(async () => {
  upstream = await startFakeUpstream();
  folder = await mkdtemp(join(tmpdir(), 'berth-sync-'));
  const file = join(folder, 'berth.yaml');
  const entry = (name: string) => ({ name, from: `hub.test/${name}`, to: name, at: '00:00' });
  const sync = [entry('shown'), entry('copied'), entry('broken'), entry('limited')];
  const quotas = [{ name: 'small', match: 'limited', size: '10KiB' }];
  await writeFile(file, JSON.stringify({ registries: { 'hub.test': { url: upstream.url } }, sync, quotas }));
  upstream.addImage('shown', '1');
  upstream.addImage('copied', '1');
  upstream.addManifest('broken', '1', '{}');
  upstream.addImage('limited', '1', 50_000);
  berth = await startGuarded({ BERTH_CONFIG: file });
});
afterAll(async () => {
  await berth.close();
  await upstream.close();
  await rm(folder, { recursive: true });
});

const json = { 'Content-Type': 'application/json' };
const api = (method: string, path: string) =>
  call(berth, method, `/api/v1${path}`, method === 'GET' ? { headers: admin } : { headers: { ...admin, ...json }, body: '{}' });
const get = async (path: string) => JSON.parse((await api('GET', path)).body.toString()) as unknown;
const command = (...words: string[]) =>
  runCommand(['sync', ...words], { ...berth.environment, BERTH_CONFIG: join(folder, 'berth.yaml') });

describe('sync beside a running server', () => {
  test('is listed and asked for by the API', async () => {
    expect(await get('/sync')).toMatchObject([
      { name: 'shown', from: 'hub.test/shown', to: 'shown', state: 'never run' },
      {},
      {},
      {},
    ]);
    const asked = await api('POST', '/sync/shown/runs');
    expect(asked.status).toBe(204);
    expect(['requested', 'running', 'done']).toContain(((await get('/sync/shown')) as { state: string }).state);
    expect((await api('POST', '/sync/absent/runs')).status).toBe(404);
    expect((await api('GET', '/sync/absent')).status).toBe(404);
  });

  test('copies by the command line, with figures', async () => {
    const dry = await command('copied', '--dry-run', '--json');
    expect(JSON.parse(dry.stdout)).toMatchObject([{ entry: 'copied', action: 'copy', repository: 'copied', reference: '1' }]);
    const { code, stdout } = await command('copied', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, [{ name: 'copied', error: null, copiedTags: 1, copiedBlobs: 2 }]]);
    expect((await callAs(berth, admin, 'GET', '/v2/copied/manifests/1')).status).toBe(200);
    expect((await command('copied')).stdout).toBe('copied: 1 tags, 0 copied (0 B)\n');
  });

  test('reports what it could not copy, and exits with 1', async () => {
    const { code, stderr } = await command('broken');
    expect(code).toBe(1);
    expect(stderr).toContain('broken:1: ');
    expect(stderr).toContain('broken: 1 failed');
    const status = await command('broken', '--status');
    expect(status.stdout).toMatch(/broken +hub\.test\/broken +broken +failed/);
    expect(status.stderr).toContain('broken: broken:1: ');
    expect(await get('/sync/broken')).toMatchObject({ state: 'failed', failures: [{ repository: 'broken', reference: '1' }] });
  });

  test('keeps to quotas, and names the one that an image does not fit into', async () => {
    const { code, stderr } = await command('limited');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/limited:1: .*quota "small"/)]);
    expect((await callAs(berth, admin, 'GET', '/v2/limited/manifests/1')).status).toBe(404);
  });

  test('knows the names of its entries', async () => {
    const { code, stderr } = await command('absent');
    expect(code).toBe(2);
    expect(stderr).toContain('sync has no entry absent: it has shown, copied, broken, limited');
  });

  test('copies from a berth that needs a login, and to it', async () => {
    await pushAs(berth, admin, 'peer/app', '1');
    const site = await startSite();
    try {
      const registries = { 'peer.test': { url: berth.url, username: 'admin', password: adminPassword } };
      await site.configure({ registries, sync: [{ from: 'peer.test/peer/**', to: 'peer/**' }] });
      expect(await site.run()).toMatchObject({ error: undefined, summary: { copiedTags: 1 } });
      await site.configure({ registries, sync: [{ name: 'back', from: 'peer/**', to: 'peer.test/back/**' }] });
      expect(await site.run()).toMatchObject({ error: undefined, summary: { copiedTags: 1 } });
      expect((await callAs(berth, admin, 'GET', '/v2/back/app/manifests/1')).status).toBe(200);
    } finally {
      await site.dispose();
    }
  });

  test('shows the age of the last copy as a metric', async () => {
    const text = (await callAs(berth, undefined, 'GET', '/metrics')).body.toString();
    expect(text).toMatch(/^berth_sync_age_seconds\{entry="copied"\} \d/m);
  });
});
