import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Query, Row } from '../../storage/metadata/queries/steps/query.ts';
import { type GuardedBerth, adminPassword, basic, pushAs, startGuarded } from '../support/access.ts';
import { call } from '../support/call.ts';
import { runCommand } from '../support/command.ts';
import { protocolQueries } from '../support/protocol-queries.ts';

let folder: string;
let berth: GuardedBerth;
const admin = basic('admin', adminPassword);
const alice = basic('alice', 'wonderland');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-quotas-'));
  const file = join(folder, 'berth.yaml');
  await writeFile(
    file,
    'quotas: [{ name: teams, match: "**", per: namespace, size: 1MiB, tags: 1 }, { match: "**", per: all, tags: 9 }]\n',
  );
  berth = await startGuarded({ BERTH_CONFIG: file });
  await berth.administration.createUser({ name: 'alice', password: 'wonderland', isAdmin: false });
  await berth.administration.grant('user:alice', 'alice/**', 'pull,push,admin');
  await pushAs(berth, alice, 'alice/app', '1');
});
afterAll(async () => {
  await berth.close();
  await rm(folder, { recursive: true });
});

const get = (login: typeof admin, query = '') => call(berth, 'GET', `/api/v1/quotas${query}`, { headers: login });
const used = {
  quota: 'teams',
  per: 'namespace',
  name: 'alice',
  usedBytes: expect.any(Number),
  uploadBytes: 0,
  maxBytes: 1024 * 1024,
  tags: 1,
  maxTags: 1,
  counting: false,
};
const whole = { ...used, quota: '** per all', per: 'all', name: '', maxBytes: null, maxTags: 9 };

test('an admin lists quotas in pages, and the admin of a repository its quotas', async () => {
  expect((await get(admin)).json()).toEqual({ items: [used, whole] });
  const first = (await get(admin, '?limit=1')).json() as { readonly items: readonly object[]; readonly next: string };
  expect(first.items).toEqual([used]);
  expect((await get(admin, `?limit=1&after=${encodeURIComponent(first.next)}`)).json()).toMatchObject({ items: [whole] });
  expect((await get(alice, '?repository=alice/app')).json()).toEqual({ items: [used, whole] });
  expect([(await get(alice)).status, (await get(alice, '?repository=other/app')).status]).toEqual([403, 403]);
  expect((await get(admin, '?after=nonsense')).status).toBe(400);
});

test('a refused push is an event in the audit log that names the account, once a minute', async () => {
  for (const tag of ['2', '3']) await expect(pushAs(berth, alice, 'alice/app', tag)).rejects.toThrow('1 of 1 tags are used');
  const events = await berth.metadata.audit.list({ target: 'alice/app' }, Number.MAX_SAFE_INTEGER, 100);
  const refused = events.filter(({ action }) => action === 'quota.exceeded');
  expect(
    refused.map(({ actor, address, result, detail }) => [actor, address, result, JSON.parse(detail ?? '') as unknown]),
  ).toEqual([['alice', '127.0.0.1', 'refused', { quota: 'teams', name: 'alice', unit: 'tags', used: 1, needed: 1, limit: 1 }]]);
});

test('berth quota list shows what is used, and berth quota recount finds no wrong counter', async () => {
  const list = await runCommand(['quota', 'list', '--json'], berth.environment);
  expect(JSON.parse(list.stdout)).toMatchObject([
    { quota: 'teams', name: 'alice', uploads: 0, limit: 1024 * 1024, tags: 1, maxTags: 1, status: 'enforced' },
    { quota: '** per all', name: null, limit: null },
  ]);
  expect((await runCommand(['quota', 'list', 'alice/app'], berth.environment)).stdout).toContain('1.0 MiB');
  const recount = await runCommand(['quota', 'recount', '--json'], berth.environment);
  expect(JSON.parse(recount.stdout)).toEqual({ differences: [] });
  expect(
    (
      await call(berth, 'POST', '/api/v1/quotas/recount', {
        headers: { ...admin, 'Content-Type': 'application/json' },
        body: '{}',
      })
    ).status,
  ).toBe(204);
});

describe('quotas in the configuration', () => {
  async function check(yaml: string): Promise<readonly string[]> {
    const file = join(folder, 'checked.yaml');
    await writeFile(file, yaml);
    const { stdout } = await runCommand(['config', 'check', '--json', '--config', file]);
    const { errors } = JSON.parse(stdout) as { readonly errors: readonly string[] };
    return errors.map((error) => error.replaceAll(`${folder}/`, ''));
  }

  test('every error is reported with its line', async () => {
    expect(
      await check(`quotas:
  - { match: "**", size: 1GiB }
  - { match: "**", tags: 3 }
  - { match: ["team/*/app"], size: 1GiB }
  - { match: ["!team/**"], size: 1GiB }
  - { match: other/** }
  - { name: none, size: 1GiB }
`),
    ).toEqual([
      'quotas.1.name is also the name of another quota: ** per namespace (checked.yaml:3)',
      'quotas.2.match must be NAME, PREFIX/* or PREFIX/**, or one with ! in front, not "team/*/app" (checked.yaml:4)',
      'quotas.3.match has only exclusions (!), which select nothing: add a pattern of what to select (checked.yaml:5)',
      'quotas.4 limits nothing: write size or tags (checked.yaml:6)',
      'quotas.5.match is missing: name repositories, such as "**" or team/** (checked.yaml:7)',
    ]);
  });
});

/** Runs the query with rows of its own and returns its statements. */
function statementsOf(query: Query<unknown>): readonly string[] {
  const rows: readonly Row[] = [{ id: 1, digest: 'd6', sizeBytes: 1, previous: null, name: 'app1', isMirrored: 0 }];
  const statements: string[] = [];
  for (let step = query.next([]); !step.done; step = query.next(rows)) statements.push(step.value.sql);
  return statements;
}

test.each(['start an upload', 'finish an upload', 'cancel an upload', 'mount', 'push a manifest', 'move a tag back'])(
  'without quotas, "%s" sends no statement for them',
  (name) => {
    const query = protocolQueries[name]?.();
    const statements = query ? statementsOf(query) : [];
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.filter((sql) => sql.includes('quota') || sql.includes('reserved_bytes'))).toEqual([]);
  },
);
