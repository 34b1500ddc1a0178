import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCollectionOverview } from '../../../src/maintenance/collect/overview.ts';
import { type GuardedBerth, admin, adminPassword, apiOf, basic, callAs, pushAs, startGuarded } from '../../support/access.ts';
import { startBerth } from '../../support/berth.ts';
import { pushImage } from '../../support/images.ts';
import { countUsage, storedBytes } from '../../support/usage.ts';
import { type Visitor, newVisitor } from '../../support/visitor.ts';

let folder: string;
let berth: GuardedBerth;
let adminVisitor: Visitor;
let aliceVisitor: Visitor;
const api = apiOf(() => berth);
const alice = basic('alice', 'wonderland');

const configuration = `
retention: { rules: [{ name: old, match: ["alice/**:b-*"], keep: [{ newest: 1 }] }] }
quotas: [{ name: homes, match: "**", per: namespace, size: 1GiB, tags: 50 }]
`;

interface Tree {
  readonly bytes: number;
  readonly shared: string;
  readonly parts: readonly { kind: string; name: string; bytes: number; ownBytes: number | null; digest: string | null }[];
}

async function treeAt(at: string, login = admin): Promise<Tree> {
  const answer = await api('GET', `/storage/tree?at=${at}`, undefined, login);
  expect(answer.status).toBe(200);
  return answer.json() as Tree;
}

async function signIn(name: string, password: string): Promise<Visitor> {
  const visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name, password });
  return visitor;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-storage-'));
  const file = join(folder, 'berth.yaml');
  await writeFile(file, configuration);
  berth = await startGuarded({ BERTH_CONFIG: file });
  await berth.administration.createUser({ name: 'alice', password: 'wonderland', isAdmin: false });
  await berth.administration.grant('user:alice', 'alice/**', 'pull,push,delete,admin');
  const shared = await pushAs(berth, alice, 'alice/app', 'b-1');
  await pushAs(berth, alice, 'alice/app', 'b-2');
  await pushAs(berth, alice, 'alice/web', '1', shared);
  const { digest } = await pushAs(berth, alice, 'alice/app', 'gone');
  await callAs(berth, alice, 'DELETE', `/v2/alice/app/manifests/${digest}`);
  await pushAs(berth, admin, 'hidden/one', '1');
  await countUsage(berth);
  adminVisitor = await signIn('admin', adminPassword);
  aliceVisitor = await signIn('alice', 'wonderland');
});
afterAll(async () => {
  await berth.close();
  await rm(folder, { recursive: true });
});

test('the figures are those of the store, and the parts of each level sum to it', async () => {
  const summary = (await api('GET', '/storage/summary')).json() as Record<string, number>;
  expect(summary['storedBytes']).toBe(await storedBytes(berth));
  const { imageBytes = 0, cacheBytes = 0, trashBytes = 0, garbageBytes = 0 } = summary;
  expect([imageBytes + cacheBytes + trashBytes + garbageBytes, trashBytes > 0, garbageBytes]).toEqual([
    summary['storedBytes'],
    true,
    0,
  ]);
  expect((await treeAt('')).bytes).toBe(summary['storedBytes']);
  const all = await treeAt('');
  for (const { name, bytes } of all.parts) expect((await treeAt(`${name}/`)).bytes).toBe(bytes);
  for (const at of ['', 'alice/', 'alice/app', 'hidden/one']) {
    const { bytes, parts } = await treeAt(at);
    expect(parts.reduce((sum, part) => sum + part.bytes, 0)).toBe(bytes);
  }
});

test('an image that two repositories have is shared, and counts once', async () => {
  const { parts } = await treeAt('alice/');
  const [app, web] = ['alice/app', 'alice/web'].map((name) => parts.find((part) => part.name === name));
  expect([app?.ownBytes, web?.ownBytes]).toEqual([expect.any(Number), 0]);
  expect([(app?.bytes ?? 0) > (app?.ownBytes ?? 0), web?.bytes]).toEqual([true, 0]);
  const images = (await treeAt('alice/app')).parts.filter(({ kind }) => kind === 'image').map(({ name }) => name);
  expect(images.sort()).toEqual(['b-1', 'b-2']);
});

test('a user sees only what it may pull, and nothing changes for it when a hidden repository gets the same content', async () => {
  const before = [await treeAt('', alice), await treeAt('alice/', alice), (await aliceVisitor.get('/ui/storage')).text];
  expect((before[0] as Tree).parts.map(({ name }) => name)).toEqual(['alice']);
  expect(before[2]).not.toMatch(/hidden\/|Garbage collection|on the disk/);
  const image = await pushAs(berth, alice, 'alice/tool', '1');
  await countUsage(berth);
  const own = [await treeAt('', alice), await treeAt('alice/', alice)];
  await pushAs(berth, admin, 'a-hidden/copy', '1', image);
  await countUsage(berth);
  expect([await treeAt('', alice), await treeAt('alice/', alice)]).toEqual(own);
  expect((await api('GET', '/storage/tree?at=hidden/', undefined, alice)).status).toBe(404);
  expect((await api('GET', '/storage/tree?at=hidden/one', undefined, alice)).status).toBe(404);
  expect((await api('GET', '/storage/summary', undefined, alice)).status).toBe(403);
  expect((await aliceVisitor.get('/ui/storage?at=hidden/')).status).toBe(404);
});

