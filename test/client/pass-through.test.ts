import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startBerthProcess } from '../support/berth-process.ts';
import { startContainerd } from '../support/containerd.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { mirrorConfig } from '../support/mirror.ts';
import { describeWith } from '../support/requires.ts';

describeWith(['containerd', 'ctr'], 'ctr with a login for the upstream', () => {
  const parts: { close(): Promise<unknown> }[] = [];
  let pull: (repository: string, login?: string) => Promise<string>;
  let berthLog: () => string;
  let loginsAtTokenServer: () => readonly string[];

  beforeAll(async () => {
    const users = ['bot', 'alice', 'bob'].map((username) => ({ username, password: `${username}'s` }));
    const upstream = await startFakeUpstream({ auth: 'bearer', users, redirectBlobs: true });
    upstream.addRealImage('o/open', '1', 100_000);
    upstream.addRealImage('company/secret', '1', 100_000);
    upstream.hide('company/secret', ['bot', 'alice']);
    const settings = { url: upstream.url, username: 'bot', password: "bot's", passThrough: true };
    const { file, remove } = await mirrorConfig({ upstreams: { 'ghcr.io': settings } });
    const [berth, containerd, home] = await Promise.all([
      startBerthProcess({ BERTH_CONFIG: file }),
      startContainerd(),
      mkdtemp(join(tmpdir(), 'berth-pass-through-')),
    ]);
    await mkdir(join(home, 'ghcr.io'));
    const host = `[host."http://127.0.0.1:${berth.port}"]\n  capabilities = ["pull", "resolve"]\n`;
    await writeFile(join(home, 'ghcr.io/hosts.toml'), `server = "http://127.0.0.1:1"\n${host}`);
    parts.push({ close: berth.dispose }, containerd, upstream, { close: remove }, { close: () => rm(home, { recursive: true }) });
    const options = ['images', 'pull', '--hosts-dir', home, '--snapshotter', 'native'];
    pull = async (repository, login) => {
      const image = `ghcr.io/${repository}:1`;
      await containerd.ctr('images', 'rm', '--sync', image).catch(() => undefined);
      await containerd.ctr('content', 'prune', 'references').catch(() => undefined);
      return containerd.ctr(...options, ...(login === undefined ? [] : ['--user', login]), image);
    };
    berthLog = berth.log;
    loginsAtTokenServer = () =>
      upstream.requests.filter(({ at }) => at === 'token').map(({ headers }) => headers.authorization ?? '');
  }, 60_000);
  afterAll(async () => {
    for (const part of parts) await part.close();
  }, 60_000);

  test('pulls only images that the upstream shows to its login', async () => {
    await pull('o/open');
    await expect(pull('company/secret')).rejects.toThrow();
    await expect(pull('company/secret', "bob:bob's")).rejects.toThrow();
    await pull('company/secret', "alice:alice's");
    await expect(pull('company/secret', "bob:bob's")).rejects.toThrow();
    const alice = `Basic ${Buffer.from("alice:alice's").toString('base64')}`;
    expect(loginsAtTokenServer()).toContain(alice);
    expect(berthLog()).not.toContain("alice's");
  }, 240_000);
});
