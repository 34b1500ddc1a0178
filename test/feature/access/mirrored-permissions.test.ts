import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { basic, callAs, pushAs } from '../../support/access.ts';
import { type Call, call } from '../../support/call.ts';
import { type GuardedMirror, type SubjectName, admin, startGuardedMirror, subjects } from '../../support/guarded-mirror.ts';
import { type TestImage, descriptor, digestOf, newImage } from '../../support/images.ts';
import { until } from '../../support/until.ts';

let berth: GuardedMirror;
const images = new Map<string, TestImage>();
const layerOf = (repository: string) => images.get(repository)?.layer ?? Buffer.alloc(0);
const hiddenAs = { 'company/secret': 401, 'company/denied': 403, 'company/absent': 404 } as const;

beforeAll(async () => {
  berth = await startGuardedMirror(['alice', 'bob']);
  for (const repository of ['library/open', ...Object.keys(hiddenAs)]) {
    const image = berth.hub.addImage(repository, '1');
    berth.hub.addReferrer(repository, image.digest, 'type/sbom');
    images.set(repository, image);
  }
  for (const [repository, status] of Object.entries(hiddenAs)) berth.hub.hide(repository, ['bot'], status);
  // All of it lies here already.
  for (const [repository, { layer }] of images) {
    for (const path of ['manifests/1', `blobs/${digestOf(layer)}`]) {
      expect((await berth.as('admin', 'GET', `/v2/docker.io/${repository}/${path}`)).status).toBe(200);
    }
  }
});
afterAll(() => berth.close());

const endpoints: readonly (readonly [string, string, (image: TestImage) => string, Call?])[] = [
  ['a manifest by tag', 'GET', () => 'manifests/1'],
  ['a manifest by digest', 'GET', ({ digest }) => `manifests/${digest}`],
  ['the head of a manifest', 'HEAD', () => 'manifests/1'],
  ['a blob', 'GET', ({ layer }) => `blobs/${digestOf(layer)}`],
  ['the head of a blob', 'HEAD', ({ layer }) => `blobs/${digestOf(layer)}`],
  ['a part of a blob', 'GET', ({ layer }) => `blobs/${digestOf(layer)}`, { headers: { Range: 'bytes=1-2' } }],
  ['tags', 'GET', () => 'tags/list'],
  ['referrers', 'GET', ({ digest }) => `referrers/${digest}`],
];
const repositories = ['library/open', ...Object.keys(hiddenAs)];
const table = repositories.flatMap((repository) =>
  (Object.keys(subjects) as SubjectName[]).flatMap((subject) =>
    endpoints.map(([what, method, path, options]) => ({ repository, subject, what, method, path, options })),
  ),
);

test.each(table)('$subject, $what of $repository', async ({ repository, subject, method, path, options }) => {
  const image = images.get(repository) ?? newImage();
  const { status } = await berth.as(subject, method, `/v2/docker.io/${repository}/${path(image)}`, options);
  const mayRead = repository === 'library/open' || subject === 'alice' || subject === 'admin';
  const refused = subject === 'anonymous' ? 401 : 404;
  expect(status).toBe(mayRead ? (options?.headers ? 206 : 200) : refused);
});

test.each(['anonymous', 'bob'] as const)('what is hidden looks to %s like what does not exist', async (subject) => {
  const answerFor = async (repository: string, method: string, path: string) => {
    const { status, headers, body } = await berth.as(subject, method, `/v2/docker.io/${repository}/${path}`);
    const said = Object.entries(headers).filter(([name]) => !['x-request-id', 'date', 'content-length'].includes(name));
    return JSON.stringify([status, said, body.toString()]).replaceAll(repository, 'NAME');
  };
  for (const [, method, path] of endpoints) {
    const image = images.get('company/secret') ?? newImage();
    const unknown = await answerFor('company/nowhere', method, path(image));
    for (const repository of Object.keys(hiddenAs)) {
      expect(await answerFor(repository, method, path(image))).toBe(unknown);
    }
  }
});

test('listings and search show the repositories that the subject may read', async () => {
  const shown = async (subject: SubjectName) => {
    const { repositories } = (await berth.as(subject, 'GET', '/v2/_catalog')).json() as { repositories: string[] };
    const headers = { ...subjects[subject] };
    const found = (await call(berth, 'GET', '/v1/search?q=docker.io&n=100', { headers })).json() as {
      results: { name: string }[];
    };
    expect(found.results.map(({ name }) => name).sort()).toEqual(repositories);
    return repositories;
  };
  const secrets = ['docker.io/company/absent', 'docker.io/company/denied', 'docker.io/company/secret'];
  expect(await shown('anonymous')).toEqual(['docker.io/library/open']);
  expect(await shown('bob')).toEqual(['docker.io/library/open']);
  expect(await shown('alice')).toEqual([...secrets, 'docker.io/library/open']);
  expect(await shown('admin')).toEqual([...secrets, 'docker.io/library/open']);
});