test('the page shows sizes as areas and as a table, what the next push may use, and the age of backups', async () => {
  const { text } = await adminVisitor.get('/ui/storage');
  expect(text).toContain('<svg class="treemap"');
  expect(text).toMatch(/href="\/ui\/storage\?at=alice\/#tree"/);
  expect(text).toMatch(/The next push may use/);
  expect(text).toMatch(/no backup yet/);
  expect((await aliceVisitor.get('/ui/storage')).text).toMatch(/alice\/.*homes/s);
  expect((await adminVisitor.get('/ui/storage?at=alice/app')).text).toMatch(/href="\/ui\/r\/alice\/app@sha256:/);
});

test('an admin pauses, resumes and runs garbage collection with buttons; nobody else may', async () => {
  const press = async (visitor: Visitor, action: string) => (await visitor.post('/ui/storage/collection', { action })).status;
  expect([await press(aliceVisitor, 'pause'), await press(adminVisitor, 'pause'), await press(adminVisitor, 'run')]).toEqual([
    403, 303, 303,
  ]);
  expect((await adminVisitor.get('/ui/storage')).text).toMatch(/garbage collection is paused/);
  expect((await adminVisitor.get('/ui/storage')).text).toMatch(/paused since/);
  expect([await press(adminVisitor, 'resume'), await press(adminVisitor, 'run')]).toEqual([303, 303]);
  expect((await adminVisitor.get('/ui/storage')).text).toMatch(/0 blobs deleted/);
  expect(await press(adminVisitor, 'nothing')).toBe(400);
});

test('the preview of retention gives a reason for each tag to those who administer the repositories', async () => {
  const preview = (visitor: Visitor, pattern: string) => visitor.get(`/ui/storage/retention?repositories=${pattern}`);
  const { text } = await preview(aliceVisitor, 'alice/**');
  expect(text).toMatch(/alice\/app:b-1.*would be deleted.*not newest 1 by pushed/s);
  expect(text).toMatch(/alice\/app:b-2.*stays/s);
  expect((await preview(adminVisitor, '')).text).toMatch(/alice\/app:b-1/);
  expect((await preview(aliceVisitor, 'hidden/**')).status).toBe(403);
  expect((await preview(aliceVisitor, '')).text).not.toMatch(/would be deleted/);
  expect((await preview(aliceVisitor, 'a b')).text).toMatch(/is not NAME/);
});

test('the trash of all repositories shows what the visitor may restore', async () => {
  const { digest } = await pushAs(berth, admin, 'hidden/two', '1');
  await callAs(berth, admin, 'DELETE', `/v2/hidden/two/manifests/${digest}`);
  expect((await adminVisitor.get('/ui/trash')).text).toMatch(/hidden\/two.*alice\/app/s);
  const { text } = await aliceVisitor.get('/ui/trash');
  expect([text.includes('alice/app'), text.includes('hidden/two')]).toEqual([true, false]);
  const { items } = (await api('GET', '/storage/trash', undefined, alice)).json() as { items: readonly object[] };
  expect(items).toEqual([expect.objectContaining({ repository: 'alice/app', tags: ['gone'] })]);
  const entry = /name="entry" value="(\d+)"/.exec(text)?.[1] ?? '';
  expect((await aliceVisitor.post('/ui/r/alice/app/-/trash/restore', { entry })).status).toBe(303);
  expect((await aliceVisitor.get('/ui/trash')).text).toMatch(/nothing in the trash/);
});

test('in mode open every visitor reads the scheduled jobs, the health and the state of the installation, and no accounts', async () => {
  const open = await startBerth();
  try {
    const visitor = newVisitor(open);
    const home = (await visitor.get('/ui')).text;
    expect(home).toMatch(/This installation[^]*[KMGTP]iB free[^]*href="\/ui\/admin\/schedule"/);
    expect((await visitor.get('/ui/admin')).location).toBe('/ui/admin/health');
    const health = (await visitor.get('/ui/admin/health')).text;
    expect(health).toMatch(/aria-label="Administration"[^]*href="\/ui\/jobs"[^]*Blob store/);
    expect((await visitor.get('/ui/admin/schedule')).status).toBe(200);
    expect((await visitor.get('/ui/jobs')).status).toBe(200);
    expect(health).not.toContain('/ui/admin/users');
    expect((await visitor.get('/ui/admin/users')).status).toBe(404);
    expect((await visitor.post('/ui/admin/users', { name: 'eve' })).status).toBe(404);
  } finally {
    await open.close();
  }
});

test('in mode open every visitor reads the storage view, and the buttons of admins are missing', async () => {
  const open = await startBerth();
  try {
    await pushImage(open, 'app', '1');
    await countUsage(open);
    const visitor = newVisitor(open);
    const { status, text } = await visitor.get('/ui/storage');
    expect([status, text.includes('value="pause"')]).toEqual([200, false]);
    expect(text).toMatch(/Garbage collection/);
    expect((await visitor.post('/ui/storage/collection', { action: 'pause' })).status).toBe(403);
    expect((await visitor.get('/ui/storage?at=app')).text).toMatch(/\/ui\/r\/app@sha256:/);
    expect((await visitor.get('/ui/trash')).status).toBe(200);
  } finally {
    await open.close();
  }
});

test('the view shows garbage collection without counting the trash, which reads a row for each entry', async () => {
  const state = { pausedAt: null, blockedBy: null, delayMs: 2000, untaggedMs: null };
  const metadata = {
    collectionState: { find: () => Promise.resolve(state) },
    reviews: { countDue: () => Promise.resolve(3), listFailed: () => Promise.resolve([]) },
    trash: { count: () => Promise.reject(new Error('the trash is counted')) },
  };
  const overview = createCollectionOverview({ driver: {}, metadata, now: () => 0 } as never);
  expect(await overview.work()).toEqual(expect.objectContaining({ graceMs: 1000, due: 3, keepsVersions: false }));
  await expect(overview.status()).rejects.toThrow('the trash is counted');
});
