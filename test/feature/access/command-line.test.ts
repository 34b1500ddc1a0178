import { readdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../../support/berth-process.ts';
import { hashSync } from 'bcryptjs';
import { accessOf, askToken, basic, callAs, pushAs } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import { runCommand } from '../../support/command.ts';
import { run } from '../../support/run.ts';
import { until } from '../../support/until.ts';

const main = resolve(import.meta.dirname, '../../../src/main.ts');

let berth: BerthProcess;
beforeAll(async () => {
  berth = await startBerthProcess({ BERTH_ACCESS_MODE: 'token' });
});
afterAll(() => berth.dispose());

/** Runs a command beside the running server and resolves to what it printed. Rejects with its message if it fails. */
async function command(line: string, input = ''): Promise<string> {
  const { code, stdout, stderr } = await runCommand(line.split(' '), berth.environment, input);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** The same in a process of its own, as people run it. */
function commandProcess(line: string, input = ''): Promise<string> {
  const env = { PATH: process.env['PATH'], ...berth.environment };
  const args = ['--disable-warning=ExperimentalWarning', main, ...line.split(' ')];
  return run(process.execPath, args, { env, input: Buffer.from(input) });
}
const status = async (login: Readonly<Record<string, string>>) => (await call(berth, 'GET', '/v2/', { headers: login })).status;

test('the password of the first admin is printed once', async () => {
  const password = /the admin admin with the password (\S+): /.exec(berth.log())?.[1] ?? '';
  expect(password.length).toBeGreaterThanOrEqual(24);
  expect(await status(basic('admin', password))).toBe(200);
  await berth.kill('SIGTERM');
  const printed = berth.log().length;
  await berth.start();
  expect(berth.log().slice(printed)).not.toContain('with the password');
  expect(await status(basic('admin', password))).toBe(200);
});

test('a command says which data it works on, and files in that folder are private', async () => {
  const { stderr, stdout } = await runCommand(['user', 'list'], berth.environment);
  expect(stdout).toContain('admin');
  if (berth.environment['BERTH_STORAGE_METADATA_URL'] === undefined)
    expect(stderr).toContain(`using the data in ${join(berth.directory, 'metadata.sqlite')}`);
  const entries = await readdir(berth.directory, { recursive: true });
  const modes = await Promise.all(entries.map(async (entry) => (await stat(join(berth.directory, entry))).mode & 0o077));
  expect(new Set(modes)).toEqual(new Set([0]));
});

test('berth user adds, lists, changes, disables, enables, promotes and removes users', async () => {
  await commandProcess('user add alice --password-stdin', 'wonderland\n');
  const generated = (await command('user add bob')).trim();
  expect([await status(basic('alice', 'wonderland')), await status(basic('bob', generated))]).toEqual([200, 200]);
  await command('user promote bob');
  await command('user disable bob');
  expect(await command('user list')).toMatch(
    /^NAME +ROLE +STATE +CREATED\nadmin +admin +enabled .*\nalice +user +enabled .*\nbob +admin +disabled /,
  );
  await until(async () => (await status(basic('bob', generated))) === 401);
  await command('user enable bob');
  await until(async () => (await status(basic('bob', generated))) === 200);
  await command('user password bob --password-stdin', 'new password');
  await until(async () => (await status(basic('bob', generated))) === 401);
  await command('user remove bob');
  await until(async () => (await status(basic('bob', 'new'))) === 401);
}, 60_000);

test('the namespace of a deleted user stays reserved until an admin releases it', async () => {
  await command('user add nora');
  await command('user remove nora');
  expect(await command('namespace list')).toMatch(/^nora\/\*\* +- +20\S+Z$/m);
  const { stderr } = await runCommand(['user', 'add', 'nora'], berth.environment);
  expect(stderr).toContain(
    'nora does not own nora/**: it belonged to a deleted account. To give it anyway: berth namespace release nora\n',
  );
  expect(await command('namespace release nora')).toBe('nora owns nora/**\n');
  expect(await command('namespace list')).toMatch(/^nora\/\*\* +nora +-$/m);
});

test('berth manages robots, grants, teams, tokens and repositories', async () => {
  const secret = (await command('robot add ci builds/*:pull,push --expires 30d')).trim();
  await pushAs(berth, basic('ci', secret), 'builds/app', '1');
  expect(await command('robot list')).toMatch(/ci +enabled +20/);
  await command('robot expiry ci');
  expect(await command('robot list')).not.toMatch(/ci +enabled +20/);
  await command('team add devs');
  await command('team join devs alice');
  expect([await command('team list'), await command('team members devs')]).toEqual(['devs\n', 'alice\n']);
  await command('grant add team:devs builds/** pull');
  expect(await command('grant list')).toMatch(/team:devs +builds\/\*\* +pull/);
  expect(await command('explain alice builds/app')).toMatch(
    /pull +yes +grant \d+: team:devs builds\/\*\* pull\nadd +no +no grant/,
  );
  const alice = basic('alice', 'wonderland');
  await until(async () => (await callAs(berth, alice, 'GET', '/v2/builds/app/manifests/1')).status === 200);
  const token = (await command('token add alice laptop builds/*:pull --expires 1d')).trim();
  expect(accessOf(await askToken(berth, basic('alice', token), 'repository:builds/app:pull,push'))[0]?.actions).toEqual(['pull']);
  const id = /^(\S+) +personal +laptop/m.exec(await command('token list alice'))?.[1] ?? '';
  await command(`token revoke alice ${id}`);
  await until(async () => (await status(basic('alice', token))) === 401);
  await command('repo public builds/**');
  expect(await command('repo list')).toMatch(/builds\/\*\* +public/);
  await until(async () => (await call(berth, 'GET', '/v2/builds/app/manifests/1')).status === 200);
  await command('repo private builds/app');
  await until(async () => (await call(berth, 'GET', '/v2/builds/app/manifests/1')).status === 401);
  await command('repo default builds/app');
  await until(async () => (await call(berth, 'GET', '/v2/builds/app/manifests/1')).status === 200);
  const number = /^(\d+) +team:devs/m.exec(await command('grant list'))?.[1] ?? '';
  await command(`grant remove ${number}`);
  await command('team leave devs alice');
  await command('team remove devs');
  await command('robot remove ci');
  await until(async () => (await status(basic('ci', secret))) === 401);
}, 60_000);

test('berth key rotate makes a new key, and berth audit shows it', async () => {
  await command('key rotate');
  const published = async () => (await call(berth, 'GET', '/.well-known/jwks.json')).json() as { keys: unknown[] };
  await until(async () => (await published()).keys.length === 2);
  // Refusals of the logins above are counted, and written a moment later: only the command line's own events have an order.
  const words = ['audit', '--limit', '3', '--actor', 'command line'];
  const lines = (await runCommand(words, berth.environment)).stdout.split('\n');
  expect(lines[0]).toMatch(/^TIME +ACTOR +ADDRESS +ACTION +TARGET +RESULT +DETAIL$/);
  expect(lines[1]).toMatch(/^20\S+Z +command line +- +key\.rotate +\S+ +done$/);
  expect(await command('audit --target alice --actor nobody')).toBe('TIME  ACTOR  ADDRESS  ACTION  TARGET  RESULT  DETAIL\n');
  expect(await command('audit --target alice')).toContain('user.create');
});

test('berth user import imports an htpasswd file', async () => {
  const file = join(berth.directory, 'htpasswd');
  await writeFile(file, `# people\ncarol:${hashSync('secret', 5)}\n`);
  expect(await command(`user import ${file}`)).toBe('1 users created: carol\n');
  expect(await status(basic('carol', 'secret'))).toBe(200);
});

test.each([
  ['user sing', "unknown command 'sing'"],
  ['user add', 'usage: berth user add NAME'],
  ['user add a:b', 'invalid name a:b'],
  ['user remove nobody', 'no account is called nobody'],
  ['user demote admin', 'admin is the last admin'],
  ['grant add alice ** pull', 'alice is none of user:NAME'],
  ['grant add user:alice **/x pull', 'is not PATTERN:ACTIONS'],
  ['grant add user:alice ** fly', 'is not PATTERN:ACTIONS'],
  ['robot add x x:pull --expires soon', '--expires must be a duration'],
  ['robot add x x:pull --expires=99999999d', 'at most 100 years ahead'],
  ['user import /nowhere', 'no such file'],
])('berth %s: says what is wrong, without a stack trace', async (line, message) => {
  const failure = await command(line).catch((error: unknown) => (error as Error).message);
  expect(failure).toContain(message);
  expect(failure).not.toContain('    at ');
});

test('a wrong command in its own process exits with 1, one line and no stack trace', async () => {
  const failure = await commandProcess('user demote admin').catch((error: unknown) => error as Error);
  expect(String(failure)).toContain('berth: admin is the last admin');
  expect(String(failure)).not.toContain('    at ');
  expect((failure as Error).cause).toMatchObject({ code: 1 });
});
