import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, launch, run } from './run.ts';
import { until } from './until.ts';

/** A separate Docker daemon that stores, pushes, pulls and builds, but runs no containers. */
export interface Dockerd {
  /** Runs the docker command line against it. */
  docker(...args: readonly string[]): Promise<string>;
  /** Runs the docker command line with `input` as standard input. */
  dockerWith(input: Uint8Array, ...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

export async function startDockerd(...flags: readonly string[]): Promise<Dockerd> {
  const home = await mkdtemp(join(tmpdir(), 'dockerd-'));
  const socket = `unix://${home}/socket`;
  const places = ['--data-root', `${home}/data`, '--exec-root', `${home}/exec`, '--pidfile', `${home}/pid`, '-H', socket];
  const network = ['--iptables=false', '--ip6tables=false', '--bridge=none'];
  let log = '';
  const daemon = launch('dockerd', [...network, '--storage-driver=vfs', ...places, ...flags], (text) => (log += text));
  const env = {
    ...process.env,
    DOCKER_HOST: socket,
    DOCKER_CONFIG: join(home, 'config'),
    DOCKER_CLI_EXPERIMENTAL: 'enabled',
    DOCKER_BUILDKIT: '0',
  };
  await until(async () => {
    if (daemon.exitCode !== null) throw new Error(`dockerd did not start:\n${log}`);
    return run('docker', ['version'], { env }).then(
      () => true,
      () => false,
    );
  });
  return {
    docker: (...args) => run('docker', args, { env }),
    dockerWith: (input, ...args) => run('docker', args, { env, input }),
    async close() {
      await end(daemon);
      await rm(home, { recursive: true, force: true });
    },
  };
}
