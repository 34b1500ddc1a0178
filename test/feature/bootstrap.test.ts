import { appendFile, chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';

const checkout = resolve(import.meta.dirname, '../..');

describeWith(['setpriv'], 'a read-only installation', () => {
  test('is used without changes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-installed-'));
    const [home, node] = [join(folder, 'berth'), join(folder, 'node')];
    try {
      await mkdir(join(home, 'src/http'), { recursive: true });
      for (const name of ['bin', 'src/http/transfer/native', 'package.json', 'package-lock.json'])
        await cp(join(checkout, name), join(home, name), { recursive: true });
      await mkdir(join(home, 'node_modules/typescript'), { recursive: true });
      await copyFile(join(checkout, 'node_modules/.berth-installed'), join(home, 'node_modules/.berth-installed'));
      await copyFile(process.execPath, node);
      await run('chmod', ['-R', 'a+rX,go-w', folder]);
      const asNobody = process.getuid?.() === 0 ? ['--reuid=65534', '--regid=65534', '--clear-groups'] : [];
      if (asNobody.length === 0) await run('chmod', ['a-w', home]);
      expect(await run('setpriv', [...asNobody, node, join(home, 'bin/bootstrap.cjs'), 'start'])).toBe(`${node}\n`);
    } finally {
      await run('chmod', ['u+w', home]);
      await rm(folder, { recursive: true });
    }
  });
});

describe('bin/berth', () => {
  let folder: string;
  let home: string;
  const inputs = ['package-lock.json', 'runtime/package-lock.json', 'src/http/transfer/native/sendfile.c', 'bin/bootstrap.cjs'];

  /** Runs `bin/berth --version` where `node` is a program that only says that it was started. */
  const berth = () =>
    run(join(home, 'bin/berth'), ['--version'], { env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` } });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-start-'));
    home = join(folder, 'berth');
    for (const name of ['bin', ...inputs]) await cp(join(checkout, name), join(home, name), { recursive: true });
    await writeFile(join(folder, 'node'), '#!/bin/sh\necho "installation checked" >&2\nexit 1\n', { mode: 0o755 });
    await mkdir(join(home, 'node_modules/.berth-ready'), { recursive: true });
    await run('sh', ['-c', `cat ${inputs.join(' ')} >node_modules/.berth-ready/inputs`], { cwd: home });
    await writeFile(join(home, 'node_modules/.berth-ready/node'), `${join(folder, 'remembered')}\n`);
    await writeFile(join(folder, 'remembered'), '#!/bin/sh\necho "berth started"\n', { mode: 0o755 });
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('finds what the check of the installation leaves behind', async () => {
    const read = (command: string) => run('sh', ['-c', command], { cwd: checkout });
    expect(await read('cat node_modules/.berth-ready/inputs')).toBe(await read(`cat ${inputs.join(' ')}`));
  });

  test('starts without a check of the installation if no input has changed since the last one', async () => {
    expect(await berth()).toBe('berth started\n');
  });

  test.each(['bin/berth', 'deploy/image/berth'])(
    '%s lets an adoption collect garbage earlier than the server',
    async (script) => {
      const text = await readFile(join(checkout, script), 'utf8');
      const flags = (await readFile(join(checkout, 'bin/node-flags'), 'utf8')).trim();
      // The line that starts Node.js prints its flags instead.
      const printing = text
        .replaceAll(/^exec "?\$?node"? \$flags .*$/gm, 'echo $flags')
        .replaceAll('home=/berth', `home=${home}`);
      await writeFile(join(home, 'bin/printing'), printing, { mode: 0o755 });
      const flagsOf = (...words: readonly string[]) => run(join(home, 'bin/printing'), words);
      expect(await flagsOf('serve')).toBe(`${flags}\n`);
      expect(await flagsOf('--config', 'berth.yaml', 'adopt')).toBe(`${flags} --initial-old-space-size=16\n`);
    },
  );

  test('checks the installation if the Node.js that it used is gone', async () => {
    await chmod(join(folder, 'remembered'), 0o600);
    await expect(berth()).rejects.toThrow('installation checked');
    await chmod(join(folder, 'remembered'), 0o755);
  });

  test('checks the installation if an input has changed', async () => {
    await appendFile(join(home, 'package-lock.json'), '\n');
    await expect(berth()).rejects.toThrow('installation checked');
  });
});
