import { createHash } from 'node:crypto';
import { lstat, readFile, readdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { digestOf } from '../support/images.ts';
import { configType } from '../support/real-image.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type TarItem, tarOf } from '../support/tar.ts';

const mebibyte = 1024 ** 2;
const largeMebibytes = 500;
const mostGrowthBytes = 64 * mebibyte;
/** The metadata, and folders. */
const otherBytes = 16 * mebibyte;

/** A layer of one file: blocks that are never equal, made as fast as they are sent. */
function* layerOf(mebibytes: number): Generator<Buffer> {
  yield tarOf([{ name: 'file', size: mebibytes * mebibyte }]).subarray(0, 512);
  const block = Buffer.alloc(mebibyte, 'layer');
  for (let index = 0; index < mebibytes; index++) {
    block.writeUInt32BE(index);
    yield Buffer.from(block);
  }
  yield Buffer.alloc(1024);
}

interface Archive {
  readonly bytes: number;
  parts(): Generator<Buffer>;
}

/** An archive with a large layer and documents that need its digest. */
function archiveOf(mebibytes: number, documents: (layer: { digest: string; size: number }) => readonly TarItem[]): Archive {
  const hash = createHash('sha256');
  let size = 0;
  for (const chunk of layerOf(mebibytes)) {
    hash.update(chunk);
    size += chunk.length;
  }
  const digest = `sha256:${hash.digest('hex')}`;
  const head = tarOf([{ name: `blobs/sha256/${digest.slice(7)}`, size }]).subarray(0, 512);
  const tail = tarOf(documents({ digest, size }));
  return {
    bytes: head.length + size + tail.length,
    *parts() {
      yield head;
      yield* layerOf(mebibytes);
      yield tail;
    },
  };
}

const configOf = (diffId: string) =>
  JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [diffId] } });

/** An OCI layout: the layer is stored as it is. */
const layout = (mebibytes: number) =>
  archiveOf(mebibytes, (layer) => {
    const config = configOf(layer.digest);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: configType, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
    });
    const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(manifest), size: manifest.length };
    return [
      ...[config, manifest].map((content) => ({ name: `blobs/sha256/${digestOf(content).slice(7)}`, content })),
      { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }) },
      { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    ];
  });

/** What docker wrote before version 25: the layer is compressed on the way. */
const dockerSave = (mebibytes: number) =>
  archiveOf(mebibytes, (layer) => {
    const config = configOf(layer.digest);
    const Layers = [`blobs/sha256/${layer.digest.slice(7)}`];
    const list = [{ Config: 'config.json', RepoTags: ['team/app:1'], Layers }];
    return [
      { name: 'config.json', content: config },
      { name: 'manifest.json', content: JSON.stringify(list) },
    ];
  });

describe('an archive of 500 MB', () => {
  let berth: BerthProcess;
  beforeAll(async () => {
    berth = await startBerthProcess();
  }, 60_000);
  afterAll(() => berth.dispose());

  async function memory(field: 'VmRSS' | 'VmHWM'): Promise<number> {
    const status = await readFile(`/proc/${berth.pid()}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
  }

  async function diskBytes(folder = berth.directory): Promise<number> {
    let bytes = 0;
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      const found = await lstat(path).catch(() => undefined);
      bytes += entry.isDirectory() ? await diskBytes(path) : (found?.blocks ?? 0) * 512;
    }
    return bytes;
  }

  /** Sends and commits the archive. Resolves to the largest growth of memory and disk. */
  async function imported(repository: string, archive: Archive) {
    await writeFile(`/proc/${berth.pid()}/clear_refs`, '5'); // the peak counts from here
    const [memoryBefore, diskBefore] = [await memory('VmRSS'), await diskBytes()];
    let disk = 0;
    const look = async () => (disk = Math.max(disk, (await diskBytes()) - diskBefore));
    async function* watched() {
      let sent = 0;
      for (const part of archive.parts()) {
        if (sent++ % 50 === 0) await look();
        yield part;
      }
    }
    const headers = { 'Content-Type': 'application/x-tar', 'Content-Length': archive.bytes };
    const outgoing = request(`${berth.url}/api/v1/archives?repository=${repository}`, { method: 'POST', headers, agent: false });
    const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
      outgoing.on('error', reject).on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      });
    });
    await pipeline(Readable.from(watched()), outgoing);
    const { status, body } = await answer;
    expect([status, status === 201 ? '' : body]).toEqual([201, '']);
    await look();
    const { id } = JSON.parse(body) as { id: string };
    const commit = { headers: { 'Content-Type': 'application/json' }, body: '{"targets":null}' };
    const committed = await call(berth, 'POST', `/api/v1/archives/${id}/commit`, commit);
    expect([committed.status, committed.body.toString()]).toEqual([200, expect.stringContaining(repository)]);
    await look();
    return { memory: (await memory('VmHWM')) - memoryBefore, disk };
  }

  test.each([
    ['that is stored as it is', layout],
    ['whose layer is compressed on the way', dockerSave],
  ])(
    '%s takes at most 64 MiB of memory more than a smaller one left, and its size on disk once',
    async (title, make) => {
      const repository = title.includes('compressed') ? 'team/packed' : 'team/app';
      // Loads the modules, and lets the heap reach the size that it has between two collections of buffers.
      await imported(`${repository}-smaller`, make(100));
      const archive = make(largeMebibytes);
      const { memory, disk } = await imported(repository, archive);
      expect(memory).toBeLessThanOrEqual(mostGrowthBytes);
      expect(disk).toBeLessThanOrEqual(archive.bytes + otherBytes);
    },
    300_000,
  );
});
