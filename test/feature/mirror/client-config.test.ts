import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { createFindAuthority } from '../../../src/http/system/authority.ts';
import { openCertificate } from '../../../src/http/server/certificate.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { writeCertificate } from '../../support/certificate.ts';
import { startMirror } from '../../support/mirror.ts';
import { describeWith } from '../../support/requires.ts';
import { run } from '../../support/run.ts';

let berth: TestBerth;
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-client-config-'));
  berth = await startMirror(
    {
      default: 'docker.io',
      upstreams: {
        'quay.io': false,
        'registry.k8s.io': false,
        'gcr.io': false,
        'mcr.microsoft.com': false,
        'public.ecr.aws': false,
      },
    },
    { BERTH_PUBLIC_URL: 'https://mirror.example.com', BERTH_ACCESS_ALLOW_OPEN: 'true' },
  );
});
afterAll(async () => {
  await berth.close();
  await rm(scratch, { recursive: true });
});

async function config(client: string, type = 'text/plain', rest = '', server = berth): Promise<string> {
  const answer = await call(server, 'GET', `/_mirror/config?client=${client}${rest}`);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, `${type}; charset=utf-8`]);
  return answer.body.toString();
}

test('the snippet for docker is JSON that can be saved as daemon.json', async () => {
  const text = await config('docker', 'application/json');
  expect(JSON.parse(text)).toEqual({ 'registry-mirrors': ['https://mirror.example.com'] });
});

// test/client/mirror.test.ts configures dockerd, containerd, podman and skopeo by their snippets; Debian has no BuildKit.
describeWith(['skopeo'], 'BuildKit', () => {
  test('the snippet is TOML', async () => {
    const file = join(scratch, 'buildkitd.toml');
    await writeFile(file, (await config('buildkit')).replaceAll('[registry.', '[others.'));
    const inspect = run('skopeo', ['--registries-conf', file, 'inspect', 'docker://127.0.0.1:1/none']);
    // skopeo parses its configuration before it connects, and leaves out keys that it does not know.
    await expect(inspect).rejects.toThrow('connection refused');
  });
});

test('the snippet for containerd serves all registries', async () => {
  expect(await config('containerd')).toContain('[host."https://mirror.example.com"]\n  capabilities = ["pull", "resolve"]');
});

test('the snippets for podman and BuildKit have a block for each upstream', async () => {
  expect(await config('podman')).toContain(
    'prefix = "ghcr.io"\nlocation = "ghcr.io"\n[[registry.mirror]]\nlocation = "mirror.example.com/ghcr.io"',
  );
  expect(await config('buildkit')).toContain('[registry."docker.io"]\n  mirrors = ["mirror.example.com/docker.io"]');
});

test('the snippet for k3s serves all registries', async () => {
  expect(parse(await config('k3s'))).toEqual({ mirrors: { '*': { endpoint: ['https://mirror.example.com'] } } });
});

test('the snippet for kaniko is one word for a shell', async () => {
  const printed = await run('sh', ['-c', (await config('kaniko')).replace('/kaniko/executor', "printf '%s\\n'")]);
  expect(printed).toBe('--registry-map=index.docker.io=mirror.example.com/docker.io;ghcr.io=mirror.example.com/ghcr.io\n');
  expect(await config('kaniko')).toContain('"index.docker.io=mirror.example.com/docker.io;ghcr.io=mirror.example.com/ghcr.io"');
});

test('the snippets of clients that need it allow plain HTTP', async () => {
  const plain = await startMirror({ upstreams: { 'ghcr.io': { url: 'https://ghcr.io' } } });
  const ask = async (client: string) => (await call(plain, 'GET', `/_mirror/config?client=${client}`)).body.toString();
  expect(await ask('podman')).toContain('insecure = true');
  expect(await ask('buildkit')).toContain('http = true');
  expect(await ask('docker')).toContain('no mirror.default');
  expect((await call(plain, 'GET', '/_mirror/config?client=docker')).status).toBe(409);
  await plain.close();
});

test.each(['', 'constructor', 'rkt'])('an unknown client %p gets the list of clients', async (client) => {
  const answer = await call(berth, 'GET', `/_mirror/config?client=${client}`);
  expect([answer.status, answer.body.toString()]).toEqual([400, expect.stringContaining('docker, containerd, podman')]);
});

