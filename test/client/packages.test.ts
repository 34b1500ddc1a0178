import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';
import { smokeTest } from '../support/smoke.ts';

const checkout = resolve(import.meta.dirname, '../..');
const { version, dependencies } = JSON.parse(await run('cat', [join(checkout, 'package.json')])) as {
  version: string;
  dependencies: Readonly<Record<string, string>>;
};

describeWith(['docker', 'dockerd', 'cc'], 'packages', () => {
  let home: string;
  let docker: Dockerd;
  /** Makes an empty folder. */
  const emptyFolder = async (name: string) => {
    await mkdir(join(home, name));
    return join(home, name);
  };

  beforeAll(async () => {
    [home, docker] = await Promise.all([mkdtemp(join(tmpdir(), 'berth-packages-')), startDockerd()]);
  }, 60_000);
  afterAll(async () => {
    await docker.close();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  describe('the package of npm', () => {
    let program: string;
    // npm, and the Node.js of the tests, which it need not install again.
    const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` };

    beforeAll(async () => {
      await run('npm', ['pack', '--pack-destination', home], { cwd: checkout, env });
      const prefix = await emptyFolder('prefix');
      const options = ['--no-audit', '--no-fund', '--loglevel=error', '--offline', '--prefix', prefix];
      await run('npm', ['install', '--global', ...options, join(home, `berth-${version}.tgz`)], { cwd: home, env });
      program = join(prefix, 'bin/berth');
    }, 120_000);

    test('installs the command berth, and a registry that docker can use', async () => {
      expect(await run(program, ['--version'], { cwd: '/', env })).toBe(`berth ${version}\n`);
      const folder = await emptyFolder('npm');
      await smokeTest({ serve: [program, 'serve'], folder, settings: { PATH: env.PATH } }, docker);
    }, 120_000);

    test('needs no network, and has the licences of the packages inside', async () => {
      const installed = join(home, 'prefix/lib/node_modules/berth');
      expect(await run('ls', [join(installed, 'node_modules')])).toBe('');
      const licenses = await run('cat', [join(installed, 'dist/LICENSES.txt')]);
      for (const name of Object.keys(dependencies)) expect(licenses).toContain(`\n${name} ${dependencies[name]} (`);
    });
  });

  describe('the single executable', () => {
    let program: string;

    beforeAll(async () => {
      await run('npm', ['run', '--silent', 'build:binary'], { cwd: checkout });
      program = join(home, 'berth');
      await copyFile(join(checkout, `build/berth-linux-${process.arch}`), program);
    }, 120_000);

    test('is a registry that docker can use, in an empty folder and without Node.js', async () => {
      const folder = await emptyFolder('executable');
      await smokeTest({ serve: [program, 'serve'], folder }, docker, async () => {
        const environment = ['BERTH_ACCESS_MODE=token', 'BERTH_BACKUP_DIRECTORY=backups'];
        const berth = (...words: readonly string[]) => run('env', ['-i', '-C', folder, ...environment, program, ...words]);
        expect(await berth('user', 'list')).toContain('admin');
        expect(await berth('backup', 'create')).toMatch(/backup/);
      });
    }, 120_000);

    test('starts several workers', async () => {
      const folder = await emptyFolder('workers');
      await smokeTest({ serve: [program, 'serve'], folder, settings: { BERTH_WORKERS: '2' } }, docker);
    }, 120_000);
  });
});
