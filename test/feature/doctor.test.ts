import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:https';
import { createServer as createPlainServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeKeys } from '../../config/describe.ts';
import { loadConfig } from '../../config/load.ts';
import { checkDocker } from '../../src/cli/doctor/docker.ts';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { writeCertificate } from '../support/certificate.ts';
import { runCommand } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith } from '../support/requires.ts';

let folder: string;
let berth: TestBerth;
let settings: Readonly<Record<string, string>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-doctor-'));
  berth = await startBerth();
  const file = join(folder, 'berth.yaml');
  const { port } = new URL(berth.url);
  await writeFile(file, `mirror: { upstreams: { "docker.io": { url: "${berth.url}" } } }\n`);
  settings = { ...berth.environment, BERTH_CONFIG: file, BERTH_LISTEN: `127.0.0.1:${port}`, BERTH_PUBLIC_URL: berth.url };
});
afterAll(async () => {
  await berth.close();
  await rm(folder, { recursive: true });
});

async function examine(changed: Readonly<Record<string, string>> = {}) {
  const { code, stdout } = await runCommand(['doctor', '--json'], { ...settings, ...changed });
  const findings = JSON.parse(stdout) as readonly Finding[];
  return {
    code,
    of: (check: string) => findings.filter((finding) => finding.check === check),
    problems: findings.filter(({ status }) => status === 'problem'),
  };
}

describe('berth doctor', () => {
  test('finds nothing wrong with a running server, and leaves nothing behind', async () => {
    const { code, of, problems } = await examine();
    expect([code, problems]).toEqual([0, []]);
    for (const check of ['configuration', 'data folder', 'blob store', 'database', 'port', 'public URL'])
      expect([check, of(check).map(({ status }) => status)]).toEqual([check, ['ok']]);
    expect((await readdir(berth.directory)).filter((name) => name.includes('doctor'))).toEqual([]);
    const { stdout } = await runCommand(['doctor'], settings);
    expect(stdout).toContain('ok       blob store: filesystem: objects can be written durably');
  });

  test('names what is wrong, and what to do', async () => {
    const closed = await freePort();
    const { code, of } = await examine({
      BERTH_LISTEN: `127.0.0.1:${closed}`,
      BERTH_STORAGE_METADATA_DRIVER: 'postgres',
      BERTH_STORAGE_METADATA_URL: `postgres://user:password@127.0.0.1:${closed}/berth`,
      BERTH_STORAGE_METADATA_FILE: '',
    });
    expect(code).toBe(1);
    expect(of('port')[0]).toMatchObject({ status: 'warning', advice: 'start the server, or check listen' });
    expect(of('database')[0]).toMatchObject({ status: 'problem', advice: expect.stringContaining('storage.metadata.url') });
    expect(JSON.stringify(of('database'))).not.toContain('password@');
  });

  test('creates no data folder', async () => {
    const missing = join(folder, 'missing');
    const { of } = await examine({
      BERTH_STORAGE_BLOBS_DIRECTORY: missing,
      BERTH_STORAGE_METADATA_FILE: join(missing, 'metadata.sqlite'),
    });
    expect(['blob store', 'database'].map((check) => of(check)[0]?.status)).toEqual(['skipped', 'skipped']);
    expect(existsSync(missing)).toBe(false);
  });

  test('warns of a data folder that others can open', async () => {
    await chmod(berth.directory, 0o755);
    expect((await examine()).of('data folder')[0]).toMatchObject({
      status: 'warning',
      advice: expect.stringContaining('chmod 700'),
    });
    await chmod(berth.directory, 0o700);
  });

  test('reads the configuration of docker on this machine', async () => {
    const etc = join(folder, 'etc');
    await mkdir(join(etc, 'docker'), { recursive: true });
    const config = loadConfig({
      environment: { BERTH_PUBLIC_URL: 'http://registry.example.com:5000', BERTH_ACCESS_MODE: 'token' },
    });
    const findingOf = async (daemon: string) => {
      await writeFile(join(etc, 'docker/daemon.json'), daemon);
      return (await checkDocker(config, etc))[0];
    };
    expect(await findingOf('{')).toMatchObject({ status: 'warning', advice: 'docker does not start with it: correct the file' });
    expect(await findingOf('{}')).toMatchObject({
      status: 'warning',
      message: 'docker refuses plain HTTP to registry.example.com:5000',
    });
    const daemon = {
      'insecure-registries': ['registry.example.com:5000'],
      'registry-mirrors': ['http://registry.example.com:5000'],
    };
    expect(await findingOf(JSON.stringify(daemon))).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('Docker Hub'),
    });
  });
});

test('a support bundle has the configuration and the findings, and no secret', async () => {
  const file = join(folder, 'bundle.json');
  const secrets = {
    BERTH_METRICS_TOKEN: 'metrics-secret',
    BERTH_MIRROR_PROXY_HTTPS: 'http://proxy-user:proxy-secret@proxy.example.com:3128',
  };
  const { code } = await runCommand(['support-bundle', '--output', file], { ...settings, ...secrets });
  const text = await readFile(file, 'utf8');
  expect(code).toBe(0);
  expect(text).not.toMatch(/metrics-secret|proxy-secret/);
  expect(JSON.parse(text)).toMatchObject({
    berth: expect.any(String),
    configuration: { metrics: { token: '(secret)' }, mirror: { proxy: { https: 'http://(secret)@proxy.example.com:3128' } } },
    findings: expect.arrayContaining([expect.objectContaining({ check: 'database', status: 'ok' })]),
  });
  expect(await runCommand(['support-bundle', '--output', file], settings)).toMatchObject({ code: 1 });
});

