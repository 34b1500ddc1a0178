import { randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { S3 } from '@aws-sdk/client-s3';
import { isFirst } from './first.ts';
import { spawnForRun } from './run-bound.ts';
import { until } from './until.ts';

/** Programs for `describeWith`: one of each Debian package. */
export const s3Programs = ['ceph-mon', 'ceph-osd', 'radosgw', 'ceph', 'curl'];

export interface TestBucket {
  readonly name: string;
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** For requests that the driver does not send. */
  readonly s3: S3;
  /** Removes everything in it, and it. */
  remove(): Promise<void>;
}

const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secretkey123' };
const region = 'us-east-1';

/** A new bucket on the server that the files of one test run share. */
export async function createBucket(): Promise<TestBucket> {
  const endpoint = await sharedServer();
  const s3 = new S3({ endpoint, region, credentials, forcePathStyle: true });
  const name = `test-${randomUUID()}`;
  await s3.createBucket({ Bucket: name });
  return {
    name,
    region,
    endpoint,
    credentials,
    s3,
    async remove() {
      await empty(s3, name);
      await s3.deleteBucket({ Bucket: name });
      s3.destroy();
    },
  };
}

async function empty(s3: S3, Bucket: string): Promise<void> {
  const { Uploads = [] } = await s3.listMultipartUploads({ Bucket });
  for (const { Key, UploadId } of Uploads) await s3.abortMultipartUpload({ Bucket, Key, UploadId });
  for (;;) {
    // Without versioning each object has one version; with it a deletion leaves a marker, which has to go, too.
    const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket });
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) return;
    await s3.deleteObjects({ Bucket, Delete: { Objects, Quiet: true } });
  }
}

let server: Promise<string> | undefined;

/** Resolves to the endpoint of the server of this test run; the first caller starts it. */
function sharedServer(): Promise<string> {
  server ??= (async () => {
    const folder = join(tmpdir(), `berth-s3-${process.env['TEST_RUN'] ?? process.pid}`);
    const address = join(folder, 'port');
    if (await isFirst(folder)) await writeFile(address, String(await startServer(folder)));
    else await until(() => existsSync(address), startSeconds);
    return `http://127.0.0.1:${await readFile(address, 'utf8')}`;
  })();
  return server;
}

const startSeconds = 120;

/** Starts Ceph in the folder for the whole test run and resolves to its port. */
async function startServer(folder: string): Promise<number> {
  const port = await freePorts();
  const script = resolve(import.meta.dirname, 'ceph-s3');
  const child = spawnForRun([script, folder, String(port)], 'pipe');
  let said = '';
  child.stderr?.on('data', (data: Buffer) => (said += data.toString()));
  await until(() => {
    if (child.exitCode !== null) throw new Error(`Ceph did not start:\n${said}`);
    return existsSync(join(folder, 'ready'));
  }, startSeconds);
  return port;
}

/** A free port with a free one after it, where the operating system takes none for outgoing connections. */
async function freePorts(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer().on('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
