import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { startMirror } from '../../support/mirror.ts';

let berth: TestBerth;
beforeAll(async () => {
  berth = await startMirror(
    {
      default: 'docker.io',
      upstreams: { 'docker.io': { url: 'https://registry-1.docker.io' }, 'ghcr.io': { url: 'https://ghcr.io' } },
    },
    { BERTH_PUBLIC_URL: 'https://mirror.example.com' },
  );
});
afterAll(() => berth.close());

async function config(client: string): Promise<string> {
  const answer = await call(berth, 'GET', `/_mirror/config?client=${client}`);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
  return answer.body.toString();
}

test('MUST 33: docker', async () => {
  const [, json = ''] = (await config('docker')).split('\n');
  expect(JSON.parse(json)).toEqual({ 'registry-mirrors': ['https://mirror.example.com'] });
});

test('MUST 33: containerd', async () => {
  expect(await config('containerd')).toContain('[host."https://mirror.example.com"]\n  capabilities = ["pull", "resolve"]');
});

test('MUST 33: podman and BuildKit, a block for each upstream', async () => {
  expect(await config('podman')).toContain(
    'prefix = "ghcr.io"\nlocation = "ghcr.io"\n[[registry.mirror]]\nlocation = "mirror.example.com/ghcr.io"',
  );
  expect(await config('buildkit')).toContain('[registry."docker.io"]\n  mirrors = ["mirror.example.com/docker.io"]');
});

test('MUST 33: k3s', async () => {
  expect(parse(await config('k3s'))).toEqual({ mirrors: { '*': { endpoint: ['https://mirror.example.com'] } } });
});

test('MUST 33: kaniko', async () => {
  expect(await config('kaniko')).toContain('"index.docker.io=mirror.example.com/docker.io;ghcr.io=mirror.example.com/ghcr.io"');
});

test('MUST 33: plain HTTP is said where a client must be told', async () => {
  const plain = await startMirror({ upstreams: { 'ghcr.io': { url: 'https://ghcr.io' } } });
  const ask = async (client: string) => (await call(plain, 'GET', `/_mirror/config?client=${client}`)).body.toString();
  expect(await ask('podman')).toContain('insecure = true');
  expect(await ask('buildkit')).toContain('http = true');
  expect(await ask('docker')).toContain('no mirror.default');
  await plain.close();
});

test.each(['', 'constructor', 'rkt'])('MUST 33: for the client %p: which there are', async (client) => {
  const answer = await call(berth, 'GET', `/_mirror/config?client=${client}`);
  expect([answer.status, answer.body.toString()]).toEqual([400, expect.stringContaining('docker, containerd, podman')]);
});
