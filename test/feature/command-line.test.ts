import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Ended, runCommand } from '../support/command.ts';
import { keyPaths } from '../../config/load.ts';
import { variableName } from '../../config/variables.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-command-'));
});
afterAll(() => rm(scratch, { recursive: true }));

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
  test.each([[['--help']], [['-h']], [['help']], [[]]])(
    'berth %j lists every command and every key with its variable',
    async (args) => {
      const { code, stdout } = await runCommand(args);
      expect(code).toBe(0);
      for (const command of ['serve', 'migrate', 'config check']) expect(stdout).toContain(`  ${command}`);
      for (const { path } of keyPaths()) expect(stdout).toContain(`  ${path}   ${variableName(path)}`);
    },
  );

  test.each([[['serve', '--help']], [['help', 'serve']]])('berth %j says how the command is used', async (args) => {
    expect(await runCommand(args)).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: berth serve') });
  });

  test('berth --version says which berth this is', async () => {
    expect(await berthProcess(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^berth \d+\.\d+\.\d+\n$/),
    });
  });
});

describe('mistakes are told in one line, without a stack trace', () => {
  test.each([
    [['sevre'], 'berth: berth has no command sevre: see berth --help\n'],
    [['serve', '--prot', '80'], expect.stringContaining("Unknown option '--prot'")],
    [['serve', '--config', 'none.yaml'], expect.stringContaining('cannot read none.yaml')],
  ])('berth %j', async (args, stderr) => {
    const ended = await runCommand(args);
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr });
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
  test('says that a configuration is good', async () => {
    expect(await runCommand(['config', 'check'])).toMatchObject({ code: 0, stdout: 'the configuration is good\n' });
  });

  test('names every error, of the file and of the environment', async () => {
    await writeFile(join(scratch, 'bad.yaml'), 'listne: x\nworkers: none\n');
    const ended = await runCommand(['config', 'check', '--config', join(scratch, 'bad.yaml')], { BERTH_LOG_LEVEL: 'loud' });
    expect(ended.code).toBe(1);
    for (const key of ['listne', 'workers', 'log.level']) expect(ended.stderr).toContain(`  ${key} `);
  });

  test('reads the file that BERTH_CONFIG names', async () => {
    await writeFile(join(scratch, 'named.yaml'), 'workers: none\n');
    expect((await runCommand(['config', 'check'], { BERTH_CONFIG: join(scratch, 'named.yaml') })).stderr).toContain('  workers ');
  });
});
