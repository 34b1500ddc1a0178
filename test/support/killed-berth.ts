import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from './berth-process.ts';
import type { KillPoint } from './kill-points.ts';
import { until } from './until.ts';

/** A berth over files and SQLite that ends itself at points of its work. */
export interface KilledBerth {
  readonly berth: BerthProcess;
  /** Performs the request while berth dies at the point, and starts it again. */
  killedAt(point: KillPoint, request: () => Promise<unknown>): Promise<void>;
  dispose(): Promise<void>;
}

/** `configuration`: its configuration file, in YAML. */
export async function startKilledBerth(configuration = '{}'): Promise<KilledBerth> {
  const scratch = await mkdtemp(join(tmpdir(), 'berth-kill-'));
  const [config, pointFile] = [join(scratch, 'berth.yaml'), join(scratch, 'point')];
  await writeFile(config, configuration);
  // The points are those of the embedded store.
  const settings = { BERTH_CONFIG: config, BERTH_STORAGE_METADATA_DRIVER: 'sqlite', KILL_POINT: pointFile };
  const berth = await startBerthProcess(settings, ['--import', resolve(import.meta.dirname, 'kill-points.ts')]);
  return {
    berth,
    async killedAt(point, request) {
      await writeFile(pointFile, point);
      const pid = berth.pid();
      await expect(request()).rejects.toThrow();
      await until(() => !isAlive(pid));
      await rm(pointFile);
      await berth.start();
    },
    async dispose() {
      await berth.dispose();
      await rm(scratch, { recursive: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
