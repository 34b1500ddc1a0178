import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { ociArchive } from '../support/archives.ts';
import { call } from '../support/call.ts';
import { runCommand } from '../support/command.ts';
import { digestOf, newImage, pushBlob, putManifest, startUpload } from '../support/images.ts';
import { realImage } from '../support/real-image.ts';

const limitBytes = 100_000;

let scratch: string;
let berth: TestBerth;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-quotas-'));
  const file = join(scratch, 'berth.yaml');
  const rules = `{ name: teams, match: ["**", "!free/**"], per: namespace, size: ${limitBytes}B, tags: 3 }`;
  await writeFile(file, `quotas: [${rules}]\ngarbageCollection: { grace: 0s }\n`);
  berth = await startBerth({ BERTH_CONFIG: file });
  // Without a grace its next run would delete what has no manifest yet.
  expect((await runCommand(['gc', 'pause'], berth.environment)).code).toBe(0);
});
afterAll(async () => {
  await berth.close();
  await rm(scratch, { recursive: true });
});

const bytes = (size: number) => randomBytes(size);
const errorOf = (answer: { json(): unknown }) =>
  (answer.json() as { errors: readonly { code: string; message: string; detail: unknown }[] }).errors[0];

const patch = (location: string, body: Uint8Array, chunked = false) => call(berth, 'PATCH', location, { body, chunked });
const finish = (location: string, digest: string) => call(berth, 'PUT', `${location}?digest=${digest}`);

/** Fills the namespace until `room` bytes are left. */
const fill = (namespace: string, room: number) => pushBlob(berth, `${namespace}/filler`, bytes(limitBytes - room));

/** True if an upload is refused when it begins. */
async function isFull(namespace: string): Promise<boolean> {
  const answer = await call(berth, 'POST', `/v2/${namespace}/probe/blobs/uploads/`, { headers: { 'Content-Length': 0 } });
  return answer.status === 403 && errorOf(answer)?.message.endsWith('are used, which leaves no room') === true;
}

/** True if exactly `room` bytes fit into the namespace. */
async function hasRoom(namespace: string, room: number): Promise<boolean> {
  if (room === 0) return isFull(namespace);
  const location = await startUpload(berth, `${namespace}/probe`);
  const tooMuch = await patch(location, bytes(room + 1));
  const exact = await startUpload(berth, `${namespace}/probe`);
  const fits = await patch(exact, bytes(room));
  if (fits.status === 202) await call(berth, 'DELETE', exact);
  return tooMuch.status === 403 && fits.status === 202;
}

test('a push without room gets 403 with the figures before its bytes are sent', async () => {
  await fill('figures', 1000);
  const location = await startUpload(berth, 'figures/app');
  const { status, body } = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const outgoing = request(`${berth.url}${location}`, {
      method: 'PATCH',
      headers: { 'Content-Length': 1001, Expect: '100-continue' },
    });
    outgoing.on('continue', () => reject(new Error('the server asked for the body')));
    outgoing.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve({ status: response.statusCode, body: text });
        outgoing.destroy();
      });
    });
    outgoing.on('error', () => undefined);
    outgoing.flushHeaders();
  });
  expect(status).toBe(403);
  expect(JSON.parse(body)).toEqual({
    errors: [
      {
        code: 'DENIED',
        message: 'quota "teams" of figures: 96.68 KiB of 97.66 KiB are used, and this needs 1001 B more',
        detail: { quota: 'teams', name: 'figures', unit: 'bytes', used: 99_000, needed: 1001, limit: limitBytes },
      },
    ],
  });
  // The refused session is gone, with what it held.
  expect((await call(berth, 'GET', location)).status).toBe(404);
  expect(await hasRoom('figures', 1000)).toBe(true);
});

