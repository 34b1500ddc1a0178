import { readFileSync, writeFileSync } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync } from 'node:sqlite';

/**
 * Loaded into a berth before its own code (`--import`), also into its threads: it ends itself with SIGKILL at the point
 * that the file KILL_POINT names, or at its n-th time in a thread: `after a commit × 3`. No file, no point. Before its end it
 * writes the point into the file `reachedFile` of that file.
 */
export const killPoints = [
  'before a file is synced',
  'after a file is synced',
  'before a file gets its name',
  'after a file got its name',
  'before a commit',
  'after a commit',
] as const;

/** The points of every push, and those of single operations. */
export type KillPoint = (typeof killPoints)[number] | 'before an adoption is finished';

/** Returns the path of the file that says which point was reached. */
export const reachedFile = (pointFile: string) => `${pointFile}.reached`;

const file = process.env['KILL_POINT'];
if (file !== undefined) await arm(file);

async function arm(pointFile: string): Promise<void> {
  let times = 0;
  const reach = (point: KillPoint) => {
    const [name, wantedTimes = '1'] = wanted(pointFile)?.split(' × ') ?? [];
    if (name !== point || ++times < Number(wantedTimes)) return;
    writeFileSync(reachedFile(pointFile), `${point} × ${times}`);
    process.kill(process.pid, 'SIGKILL');
  };
  for (const method of ['rename', 'link'] as const) {
    const give = files[method];
    files[method] = async (from, to) => {
      reach('before a file gets its name');
      await give(from, to);
      reach('after a file got its name');
    };
  }
  const handle = await files.open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as Record<'sync' | 'datasync', () => Promise<void>>;
  await handle.close();
  for (const method of ['sync', 'datasync'] as const) {
    const sync = prototype[method];
    prototype[method] = async function (this: unknown) {
      reach('before a file is synced');
      await sync.call(this);
      reach('after a file is synced');
    };
  }
  const { exec, prepare } = DatabaseSync.prototype;
  let isFinishing = false;
  DatabaseSync.prototype.prepare = function (...args) {
    isFinishing ||= args[0].startsWith('UPDATE adoption SET finished_at');
    return prepare.apply(this, args);
  };
  DatabaseSync.prototype.exec = function (sql) {
    if (sql === 'COMMIT') reach('before a commit');
    if (sql === 'COMMIT' && isFinishing) reach('before an adoption is finished');
    exec.call(this, sql);
    if (sql === 'COMMIT') reach('after a commit');
  };
  syncBuiltinESMExports();
}

function wanted(pointFile: string): string | undefined {
  try {
    return readFileSync(pointFile, 'utf8');
  } catch {
    return undefined;
  }
}
