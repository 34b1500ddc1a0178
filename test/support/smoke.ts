import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import { basic } from './access.ts';
import { call } from './call.ts';
import type { Dockerd } from './dockerd.ts';
import { freePort } from './free-port.ts';
import { end, launch } from './run.ts';
import { tar } from './tar.ts';
import { until } from './until.ts';

const password = 'smoke test of a package';

/** A package of berth, installed. */
export interface InstalledPackage {
  /** Starts a program of the package: the command and its words, such as `['/usr/bin/berth', 'serve']`. */
  readonly serve: readonly string[];
  /** The folder that it runs in; the data is below, unless `settings` say otherwise. */
  readonly folder: string;
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts the server of a package with nothing in its environment but settings, uses it with docker and ends it with SIGTERM. Each
 * thread and each kind of file of the program is used once. `meanwhile` runs beside the server.
 */
export async function smokeTest(
  { serve, folder, settings = {} }: InstalledPackage,
  docker: Dockerd,
  meanwhile: (server: { readonly url: string }) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const port = await freePort();
  const environment = {
    BERTH_LISTEN: `127.0.0.1:${port}`,
    BERTH_ACCESS_MODE: 'token',
    BERTH_ACCESS_ADMIN_PASSWORD: password,
    ...settings,
  };
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  let printed = '';
  const child = launch('env', ['-i', '-C', folder, ...variables, ...serve], (text) => (printed += text));
  try {
    await until(() => {
      if (child.exitCode !== null) throw new Error(`berth did not start:\n${printed}`);
      return printed.includes('berth is listening');
    });
    const server = { url: `http://127.0.0.1:${port}` };
    expect((await call(server, 'GET', '/healthz')).json()).toMatchObject({ status: 'ok', sendPath: 'sendfile' });
    expect((await call(server, 'GET', '/readyz')).status).toBe(200);
    await expectAssets(server);
    await expectPushAndPull(server, docker);
    await meanwhile(server);
  } finally {
    expect(await end(child)).toBe(0);
  }
  expect(printed).toContain('stopped');
}

async function expectAssets(server: { readonly url: string }): Promise<void> {
  const page = (await call(server, 'GET', '/ui/login')).body.toString();
  const assets = [...page.matchAll(/(?:href|src)="(\/ui\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  expect(assets.length).toBeGreaterThanOrEqual(3);
  for (const path of new Set(assets)) expect([path, (await call(server, 'GET', path)).status]).toEqual([path, 200]);
}

async function expectPushAndPull(server: { readonly url: string }, docker: Dockerd): Promise<void> {
  const host = `localhost:${new URL(server.url).port}`;
  const image = `${host}/smoke/app:1`;
  await docker.dockerWith(Buffer.from(password), 'login', '--username', 'admin', '--password-stdin', host);
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
}

function digestIn(output: string): string | undefined {
  return /sha256:[0-9a-f]{64}/.exec(output)?.[0];
}