test.each([
  ['of known length', false],
  ['of unknown length', true],
])('32 pushes %s at a time with room for 10 store exactly what fits', async (_name, chunked) => {
  const namespace = chunked ? 'crowd-chunked' : 'crowd';
  const size = 1000;
  await fill(namespace, 10 * size);
  const push = async () => {
    const blob = bytes(size);
    const location = await startUpload(berth, `${namespace}/app`).catch(() => undefined);
    const sent = location === undefined ? undefined : await patch(location, blob, chunked);
    return sent?.status === 202 ? (await finish(sent.header('location'), digestOf(blob))).status : 403;
  };
  const answers = await Promise.all(Array.from({ length: 32 }, push));
  expect(answers.filter((status) => status === 201)).toHaveLength(10);
  expect(answers.filter((status) => status === 403)).toHaveLength(22);
  expect((await push()) === 403 && (await hasRoom(namespace, 0))).toBe(true);
});

test('a chunked push is refused at the first byte that does not fit, and releases everything', async () => {
  await fill('chunks', 50_000);
  const location = await startUpload(berth, 'chunks/app');
  const first = await patch(location, bytes(30_000), true);
  expect(first.status).toBe(202);
  expect(await hasRoom('chunks', 20_000)).toBe(true);
  const second = await patch(first.header('location'), bytes(20_001), true);
  expect([second.status, second.codes()]).toEqual([403, ['DENIED']]);
  expect(await hasRoom('chunks', 50_000)).toBe(true);
});

test('cancelled, broken and wrong uploads leave no byte and no reservation', async () => {
  await fill('ends', 50_000);
  const cancelled = await patch(await startUpload(berth, 'ends/app'), bytes(20_000));
  expect(await hasRoom('ends', 30_000)).toBe(true);
  expect((await call(berth, 'DELETE', cancelled.header('location'))).status).toBe(204);
  const wrong = await patch(await startUpload(berth, 'ends/app'), bytes(20_000));
  expect((await finish(wrong.header('location'), digestOf('other bytes'))).codes()).toEqual(['DIGEST_INVALID']);
  const whole = await call(berth, 'POST', `/v2/ends/app/blobs/uploads/?digest=${digestOf('others')}`, { body: bytes(20_000) });
  expect(whole.codes()).toEqual(['DIGEST_INVALID']);
  expect(await hasRoom('ends', 50_000)).toBe(true);
  expect(await berth.litter('growing')).toEqual([]);
});

test('mounts, manifests and tags pass the same door, and what is there already needs no room', async () => {
  const image = newImage({}, 40_000);
  await pushBlob(berth, 'free/app', image.layer);
  await pushBlob(berth, 'free/app', image.config);
  await fill('door', 40_000 + image.config.length);
  const mount = (digest: string, from: string) =>
    call(berth, 'POST', `/v2/door/app/blobs/uploads/?mount=${digest}&from=${from}`, { headers: { 'Content-Length': 0 } });
  expect((await mount(digestOf(image.layer), 'free/app')).status).toBe(201);
  expect((await mount(digestOf(image.config), 'free/app')).status).toBe(201);
  expect((await mount(digestOf(image.layer), 'door/app')).status).toBe(201);
  const refused = await putManifest(berth, 'door/app', '1', image.manifest);
  expect([refused.status, errorOf(refused)?.message]).toEqual([
    403,
    `quota "teams" of door: 97.66 KiB of 97.66 KiB are used, and this needs ${image.manifest.length} B more`,
  ]);
  const other = await pushBlob(berth, 'free/app', bytes(1));
  expect((await mount(other, 'free/app')).status).toBe(403);

  const tagged = newImage();
  for (const blob of [tagged.layer, tagged.config]) await pushBlob(berth, 'tags/app', blob);
  for (const tag of ['1', '2', '3', '1']) expect((await putManifest(berth, 'tags/app', tag, tagged.manifest)).status).toBe(201);
  const fourth = await putManifest(berth, 'tags/app', '4', tagged.manifest);
  expect(errorOf(fourth)?.message).toBe('quota "teams" of tags: 3 of 3 tags are used, and this needs 1 more');
  await call(berth, 'DELETE', '/v2/tags/app/manifests/3');
  expect((await putManifest(berth, 'tags/app', '4', tagged.manifest)).status).toBe(201);
});

