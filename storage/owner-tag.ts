import { createHash, randomBytes } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';

/**
 * Names the process that created a file, so that other processes can tell whether it has crashed. Several processes, also in
 * several containers and on several machines, may share a folder.
 */
export interface OwnerTags {
  /** The tag of this process. */
  readonly own: string;
  /** True if the process with the tag has certainly ended; false if its state is unknown. */
  isLeftByCrash(tag: string): boolean;
}

/** Distinguishes this process from an earlier one with the same id: in a container each run is process 1. */
const run = randomBytes(4).toString('hex');

/** Creates the tags: `<processes>.<process id>.<run>`. Text after a further dot is ignored. */
export async function createOwnerTags(): Promise<OwnerTags> {
  const processes = await visibleProcesses();
  return {
    own: `${processes}.${process.pid}.${run}`,
    isLeftByCrash(tag) {
      const [ownerProcesses, ownerId, ownerRun] = tag.split('.');
      if (ownerProcesses !== processes) return false;
      return Number(ownerId) === process.pid ? ownerRun !== run : !isAlive(Number(ownerId));
    },
  };
}

/**
 * Returns a name for the processes whose ids are valid here: those of one boot of one machine, in one process id namespace. The
 * number of a namespace may be used again, but only after all its processes have ended.
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
