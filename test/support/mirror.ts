import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../src/observability/log.ts';
import { type TestBerth, startBerth } from './berth.ts';

export interface MirrorSettings {
  /** Upstreams by name, as in the configuration: merged over the defaults; false removes one. */
  readonly upstreams: Readonly<Record<string, Readonly<Record<string, unknown>> | false>>;
  /** Other keys of the section `mirror`. */
  readonly [key: string]: unknown;
}

/** A configuration file with this section `mirror`. */
export async function mirrorConfig(
  mirror: MirrorSettings,
  others: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-mirror-'));
  const file = join(folder, 'config.yaml');
  await writeFile(file, JSON.stringify({ mirror, ...others }));
  return { file, remove: () => rm(folder, { recursive: true }) };
}

/** A berth in this process that mirrors. */
export async function startMirror(
  mirror: MirrorSettings,
  settings: Readonly<Record<string, string>> = {},
  log?: Log,
): Promise<TestBerth> {
  const { file, remove } = await mirrorConfig(mirror);
  return removing(await startBerth({ BERTH_CONFIG: file, ...settings }, log), remove);
}

function removing(berth: TestBerth, remove: () => Promise<void>): TestBerth {
  return {
    ...berth,
    restart: async () => removing(await berth.restart(), remove),
    async close() {
      await berth.close();
      await remove();
    },
  };
}
