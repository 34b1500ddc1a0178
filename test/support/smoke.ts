import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import { basic } from './access.ts';
import { call } from './call.ts';
import type { Dockerd } from './dockerd.ts';
import { freePort } from './free-port.ts';
import { end, launch, run } from './run.ts';
import { tar } from './tar.ts';
import { until } from './until.ts';

const password = 'smoke test of a package';

type Settings = Readonly<Record<string, string>>;

/** A package of berth, installed. */
export interface InstalledPackage {
  /** Returns the command that runs the package's program with these words, and nothing in its environment but `settings`. */
  command(words: readonly string[], settings: Settings): readonly string[];
  readonly settings?: Settings;
}

/** A program that runs in `folder`; its data is below, unless settings say otherwise. */
export function inFolder(folder: string, ...program: readonly string[]): InstalledPackage['command'] {
  return (words, settings) => ['env', '-i', '-C', folder, ...assignments(settings), ...program, ...words];
}

/** Returns `NAME=VALUE` for each setting. */
export const assignments = (settings: Settings): readonly string[] =>
  Object.entries(settings).map(([name, value]) => `${name}=${value}`);

interface Server {
  readonly url: string;
  readonly environment: Settings;
}

/**
 * Starts the server of a package, uses it with docker, adds a user with the command line, and ends it with SIGTERM. Starts it again,
 * and expects the image and the user. Each thread and each kind of file of the program is used once. `meanwhile` runs beside the
 * first server.
 */
export async function smokeTest(
  installed: InstalledPackage,
  docker: Dockerd,
  meanwhile: (server: Server) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  let digest: string | undefined;
  let alice = '';
  await serving(installed, async (server) => {
    expect((await call(server, 'GET', '/healthz')).json()).toMatchObject({ status: 'ok', sendPath: 'sendfile' });
    expect((await call(server, 'GET', '/readyz')).status).toBe(200);
    await expectAssets(server);
    digest = await expectPushAndPull(server, docker);
    const [program = '', ...words] = installed.command(['user', 'add', 'alice'], server.environment);
    alice = (await run(program, words)).trim();
    await meanwhile(server);
  });
  await serving(installed, async (server) => {
    expect((await call(server, 'GET', '/v2/', { headers: basic('alice', alice) })).status).toBe(200);
    await login(server, docker);
    const image = `${hostOf(server)}/smoke/app:1`;
    expect(digestIn(await docker.docker('pull', image))).toBe(digest);
    await docker.docker('rmi', image);
  });
}

/** Runs the package's server during `work`, and expects that it stops without an error. */
async function serving({ command, settings }: InstalledPackage, work: (server: Server) => Promise<void>): Promise<void> {
  const port = await freePort();
  const environment = {
    BERTH_LISTEN: `127.0.0.1:${port}`,
    BERTH_ACCESS_MODE: 'token',
    BERTH_ACCESS_ADMIN_PASSWORD: password,
    ...settings,
  };
  const [program = '', ...words] = command(['serve'], environment);
  let printed = '';
  const child = launch(program, words, (text) => (printed += text));
  let exitCode: number | null = null;
  try {
    await until(() => {
      if (child.exitCode !== null) throw new Error(`berth did not start:\n${printed}`);
      return printed.includes('berth is listening');
    });
    await work({ url: `http://127.0.0.1:${port}`, environment });
  } finally {
    exitCode = await end(child);
  }
  expect([exitCode, printed]).toEqual([0, expect.stringContaining('stopped')]);
}

async function expectAssets(server: { readonly url: string }): Promise<void> {
  const page = (await call(server, 'GET', '/ui/login')).body.toString();
  const assets = [...page.matchAll(/(?:href|src)="(\/ui\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  expect(assets.length).toBeGreaterThanOrEqual(3);
  for (const path of new Set(assets)) expect([path, (await call(server, 'GET', path)).status]).toEqual([path, 200]);
}

const hostOf = ({ url }: Server): string => `localhost:${new URL(url).port}`;

async function login(server: Server, docker: Dockerd): Promise<void> {
  await docker.dockerWith(Buffer.from(password), 'login', '--username', 'admin', '--password-stdin', hostOf(server));
}

/** Returns the digest of the image that it pushes. */
async function expectPushAndPull(server: Server, docker: Dockerd): Promise<string | undefined> {
  const image = `${hostOf(server)}/smoke/app:1`;
  await login(server, docker);
  // More than what is sent without sendfile.
  await docker.dockerWith(tar({ 'etc/release': 'smoke', random: randomBytes(300_000) }), 'import', '-', image);
  const pushed = digestIn(await docker.docker('push', image));
  expect(pushed).toBeDefined();
  await docker.docker('rmi', image);
  expect(digestIn(await docker.docker('pull', image))).toBe(pushed);
  await docker.docker('rmi', image);
  const headers = basic('admin', password);
  const files = await call(server, 'GET', '/api/v1/image/files?repository=smoke/app&reference=1&wait=60', { headers });
  expect(files.body.toString()).toContain('"random"');
  return pushed;
}

function digestIn(output: string): string | undefined {
  return /sha256:[0-9a-f]{64}/.exec(output)?.[0];
}