describe('the snippet for one upstream', () => {
  const one = (client: string) => config(client, 'text/plain', '&upstream=ghcr.io');

  test('leads only the images of this upstream through the mirror', async () => {
    expect(await one('containerd')).toMatch(/certs\.d\/ghcr\.io\/hosts\.toml[^]*server = "https:\/\/ghcr\.io"\n\[host\."https:/);
    expect(await config('containerd', 'text/plain', '&upstream=docker.io')).toContain('server = "https://registry-1.docker.io"');
    expect(parse(await one('k3s'))).toEqual({ mirrors: { 'ghcr.io': { endpoint: ['https://mirror.example.com'] } } });
    for (const client of ['podman', 'buildkit', 'kaniko']) {
      const text = await one(client);
      expect([client, text.includes('mirror.example.com/ghcr.io'), text.includes('docker.io')]).toEqual([client, true, false]);
    }
  });

  test('does not exist for docker and another registry than Docker Hub, nor for an upstream that is not mirrored', async () => {
    expect((await call(berth, 'GET', '/_mirror/config?client=docker&upstream=ghcr.io')).status).toBe(409);
    expect((await call(berth, 'GET', '/_mirror/config?client=docker&upstream=docker.io')).status).toBe(200);
    const answer = await call(berth, 'GET', '/_mirror/config?client=podman&upstream=evil.example');
    expect([answer.status, answer.body.toString()]).toEqual([400, expect.stringContaining('docker.io, ghcr.io')]);
  });
});

describe('the certificate of a private authority', () => {
  test('is served, and the snippets say where the client has it', async () => {
    const file = join(scratch, 'ca.pem');
    await writeFile(file, rootCertificates[0] ?? '');
    const settings = {
      BERTH_PUBLIC_URL: 'https://reg.example.com:5000',
      BERTH_TLS_AUTHORITY: file,
      BERTH_ACCESS_ALLOW_OPEN: 'true',
    };
    const secure = await startMirror({ upstreams: {}, default: 'docker.io' }, settings);
    try {
      const one = (client: string) => config(client, 'text/plain', '', secure);
      const sent = new X509Certificate((await call(secure, 'GET', '/_mirror/ca.crt')).body);
      expect(sent.fingerprint256).toBe(new X509Certificate(rootCertificates[0] ?? '').fingerprint256);
      expect(await one('containerd')).toContain('  ca = "/etc/containerd/certs.d/reg.example.com:5000/ca.crt"');
      expect(await one('buildkit')).toContain('[registry."reg.example.com:5000"]\n  ca = ["/etc/buildkit/berth-ca.crt"]');
      expect(await one('k3s')).toContain(
        'configs: { "reg.example.com:5000": { tls: { ca_file: "/etc/rancher/k3s/berth-ca.crt" } } }',
      );
      expect(await one('kaniko')).toContain('--registry-certificate=reg.example.com:5000=/kaniko/ssl/certs/berth-ca.crt');
      const page = (await call(secure, 'GET', '/ui/setup?client=podman')).body.toString();
      expect(page).toContain('sudo install -D -m 644 ca.crt /etc/containers/certs.d/reg.example.com:5000/ca.crt');
      expect(page).toMatch(/([0-9A-F]{2}:){31}[0-9A-F]{2}/);
    } finally {
      await secure.close();
    }
  });

  test('is not named where clients need none', async () => {
    expect((await call(berth, 'GET', '/_mirror/ca.crt')).status).toBe(404);
    expect(await config('containerd')).not.toContain('ca =');
    expect((await call(berth, 'GET', '/ui/setup')).body.toString()).not.toContain('ca.crt');
  });
});

describeWith(['openssl'], 'a chain that ends with its own root', () => {
  test('holds the certificate of the authority', async () => {
    const files = await writeCertificate(scratch, 'private');
    const certificate = await openCertificate(files);
    expect(await createFindAuthority({ file: undefined, certificate })()).toMatchObject({ name: 'CN=private' });
    expect(await createFindAuthority({ file: undefined, certificate: undefined })()).toBeUndefined();
  });

  test('holds none that clients trust already', async () => {
    const identity = { cert: Buffer.from(rootCertificates[0] ?? ''), key: Buffer.alloc(0) };
    expect(await createFindAuthority({ file: undefined, certificate: { identity } })()).toBeUndefined();
  });
});
