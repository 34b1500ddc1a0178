import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Image, digestOf, newImage, pushImage, send } from '../client.ts';
import { type Server, startServer } from '../server.ts';
import { berth, distribution } from '../setups.ts';

export interface PeerScale {
  /** Images that are pushed; every tenth is deleted. */
  readonly images: number;
}

const run = promisify(execFile);
const layersOfImage = 4;
const deletedPart = 10;

const settings = {
  BERTH_GARBAGE_COLLECTION_GRACE: '0s',
  BERTH_GARBAGE_COLLECTION_RATE: '100000',
  BERTH_TRASH_WINDOW: '0s',
};

/** Returns a table with the wall times of a collection of the same deletions. */
export async function measurePeer({ images }: PeerScale): Promise<readonly (readonly string[])[]> {
  const all = Array.from({ length: images }, () => newImage(layersOfImage, 1024));
  const [ours, theirs] = [await measureBerth(all), await measureDistribution(all)];
  return [
    [`collection after ${Math.ceil(images / deletedPart)} of ${images} images were deleted`, 'berth', 'docker-registry', 'ratio'],
    ['wall time, s', ours.toFixed(2), theirs.toFixed(2), (ours / theirs).toFixed(3)],
  ];
}

async function prepare(server: Server, images: readonly Image[]): Promise<void> {
  for (const [index, image] of images.entries()) await pushImage(server, `bench/app${index % 20}`, `t${index}`, image);
  for (const [index, { manifest }] of images.entries()) {
    if (index % deletedPart === 0) await send(server, 'DELETE', `/v2/bench/app${index % 20}/manifests/${digestOf(manifest)}`);
  }
}

/** The server runs meanwhile. The time includes the start of the command. */
async function measureBerth(images: readonly Image[]): Promise<number> {
  // The server's own job must not come first.
  const server = await startServer(berth('berth', settings));
  const command = (...words: readonly string[]) =>
    run(resolve(import.meta.dirname, '../../bin/berth'), ['gc', ...words], {
      env: { ...process.env, ...settings, BERTH_STORAGE_BLOBS_DIRECTORY: server.directory },
    });
  try {
    await command('pause');
    await prepare(server, images);
    await command('resume');
    const started = performance.now();
    await command('run');
    return (performance.now() - started) / 1000;
  } finally {
    await server.close();
  }
}

/** Its collection needs a server that accepts no pushes; here it idles. */
async function measureDistribution(images: readonly Image[]): Promise<number> {
  const server = await startServer(distribution('docker-registry'));
  try {
    await prepare(server, images);
    const started = performance.now();
    await run('docker-registry', ['garbage-collect', join(server.directory, 'config.yml')], { maxBuffer: 1024 ** 3 });
    return (performance.now() - started) / 1000;
  } finally {
    await server.close();
  }
}
