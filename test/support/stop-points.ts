import { writeSync } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/** Where the process can stop itself (SIGSTOP) while it handles an upload. */
export const stopPoints = [
  'before the file is renamed to its own name',
  'after the file was renamed to its own name',
  'before bytes are written',
  'before the file is truncated',
  'before the file is synced',
  'after the file was synced',
  'before the file is marked as closed',
  'after the file was marked as closed',
] as const;

export type StopPoint = (typeof stopPoints)[number];

let wanted: StopPoint | undefined;

/** Stops the process the next time that it reaches the point. It goes on at SIGCONT. */
export function stopAt(point: StopPoint): void {
  wanted = point;
}

function reach(point: StopPoint): void {
  if (wanted !== point) return;
  wanted = undefined;
  writeSync(1, 'stopped\n');
  process.kill(process.pid, 'SIGSTOP');
}

/** Puts the points into the file functions. Needed once, before any other module uses them. */
export async function armStopPoints(): Promise<void> {
  const { rename } = files;
  files.rename = async (from, to) => {
    const takesOver = String(to).includes('/.berth/growing/');
    if (takesOver) reach('before the file is renamed to its own name');
    await rename(from, to);
    if (takesOver) reach('after the file was renamed to its own name');
  };
  const { link } = files;
  files.link = async (from, to) => {
    reach('before the file is marked as closed');
    await link(from, to);
    reach('after the file was marked as closed');
  };
  const handle = await files.open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as Record<string, (...args: unknown[]) => Promise<unknown>>;
  await handle.close();
  const points: readonly [string, StopPoint, StopPoint?][] = [
    ['writev', 'before bytes are written'],
    ['truncate', 'before the file is truncated'],
    ['datasync', 'before the file is synced', 'after the file was synced'],
  ];
  for (const [method, before, after] of points) {
    const original = prototype[method];
    prototype[method] = async function (this: unknown, ...args) {
      reach(before);
      const result = await original?.apply(this, args);
      if (after) reach(after);
      return result;
    };
  }
  syncBuiltinESMExports();
}
