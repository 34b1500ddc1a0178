import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { z } from 'zod';
import type { Config } from '../../../config/schema.ts';
import type { Route } from '../../../src/http/api/table/route.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { GuardedBerth } from '../../support/access.ts';
import type { Answer, Call } from '../../support/call.ts';
import type { Visitor } from '../../support/visitor.ts';

/** The queries of the request in whose context they run: work in the background belongs to none. */
const requests = new AsyncLocalStorage<string[]>();
/** The queries of the last request that the server has begun. */
let queries: string[] = [];
const begin = () => {
  queries = [];
  requests.enterWith(queries);
};

function counted(store: MetadataStore): MetadataStore {
  return wrapOperations(store, (operation, id) => (...values) => {
    requests.getStore()?.push(id);
    return operation(...values);
  });
}

const fileOf = ({ storage }: Pick<Config, 'storage'>) =>
  storage.metadata.file ?? join(storage.blobs.directory, 'metadata.sqlite');

jest.unstable_mockModule('../../../src/assembly/metadata-store.ts', () => ({
  metadataFile: fileOf,
  async openMetadata(config: Pick<Config, 'storage'>) {
    const { url, connections } = config.storage.metadata;
    if (url !== undefined) return counted(await createPostgresStore({ url, connections }));
    return counted(await createSqliteStore({ file: fileOf(config) }));
  },
}));

// Loaded after the line above, which replaces a module of the server.
const { isWrite, wrapOperations } = await import('../../support/wrapped-metadata.ts');
const { createSqliteStore } = await import('../../../storage/metadata/sqlite/sqlite-store.ts');
const { createPostgresStore } = await import('../../../storage/metadata/postgres/postgres-store.ts');
const { routes } = await import('../../../src/http/api/routes.ts');
const { imageActions } = await import('../../../src/http/ui/views/image/actions.ts');
const { repositoryViews } = await import('../../../src/http/ui/views/repository/repository-view.ts');
const { accessOf, admin, alice, askToken, basic, pushAs, startWithAlice } = await import('../../support/access.ts');
const { call } = await import('../../support/call.ts');
const { until } = await import('../../support/until.ts');
const { countUsage } = await import('../../support/usage.ts');
const { newVisitor } = await import('../../support/visitor.ts');

/** Names of the same length: even lengths of answers must be equal. */
const [hidden, absent] = ['team/hidden', 'team/absent'];

let berth: GuardedBerth;
let visitor: Visitor;
/** A login of alice that costs no slow hash. */
let login: ReturnType<typeof basic>;
let digest: string;

beforeAll(async () => {
  subscribe('http.server.request.start', begin);
  berth = await startWithAlice();
  await berth.administration.grant('user:alice', 'team/seen', 'pull,push,delete,admin');
  ({ digest } = await pushAs(berth, admin, hidden, '1'));
  const seen = await pushAs(berth, admin, 'team/seen', '1');
  await pushAs(berth, admin, hidden, 'same', seen);
  const { secret } = await berth.administration.createToken({ account: 'alice', name: 'laptop' });
  login = basic('alice', secret);
  // What is known of an image only some time after its push.
  await countUsage(berth);
  await until(async () => {
    const { body } = await call(berth, 'GET', '/api/v1/tags?repository=team/seen', { headers: login });
    return (JSON.parse(body.toString()) as { items: { platforms: object[] }[] }).items.every(
      ({ platforms }) => platforms.length > 0,
    );
  });
  visitor = newVisitor(berth);
  await visitor.post('/ui/login', { name: 'alice', password: 'wonderland' });
});
afterAll(async () => {
  unsubscribe('http.server.request.start', begin);
  await berth.close();
});

interface Shown {
  readonly status: number;
  readonly headers: unknown;
  readonly text: string;
  readonly queries: readonly string[];
}

type Ask = (repository: string) => Promise<Omit<Shown, 'queries'>>;

/** Headers that differ between two equal requests. */
const changing = ['date', 'x-request-id', 'keep-alive', 'content-length'];

/** Returns an answer without its request id and the words for how long ago something was. */
function shown({ status, headers, body }: Pick<Answer, 'status' | 'headers' | 'body'>): Omit<Shown, 'queries'> {
  const rest = Object.entries(headers).filter(([name]) => !changing.includes(name));
  const text = body
    .toString()
    .replaceAll(String(headers['x-request-id']), 'ID')
    .replaceAll(/(<time[^>]*>)[^<]*/g, '$1');
  const left = Number(headers['content-length'] ?? 0) - body.length + Buffer.byteLength(text);
  return { status, headers: { ...Object.fromEntries(rest), 'content-length': left }, text };
}

