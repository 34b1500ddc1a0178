import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type GuardedBerth, adminPassword, basic, pushAs, startGuarded } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';

let folder: string;
let berth: GuardedBerth;
let pushed: Digest;
const admin = basic('admin', adminPassword);
const alice = basic('alice', 'wonderland');
const bob = basic('bob', 'wonderland!');
const plan = { id: 'plan1', madeAt: 1, rulesHash: 'hash', reason: 'too much' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-retention-'));
  const file = join(folder, 'berth.yaml');
  await writeFile(file, 'retention: { rules: [{ name: one, match: ["**:b-*"], keep: [{ newest: 1 }] }] }\n');
  berth = await startGuarded({ BERTH_CONFIG: file });
  await berth.administration.createUser({ name: 'alice', password: 'wonderland', isAdmin: false });
  await berth.administration.createUser({ name: 'bob', password: 'wonderland!', isAdmin: false });
  await berth.administration.grant('user:alice', 'alice/**', 'pull,push,admin');
  pushed = (await pushAs(berth, alice, 'alice/app', 'b-1')).digest;
  await pushAs(berth, alice, 'alice/app', 'b-2');
});
afterAll(async () => {
  await berth.close();
  await rm(folder, { recursive: true });
});

const get = (login: typeof admin, path: string) => call(berth, 'GET', `/api/v1/retention/${path}`, { headers: login });
const berthCommand = (...words: readonly string[]) => runCommand(['retention', ...words], berth.environment);

async function storePlan(): Promise<void> {
  const repository = 'alice/app' as RepositoryName;
  const found = await berth.metadata.retentionContent.findRepository(repository);
  const item = { repositoryId: found?.repositoryId ?? 0, repository, digest: pushed, tag: 'b-1', pushedAt: 1 };
  await berth.metadata.retentionPlans.put(plan, [{ ...item, rule: 'one', reason: 'not newest 1 by pushed' }]);
}

describe('retention over the API', () => {
  test('who administers repositories sees their preview, and others do not', async () => {
    const { items } = (await get(alice, 'preview?repositories=alice/**')).json() as { readonly items: readonly object[] };
    expect(items).toMatchObject([
      { tag: 'b-1', digest: pushed, expires: true, rule: 'one', reason: 'not newest 1 by pushed', notBefore: expect.any(String) },
      { tag: 'b-2', expires: false, rule: 'one', reason: 'newest 1 by pushed', notBefore: null },
    ]);
    expect((await get(admin, 'preview')).json()).toMatchObject({ items: [{ tag: 'b-1' }, { tag: 'b-2' }] });
    expect((await get(bob, 'preview?repositories=alice/**')).status).toBe(403);
    expect([(await get(alice, 'preview')).status, (await get({ Authorization: '' }, 'preview')).status]).toEqual([403, 401]);
  });

  test('an admin sees and approves the plan that waits', async () => {
    expect((await get(admin, 'plan')).json()).toEqual({ plan: null });
    await storePlan();
    expect((await get(admin, 'plan')).json()).toMatchObject({
      plan: { id: 'plan1', reason: 'too much', approvedBy: null, items: [{ repository: 'alice/app', tag: 'b-1', rule: 'one' }] },
    });
    expect((await get(alice, 'plan')).status).toBe(403);
    const approve = (login: typeof admin, id: string) =>
      call(berth, 'POST', `/api/v1/retention/plans/${id}/approval`, {
        headers: { ...login, 'Content-Type': 'application/json' },
        body: '{}',
      });
    expect([(await approve(alice, 'plan1')).status, (await approve(admin, 'plan2')).status]).toEqual([403, 404]);
    expect((await approve(admin, 'plan1')).status).toBe(204);
    expect((await get(admin, 'plan')).json()).toMatchObject({ plan: { approvedBy: 'admin' } });
  });
});

describe('retention on the command line', () => {
  test('preview prints what would expire, and changes nothing', async () => {
    const { code, stdout, stderr } = await berthCommand('preview', 'alice/*', '--json');
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      [{ repository: 'alice/app', tag: 'b-1', decision: 'expires', rule: 'one' }],
    ]);
    expect((await berthCommand('preview', '--all')).stdout).toMatch(/alice\/app +b-2 .* stays +one +newest 1 by pushed/);
    expect((await berthCommand('preview', 'nothing/**')).stderr).toContain('0 would expire; nothing was changed');
    expect([(await berthCommand('preview', '**/x')).code, stderr]).toEqual([2, expect.any(String)]);
    expect(await berth.metadata.tags.list('alice/app' as RepositoryName, '', 10)).toEqual(['b-1', 'b-2']);
  });

  test('approve takes the plan that waits, and names it if another one is meant', async () => {
    await storePlan();
    const waiting = await berthCommand('preview', '--plan');
    expect([waiting.stdout, waiting.stderr]).toEqual([
      expect.stringMatching(/plan1 +alice\/app +b-1 .*not newest 1 by pushed/),
      expect.stringContaining('it waits: too much'),
    ]);
    expect((await berthCommand('approve', 'plan2')).stderr).toContain('no plan plan2 waits: the waiting plan is plan1');
    expect((await berthCommand('approve', 'plan1')).stdout).toContain('plan plan1 is approved');
    expect((await berth.metadata.retentionPlans.find())?.approvedBy).toBe('command line');
  });

  test('log prints what expired', async () => {
    const { code, stdout } = await berthCommand('log', 'alice/app', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, []]);
    expect((await berthCommand('log', '--limit', '0')).code).toBe(2);
  });
});
