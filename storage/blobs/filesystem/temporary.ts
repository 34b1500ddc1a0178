import { createHash, randomBytes } from 'node:crypto';
import { opendir, readFile, readlink, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** The files of puts in progress. Several processes, also of several containers and machines, may share the folder. */
export interface TemporaryFiles {
  /** A path that nobody else uses. */
  path(): string;
  /** Removes what crashed processes left, and nothing of a put in progress. */
  removeAbandoned(): Promise<void>;
}

/** A put takes far less. Decides where nothing is known of the process that made a file. */
const abandonedMilliseconds = 60 * 60 * 1000;

/** Tells this process from an earlier one with the same id, as each run of a container is process 1. */
const run = randomBytes(4).toString('hex');

/** Names are `<processes>.<process id>.<run>.<random>`. */
export async function createTemporaryFiles(folder: string): Promise<TemporaryFiles> {
  const processes = await visibleProcesses();

  function isLeftByCrash(name: string): boolean {
    const [madeAmong, pid, madeInRun] = name.split('.');
    if (madeAmong !== processes) return false;
    return Number(pid) === process.pid ? madeInRun !== run : !isAlive(Number(pid));
  }

  async function isAbandoned(name: string): Promise<boolean> {
    if (isLeftByCrash(name)) return true;
    const stats = await stat(join(folder, name)).catch(() => undefined);
    return stats !== undefined && Date.now() - stats.mtimeMs > abandonedMilliseconds;
  }

  return {
    path: () => join(folder, `${processes}.${process.pid}.${run}.${randomBytes(8).toString('hex')}`),
    async removeAbandoned() {
      for await (const { name } of await opendir(folder)) {
        if (await isAbandoned(name)) await unlink(join(folder, name)).catch(() => undefined);
      }
    },
  };
}

/**
 * Names the set of processes whose ids mean the same here: one boot of one machine, one process id namespace. A
 * namespace's number may be used again, but only when all of its processes are gone.
 */
async function visibleProcesses(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1');
    return createHash('sha256')
      .update(boot + (await readlink('/proc/self/ns/pid')))
      .digest('hex')
      .slice(0, 12);
  } catch {
    return run;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
