import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { end, launch } from './run.ts';
import { until } from './until.ts';

/** Debian's docker-registry. */
export interface DockerRegistry {
  readonly url: string;
  /** Ends it; the folder stays. */
  close(): Promise<void>;
}

/** Further lines of its configuration. */
export interface DockerRegistrySettings {
  /** After the driver, such as `delete: { enabled: true }`. */
  readonly storage?: string;
  /** Sections, such as `auth: …`. */
  readonly sections?: string;
}

/** Starts it on loopback with its data in the folder. */
export async function startDockerRegistry(
  folder: string,
  { storage, sections = '' }: DockerRegistrySettings = {},
): Promise<DockerRegistry> {
  const home = await mkdtemp(join(tmpdir(), 'berth-docker-registry-'));
  const port = await freePort();
  const config = join(home, 'config.yml');
  const stored = [`filesystem: { rootdirectory: ${folder} }`, ...(storage === undefined ? [] : [storage])].join(', ');
  const text = `version: 0.1\nstorage: { ${stored} }\nhttp: { addr: "127.0.0.1:${port}" }\n${sections}`;
  await writeFile(config, text);
  const registry = launch('docker-registry', ['serve', config], () => undefined);
  const url = `http://127.0.0.1:${port}`;
  await until(() =>
    fetch(`${url}/v2/`).then(
      () => true,
      () => false,
    ),
  );
  return {
    url,
    async close() {
      await end(registry);
      await rm(home, { recursive: true });
    },
  };
}
