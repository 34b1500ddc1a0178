import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { isFirst } from './first.ts';
import { spawnForProcess, spawnForRun } from './run-bound.ts';
import { run } from './run.ts';
import { until } from './until.ts';

/** Programs for `describeWith`: Debian's own command, because the server's programs are not in the PATH there. */
export const postgresPrograms = ['pg_ctlcluster'];

export interface Database {
  /** `postgres://…`, as `storage.metadata.url` wants it. */
  readonly url: string;
  /** Runs statements as the database's owner. */
  execute(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Remembers the rows of the database for `reset`. */
  remember(): Promise<void>;
  /** Restores the remembered rows and the first values of sequences: faster than a database of its own for each test. */
  reset(): Promise<void>;
  /** Idempotent. Ends every connection to it. */
  drop(): Promise<void>;
}

/** Without triggers, which would count the rows. */
const resetTables = `
  SET session_replication_role = replica;
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
      EXECUTE format('DELETE FROM public.%I', name);
      EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE remembered.%I', name, name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
      EXECUTE format('ALTER SEQUENCE public.%I RESTART', name);
    END LOOP;
  END $$`;

const rememberTables = `
  CREATE SCHEMA remembered;
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
      EXECUTE format('CREATE TABLE remembered.%I AS TABLE public.%I', name, name);
    END LOOP;
  END $$`;

/** An empty database on the private cluster that the files of one test run share. */
export async function createDatabase(): Promise<Database> {
  const folder = await sharedCluster();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await execute(urlOf(folder, 'postgres'), `CREATE DATABASE ${name}`);
  return {
    url: urlOf(folder, name),
    execute: (sql) => execute(urlOf(folder, name), sql),
    async remember() {
      await execute(urlOf(folder, name), rememberTables);
    },
    async reset() {
      await execute(urlOf(folder, name), resetTables);
    },
    async drop() {
      await execute(urlOf(folder, 'postgres'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

/** The cluster listens on a socket in its own folder: no port that something else could take. */
function urlOf(folder: string, database: string): string {
  return `postgres:///${database}?host=${encodeURIComponent(folder)}&user=postgres`;
}

async function execute(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

let cluster: Promise<string> | undefined;

/** Resolves to the folder of the cluster of this test run; the first caller starts it. */
function sharedCluster(): Promise<string> {
  cluster ??= (async () => {
    const folder = join(tmpdir(), `berth-postgres-${process.env['TEST_RUN'] ?? process.pid}`);
    const ready = join(folder, 'ready');
    if (await isFirst(folder)) {
      await startCluster(folder, (command) => spawnForRun(command, 'ignore'));
      await writeFile(ready, '');
    } else await until(() => existsSync(ready), 60);
    return folder;
  })();
  return cluster;
}

/** Starts a server in the folder with `start`. Its durability is off, because the tests cover berth, not PostgreSQL. */
async function startCluster(folder: string, start: (command: readonly string[]) => ChildProcess): Promise<ChildProcess> {
  const data = join(folder, 'data');
  await chmod(folder, 0o777);
  const init = [
    programPath('initdb'),
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
    '--no-sync',
  ];
  await run('sh', ['-c', '"$@"', 'sh', ...asUser(init)]);
  const server = [programPath('postgres'), '-D', data, ...settingsOf(folder)];
  const child = start(untilEndOfInput(folder, asUser(server)));
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`PostgreSQL did not start in ${folder}`);
    return execute(urlOf(folder, 'postgres'), 'SELECT 1').then(
      () => true,
      () => false,
    );
  }, 60);
  return child;
}

function settingsOf(folder: string): readonly string[] {
  const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off', 'max_connections=300'];
  return settings.flatMap((setting) => ['-c', setting]);
}

/** A cluster that one test has for itself, to be restarted. */
export interface Cluster {
  /** Of its database `postgres`. */
  readonly url: string;
  /** `fast` ends every connection, `immediate` is a crash. */
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  /** Resolves when it takes connections again. */
  start(): Promise<void>;
  dispose(): Promise<void>;
}

export async function createCluster(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-cluster-'));
  const shell = await startCluster(folder, spawnForProcess);
  const control = (...args: readonly string[]) => {
    const command = asUser([programPath('pg_ctl'), '-D', join(folder, 'data'), '-w', '-l', join(folder, 'control-log'), ...args]);
    return run('sh', ['-c', '"$@" >/dev/null 2>&1', 'sh', ...command]);
  };
  return {
    url: urlOf(folder, 'postgres'),
    async stop(mode) {
      await control('stop', '-m', mode);
    },
    async start() {
      await control('start', '-o', settingsOf(folder).join(' '));
    },
    async dispose() {
      await control('stop', '-m', 'immediate');
      shell.stdin?.end();
      await until(() => !existsSync(folder));
    },
  };
}

/** PostgreSQL refuses to run as root. */
function asUser(command: readonly string[]): readonly string[] {
  return process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...command] : command;
}

/** The command in a shell that ends it, and removes the folder, at the end of its standard input. */
function untilEndOfInput(folder: string, command: readonly string[]): readonly string[] {
  const script =
    'folder=$1; shift; "$@" 2>"$folder/log" & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$folder"';
  return ['sh', '-c', script, 'sh', folder, ...command];
}

function programPath(program: string): string {
  const versions = '/usr/lib/postgresql';
  const folders = existsSync(versions) ? readdirSync(versions).sort().reverse() : [];
  const found = folders.map((version) => join(versions, version, 'bin', program)).find((path) => existsSync(path));
  return found ?? program;
}
