import { createHash, randomBytes } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';

/**
 * Marks what a process has made, so that another one can tell whether its maker is gone. Several processes, also of
 * several containers and machines, may share a folder.
 */
export interface OwnerTags {
  /** This process's. */
  readonly own: string;
  /** Whether the mark's process is certainly gone; false where nothing is known of it. */
  isLeftByCrash(mark: string): boolean;
}

/** Tells this process from an earlier one with the same id, as each run of a container is process 1. */
const run = randomBytes(4).toString('hex');

/** Marks are `<processes>.<process id>.<run>`; what follows after another dot does not count. */
export async function createOwnerTags(): Promise<OwnerTags> {
  const processes = await visibleProcesses();
  return {
    own: `${processes}.${process.pid}.${run}`,
    isLeftByCrash(mark) {
      const [madeAmong, pid, madeInRun] = mark.split('.');
      if (madeAmong !== processes) return false;
      return Number(pid) === process.pid ? madeInRun !== run : !isAlive(Number(pid));
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
