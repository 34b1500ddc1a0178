import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { end, launch, run } from './run.ts';
import { until } from './until.ts';

/** A copy of this machine's files, in a mount namespace of its own: changes are gone when it is closed. It shares `home`. */
export interface Machine {
  /** Runs a program in it as root. */
  run(...command: readonly string[]): Promise<string>;
  /** Comes before a command, to run it in it in place of this process. */
  readonly enter: readonly string[];
  close(): Promise<unknown>;
}

const setUp = `
set -e
mount -t tmpfs tmpfs "$1/layers"
mkdir "$1/layers/upper" "$1/layers/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/layers/upper,workdir=$1/layers/work" "$1/root"
for folder in /dev /proc /sys; do mount --rbind "$folder" "$1/root$folder"; done
mkdir -p "$1/root$1"
mount --bind "$1" "$1/root$1"
echo ready
exec sleep infinity
`;

/** Needs root. */
export async function startMachine(home: string): Promise<Machine> {
  await mkdir(join(home, 'layers'));
  await mkdir(join(home, 'root'));
  await run('chmod', ['755', home]);
  let printed = '';
  const holder = launch('unshare', ['--mount', 'sh', '-c', setUp, 'sh', home], (text) => (printed += text));
  await until(() => {
    if (holder.exitCode !== null) throw new Error(`the mount namespace could not be made:\n${printed}`);
    return printed.includes('ready');
  });
  const enter = ['/usr/bin/nsenter', `--mount=/proc/${holder.pid ?? 0}/ns/mnt`, '/usr/sbin/chroot', join(home, 'root')];
  return {
    enter,
    run: (...command) => run('/usr/bin/env', [...enter, ...command]),
    close: () => end(holder),
  };
}