/** Asks about one repository three times: what a cache holds for a moment is no difference between two repositories. */
async function answerFor(ask: Ask, repository: string): Promise<Shown> {
  const answers: Shown[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const answer = await ask(repository);
    // Without what is written only after the answer, such as the lines of the audit log that are collected meanwhile.
    // Sorted: queries that run side by side may begin in either order.
    answers.push({ ...answer, queries: [...queries].sort() });
  }
  const [last = { status: 0, headers: {}, text: '', queries: [] }] = answers.sort((a, b) => a.queries.length - b.queries.length);
  return JSON.parse(JSON.stringify(last).replaceAll('absent', 'hidden')) as Shown;
}

async function expectEqual(ask: Ask): Promise<Shown> {
  const [one, other] = [await answerFor(ask, hidden), await answerFor(ask, absent)];
  expect(other).toEqual(one);
  return one;
}

const send = (method: string, path: string, options: Call = {}) => call(berth, method, path, options);

function cookie(): Readonly<Record<string, string>> {
  return { Cookie: [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
}

describe('a repository that the visitor may not see and one that does not exist give equal answers of as many queries', () => {
  const page = (path: string) => async (repository: string) =>
    shown(await send('GET', path.replaceAll('REPO', repository), { headers: cookie() }));
  const form = (path: string) => async (repository: string) => {
    const headers = { ...cookie(), Origin: berth.url, 'Content-Type': 'application/x-www-form-urlencoded' };
    return shown(await send('POST', path.replaceAll('REPO', repository), { headers, body: 'tag=1&confirm=1&name=2' }));
  };

  const imageViews = Object.keys(imageActions.views).map((view) => (view === '' ? '/ui/r/REPO:1' : `/ui/r/REPO:1/-/${view}`));
  const views = [
    ...Object.values(repositoryViews).map((rest) => `/ui/r/REPO${rest}`),
    ...imageViews,
    `/ui/r/REPO@sha256:${'0'.repeat(64)}`,
    '/ui/r/REPO/-/history?tag=1',
    '/ui/diff?from=REPO:1&to=2',
    '/ui/diff?from=team/seen:1&to=REPO:1',
  ];

  test.each(views)('the view %s', async (path) => {
    expect((await expectEqual(page(path))).status).toBe(404);
  });

  test.each([
    '/ui',
    '/ui/repositories?prefix=REPO',
    '/ui/search?q=REPO',
    '/ui/search?q=REPO:1',
    '/ui/storage',
    '/ui/storage?at=REPO',
    '/ui/storage?at=team/',
    '/ui/trash',
    '/ui/storage/retention?repositories=REPO',
    '/ui/upload?repository=REPO',
    '/ui/jobs',
  ])('the list %s', async (path) => {
    await expectEqual(page(path));
  });

  const forms = ['star', 'tags/delete', 'history/restore', 'trash/restore', 'trash/empty', 'access/give', 'access/revoke'];
  const ofRepository = [...forms, 'settings/visibility', 'settings/description'].map((name) => `/ui/r/REPO/-/${name}`);
  const ofImage = Object.keys(imageActions.forms).map((name) => `/ui/r/REPO:1/-/${name}`);
  test.each([...ofRepository, ...ofImage])('the form %s', async (path) => {
    expect((await expectEqual(form(path))).status).toBe(404);
  });

  /** Valid values of parameters and of fields; the others have defaults. */
  const values: Readonly<Record<string, (repository: string) => unknown>> = {
    repository: String,
    repositories: String,
    reference: () => '1',
    account: () => 'alice',
    from: () => '1',
    to: () => '1',
    tag: () => '1',
    path: () => 'etc',
    description: () => 'x',
    reason: () => 'x',
    renames: () => ({}),
    entries: () => [1],
    digest: () => digest,
    document: () => digest,
    pattern: String,
    subject: () => 'user:alice',
    actions: () => ['pull'],
    public: () => true,
  };
  const filled = (schema: { readonly shape: Readonly<Record<string, z.core.$ZodType>> } | undefined, repository: string) =>
    Object.keys(schema?.shape ?? {}).flatMap((name) => (values[name] ? [[name, values[name](repository)] as const] : []));
  const isAboutRepository = ({ needs }: Route) => typeof needs === 'object';
  const rows = routes.filter(isAboutRepository).map((row) => [row.method, row.path, row] as const);

  test.each(rows)('the row %s %s of the API', async (method, path, row) => {
    const { status } = await expectEqual(async (repository) => {
      const query = new URLSearchParams(
        filled(row.query, repository).map(([name, value]): [string, string] => [name, String(value)]),
      );
      const at = `/api/v1${path.replace('{id}', '1')}?${query.toString()}`;
      const isArchive = path === '/archives';
      const body = isArchive ? 'no archive' : JSON.stringify(Object.fromEntries(filled(row.body, repository)));
      const type = isArchive ? 'application/x-tar' : 'application/json';
      const given = row.body || isArchive ? { headers: { ...login, 'Content-Type': type }, body } : { headers: login };
      return shown(await send(method, at, given));
    });
    expect([403, 404]).toContain(status);
  });

  test.each([
    ['GET', 'manifests/1'],
    ['HEAD', 'manifests/1'],
    ['DELETE', 'manifests/1'],
    ['PUT', 'manifests/1'],
    ['GET', 'tags/list'],
    ['GET', `blobs/sha256:${'0'.repeat(64)}`],
    ['GET', `referrers/sha256:${'0'.repeat(64)}`],
    ['POST', 'blobs/uploads/'],
  ])('%s %s of the registry protocol', async (method, path) => {
    const headers = { Authorization: `Bearer ${await askToken(berth, login)}` };
    await expectEqual(async (repository) => shown(await send(method, `/v2/${repository}/${path}`, { headers })));
  });

  test('the token server', async () => {
    const scopes = await Promise.all(
      [hidden, absent].map(async (repository) => accessOf(await askToken(berth, alice, `repository:${repository}:pull,push`))),
    );
    expect(JSON.parse(JSON.stringify(scopes[1]).replaceAll('absent', 'hidden'))).toEqual(scopes[0]);
  });
});

test('the tags that share a layer are those that the visitor may pull', async () => {
  const shared = async (headers: Readonly<Record<string, string>>) => {
    const answer = await send('GET', '/api/v1/image?repository=team/seen&reference=1', { headers });
    const { image } = answer.json() as { readonly image: { readonly layers: readonly { readonly tags: unknown }[] } };
    return image.layers.map(({ tags }) => tags);
  };
  expect(await shared(admin)).toEqual([{ count: 2, isExact: true }]);
  expect(await shared(login)).toEqual([{ count: 1, isExact: true }]);
  expect((await send('GET', '/ui/r/team/seen:1', { headers: cookie() })).body.toString()).not.toContain('shared by');
});

test('the comparison sees a difference: a repository that the visitor may pull is answered by other queries', async () => {
  const ask = async (repository: string) => {
    const answer = await send('GET', `/api/v1/tags?repository=${repository}`, { headers: login });
    return { status: answer.status, queries: queries.length };
  };
  const [seen, unseen] = [await ask('team/seen'), await ask(hidden)];
  expect([seen.status, unseen.status]).toEqual([200, 404]);
  expect(seen.queries).toBeGreaterThan(unseen.queries);
});

describe('a GET changes nothing', () => {
  const repository = Object.values(repositoryViews).map((rest) => `/ui/r/team/seen${rest}`);
  const image = Object.keys(imageActions.views).map((view) => `/ui/r/team/seen:1${view === '' ? '' : `/-/${view}`}`);
  const others = ['/ui', '/ui/repositories', '/ui/search?q=team', '/ui/diff?from=team/seen:1&to=1', '/ui/storage', '/ui/trash'];
  const own = ['/ui/jobs', '/ui/upload', '/ui/setup', '/ui/mirror', '/ui/account', '/ui/account/tokens', '/ui/help', '/ui/api'];

  test.each([...repository, ...image, ...others, ...own])(
    '%s writes nothing to the store, and is the same after a reload',
    async (path) => {
      const ask = async () => shown(await send('GET', path, { headers: cookie() }));
      const first = await ask();
      const again = await ask();
      const writes = await Promise.all(queries.map(async (id) => ((await isWrite(id)) ? [id] : [])));
      expect(writes.flat()).toEqual([]);
      expect(again).toEqual(first);
    },
  );
});
