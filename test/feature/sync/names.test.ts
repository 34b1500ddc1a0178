import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../config/load.ts';
import { apiOf } from '../../../src/maintenance/sync/names/apis.ts';
import { linkOf } from '../../../src/maintenance/sync/names/link.ts';
import { type SyncSite, startSite } from '../../support/sync.ts';

/** Answers as the APIs of registries are documented; registries themselves answer 404. */
let server: Server;
let url: string;
let site: SyncSite;
let pages: (request: IncomingMessage) => unknown = () => undefined;
/** The header `Link` of an answer. */
let linkAfter: (path: string) => string | undefined = () => undefined;
const seen: { readonly path: string; readonly authorization: string | undefined }[] = [];

beforeAll(async () => {
  site = await startSite();
  server = createServer((request, response) => {
    seen.push({ path: `${request.method ?? ''} ${request.url ?? ''}`, authorization: request.headers.authorization });
    const page = pages(request);
    response.statusCode = page === undefined ? 404 : 200;
    response.setHeader('Content-Type', 'application/json');
    const link = linkAfter(request.url ?? '');
    if (link !== undefined) response.setHeader('Link', link);
    response.end(JSON.stringify(page ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await site.dispose();
});
afterEach(() => {
  pages = () => undefined;
  linkAfter = () => undefined;
  seen.splice(0);
});

/** The repositories that an entry for `pattern` finds. */
async function list(listing: string, pattern: string, login: object = {}): Promise<readonly string[]> {
  const registry = { url, listing, listingUrl: url, ...login };
  const sync = await site.configure({
    registries: { 'api.test': registry },
    sync: [{ from: `api.test/${pattern}`, to: `copies/${pattern}` }],
  });
  const [entry] = sync.entries;
  if (!entry) throw new Error('no entry');
  return entry.open(new AbortController().signal).source.listRepositories();
}

const login = { username: 'robot', password: 'secret' };
const basic = `Basic ${Buffer.from('robot:secret').toString('base64')}`;
const many = Array.from({ length: 100 }, (_, index) => `r${index}`);

describe('the names of repositories', () => {
  test('come from all pages of Harbor, with the login itself', async () => {
    pages = ({ url: path = '' }) =>
      path.includes('page=1&') || path.endsWith('page=1')
        ? many.map((name) => ({ name: `team/${name}` }))
        : [{ name: 'team/nested/last' }, { name: 'team2/other' }];
    const names = await list('harbor', 'team/**', login);
    expect(names).toHaveLength(101);
    expect(names).toContain('team/nested/last');
    expect(seen[0]).toEqual({ path: 'GET /api/v2.0/projects/team/repositories?page_size=100&page=1', authorization: basic });
  });

  test('come from GitLab, with the password as a token', async () => {
    pages = () => [{ path: 'team/project/image' }, { path: 'team/project' }];
    expect(await list('gitlab', 'team/**', login)).toEqual(['team/project', 'team/project/image']);
    expect(seen[0]).toMatchObject({
      path: 'GET /api/v4/groups/team/registry/repositories?per_page=100&page=1',
      authorization: 'Bearer secret',
    });
  });

  test.each([
    ['ghcr', 'orgs'],
    ['ghcr-user', 'users'],
  ])('come from the packages of GitHub (%s)', async (listing, kind) => {
    pages = () => [{ name: 'app' }, { name: 'nested/app' }];
    expect(await list(listing, 'acme/**', login)).toEqual(['acme/app', 'acme/nested/app']);
    expect(seen[0]?.path).toBe(`GET /${kind}/acme/packages?package_type=container&per_page=100&page=1`);
  });

  test('come from Docker Hub, with a token for the login', async () => {
    pages = ({ url: path = '' }) =>
      path === '/v2/auth/token'
        ? { access_token: 'hub-token' }
        : path.includes('page=2')
          ? { next: null, results: [{ name: 'two' }] }
          : { next: 'https://elsewhere.test/steal', results: [{ name: 'one' }] };
    expect(await list('dockerhub', 'acme/*', login)).toEqual(['acme/one', 'acme/two']);
    expect(seen.map(({ path }) => path)).toContain('GET /v2/namespaces/acme/repositories?page_size=100&page=2');
    expect(seen.at(-1)?.authorization).toBe('Bearer hub-token');
  });

  test('come from Docker Hub without a token if there is no login', async () => {
    pages = () => ({ next: null, results: [{ name: 'one' }] });
    expect(await list('dockerhub', 'acme/*')).toEqual(['acme/one']);
    expect(seen).toHaveLength(1);
  });

  test('come from all pages of Quay, with the password as a token', async () => {
    pages = ({ url: path = '' }) =>
      path.includes('next_page=')
        ? { repositories: [{ namespace: 'acme', name: 'nested/two' }] }
        : { repositories: [{ namespace: 'acme', name: 'one' }], next_page: 'gAAA=+/' };
    expect(await list('quay', 'acme/**', login)).toEqual(['acme/nested/two', 'acme/one']);
    expect(seen).toEqual([
      { path: 'GET /api/v1/repository?namespace=acme&public=true', authorization: 'Bearer secret' },
      { path: 'GET /api/v1/repository?namespace=acme&public=true&next_page=gAAA%3D%2B%2F', authorization: 'Bearer secret' },
    ]);
  });

  test('come from all pages of the catalog of ECR, whose links are absolute and opaque', async () => {
    pages = ({ url: path = '' }) => {
      if (!path.startsWith('/v2/_catalog')) return undefined;
      return { repositories: path.includes('last=') ? ['team/two'] : ['other/x', 'team/one'] };
    };
    linkAfter = (path) =>
      path.endsWith('?n=1000')
        ? `<https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/_catalog?last=b3Bh%2Bcg%3D%3D>; rel="next"`
        : undefined;
    expect(await list('catalog', 'team/**')).toEqual(['team/one', 'team/two']);
    expect(seen.map(({ path }) => path)).toContain('GET /v2/_catalog?last=b3Bh%2Bcg%3D%3D');
  });

  test.each([
    ['quay', { repositories: {} }],
    ['harbor', { not: 'a list' }],
    ['gitlab', [{ name: 'no path' }]],
    ['dockerhub', { results: null }],
    ['ghcr', [{}]],
  ])('are not made up from an answer that is no listing (%s)', async (listing, page) => {
    pages = () => page;
    await expect(list(listing, 'acme/**')).rejects.toThrow('the registry sent no list of repositories');
  });

  test('are refused by an API that a pattern without an owner does not fit', () => {
    expect(() => apiOf('harbor', { registry: new URL(url), apiUrl: undefined, prefix: '' })).toThrow('begins with a name');
  });

  test('a link to the next page leads to the host that was asked', () => {
    const asked = new URL('https://registry.test/v2/_catalog?n=1');
    expect(linkOf('<https://evil.test/v2/_catalog?last=b&n=1>; rel="next"', asked)?.href).toBe(
      'https://registry.test/v2/_catalog?last=b&n=1',
    );
    expect(linkOf('</v2/_catalog?last=b>; rel="prev"', asked)).toBeUndefined();
  });
});

describe('the configuration of sync', () => {
  test.each([
    [
      { from: 'team/**', to: 'other/**' },
      'from or to must begin with a registry of mirror.upstreams or registries, and not both',
    ],
    [{ from: 'ghcr.io/a/**', to: 'quay.io/a/**' }, 'from or to must begin with a registry'],
    [{ from: 'ghcr.io/a/**', to: 'a/*' }, 'to must have the same wildcard as from'],
    [{ from: 'ghcr.io/a/**/b', to: 'a/**' }, 'from must be a pattern of repositories'],
    [{ from: 'ghcr.io/a', to: 'a', tags: ['semver(x)'] }, 'tags has semver(x), which is not a pattern of tags'],
    [{ from: 'ghcr.io/a', to: 'a', platforms: ['amd64'] }, 'platforms has amd64, which is not a platform'],
    [{ from: 'ghcr.io/a', to: 'a', at: '25:00' }, 'at must be a time of day such as 03:00, not 25:00'],
    [{ from: 'ghcr.io/a', to: 'a', at: '03:00', every: '1h' }, 'every and at exclude each other'],
    [{ from: 'ghcr.io/a', to: 'a', every: '1s' }, 'every must be from 1m to 1d'],
    [{ from: 'ghcr.io/a', to: 'a', timezone: 'Mars' }, 'timezone must be a time zone'],
    [{ from: 'ghcr.io/a', to: 'a', name: 'Not Good' }, 'name must be lower-case letters'],
    [{ from: 'a', to: 'ghcr.io/a', deletions: 'trash' }, 'deletions trash is for copies into this registry'],
    [{ from: 'a', to: 'ghcr.io/a', repositories: 'names.txt' }, 'repositories is for copies into this registry'],
  ])('%j is refused', async (entry, message) => {
    await expect(site.configure({ registries: {}, sync: [entry] })).rejects.toThrow(`sync[0].${message}`);
  });

  test('an error names the line of the entry', async () => {
    const config = { registries: {}, sync: [{ from: 'team/**', to: 'other/**' }] };
    await expect(site.configure(config)).rejects.toThrow(/berth\.yaml:\d+\)$/);
  });

  test('has no registry that no entry uses', async () => {
    const registries = { 'unused.test': { url: 'https://unused.test' } };
    await expect(site.configure({ registries, sync: [] })).rejects.toThrow('registries.unused.test is in no entry of sync');
  });

  test('needs no entry, and then knows no registry', () => {
    expect(loadConfig({ environment: {} })).toMatchObject({ sync: [], registries: {} });
  });
});
