import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { s3Settings } from '../test/support/blobs.ts';
import { postgresSettings } from '../test/support/metadata.ts';
import { createDatabase } from '../test/support/postgres.ts';
import { type TestBucket, createBucket } from '../test/support/s3-server.ts';
import { bareC, bareNode } from './limits/limits.ts';
import type { Launch } from './server.ts';
import { type Scale, type Workload, fullScale } from './workload.ts';

const MiB = 1024 * 1024;

/** Two servers to compare, ours first, and the workloads for them. */
export interface Setup {
  readonly launches: readonly [Launch, Launch];
  readonly scale: Scale;
  suits(workload: Workload): boolean;
  /** Removes the buckets and databases of the servers. */
  close(): Promise<void>;
}

/** By the value of `--setup`. */
export const setups: Readonly<Record<string, () => Promise<Setup>>> = {
  /** Both servers with their defaults: all data in a folder. */
  embedded: () => Promise.resolve({ launches: [berth('berth'), distribution('docker-registry')], ...everything }),
  /** Two workers against one. */
  workers: () =>
    Promise.resolve({ launches: [berth('berth, 2 workers', { BERTH_WORKERS: '2' }), berth('berth, 1 worker')], ...everything }),
  /** Mode token against mode open. */
  token: () =>
    Promise.resolve({
      launches: [{ ...berth('berth, tokens', tokenSettings), authorize }, berth('berth, open')],
      ...everything,
      suits: ({ unit, kind }) => unit === 'request' && kind === undefined,
    }),
  /** Links of Distribution's layout written behind pushes, against none. */
  links: () =>
    Promise.resolve({
      launches: [berth('berth, links'), berth('berth, no links', { BERTH_STORAGE_BLOBS_LINKS: 'off' })],
      ...everything,
      suits: ({ kind }) => kind === 'links',
    }),
  /** The same over one S3 server, with a bucket and a database for each. */
  'links-s3': linksOverS3,
  /** A quota for each namespace and repository, against none. */
  quotas: () => quotas(),
  /** The same over PostgreSQL, with a database for each. */
  'quotas-postgres': async () => {
    const [limited, free] = await Promise.all([createDatabase(), createDatabase()]);
    const setup = await quotas(postgresSettings(limited.url), postgresSettings(free.url));
    return {
      ...setup,
      async close() {
        await Promise.all([setup.close(), limited.drop(), free.drop()]);
      },
    };
  },
  /**
   * A verification that reads all blobs again and again at its default bandwidth, against none. It begins ten seconds after
   * the start.
   */
  scrub: () =>
    Promise.resolve({
      launches: [berth('berth, verifying', { BERTH_VERIFY_EVERY: '1s' }), berth('berth', { BERTH_VERIFY_EVERY: '0s' })],
      ...everything,
      suits: ({ name, kind }) => kind === undefined && name.includes('GET'),
    }),
  /** Both over the same S3 server, without redirects. */
  cluster,
  /** Against a loop in C: receive, SHA-256, write and fdatasync for a push, sendfile for a pull. */
  limits: () =>
    Promise.resolve({
      launches: [berth('berth'), bareC],
      ...everything,
      suits: ({ unit, kind }) => unit !== 'request' && kind === undefined,
    }),
  /** Against a bare handler of node:http. */
  node: () =>
    Promise.resolve({ launches: [berth('berth'), bareNode], ...everything, suits: ({ name }) => name.startsWith('manifest') }),
};

const everything = { scale: fullScale, suits: ({ kind }: Workload) => kind !== 'links', close: () => Promise.resolve() };

/** The settings are further variables of the server with quotas and of the one without. */
async function quotas(
  limited: Readonly<Record<string, string>> = {},
  free: Readonly<Record<string, string>> = {},
): Promise<Setup> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  const file = join(folder, 'berth.yaml');
  const rules = ['namespace', 'repository'].map((per) => `{ match: "**", per: ${per}, size: 100TiB, tags: 1000000 }`);
  await writeFile(file, `quotas: [${rules.join(', ')}]\n`);
  return {
    launches: [berth('berth, quotas', { ...limited, BERTH_CONFIG: file }), berth('berth', free)],
    ...everything,
    scale: { ...fullScale, pushedBlobBytes: 32 * MiB, pushedLayers: 10 },
    suits: ({ name }) => name.includes('push'),
    close: () => rm(folder, { recursive: true }),
  };
}

