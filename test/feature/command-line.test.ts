import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Ended, runCommand } from '../support/command.ts';
import { keyPaths } from '../../config/load.ts';
import { variableName } from '../../config/variable-names.ts';
import { type Command, isGroup, longName, optionsOf } from '../../src/cli/program/command.ts';
import { topics } from '../../src/cli/commands.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-command-'));
});
afterAll(() => rm(scratch, { recursive: true }));

/** Returns every command with its words, such as `user add`. */
function allCommands(): [string, Command][] {
  return topics
    .flatMap(({ entries }) => entries)
    .flatMap((entry): [string, Command][] =>
      isGroup(entry) ? entry.commands.map((command) => [`${entry.name} ${command.name}`, command]) : [[entry.name, entry]],
    );
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Runs berth in a process of its own. */
function berthProcess(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const env = { PATH: process.env['PATH'], ...environment };
  return new Promise((ended) => {
    execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, ...args],
      { env, cwd: scratch },
      (error, stdout, stderr) => ended({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

describe('help', () => {
  test.each([[['--help']], [['-h']], [['help']], [[]]])('berth %j names every command on one screen', async (args) => {
    const { code, stdout } = await runCommand(args);
    expect(code).toBe(0);
    for (const { heading, entries } of topics) {
      expect(stdout).toContain(`\n${heading}\n`);
      for (const { name, summary } of entries) expect(stdout).toMatch(new RegExp(`^  ${name} +${escapeRegExp(summary)}$`, 'm'));
    }
    const lines = stdout.split('\n').length - 1;
    expect(lines).toBeGreaterThanOrEqual(24);
    expect(lines).toBeLessThanOrEqual(50);
  });

  test.each([[['user']], [['user', '--help']], [['help', 'user']]])('berth %j names the commands of the group', async (args) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Usage: berth user COMMAND');
    expect(stdout).toMatch(/^ {2}promote +make a user an admin$/m);
  });

  test.each([[['serve', '--help']], [['help', 'serve']]])('berth %j says how the command is used', async (args) => {
    expect(await runCommand(args)).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: berth serve') });
  });

  test.each(allCommands())('berth %s --help describes every argument and option', async (words, command) => {
    const { code, stdout } = await runCommand([...words.split(' '), '--help']);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`Usage: berth ${words}`)]);
    const described = [...(command.arguments ?? []), ...optionsOf(command), ['--config <FILE>', 'configuration file']];
    const text = stdout.replace(/\s+/g, ' ');
    for (const [name = '', description = ''] of described) {
      expect(description).not.toBe('');
      expect(text).toContain(`${name.replace(/[[\].]/g, '')} ${description}`);
    }
  });

  test.each([[['--version']], [['-v']], [['version']]])('berth %j prints the version', async (args) => {
    expect(await runCommand(args)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^berth \d+\.\d+\.\d+\n$/) });
  });

  test('berth prints the version in a process of its own', async () => {
    expect(await berthProcess(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^berth \d+\.\d+\.\d+\n$/),
    });
  });
});

describe('a wrong command line ends with 2 and the usage', () => {
  test.each([
    [['sevre'], "berth: unknown command 'sevre'. Did you mean serve?\nusage: berth COMMAND [options]\n"],
    [['serve', '--prot', '80'], "berth: unknown option '--prot'\nusage: berth serve [options]\n"],
    [['user', 'sing'], "berth: unknown command 'sing'\nusage: berth user COMMAND [options]\n"],
    [['help', 'user', 'sing'], "berth: unknown command 'user sing'\nusage: berth help [COMMAND]\n"],
    [['user', 'add'], "berth: missing required argument 'NAME'\nusage: berth user add NAME [options]\n"],
    [['user', 'list', 'x'], expect.stringContaining("too many arguments for 'list'")],
    [['migrate'], expect.stringContaining('missing --to FILE')],
    [['completion', 'tcsh'], 'berth: no completion for tcsh: choose bash, zsh, fish\n'],
  ])('berth %j', async (args, stderr) => {
    expect(await runCommand(args)).toEqual({ code: 2, stdout: '', stderr });
  });
});

describe('an error is one message without a stack trace', () => {
  test('a configuration file that is missing', async () => {
    const ended = await runCommand(['serve', '--config', 'none.yaml']);
    expect(ended).toMatchObject({ code: 78, stdout: '', stderr: expect.stringContaining('cannot read none.yaml') });
    expect(ended.stderr).not.toContain('    at ');
  });

  test('a configuration that is invalid, with an exit code of its own', async () => {
    const ended = await runCommand(['serve'], { BERTH_LOG_LEVEL: 'loud', BERTH_WORKERS: 'none' });
    expect(ended).toMatchObject({ code: 78, stdout: '', stderr: expect.stringMatching(/invalid configuration:\n {2}.*\n {2}/) });
    expect(ended.stderr).not.toContain('    at ');
  });

  test('an address that is taken', async () => {
    const other = createServer();
    await new Promise<void>((listening) => void other.listen(0, '127.0.0.1', listening));
    const { port } = other.address() as { port: number };
    try {
      const ended = await berthProcess(['serve'], { BERTH_LISTEN: `127.0.0.1:${port}`, BERTH_LOG_LEVEL: 'silent' });
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('set BERTH_LISTEN to another address') });
    } finally {
      other.close();
    }
  });

  test('a data folder that cannot be made', async () => {
    await writeFile(join(scratch, 'file'), '');
    const ended = await runCommand(['serve'], {
      BERTH_STORAGE_BLOBS_DIRECTORY: join(scratch, 'file/data'),
      BERTH_LOG_LEVEL: 'silent',
    });
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot use the directory') });
    expect(ended.stderr).not.toContain('    at ');
  });
});

