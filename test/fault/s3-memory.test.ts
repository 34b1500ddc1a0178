import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { s3Settings } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { startUpload } from '../support/images.ts';
import { isLong } from '../support/long.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';

const mebibyte = 1024 ** 2;
/** Several times what may be held; a gibibyte and more in the long run. */
const layerBytes = (isLong ? 1100 : 500) * mebibyte;
/** Two parts of 9 MiB, copies on their way to sockets, and what the garbage collector leaves lying for a while. */
const mostGrowthBytes = 200 * mebibyte;

describeWith(s3Programs, 'a large layer through S3', () => {
  let bucket: TestBucket;
  let berth: BerthProcess;

  beforeAll(async () => {
    bucket = await createBucket();
    berth = await startBerthProcess(s3Settings(bucket));
  }, 180_000);
  afterAll(async () => {
    await berth.dispose();
    await bucket.remove();
  }, 180_000);

  async function memory(field: 'VmRSS' | 'VmHWM'): Promise<number> {
    const status = await readFile(`/proc/${berth.pid()}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
  }

  /** Blocks that are never equal, made as fast as they are sent. */
  function* blocks(): Generator<Buffer> {
    const block = Buffer.alloc(mebibyte, 'layer');
    for (let index = 0; index < layerBytes / mebibyte; index++) {
      block.writeUInt32BE(index);
      yield Buffer.from(block);
    }
  }

  async function patch(location: string): Promise<number> {
    const outgoing = request(`${berth.url}${location}`, { method: 'PATCH', agent: false });
    const status = new Promise<number>((resolve, reject) => {
      outgoing.on('error', reject).on('response', (answer) => resolve(answer.resume().statusCode ?? 0));
    });
    await pipeline(Readable.from(blocks()), outgoing);
    return status;
  }

  /** How far memory grew beyond what it was, at most, during `work`. */
  async function growth(work: () => Promise<void>): Promise<number> {
    await writeFile(`/proc/${berth.pid()}/clear_refs`, '5'); // the peak counts from here
    const before = await memory('VmRSS');
    await work();
    return (await memory('VmHWM')) - before;
  }

  test('takes only the memory of its parts while it is received and while it is read back for another hash', async () => {
    const hash = createHash('sha512');
    for (const block of blocks()) hash.update(block);
    const digest = `sha512:${hash.digest('hex')}`;
    // Nobody has said that it would be sha512.
    const location = await startUpload(berth, 'app');

    const receiving = await growth(async () => {
      expect(await patch(location)).toBe(202);
    });
    const committing = await growth(async () => {
      expect((await call(berth, 'PUT', `${location}?digest=${digest}`, { body: '' })).status).toBe(201);
    });

    expect((await call(berth, 'HEAD', `/v2/app/blobs/${digest}`)).header('content-length')).toBe(String(layerBytes));
    expect([receiving, committing].filter((bytes) => bytes > mostGrowthBytes)).toEqual([]);
  }, 300_000);
});