test('an imported archive passes the same door, and leaves nothing where it is refused', async () => {
  const importArchive = (repository: string, size: number) =>
    call(berth, 'POST', `/api/v1/archives?repository=${repository}`, {
      headers: { 'Content-Type': 'application/x-tar' },
      body: ociArchive({ 'app:1': realImage({ random: bytes(size) }) }),
    });
  await fill('imports', 50_000);
  const refused = await importArchive('imports/app', 60_000);
  expect([refused.status, refused.body.toString()]).toEqual([403, expect.stringContaining('quota')]);
  expect(await hasRoom('imports', 50_000)).toBe(true);
  const accepted = await importArchive('imports/app', 40_000);
  expect(accepted.status).toBe(201);
  const { id } = accepted.json() as { id: string };
  const headers = { 'Content-Type': 'application/json' };
  expect((await call(berth, 'POST', `/api/v1/archives/${id}/commit`, { headers, body: '{}' })).status).toBe(200);
  expect((await importArchive('imports/other', 10_000)).status).toBe(403);
});

test('restorations from the trash and of tags pass the same door', async () => {
  const repository = 'restores/app';
  const path = `/v2/${repository}/manifests`;
  const api = (method: string, rest: string, body?: object) => {
    const json = body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
    return call(berth, method, `/api/v1${rest}`, json);
  };
  const [trashed, live] = [newImage(), newImage()];
  const pushTags = async ({ layer, config, manifest }: typeof live, ...tags: readonly string[]) => {
    for (const blob of [layer, config]) await pushBlob(berth, repository, blob);
    for (const tag of tags) expect((await putManifest(berth, repository, tag, manifest)).status).toBe(201);
  };
  await pushTags(trashed, '1', '2');
  expect((await call(berth, 'DELETE', `${path}/${digestOf(trashed.manifest)}`)).status).toBe(202);
  await pushTags(live, 'a', 'b', 'c');
  const { items } = (await api('GET', `/trash?repository=${repository}`)).json() as { items: [{ id: number }] };
  const restore = () => api('POST', `/trash/${items[0].id}/restore`, { repository });
  const refused = await restore();
  expect([refused.status, refused.json()]).toEqual([
    403,
    expect.objectContaining({ detail: 'quota "teams" of restores: 3 of 3 tags are used, and this needs 2 more' }),
  ]);
  expect((await call(berth, 'HEAD', `${path}/1`)).status).toBe(404);
  for (const tag of ['a', 'b']) expect((await call(berth, 'DELETE', `${path}/${tag}`)).status).toBe(202);
  expect((await restore()).status).toBe(200);
  expect((await call(berth, 'GET', `${path}/2`)).body.toString()).toBe(trashed.manifest);
  expect((await api('POST', '/tag-history/restore', { repository, tag: 'a' })).status).toBe(403);
  expect((await call(berth, 'DELETE', `${path}/1`)).status).toBe(202);
  expect((await api('POST', '/tag-history/restore', { repository, tag: 'a' })).status).toBe(200);
  const { stdout } = await runCommand(['quota', 'recount', '--json'], berth.environment);
  expect(JSON.parse(stdout)).toEqual({ differences: [] });
});

test('a push that would not fit first deletes the oldest trash of the quota', async () => {
  const images = [newImage({}, 30_000), newImage({}, 30_000), newImage({}, 30_000)];
  for (const [index, image] of images.entries()) {
    for (const blob of [image.layer, image.config]) await pushBlob(berth, 'trash/app', blob);
    expect((await putManifest(berth, 'trash/app', `${index}`, image.manifest)).status).toBe(201);
  }
  const [oldest, newer] = images;
  for (const image of [oldest, newer]) await call(berth, 'DELETE', `/v2/trash/app/manifests/${image?.digest}`);
  await pushBlob(berth, 'trash/app', bytes(20_000));
  const has = async (layer: Buffer | undefined) =>
    (await call(berth, 'HEAD', `/v2/trash/app/blobs/${digestOf(layer ?? '')}`)).status === 200;
  expect([await has(oldest?.layer), await has(newer?.layer)]).toEqual([false, true]);
  // No trash makes room for more than the quota: what is left stays.
  const answer = await call(berth, 'POST', `/v2/trash/app/blobs/uploads/?digest=${digestOf('x')}`, { body: bytes(80_000) });
  expect([answer.status, await has(newer?.layer)]).toEqual([403, true]);
});
