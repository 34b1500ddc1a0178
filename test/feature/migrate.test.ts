import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { requireDigest } from '../../src/http/v2/request-context.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { startBerth } from '../support/berth.ts';
import { s3Settings } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { type TestImage, digestOf, pushImage } from '../support/images.ts';
import { postgresSettings } from '../support/metadata.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { until } from '../support/until.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

describeWith([...postgresPrograms, ...s3Programs], 'berth migrate', () => {
  let scratch: string;
  let old: BerthProcess;
  let bucket: TestBucket;
  let database: Database;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-migrate-'));
    [bucket, database] = await Promise.all([createBucket(), createDatabase()]);
    old = await startBerthProcess();
    await writeFile(join(scratch, 'target.yaml'), stringify(targetOf(bucket)));
  }, 180_000);
  afterAll(async () => {
    await old.dispose();
    await bucket.remove();
    await database.drop();
    await rm(scratch, { recursive: true });
  });

  function targetOf({ name, endpoint, region, credentials }: TestBucket) {
    const s3 = { bucket: name, endpoint, region, forcePathStyle: true, accessKeyId: credentials.accessKeyId };
    return { storage: { blobs: { driver: 's3', s3 }, metadata: { driver: 'postgres' } } };
  }

  /** Runs the command beside the old installation; ends it with SIGKILL when `killedWhen` resolves. */
  function migrate(args: readonly string[], killedWhen?: Promise<unknown>): Promise<Ended> {
    const env = {
      PATH: process.env['PATH'],
      BERTH_STORAGE_BLOBS_DIRECTORY: old.directory,
      TO_BERTH_STORAGE_METADATA_URL: database.url,
      TO_BERTH_STORAGE_BLOBS_S3_SECRET_ACCESS_KEY: bucket.credentials.secretAccessKey,
    };
    return new Promise((ended) => {
      const command = [main, 'migrate', ...args];
      const child = execFile(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', ...command],
        { env },
        (_error, out, err) => ended({ code: child.exitCode, output: out + err }),
      );
      void killedWhen?.then(() => child.kill('SIGKILL'));
    });
  }
  const move = () => migrate(['--to', join(scratch, 'target.yaml')]);

  async function expectPullable(server: { url: string }, images: ReadonlyMap<string, TestImage>): Promise<void> {
    for (const [tag, image] of images) {
      expect((await call(server, 'GET', `/v2/app/manifests/${tag}`)).body.toString()).toBe(image.manifest);
      expect((await call(server, 'GET', `/v2/app/blobs/${digestOf(image.layer)}`)).body.equals(image.layer)).toBe(true);
    }
  }

  test('a damaged blob stops the transfer with its digest, and the old installation continues', async () => {
    const image = await pushImage(old, 'damaged', '1');
    const file = join(old.directory, blobKey(requireDigest(digestOf(image.layer))));
    await writeFile(file, Buffer.alloc(image.layer.length));
    const ended = await move();
    expect(ended.code).toBe(1);
    expect(ended.output).toContain(`the bytes that lie under ${digestOf(image.layer)} are those of`);
    await writeFile(file, image.layer);
    await pushImage(old, 'damaged', '2');
  }, 60_000);

  test('a running installation is copied completely, although the first attempt is killed and images are pushed meanwhile', async () => {
    const images = new Map<string, TestImage>();
    for (let count = 0; count < 20; count++) images.set(`before-${count}`, await pushImage(old, 'app', `before-${count}`));
    const someCopied = until(async () => ((await bucket.s3.listObjectsV2({ Bucket: bucket.name })).KeyCount ?? 0) > 3);
    expect((await migrate(['--to', join(scratch, 'target.yaml')], someCopied)).code).not.toBe(0);

    let refusal: unknown;
    const pushing = (async () => {
      for (let count = 0; refusal === undefined; count++) {
        try {
          images.set(`during-${count}`, await pushImage(old, 'app', `during-${count}`));
          await pause(100); // what comes in must not outrun what is copied
        } catch (error) {
          refusal = error;
        }
      }
    })();
    const ended = await move();
    expect(ended).toMatchObject({ code: 0, output: expect.stringContaining('the migration is complete') });
    await pushing;

    expect(String(refusal)).toMatch(/: 503 .*UNAVAILABLE.*the registry is moving/);
    await expectPullable(old, new Map([...images].slice(0, 2)));
    const moved = await startBerth({ ...s3Settings(bucket), ...postgresSettings(database.url) });
    try {
      await expectPullable(moved, images);
      images.set('after', await pushImage(moved, 'app', 'after'));
      const { tags } = (await call(moved, 'GET', '/v2/app/tags/list')).json() as { tags: string[] };
      expect(tags).toEqual([...images.keys()].sort());
    } finally {
      await moved.close();
    }
  }, 240_000);

  test('the old installation can continue, and a target in use is refused', async () => {
    expect((await migrate(['--undo'])).output).toContain('accepts changes again');
    await pushImage(old, 'app', 'again');
    const ended = await move();
    expect(ended).toMatchObject({ code: 1, output: expect.stringContaining('the target database already has repositories') });
    await pushImage(old, 'app', 'and-again');
  }, 60_000);

  test.each([
    [[], 2, 'missing --to FILE'],
    [['--to', 'none.yaml'], 1, 'cannot read none.yaml'],
  ])('berth migrate %j names the missing option', async (args, code, message) => {
    const ended = await migrate(args);
    expect([ended.code, ended.output]).toEqual([code, expect.stringContaining(message)]);
  });
});