test('a support bundle has no value of any secret key, however many are set', async () => {
  const secrets = new Map<string, unknown>();
  const mark = () => {
    const marker = `marker${secrets.size}x`;
    secrets.set(marker, undefined);
    return marker;
  };
  const login = () => ({ username: 'bot', password: mark() });
  const file = join(folder, 'secrets.yaml');
  const upstreamOf = () => ({ url: berth.url, ...login(), logins: { 'team/**': login() } });
  const others = Object.keys(loadConfig({ environment: {} }).mirror.upstreams).map((name) => [name, false] as const);
  const target = { url: `https://hooks.example.com/${mark()}`, secret: mark(), headers: [`Authorization: Bearer ${mark()}`] };
  await writeFile(
    file,
    JSON.stringify({
      storage: {
        blobs: { driver: 's3', s3: { bucket: 'b', endpoint: 'http://127.0.0.1:1', accessKeyId: 'id', secretAccessKey: mark() } },
      },
      access: {
        mode: 'token',
        admin: { password: mark() },
        oidc: { issuer: berth.url, clientId: 'berth', clientSecret: mark() },
      },
      mirror: {
        upstreams: { ...(Object.fromEntries(others) as Readonly<Record<string, false>>), 'docker.io': upstreamOf() },
        proxy: { https: `http://user:${mark()}@127.0.0.1:1` },
      },
      registries: { 'other.example': upstreamOf() },
      webhooks: { targets: { ci: { ...target, events: ['push'] } } },
      backup: { passphrase: mark() },
      metrics: { token: mark() },
    }),
  );
  // A new secret key must be added above.
  const keys = describeKeys().filter(({ form }) => form === 'secret');
  expect(keys.map(({ key }) => key).sort()).toEqual([
    'access.admin.password',
    'access.oidc.clientSecret',
    'backup.passphrase',
    'metrics.token',
    'mirror.upstreams.<name>.logins.<name>.password',
    'mirror.upstreams.<name>.password',
    'registries.<name>.logins.<name>.password',
    'registries.<name>.password',
    'storage.blobs.s3.secretAccessKey',
    'webhooks.targets.<name>.secret',
  ]);
  const { stdout, stderr } = await runCommand(['support-bundle'], { ...settings, BERTH_CONFIG: file });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({ configuration: { metrics: { token: '(secret)' } } });
  for (const marker of secrets.keys()) expect([marker, `${stdout}${stderr}`.includes(marker)]).toEqual([marker, false]);
});

describeWith(['openssl'], 'berth doctor, as clients see the server', () => {
  let proxy: Server;
  let headers: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const files = await writeCertificate(folder, 'localhost');
    const [cert, key] = await Promise.all([readFile(files.certificate), readFile(files.key)]);
    proxy = createServer({ cert, key }, (_request, response) => void response.writeHead(401, headers).end());
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => proxy.close(resolve)));

  test('refuses a certificate that clients do not trust', async () => {
    const { port } = proxy.address() as AddressInfo;
    headers = {};
    expect((await examine({ BERTH_PUBLIC_URL: `https://127.0.0.1:${port}` })).of('certificate')[0]).toMatchObject({
      status: 'problem',
      message: expect.stringMatching(/clients refuse it: .*SELF_SIGNED/),
      advice: expect.stringContaining('serve the whole chain'),
    });
  });

  test('sees a proxy that hides the scheme, names that do not resolve and a clock that is wrong', async () => {
    const plain = createPlainServer((_request, response) => void response.writeHead(401, headers).end());
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(plain.address() as AddressInfo).port}`;
    headers = {
      'Docker-Distribution-Api-Version': 'registry/2.0',
      'WWW-Authenticate': 'Bearer realm="http://registry:5000/token",service="berth"',
      Date: new Date(Date.now() - 3_600_000).toUTCString(),
    };
    const file = join(folder, 'names.yaml');
    const others = Object.keys(loadConfig({ environment: {} }).mirror.upstreams).map((name) => [name, false] as const);
    const upstreams = {
      ...(Object.fromEntries(others) as Readonly<Record<string, false>>),
      'docker.io': { url },
      'a.invalid': { url: 'https://a.invalid' },
    };
    await writeFile(file, JSON.stringify({ mirror: { upstreams } }));
    const { of } = await examine({ BERTH_CONFIG: file, BERTH_PUBLIC_URL: url });
    expect(of('public URL')[0]).toMatchObject({
      status: 'problem',
      message: 'clients are sent to http://registry:5000/token for tokens',
      advice: expect.stringContaining('X-Forwarded-Proto'),
    });
    expect(of('names')[0]).toMatchObject({ status: 'warning', message: 'do not resolve: a.invalid' });
    expect(of('clock')[0]).toMatchObject({ status: 'problem', message: expect.stringMatching(/differs by 3[56]\d\d s/) });
    await new Promise((resolve) => plain.close(resolve));
  });
});
