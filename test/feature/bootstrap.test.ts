import { cp, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
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
