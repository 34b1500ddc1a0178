import { setTimeout as sleep } from 'node:timers/promises';
import { call } from './call.ts';
import { type Server, type TestImage, digestOf, newImage, pushBlob, pushImage, putManifest, startUpload } from './images.ts';
import { until } from './until.ts';

/** Resolves after `count` more acknowledged pushes. Rejects when something acknowledged is missing or has other bytes. */
export type AwaitPushes = (count: number) => Promise<void>;

/**
 * Runs `count` clients that push and pull at the same time, until `work` is done. Whatever becomes of the server meanwhile:
 * they repeat what fails. Resolves to the image by `repository:tag` of every push that was answered with 201. Rejects as
 * `AwaitPushes` does.
 */
export async function withPushingClients(
  server: Server,
  count: number,
  work: (pushed: AwaitPushes) => Promise<void>,
): Promise<ReadonlyMap<string, TestImage>> {
  const acknowledged = new Map<string, TestImage>();
  const shared = await pushImage(server, 'shared', 'first');
  let isOver = false;
  let failure: unknown;
  const client = (index: number) => pushAndPull(server, index, acknowledged, shared, () => isOver);
  const clients = Promise.all(Array.from({ length: count }, (_, index) => client(index)));
  clients.catch((error: unknown) => (failure = error));
  try {
    await work(async (pushes) => {
      const wanted = acknowledged.size + pushes;
      await until(() => failure !== undefined || acknowledged.size >= wanted, 200);
      if (failure !== undefined) await clients;
    });
  } finally {
    isOver = true;
  }
  await clients;
  return acknowledged;
}

/** Pushes own and shared images alternately, in one and in several requests, and pulls acknowledged ones. */
async function pushAndPull(
  server: Server,
  index: number,
  acknowledged: Map<string, TestImage>,
  shared: TestImage,
  isOver: () => boolean,
): Promise<void> {
  for (let round = 0; !isOver(); round++) {
    const repository = `client${index % 8}`;
    const tag = `c${index}-${round}`;
    try {
      const image = round % 3 === 0 ? shared : newImage();
      if (round % 2 === 0) await pushBlob(server, repository, image.layer);
      else await pushInChunks(server, repository, image.layer);
      await pushBlob(server, repository, image.config);
      if ((await putManifest(server, repository, tag, image.manifest)).status === 201)
        acknowledged.set(`${repository}:${tag}`, image);
      const [known] = [...acknowledged].slice(-1);
      if (known) await expectPullable(server, ...known);
    } catch (error) {
      if (error instanceof WrongBytes) throw error;
      await sleep(20); // the server is away for a moment
    }
  }
}

async function pushInChunks(server: Server, repository: string, bytes: Buffer): Promise<void> {
  const location = await startUpload(server, repository);
  const half = bytes.length / 2;
  await call(server, 'PATCH', location, { body: bytes.subarray(0, half), headers: { 'Content-Range': `0-${half - 1}` } });
  await call(server, 'PATCH', location, {
    body: bytes.subarray(half),
    headers: { 'Content-Range': `${half}-${bytes.length - 1}` },
  });
  const answer = await call(server, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' });
  if (answer.status !== 201) throw new Error(`upload: ${answer.status}`);
}

class WrongBytes extends Error {}

/** Rejects unless the manifest and its blobs are answered with 200 and the right bytes; `WrongBytes` unless it was a 503. */
export async function expectPullable(server: Server, name: string, image: TestImage): Promise<void> {
  const [repository = '', tag = ''] = name.split(':');
  const manifest = await call(server, 'GET', `/v2/${repository}/manifests/${tag}`);
  const layer = await call(server, 'GET', `/v2/${repository}/blobs/${digestOf(image.layer)}`);
  const config = await call(server, 'GET', `/v2/${repository}/blobs/${digestOf(image.config)}`);
  if ([manifest, layer, config].some(({ status }) => status === 503)) throw new Error(`${name}: not now`);
  const right =
    manifest.body.toString() === image.manifest && layer.body.equals(image.layer) && config.body.toString() === image.config;
  if (!right) throw new WrongBytes(`${name}: ${manifest.status} ${layer.status} ${config.status}`);
}
