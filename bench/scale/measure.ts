import { randomBytes } from 'node:crypto';
import { type Database, createDatabase } from '../../test/support/postgres.ts';
import { type FaultProxy, startFaultProxy } from '../../test/support/fault-proxy.ts';
import { createBucket } from '../../test/support/s3-server.ts';
import { digestOf, newImage, pushBlob, pushImage, putManifest, repeat } from '../client.ts';
import { type Server, cpuSecondsOf, startServer } from '../server.ts';
import { berth, clusterSettings } from '../setups.ts';
import type { Costs, Demands } from './model.ts';

/** The cost of one operation. */
interface Taken {
  readonly cpu: number;
  readonly databaseCpu: number;
  readonly transactions: number;
  readonly s3Requests: number;
}

const MiB = 1024 * 1024;
const gets = 4000;
const pushes = 200;
const largeBytes = 64 * MiB;

/**
 * Measures a berth over real servers: CPU seconds by the operating system, transactions by the database, S3 requests by a
 * proxy.
 */
export async function measure(): Promise<{ costs: Costs; demands: Demands }> {
  const [bucket, database] = await Promise.all([createBucket(), createDatabase()]);
  const proxy = await startFaultProxy(bucket.endpoint);
  const settings = clusterSettings({ ...bucket, endpoint: proxy.url }, database.url, true);
  const server = await startServer(berth('berth', settings));
  try {
    return await measureOn(server, database, proxy);
  } finally {
    await server.close();
    await proxy.close();
    await database.drop();
    await bucket.remove();
  }
}

async function measureOn(server: Server, database: Database, proxy: FaultProxy): Promise<{ costs: Costs; demands: Demands }> {
  const image = newImage(2, 1024);
  await pushImage(server, 'scale/app', 'latest', image);
  const layer = digestOf(image.layers[0] ?? '');
  const taken = (count: number, work: () => Promise<unknown>) => take(server, database, proxy, count, work);
  const each = (work: (index: number) => Promise<unknown>) => async () => {
    for (let index = 0; index < pushes; index++) await work(index);
  };

  await repeat(server, 'GET', '/v2/scale/app/manifests/latest', gets, 16);
  const manifestGet = await taken(gets, () => repeat(server, 'GET', '/v2/scale/app/manifests/latest', gets, 16));
  await repeat(server, 'GET', `/v2/scale/app/blobs/${layer}`, gets, 16);
  const blobGet = await taken(gets, () => repeat(server, 'GET', `/v2/scale/app/blobs/${layer}`, gets, 16));
  const blobPush = await taken(
    pushes,
    each(() => pushBlob(server, 'scale/app', randomBytes(1024))),
  );
  const manifests = Array.from({ length: pushes }, (_, index) =>
    Buffer.from(`${image.manifest.toString()}${' '.repeat(index + 1)}`),
  );
  const manifestPut = await taken(
    pushes,
    each((index) => putManifest(server, 'scale/app', `tag-${index}`, manifests[index] ?? image.manifest)),
  );
  const large = Array.from({ length: 4 }, () => randomBytes(largeBytes));
  const largePush = await taken(4, async () => {
    for (const bytes of large) await pushBlob(server, 'scale/app', bytes);
  });

  return {
    costs: {
      manifestGet: manifestGet.cpu,
      blobRedirect: blobGet.cpu,
      blobPush: blobPush.cpu,
      manifestPut: manifestPut.cpu,
      pushedByte: Math.max(0, largePush.cpu - blobPush.cpu) / largeBytes,
      read: manifestGet.databaseCpu / manifestGet.transactions,
      write: blobPush.databaseCpu / blobPush.transactions,
    },
    demands: {
      readsPerManifestGet: manifestGet.transactions,
      readsPerBlobGet: blobGet.transactions,
      writesPerBlobPush: blobPush.transactions,
      writesPerManifestPut: manifestPut.transactions,
      s3PerSmallBlobPush: blobPush.s3Requests,
      s3PerManifestPut: manifestPut.s3Requests,
    },
  };
}

async function take(
  server: Server,
  database: Database,
  proxy: FaultProxy,
  count: number,
  work: () => Promise<unknown>,
): Promise<Taken> {
  const read = async () => ({
    cpu: await server.cpuSeconds(),
    databaseCpu: await databaseCpu(database),
    transactions: await transactions(database),
    s3Requests: proxy.seen.length,
  });
  const before = await read();
  await work();
  const after = await read();
  return {
    cpu: (after.cpu - before.cpu) / count,
    databaseCpu: (after.databaseCpu - before.databaseCpu) / count,
    transactions: (after.transactions - before.transactions) / count,
    s3Requests: (after.s3Requests - before.s3Requests) / count,
  };
}

/** Resolves to the CPU seconds of the whole server: its first process is the parent of all connections. */
async function databaseCpu(database: Database): Promise<number> {
  const [row] = await database.execute("SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1) AS pid");
  return cpuSecondsOf(Number(row?.['pid']));
}

/** Resolves to the commits that the server counted; it publishes the number within ten seconds. */
async function transactions(database: Database): Promise<number> {
  await new Promise((resume) => setTimeout(resume, 11_000));
  const [row] = await database.execute(
    'SELECT xact_commit::int AS count FROM pg_stat_database WHERE datname = current_database()',
  );
  return Number(row?.['count']);
}
