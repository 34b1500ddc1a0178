import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
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

async function config(client: string, type = 'text/plain'): Promise<string> {
  const answer = await call(berth, 'GET', `/_mirror/config?client=${client}`);
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
