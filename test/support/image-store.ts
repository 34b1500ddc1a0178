import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.ts';

/** Images and containers of buildah and podman in a folder of their own. */
export interface ImageStore {
  readonly folder: string;
  /** Options that name the store, for either program. */
  readonly options: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  buildah(...args: readonly string[]): Promise<string>;
  /** Returns a command of podman, with its environment. */
  podman(...args: readonly string[]): readonly string[];
  close(): Promise<void>;
}

/** Stores layers with overlayfs, or as copies where the file system of temporary files cannot be below it. */
export async function startImageStore(): Promise<ImageStore> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-images-'));
  const variables = { HOME: folder, XDG_RUNTIME_DIR: folder, REGISTRY_AUTH_FILE: join(folder, 'auth.json') };
  await writeFile(variables.REGISTRY_AUTH_FILE, '{}');
  const env = { ...process.env, ...variables, BUILDAH_ISOLATION: 'chroot' };
  const optionsOf = (driver: string, name: string) => [
    ...['--root', join(folder, name), '--runroot', join(folder, `${name}-run`), '--storage-driver', driver],
  ];
  const options = await run('buildah', [...optionsOf('overlay', 'overlay'), 'info'], { env }).then(
    () => optionsOf('overlay', 'overlay'),
    () => optionsOf('vfs', 'vfs'),
  );
  const buildah = (...args: readonly string[]) => run('buildah', [...options, ...args], { env });
  return {
    folder,
    options,
    env,
    buildah,
    podman: (...args) => {
      const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
      return ['env', ...settings, 'podman', ...options, '--cgroup-manager', 'cgroupfs', ...args];
    },
    async close() {
      await buildah('rm', '--all');
      // overlayfs is mounted on itself as long as the store is in use.
      await run('umount', ['--lazy', join(folder, 'overlay/overlay')]).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