describe('berth config check', () => {
  test('reports that a configuration is valid', async () => {
    expect(await runCommand(['config', 'check'])).toMatchObject({ code: 0, stdout: 'the configuration is valid\n' });
  });

  test('names every error of the file and of the environment', async () => {
    await writeFile(join(scratch, 'bad.yaml'), 'listne: x\nworkers: none\n');
    const ended = await runCommand(['config', 'check', '--config', join(scratch, 'bad.yaml')], { BERTH_LOG_LEVEL: 'loud' });
    expect(ended.code).toBe(1);
    for (const key of ['listne', 'workers', 'log.level']) expect(ended.stderr).toContain(`  ${key} `);
  });

  test('reports errors of files and patterns together with those of keys', async () => {
    const file = join(scratch, 'both.yaml');
    await writeFile(
      file,
      'workers: none\ntls: { certificate: none.pem, key: none.pem }\nmirror: { refresh: { images: [NO] } }\n',
    );
    const { code, stderr } = await runCommand(['config', 'check', '--config', file]);
    expect(code).toBe(1);
    for (const error of ['workers must be', 'tls.certificate: cannot read none.pem', 'mirror.refresh.images: NO is not'])
      expect(stderr).toContain(`  ${error}`);
  });

  test('skips a check that needs an invalid key', async () => {
    const { code, stderr } = await runCommand(['config', 'check'], { BERTH_LISTEN: 'nowhere', BERTH_ACCESS_MODE: 'opne' });
    expect([code, stderr.trim().split('\n').length]).toEqual([1, 3]);
  });

  test('prints the errors as JSON', async () => {
    const ended = await runCommand(['config', 'check', '--json'], { BERTH_LOG_LEVEL: 'loud' });
    expect([ended.code, ended.stderr]).toEqual([1, 'berth: invalid configuration\n']);
    expect(JSON.parse(ended.stdout)).toEqual({ valid: false, errors: [expect.stringMatching(/^log\.level /)], warnings: [] });
    const { code, stdout } = await runCommand(['config', 'check', '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([0, { valid: true, errors: [], warnings: [] }]);
  });

  test('reads the file that BERTH_CONFIG names', async () => {
    await writeFile(join(scratch, 'named.yaml'), 'workers: none\n');
    expect((await runCommand(['config', 'check'], { BERTH_CONFIG: join(scratch, 'named.yaml') })).stderr).toContain('  workers ');
  });
});

describe('berth config keys', () => {
  test('lists every key with its variable, also those of maps', async () => {
    const { code, stdout } = await runCommand(['config', 'keys']);
    expect(code).toBe(0);
    for (const { path } of keyPaths()) expect(stdout).toContain(`${path}   ${variableName(path)}\n`);
    for (const line of [
      'mirror.upstreams.<name>.passwordFile   BERTH_MIRROR_UPSTREAMS_<NAME>_PASSWORD_FILE\n',
      'mirror.upstreams.<name>.logins.<name>.username   (configuration file only)\n',
      'access.identities.<name>.issuer   BERTH_ACCESS_IDENTITIES_<NAME>_ISSUER\n',
    ])
      expect(stdout).toContain(line);
  });

  test('prints variable, form, default and meaning of each key as JSON', async () => {
    const keys = JSON.parse((await runCommand(['config', 'keys', '--json'])).stdout) as unknown[];
    expect(keys).toContainEqual({
      key: 'workers',
      variable: 'BERTH_WORKERS',
      form: 'number | auto',
      default: '1',
      description: expect.any(String),
    });
    for (const key of keys) expect(key).toMatchObject({ description: expect.stringMatching(/./) });
  });
});

describe('berth completion', () => {
  /** Returns what bash offers after the words; the last one is being typed. */
  async function complete(...words: readonly string[]): Promise<readonly string[]> {
    const { stdout: script } = await runCommand(['completion', 'bash']);
    const typed = words.map((word) => `'${word}'`).join(' ');
    const ask = `${script}\ncompopt() { echo FILES; }\nCOMP_WORDS=(berth ${typed}); COMP_CWORD=${words.length}; _berth; echo "\${COMPREPLY[@]}"`;
    return new Promise((resolve, reject) => {
      execFile('bash', ['-c', ask], (error, stdout) =>
        error ? reject(new Error('bash failed', { cause: error })) : resolve(stdout.split(/\s+/).filter(Boolean)),
      );
    });
  }

  test('bash completes commands, options and files', async () => {
    expect(await complete('us')).toEqual(['user']);
    expect(await complete('user', 'p')).toEqual(['password', 'promote']);
    expect(await complete('--config', 'berth.yaml', 'user', 'add', 'alice', '--')).toEqual([
      '--password-stdin',
      '--admin',
      '--json',
      '--config',
      '--help',
    ]);
    expect(await complete('migrate', '--to', '')).toEqual(['FILES']);
    expect(await complete('completion', 'z')).toEqual(['zsh']);
  });

  test.each(['zsh', 'fish'])('%s gets a script with every command and option', async (shell) => {
    const { code, stdout } = await runCommand(['completion', shell]);
    expect(code).toBe(0);
    for (const [words, command] of allCommands()) {
      expect(stdout).toContain(words.split(' ').at(-1));
      for (const [flags] of optionsOf(command)) expect(stdout).toMatch(new RegExp(`(--|-l )${longName(flags).slice(2)}\\b`));
    }
  });
});
