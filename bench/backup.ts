/**
 * Measures pushes while a backup of many manifests is made: npm run bench:backup [-- --manifests N] [--rounds N]
 * Goal: the 99th percentile of a push is at most 1.5 times that of an idle server. Also prints the CPU seconds of the server for each
 * push, idle and during a backup, and its largest resident memory.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { newImage, pushImage } from './client.ts';
import { markdown } from './report.ts';
import { type Server, startServer } from './server.ts';
import { berth } from './setups.ts';

const { values } = parseArgs({
  options: { manifests: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' } },
});
const manifests = Number(values.manifests);
const clients = 4;
const idleMilliseconds = 10_000;
const memoryMilliseconds = 100;
const seedCacheKiB = 256 * 1024;

/** Writes manifests with a tag and two references each directly into the database. */
function seed(file: string, count: number): void {
  const database = new DatabaseSync(file, { timeout: 60_000, enableForeignKeyConstraints: false });
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  const digest = (part: string) => `'sha256:${part}' || printf('%063d', i)`;
  // Its pages of a million rows would be read and written again and again with the default of 2 MiB.
  database.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -${seedCacheKiB}; BEGIN;
    INSERT INTO repositories (id, name, created_at) VALUES (1000000, 'seed/app', 1);
    INSERT INTO blobs (digest, size_bytes, created_at) ${numbers} SELECT ${digest('a')}, 1, 1 FROM n;
    INSERT INTO blobs (digest, size_bytes, created_at) ${numbers} SELECT ${digest('b')}, 1, 1 FROM n;
    INSERT INTO links (repository_id, digest, created_at) ${numbers} SELECT 1000000, ${digest('b')}, 1 FROM n;
    INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at)
      ${numbers} SELECT 1000000, ${digest('a')}, 'application/vnd.oci.image.manifest.v1+json', 1, 1 FROM n;
    INSERT INTO manifest_references (repository_id, manifest, digest) ${numbers} SELECT 1000000, ${digest('a')}, ${digest('b')} FROM n;
    INSERT INTO tags (repository_id, name, digest, updated_at) ${numbers} SELECT 1000000, 't' || i, ${digest('a')}, 1 FROM n;
    COMMIT`);
  database.close();
}

let pushed = 0;

/** Pushes small images until `ended` resolves. Resolves to the milliseconds of each push. */
async function measurePushes(server: Server, ended: Promise<unknown>): Promise<readonly number[]> {
  const ending = new AbortController();
  void ended.then(() => ending.abort());
  const times: number[] = [];
  const client = async () => {
    while (!ending.signal.aborted) {
      const image = newImage(2, 1024);
      const started = performance.now();
      await pushImage(server, 'bench/backup', `t${++pushed}`, image);
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return times.sort((one, other) => one - other);
}

const percentile = (sorted: readonly number[], part: number) => sorted[Math.floor(sorted.length * part)] ?? 0;
const median = (numbers: readonly number[]) =>
  percentile(
    [...numbers].sort((one, other) => one - other),
    0.5,
  );

interface Round {
  /** 99th percentiles of a push, in milliseconds. */
  readonly idle: number;
  readonly backup: number;
  readonly pushes: number;
  readonly seconds: number;
  /** CPU of the server for a push, in milliseconds. */
  readonly idleCpu: number;
  readonly backupCpu: number;
  /** Largest resident memory of the server during the backup. */
  readonly mebibytes: number;
}

/** Looks at the memory of the server again and again until `largest` is called. */
function watchMemory(server: Server): { largest(): Promise<number> } {
  let [bytes, isOver] = [0, false];
  const watching = (async () => {
    while (!isOver) {
      bytes = Math.max(bytes, await server.residentBytes());
      await sleep(memoryMilliseconds);
    }
  })();
  return {
    async largest() {
      isOver = true;
      await watching;
      return bytes;
    },
  };
}

function makeBackup(server: Server): Promise<void> {
  const env = { ...process.env, BERTH_STORAGE_BLOBS_DIRECTORY: server.directory };
  const child = spawn(resolve(import.meta.dirname, '../bin/berth'), ['backup', 'create'], { stdio: 'ignore', env });
  return new Promise((done, fail) => {
    child.once('exit', (code) => (code === 0 ? done() : fail(new Error(`berth backup create exited with ${code}`))));
  });
}

const server = await startServer(berth('berth'));
try {
  seed(join(server.directory, 'metadata.sqlite'), manifests);
  await measurePushes(server, sleep(2000));
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const cpuBefore = await server.cpuSeconds();
    const idle = await measurePushes(server, sleep(idleMilliseconds));
    const [started, cpuIdle] = [performance.now(), await server.cpuSeconds()];
    const memory = watchMemory(server);
    const backup = await measurePushes(server, makeBackup(server));
    rounds.push({
      idle: percentile(idle, 0.99),
      backup: percentile(backup, 0.99),
      pushes: backup.length,
      seconds: (performance.now() - started) / 1000,
      idleCpu: (1000 * (cpuIdle - cpuBefore)) / idle.length,
      backupCpu: (1000 * ((await server.cpuSeconds()) - cpuIdle)) / backup.length,
      mebibytes: (await memory.largest()) / 1024 / 1024,
    });
  }
  const head = ['backup of', 'takes, s', 'pushes meanwhile', 'p99 of a push, idle, ms', 'during a backup, ms', 'ratio'];
  head.push('CPU of the server for a push, idle, ms', 'during a backup, ms', 'its largest memory, MiB');
  const of = (name: keyof Round) => median(rounds.map((round) => round[name]));
  const ratio = median(rounds.map(({ idle, backup }) => backup / idle));
  const row = [`${manifests} manifests`, of('seconds'), of('pushes'), of('idle'), of('backup'), ratio];
  row.push(of('idleCpu'), of('backupCpu'), of('mebibytes'));
  process.stdout.write(`${markdown([head, row.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell))])}\n`);
} finally {
  await server.close();
}
process.exit(0);
