import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { type Machine, startMachine } from '../support/machine.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { describeWith } from '../support/requires.ts';
import { end, launch, run } from '../support/run.ts';
import { inFolder, smokeTest } from '../support/smoke.ts';
import { until } from '../support/until.ts';

const checkout = resolve(import.meta.dirname, '../..');
const { version, dependencies } = JSON.parse(await run('cat', [join(checkout, 'package.json')])) as {
  version: string;
  dependencies: Readonly<Record<string, string>>;
};

describeWith(['docker', 'dockerd', 'cc', 'dpkg-deb'], 'packages', () => {
  let home: string;
  let docker: Dockerd;
  /** Makes an empty folder. */
  const emptyFolder = async (name: string) => {
    await mkdir(join(home, name));
    return join(home, name);
  };

  beforeAll(async () => {
    [home, docker] = await Promise.all([mkdtemp(join(tmpdir(), 'berth-packages-')), startDockerd()]);
    // It builds the single executable too.
    await run('npm', ['run', '--silent', 'build:deb'], { cwd: checkout });
  }, 180_000);
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
    }, 240_000);

    test('installs the command berth, and a registry that docker can use', async () => {
      expect(await run(program, ['--version'], { cwd: '/', env })).toBe(`berth ${version}\n`);
      const folder = await emptyFolder('npm');
      await smokeTest({ command: inFolder(folder, program), settings: { PATH: env.PATH } }, docker);
    }, 240_000);

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
      program = join(home, 'berth');
      await copyFile(join(checkout, `build/berth-linux-${process.arch}`), program);
    });

    test('is a registry that docker can use, in an empty folder and without Node.js, with several workers', async () => {
      const folder = await emptyFolder('executable');
      const command = inFolder(folder, program);
      const receiver = await startOtlpReceiver();
      const settings = {
        BERTH_WORKERS: '2',
        BERTH_BACKUP_DIRECTORY: 'backups',
        BERTH_TELEMETRY_TRACES: 'export',
        BERTH_TELEMETRY_LOGS: 'export',
        BERTH_TELEMETRY_ENDPOINT: receiver.url,
      };
      try {
        await smokeTest({ command, settings }, docker, async ({ environment }) => {
          const berth = (...words: readonly string[]) => run('/usr/bin/env', command(words, environment).slice(1));
          expect(await berth('user', 'list')).toContain('admin');
          expect(await berth('backup', 'create')).toMatch(/backup/);
        });
        // The SDK of OpenTelemetry is inside, too. The server sends what is left when it stops.
        expect(receiver.spans.map(({ name }) => name)).toContain('PUT /v2/<name>/manifests/<reference>');
        expect(receiver.logs.map(({ body }) => body.stringValue)).toContain('request');
        expect(receiver.resource).toMatchObject({ 'service.name': 'berth', 'service.version': version });
      } finally {
        await receiver.close();
      }
    }, 240_000);
  });

  const rights = process.getuid?.() === 0 ? [] : ['(the user root)'];
  describeWith(['unshare', 'nsenter', 'socat', 'systemd-notify', ...rights], 'the Debian package', () => {
    let machine: Machine;
    const configuration = '/etc/berth/berth.yaml';
    const settings = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', BERTH_CONFIG: configuration };
    const asBerth = ['setpriv', '--reuid=berth', '--regid=berth', '--init-groups', '/usr/bin/berth'];

    beforeAll(async () => {
      const architecture = (await run('dpkg', ['--print-architecture'])).trim();
      await copyFile(join(checkout, `build/berth_${version}_${architecture}.deb`), join(home, 'berth.deb'));
      machine = await startMachine(home);
      await machine.run('dpkg', '--install', join(home, 'berth.deb'));
    }, 240_000);
    afterAll(() => machine.close());

    test('has a valid and hardened unit that starts with the machine, and its own user', async () => {
      const unit = '/lib/systemd/system/berth.service';
      await machine.run('systemd-analyze', 'verify', unit);
      // It fails if the exposure of the service is above 1.9 of 10.
      await machine.run('systemd-analyze', 'security', '--offline=true', '--threshold=19', unit);
      await machine.run('test', '-e', '/etc/systemd/system/multi-user.target.wants/berth.service');
      expect(await machine.run('stat', '-c', '%U %a', '/var/lib/berth', configuration)).toBe('berth 700\nroot 640\n');
    });

    test('has a configuration that the server accepts: users sign in, and clients of other machines do not reach it', async () => {
      expect(await machine.run(...asBerth, 'config', 'check', '--config', configuration)).toContain('valid');
      const { listen, access } = loadConfig({ file: join(checkout, 'packaging/debian/berth.yaml'), environment: {} });
      expect([listen.host, access.mode]).toEqual(['127.0.0.1', 'token']);
    });

    test('is a registry that docker can use, and tells systemd when it is ready and when it stops', async () => {
      const socket = join(home, 'notify');
      let notified = '';
      const receiver = launch('socat', ['-u', `UNIX-RECV:${socket},mode=666`, '-'], (text) => (notified += text));
      try {
        await until(() => existsSync(socket));
        const command = inFolder('/', ...machine.enter, ...asBerth);
        await smokeTest({ command, settings: { ...settings, NOTIFY_SOCKET: socket } }, docker, () =>
          until(() => notified.includes('READY=1')),
        );
        await until(() => notified.includes('STOPPING=1'));
      } finally {
        await end(receiver);
      }
      expect(notified).toMatch(/STATUS=listening on http:/);
    }, 240_000);

    test('an upgrade keeps the changed configuration, and a purge keeps the images', async () => {
      await machine.run('sh', '-c', `echo 'workers: 2' >>${configuration}`);
      await machine.run('dpkg', '--install', join(home, 'berth.deb'));
      expect(await machine.run('cat', configuration)).toContain('workers: 2');
      await machine.run('dpkg', '--purge', 'berth');
      await expect(machine.run('ls', configuration)).rejects.toThrow();
      expect(await machine.run('ls', '/var/lib/berth')).toContain('metadata.sqlite');
    }, 60_000);
  });
});
