import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { type CertificateFiles, writeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { digestOf, newImage } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { end, launch, run } from '../support/run.ts';
import { until } from '../support/until.ts';

const folder = resolve(import.meta.dirname, '../../deploy/proxies');
const password = 'correct-horse-battery';

let home: string;
let berth: TestBerth;
let files: CertificateFiles;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'berth-proxies-'));
  berth = await startBerth({
    BERTH_ACCESS_MODE: 'token',
    BERTH_ACCESS_ADMIN_PASSWORD: password,
    BERTH_TRUSTED_PROXIES: '127.0.0.1',
  });
  files = await writeCertificate(home, 'localhost');
}, 60_000);
afterAll(async () => {
  await berth.close();
  await rm(home, { recursive: true });
});

/** The file of deploy/proxies for this berth and this machine, with these texts replaced. */
async function configure(name: string, changes: readonly (readonly [string, string])[]): Promise<string> {
  let text = await readFile(join(folder, name), 'utf8');
  for (const [from, to] of [...changes, ['127.0.0.1:5000', `127.0.0.1:${berth.port}`]] as const) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  return text;
}

function get(port: number, path: string): Promise<{ readonly status: number; readonly challenge: string }> {
  return new Promise((resolve, reject) => {
    const ask = request({ host: 'localhost', port, path, rejectUnauthorized: false, agent: false }, (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode ?? 0, challenge: answer.headers['www-authenticate'] ?? '' });
    });
    ask.on('error', reject).end();
  });
}

async function withProxy(port: number, program: string, args: readonly string[], work: () => Promise<void>): Promise<void> {
  let said = '';
  const env = { ...process.env, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  const proxy: ChildProcess = launch(program, args, (text) => (said += text), env);
  try {
    await until(() => {
      if (proxy.exitCode !== null) throw new Error(`${program} did not start:\n${said}`);
      return get(port, '/healthz').then(
        ({ status }) => status === 200,
        () => false,
      );
    });
    await work();
  } finally {
    await end(proxy);
  }
}

/** Logs in through the proxy, pushes a layer of 20 MB and pulls it again. */
async function expectRegistry(port: number): Promise<void> {
  expect((await get(port, '/v2/')).challenge).toContain(`realm="https://localhost:${port}/token"`);
  expect((await get(port, '/metrics')).status).toBe(404);
  const image = newImage({}, 20_000_000);
  const [from, to] = [join(home, `from-${port}`), join(home, `to-${port}`)];
  await mkdir(from);
  await writeFile(join(from, 'version'), 'Directory Transport Version: 1.1\n');
  await writeFile(join(from, 'manifest.json'), image.manifest);
  for (const blob of [image.config, image.layer]) await writeFile(join(from, digestOf(blob).slice('sha256:'.length)), blob);
  const name = `docker://localhost:${port}/team/app:1`;
  const skopeo = (...args: readonly string[]) => run('skopeo', ['--insecure-policy', 'copy', '--preserve-digests', ...args]);
  await skopeo('--dest-tls-verify=false', '--dest-creds', `admin:${password}`, `dir:${from}`, name);
  await skopeo('--src-tls-verify=false', '--src-creds', `admin:${password}`, name, `dir:${to}`);
  expect(digestOf(await readFile(join(to, 'manifest.json')))).toBe(image.digest);
}

describeWith(['nginx', 'skopeo', 'openssl'], 'deploy/proxies/nginx.conf', () => {
  test('login, push and pull work through the proxy', async () => {
    const [port, plain] = [await freePort(), await freePort()];
    const site = await configure('nginx.conf', [
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
      ['listen 80;', `listen 127.0.0.1:${plain};`],
      ['registry.example.com;', 'localhost;'],
      ['/etc/letsencrypt/live/registry.example.com/fullchain.pem', files.certificate],
      ['/etc/letsencrypt/live/registry.example.com/privkey.pem', files.key],
    ]);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${home}/${kind};`);
    const http = `http { access_log off; ${temporary.join(' ')}\n${site}}`;
    const user = process.getuid?.() === 0 ? 'user root;' : '';
    await writeFile(
      join(home, 'nginx.conf'),
      `daemon off; ${user} error_log stderr; pid ${home}/nginx.pid; events {}\n${http}\n`,
    );
    await withProxy(port, 'nginx', ['-e', 'stderr', '-p', home, '-c', join(home, 'nginx.conf')], () => expectRegistry(port));
  }, 120_000);
});

describeWith(['caddy', 'skopeo', 'openssl'], 'deploy/proxies/Caddyfile', () => {
  test('login, push and pull work through the proxy', async () => {
    const port = await freePort();
    const site = `{\n\tadmin off\n\tauto_https off\n}\nhttps://localhost:${port} {\n\ttls ${files.certificate} ${files.key}\n`;
    const file = join(home, 'Caddyfile');
    await writeFile(file, await configure('Caddyfile', [['registry.example.com {\n', site]]));
    await withProxy(port, 'caddy', ['run', '--config', file, '--adapter', 'caddyfile'], () => expectRegistry(port));
  }, 120_000);
});
