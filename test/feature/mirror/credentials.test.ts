import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ConfigError } from '../../../config/config-error.ts';
import { loadConfig } from '../../../config/load.ts';
import type { CredentialSource } from '../../../src/upstream/credential.ts';
import { createCredentials } from '../../../src/upstream/credentials.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { readUpstreams } from '../../../src/assembly/registries/upstream-settings.ts';
import { openMirror } from '../../../src/assembly/upstreams.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../../storage/metadata/sqlite/sqlite-store.ts';
import type { TestBerth } from '../../support/berth.ts';
import { call } from '../../support/call.ts';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.ts';
import { startMirror } from '../../support/mirror.ts';

let upstream: FakeUpstream;
let berth: TestBerth | undefined;
let scratch: string;
beforeEach(async () => {
  upstream = await startFakeUpstream({ auth: 'bearer' });
  scratch = await mkdtemp(join(tmpdir(), 'berth-credentials-'));
});
afterEach(async () => {
  await berth?.close();
  berth = undefined;
  await upstream.close();
  await rm(scratch, { recursive: true });
});

const start = async (settings: object) =>
  (berth = await startMirror({ upstreams: { 'ghcr.io': { url: upstream.url, ...settings } } }));

async function pull(repository: string, tag = '1') {
  upstream.addImage(repository, tag);
  return call(berth as TestBerth, 'GET', `/v2/ghcr.io/${repository}/manifests/${tag}`);
}

/** As whom berth has asked for tokens: `repository user:password`, or `repository -`. */
function loginsSeen(): readonly string[] {
  return upstream.requests
    .filter(({ at }) => at === 'token')
    .map(({ url, headers: { authorization } }) => {
      const [, repository = ''] = new URL(url, upstream.url).searchParams.get('scope')?.split(':') ?? [];
      const login = authorization && Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
      return `${repository} ${login ?? '-'}`;
    });
}

test('a repository uses the login of the most special matching pattern, else that of the upstream', async () => {
  await start({
    username: 'all',
    password: '0',
    logins: {
      'team-a/**': { username: 'a', password: '1' },
      'team-a/app': { username: 'app', password: '2' },
      'open/*': {},
    },
  });
  for (const repository of ['team-b/app', 'team-a/web', 'team-a/app', 'open/tool']) await pull(repository);
  expect(loginsSeen()).toEqual(['team-b/app all:0', 'team-a/web a:1', 'team-a/app app:2', 'open/tool -']);
});

test('logins that differ only by their passwords share no token', async () => {
  const passwordFile = join(scratch, 'password');
  await writeFile(passwordFile, 'old');
  await start({ username: 'bot', passwordFile });
  await pull('o/i', '1');
  await pull('o/i', '2');
  await writeFile(passwordFile, 'new');
  await pull('o/i', '3');
  expect(loginsSeen()).toEqual(['o/i bot:old', 'o/i bot:new']);
});

test('a login that cannot be read is 502 for its repositories, and clients learn no file names', async () => {
  const passwordFile = join(scratch, 'missing');
  await start({ logins: { 'team-a/*': { username: 'a', passwordFile } } });
  for (const tag of ['1', '2', '3', '4']) {
    const answer = await pull('team-a/app', tag);
    expect([answer.status, answer.body.toString().includes(scratch)]).toEqual([502, false]);
  }
  expect((await pull('team-b/app')).status).toBe(200);
  await writeFile(passwordFile, 'secret');
  expect((await pull('team-a/app', '5')).status).toBe(200);
});

/** Why there is no login, as the log says it. */
async function reasonOf(login: Partial<CredentialSource>): Promise<string> {
  const none = { username: 'bot', password: undefined, passwordFile: undefined, command: undefined };
  const source = { key: 'mirror.upstreams.ghcr.io', ...none, ...login };
  const refused = createCredentials([{ matches: () => true, source }], 'ghcr.io', Date.now)('o/i');
  const error = await refused.catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'failed', message: expect.not.stringContaining(scratch) as unknown });
  return ((error as Error).cause as Error).message;
}

test('the log says what is wrong with a password file and what to do', async () => {
  const passwordFile = join(scratch, 'missing');
  expect(await reasonOf({ passwordFile })).toBe(
    `mirror.upstreams.ghcr.io.passwordFile: reading ${passwordFile} gave ENOENT: make it a file that berth's user may read`,
  );
});