test('a subject mounts a blob only from a mirrored repository that it may read', async () => {
  const mount = async (subject: SubjectName, repository: string, from: string | undefined) => {
    const query = new URLSearchParams({ mount: digestOf(layerOf(repository)), ...(from === undefined ? {} : { from }) });
    const path = `/v2/${subject}/app/blobs/uploads/?${query.toString()}`;
    return (await berth.as(subject, 'POST', path, { headers: { 'Content-Length': 0 } })).status;
  };
  expect(await mount('bob', 'company/secret', 'docker.io/company/secret')).toBe(202);
  expect(await mount('bob', 'company/secret', undefined)).toBe(202);
  expect(await mount('bob', 'company/secret', 'docker.io/library/open')).toBe(202);
  expect(await mount('alice', 'company/secret', 'docker.io/company/secret')).toBe(201);
  expect(await mount('bob', 'library/open', 'docker.io/library/open')).toBe(201);
});

test('a public manifest that names a private layer does not expose it', async () => {
  const config = randomBytes(10);
  berth.hub.addBlob('evil/i', config);
  const layers = [descriptor(layerOf('company/secret'))];
  berth.hub.addManifest('evil/i', '1', newImage({ config: descriptor(config), layers }).manifest);
  expect((await berth.as('bob', 'GET', '/v2/docker.io/evil/i/manifests/1')).status).toBe(200);
  const answer = await berth.as('bob', 'GET', `/v2/docker.io/evil/i/blobs/${digestOf(layerOf('company/secret'))}`);
  expect([answer.status, answer.codes()]).toEqual([404, ['BLOB_UNKNOWN']]);
});

test('a private layer is not exposed while an authorized client downloads it', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const { layer, digest } = berth.hub.addImage('company/secret', 'coming', 300_000);
  const config = randomBytes(10);
  berth.hub.addBlob('evil/i', config);
  berth.hub.addManifest('evil/i', '2', newImage({ config: descriptor(config), layers: [descriptor(layer)] }).manifest);
  expect((await berth.as('bob', 'GET', '/v2/docker.io/evil/i/manifests/2')).status).toBe(200);
  expect((await berth.as('alice', 'GET', `/v2/docker.io/company/secret/manifests/${digest}`)).status).toBe(200);
  berth.hub.misbehave('GET', new RegExp(digestOf(layer)), { stallAfter: 100_000, until: promise });
  const download = berth.as('alice', 'GET', `/v2/docker.io/company/secret/blobs/${digestOf(layer)}`);
  await until(() => berth.hub.count('GET', new RegExp(digestOf(layer))) > 0);
  const stolen = await berth.as('bob', 'GET', `/v2/docker.io/evil/i/blobs/${digestOf(layer)}`);
  expect(stolen.status).toBe(404);
  resolve(undefined);
  expect((await download).body.equals(layer)).toBe(true);
});

test('a privately pushed blob is served by the public repository that has it and by no other', async () => {
  const image = await pushAs(berth, admin, 'private/app', '1');
  const path = `blobs/${digestOf(image.layer)}`;
  expect((await berth.as('bob', 'GET', `/v2/docker.io/library/open/${path}`)).status).toBe(404);
  const same = berth.hub.addBlob('library/same', image.layer);
  berth.hub.addBlob('library/same', Buffer.from(image.config));
  berth.hub.addManifest('library/same', '1', image.manifest);
  expect((await berth.as('bob', 'GET', '/v2/docker.io/library/same/manifests/1')).status).toBe(200);
  expect((await berth.as('bob', 'GET', `/v2/docker.io/library/same/blobs/${same}`)).body.equals(image.layer)).toBe(true);
  expect((await berth.as('bob', 'GET', `/v2/private/app/${path}`)).status).toBe(404);
});

test('a user named like an upstream does not own its namespace', async () => {
  await berth.administration.createUser({ name: 'docker.io', password: 'look at me', isAdmin: false });
  const login = basic('docker.io', 'look at me');
  expect((await callAs(berth, login, 'GET', '/v2/docker.io/company/secret/manifests/1')).status).toBe(404);
});

test('an encoded path does not change the repository of the request to the upstream', async () => {
  const asked = berth.hub.requests.length;
  const path = '..%2f..%2f..%2flibrary%2fopen%2fmanifests%2f1';
  expect((await call(berth, 'GET', `/v2/docker.io/company/other/manifests/${path}`)).status).toBe(401);
  expect(berth.hub.requests.slice(asked).filter(({ url }) => url.includes('library/open'))).toEqual([]);
});

test('a mirror at an upstream name needs no login', async () => {
  expect((await call(berth, 'GET', '/docker.io/v2/')).status).toBe(200);
  expect((await call(berth, 'GET', '/v2/')).status).toBe(401);
});