/** berth with its defaults; its log is discarded. */
export function berth(name: string, settings: Readonly<Record<string, string>> = {}): Launch {
  return {
    name,
    isBerth: true,
    command: (port, directory) =>
      Promise.resolve({
        program: resolve(import.meta.dirname, '../bin/berth'),
        args: ['serve'],
        env: { BERTH_LISTEN: `127.0.0.1:${port}`, BERTH_STORAGE_BLOBS_DIRECTORY: directory, ...settings },
      }),
  };
}

/** Debian's docker-registry, CNCF Distribution 2.8, with its defaults, including the access log. */
export function distribution(name: string, storage?: string): Launch {
  return {
    name,
    isBerth: false,
    async command(port, directory) {
      const file = join(directory, 'config.yml');
      const settings = storage ?? `  filesystem: {rootdirectory: ${directory}}\n`;
      await writeFile(file, `version: 0.1\nstorage:\n${settings}  delete: {enabled: true}\nhttp: {addr: "127.0.0.1:${port}"}\n`);
      // Its S3 driver does not start if the environment sets a CA bundle.
      return { program: 'docker-registry', args: ['serve', file], env: { AWS_CA_BUNDLE: '' } };
    },
  };
}

const tokenSettings = { BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: 'bench-password' };

/** Returns an `Authorization` with a bearer token for all workloads. */
async function authorize(url: string): Promise<string> {
  const query = new URLSearchParams({ service: new URL(url).host });
  for (const name of ['small', 'get']) query.append('scope', `repository:bench/${name}:pull,push`);
  const basic = Buffer.from('admin:bench-password').toString('base64');
  const answer = await fetch(`${url}/token?${query.toString()}`, { headers: { Authorization: `Basic ${basic}` } });
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return `Bearer ${((await answer.json()) as { token: string }).token}`;
}

/** Returns the variables for berth over a bucket and a database. `redirect`: clients get blobs from the bucket. */
export function clusterSettings(bucket: TestBucket, databaseUrl: string, redirect: boolean): Readonly<Record<string, string>> {
  return {
    ...s3Settings(bucket),
    ...postgresSettings(databaseUrl),
    BERTH_STORAGE_BLOBS_S3_REDIRECT: String(redirect),
  };
}

async function cluster(): Promise<Setup> {
  const [ours, theirs, database] = await Promise.all([createBucket(), createBucket(), createDatabase()]);
  return {
    launches: [
      berth('berth', clusterSettings(ours, database.url, false)),
      distribution('docker-registry', distributionS3(theirs)),
    ],
    scale: { ...fullScale, requests: 1000, largeBlobBytes: 64 * MiB, pushedBlobBytes: 32 * MiB, pushedLayers: 10 },
    suits: ({ kind }) => kind === undefined,
    async close() {
      await Promise.all([ours.remove(), theirs.remove(), database.drop()]);
    },
  };
}

async function linksOverS3(): Promise<Setup> {
  const [linked, bare] = await Promise.all([createBucket(), createBucket()]);
  const [linkedDatabase, bareDatabase] = await Promise.all([createDatabase(), createDatabase()]);
  const without = { ...clusterSettings(bare, bareDatabase.url, false), BERTH_STORAGE_BLOBS_LINKS: 'off' };
  return {
    launches: [
      berth('berth over S3, links', clusterSettings(linked, linkedDatabase.url, false)),
      berth('berth over S3, no links', without),
    ],
    scale: { ...fullScale, pushedLayers: 10 },
    suits: ({ kind }) => kind === 'links',
    async close() {
      await Promise.all([linked.remove(), bare.remove(), linkedDatabase.drop(), bareDatabase.drop()]);
    },
  };
}

export function distributionS3({ name, endpoint, region, credentials }: TestBucket): string {
  const settings = {
    bucket: name,
    region,
    regionendpoint: endpoint,
    accesskey: credentials.accessKeyId,
    secretkey: credentials.secretAccessKey,
    secure: false,
    v4auth: true,
  };
  return `  s3: ${JSON.stringify(settings)}\n  redirect: {disable: true}\n`;
}