test.each([
  ['exit 3', 'ended with 3: run it .* with ghcr.io on its standard input'],
  ['echo secret', 'printed no '],
  ['missing', 'could not be run \\(ENOENT\\)'],
])('the log says what is wrong with a credential command that does "%s", without its output', async (script, said) => {
  const program = join(scratch, 'helper');
  if (script !== 'missing') await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const reason = await reasonOf({ command: [program, 'get'] });
  expect(reason).toMatch(new RegExp(`^mirror.upstreams.ghcr.io.credentialCommand: .*helper ${said}`));
  expect(reason).not.toContain('secret');
});

test('a credential command runs once for all requests, again when its login is old, and soon after a failure', async () => {
  const [program, runs] = [join(scratch, 'helper'), join(scratch, 'runs')];
  const good = `echo '{"Username":"u","Secret":"s"}'`;
  await writeFile(program, `#!/bin/sh\necho x >>${runs}\n[ -e ${scratch}/broken ] && exit 1\n${good}\n`, { mode: 0o755 });
  let time = 0;
  const none = { key: '', username: undefined, password: undefined, passwordFile: undefined };
  const login = { matches: () => true, source: { ...none, command: [program, 'get'] } };
  const credentials = createCredentials([login], 'ghcr.io', () => time);
  const all = await Promise.all(['a/a', 'b/b', 'c/c'].map((repository) => credentials(repository)));
  expect(all).toEqual(Array(3).fill({ username: 'u', password: 's' }));
  await writeFile(join(scratch, 'broken'), '');
  time += 601_000;
  for (let count = 0; count < 3; count++) await expect(credentials('a/a')).rejects.toMatchObject({ code: 'failed' });
  await rm(join(scratch, 'broken'));
  time += 11_000;
  expect(await credentials('a/a')).toEqual({ username: 'u', password: 's' });
  expect((await readFile(runs, 'utf8')).length / 'x\n'.length).toBe(3);
});

test('an invalid pattern and an unreadable CA file are configuration errors', async () => {
  const file = join(scratch, 'berth.yaml');
  const settings = { url: 'https://ghcr.io', ca: join(scratch, 'missing.pem'), logins: { 'a/**/b': {}, A: {} } };
  await writeFile(file, JSON.stringify({ mirror: { upstreams: { 'ghcr.io': settings } } }));
  const refused = readUpstreams(loadConfig({ file, environment: {} }));
  const error = await refused.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).errors).toEqual([
    expect.stringContaining('mirror.upstreams.ghcr.io.logins: a/**/b is not a pattern'),
    expect.stringContaining('mirror.upstreams.ghcr.io.logins: A is not a pattern'),
    expect.stringContaining('mirror.upstreams.ghcr.io.ca: cannot read'),
  ]);
});

test('a login in an address is refused: whatever is read by it would be taken for public', async () => {
  const file = join(scratch, 'config.yaml');
  await writeFile(file, JSON.stringify({ mirror: { upstreams: { 'ghcr.io': { url: 'https://bot:beep@ghcr.io' } } } }));
  const error = await readUpstreams(loadConfig({ file, environment: {} })).catch((reason: unknown) => reason);
  expect((error as ConfigError).message).toContain('mirror.upstreams.ghcr.io.url holds a login');
  expect((error as ConfigError).message).not.toContain('beep');
});

test('in mode open a warning names the upstreams whose logins all clients share', async () => {
  const file = join(scratch, 'config.yaml');
  const upstreams = {
    'docker.io': { url: upstream.url, username: 'bot', password: 'beep' },
    'quay.io': { url: upstream.url, logins: { 'company/*': { credentialCommand: 'helper get' } } },
    'ghcr.io': { url: upstream.url, logins: { 'open/*': {} } },
  };
  await writeFile(file, JSON.stringify({ storage: { blobs: { directory: scratch } }, mirror: { upstreams } }));
  const warned = async (mode: string) => {
    const warnings: object[] = [];
    const config = loadConfig({ file, environment: { BERTH_ACCESS_MODE: mode } });
    const driver = await createFilesystemDriver({ directory: scratch });
    const metadata = await createSqliteStore({ file: join(scratch, 'metadata.sqlite') });
    const log = { warn: (fields: object) => void warnings.push(fields) };
    const mirror = await openMirror(config, driver, metadata, Date.now, log, { metrics: createMetrics().mirror });
    await mirror.close();
    await metadata.close();
    await driver.close();
    return warnings;
  };
  expect(await warned('open')).toEqual([{ upstreams: ['docker.io', 'quay.io'] }]);
  expect(await warned('token')).toEqual([]);
});
