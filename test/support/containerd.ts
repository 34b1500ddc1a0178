import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, launch, run } from './run.ts';
import { until } from './until.ts';

/** A containerd of the test's own. */
export interface Containerd {
  /** Resolves to the output of ctr. */
  ctr(...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

export async function startContainerd(): Promise<Containerd> {
  const home = await mkdtemp(join(tmpdir(), 'berth-containerd-'));
  const file = join(home, 'config.toml');
  const folders = `root = "${home}/root"\nstate = "${home}/state"\n`;
  await writeFile(file, `version = 2\n${folders}[grpc]\naddress = "${home}/socket"\n[ttrpc]\naddress = "${home}/ttrpc"\n`);
  const server = launch('containerd', ['--config', file, '--log-level', 'error'], () => undefined);
  const ctr = (...args: readonly string[]) => run('ctr', ['--address', `${home}/socket`, ...args]);
  await until(() =>
    ctr('version').then(
      () => true,
      () => false,
    ),
  );
  return {
    ctr,
    async close() {
      await end(server);
      await rm(home, { recursive: true, force: true });
    },
  };
}
