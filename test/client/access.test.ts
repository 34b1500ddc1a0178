import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type GuardedProcess, basic, pushAs, startGuardedProcess } from '../support/access.ts';
import { type Containerd, startContainerd } from '../support/containerd.ts';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';
import { tar } from '../support/tar.ts';
import { until } from '../support/until.ts';

let berth: GuardedProcess;
let home: string;
let robot: string;

beforeAll(async () => {
  [berth, home] = await Promise.all([startGuardedProcess(), mkdtemp(join(tmpdir(), 'berth-access-'))]);
  const { administration } = berth;
  await administration.createUser({ name: 'alice', password: 'wonderland', isAdmin: false });
  await administration.createUser({ name: 'bob', password: 'bob the builder', isAdmin: false });
  await administration.grant('user:bob', 'alice/shared', 'pull');
  await administration.setPublic('alice/free', true);
  robot = (await administration.createRobot({ name: 'ci', grants: ['ci/one:pull,push'] })).secret;
}, 60_000);
afterAll(async () => {
  await berth.dispose();
  await rm(home, { recursive: true, force: true });
}, 60_000);

describeWith(['podman'], 'podman', () => {
  const search = async (login: string, term: string) => {
    const file = join(home, 'podman.json');
    await writeFile(file, JSON.stringify({ auths: login === '' ? {} : { [berth.host]: { auth: btoa(login) } } }));
    const env = { ...process.env, HOME: home, XDG_RUNTIME_DIR: home };
    return run('podman', ['search', '--tls-verify=false', '--authfile', file, `${berth.host}/${term}`], { env });
  };

  test('search finds private repositories with a login only', async () => {
    await pushAs(berth, basic('alice', 'wonderland'), 'alice/sought', '1');
    expect(await search('alice:wonderland', 'sought')).toContain(`${berth.host}/alice/sought`);
    for (const login of ['', 'bob:bob the builder']) {
      expect(await search(login, 'sought').catch(String)).not.toContain('alice/sought');
    }
  }, 60_000);
});

describeWith(['docker', 'dockerd'], 'docker', () => {
  let daemon: Dockerd;
  beforeAll(async () => {
    await mkdir(join(home, 'bin'));
    const path = process.env['PATH'];
    process.env['PATH'] = `${join(home, 'bin')}:${path}`; // where a test puts a credential helper
    daemon = await startDockerd().finally(() => (process.env['PATH'] = path));
  }, 60_000);
  afterAll(() => daemon.close(), 60_000);

  const login = (name: string, secret: string) =>
    daemon.dockerWith(Buffer.from(secret), 'login', '--username', name, '--password-stdin', berth.host);
  const make = async (repository: string) => {
    const image = `${berth.host}/${repository}:1`;
    await daemon.dockerWith(tar({ repository }), 'import', '-', image);
    return image;
  };

  test('search without a login shows public repositories only', async () => {
    await pushAs(berth, basic('alice', 'wonderland'), 'alice/kept', '1');
    expect(await daemon.docker('search', `${berth.host}/kept`)).not.toContain('alice/kept');
    await pushAs(berth, basic('alice', 'wonderland'), 'alice/free', '1');
    expect(await daemon.docker('search', `${berth.host}/free`)).toContain('alice/free');
  }, 60_000);

  test('login, push, pull and logout work, and docker login reports a wrong password', async () => {
    await expect(login('alice', 'wrong')).rejects.toThrow(/unauthorized/);
    expect(await login('alice', 'wonderland')).toContain('Login Succeeded');
    const image = await make('alice/app');
    await daemon.docker('push', image);
    await daemon.docker('rmi', image);
    await daemon.docker('pull', image);
    await daemon.docker('logout', berth.host);
    await daemon.docker('rmi', image);
    await expect(daemon.docker('pull', image)).rejects.toThrow(/denied|unauthorized/);
  }, 120_000);

  test('a public repository needs a login for push, but not for pull', async () => {
    const image = await make('alice/free');
    await expect(daemon.docker('push', image)).rejects.toThrow(/denied|unauthorized|authentication required/);
    await login('alice', 'wonderland');
    await daemon.docker('push', image);
    await daemon.docker('logout', berth.host);
    await daemon.docker('rmi', image);
    await daemon.docker('pull', image);
  }, 120_000);

  test('a user with pull alone cannot push, see other repositories, or mount from them', async () => {
    await login('alice', 'wonderland');
    for (const repository of ['alice/shared', 'alice/secret']) await daemon.docker('push', await make(repository));
    await login('bob', 'bob the builder');
    const [shared, secret] = [`${berth.host}/alice/shared:1`, `${berth.host}/alice/secret:1`];
    await daemon.docker('rmi', shared, secret);
    await daemon.docker('pull', shared);
    await expect(daemon.docker('push', shared)).rejects.toThrow(/denied/);
    await expect(daemon.docker('pull', secret)).rejects.toThrow(/not found|denied|unknown/);
    await daemon.docker('tag', shared, `${berth.host}/bob/copy:1`);
    await daemon.docker('push', `${berth.host}/bob/copy:1`);
    await daemon.docker('logout', berth.host);
  }, 120_000);

  test('a robot pushes to its repository', async () => {
    await login('ci', robot);
    await daemon.docker('push', await make('ci/one'));
    await expect(daemon.docker('push', await make('ci/two'))).rejects.toThrow(/denied/);
    await daemon.docker('logout', berth.host);
  }, 120_000);

  test('a credential helper stores a token instead of the password', async () => {
    const [kept, config] = [join(home, 'kept'), join(home, 'docker-config')];
    await mkdir(config);
    await writeFile(join(home, 'bin/docker-credential-test'), credentialHelper(kept), { mode: 0o755 });
    await writeFile(join(config, 'config.json'), JSON.stringify({ credHelpers: { [berth.host]: 'test' } }));
    const docker = (...args: string[]) => daemon.dockerWith(Buffer.from('wonderland'), '--config', config, ...args);
    await docker('login', '--username', 'alice', '--password-stdin', berth.host);
    const stored = JSON.parse(await readFile(kept, 'utf8')) as { Username: string; Secret: string };
    expect([stored.Username, stored.Secret]).toEqual(['<token>', expect.stringMatching(/^berth_refresh_/)]);
    const image = await make('alice/helped');
    await docker('push', image);
    await daemon.docker('rmi', image);
    await docker('pull', image);
    await docker('logout', berth.host);
    await expect(readFile(kept)).rejects.toThrow('ENOENT');
    await expect(docker('push', image)).rejects.toThrow(/denied|unauthorized|authentication required/);
  }, 120_000);

  test('a changed password ends the login', async () => {
    await berth.administration.createUser({ name: 'carol', password: 'first password', isAdmin: false });
    await login('carol', 'first password');
    const image = await make('carol/app');
    await daemon.docker('push', image);
    await berth.administration.setPassword('carol', 'second password');
    await until(() =>
      daemon.docker('pull', image).then(
        () => false,
        (error: unknown) => /unauthorized|denied/.test(String(error)),
      ),
    );
    await login('carol', 'second password');
    await daemon.docker('pull', image);
  }, 120_000);
});

/**
 * A credential helper that keeps one login in a file. Its output without a login is part of the protocol: docker
 * takes any other failure of `get` for a broken helper, and ends.
 */
function credentialHelper(file: string): string {
  const notFound = "{ echo 'credentials not found in native keychain'; exit 1; }";
  return `#!/bin/sh
case $1 in
  store) cat >${file} ;;
  get) [ -e ${file} ] || ${notFound}; cat ${file} ;;
  erase) rm -f ${file} ;;
  list) echo '{}' ;;
esac
`;
}

describeWith(['podman', 'skopeo', 'buildah'], 'podman, buildah and skopeo', () => {
  const env = () => ({
    ...process.env,
    HOME: home,
    XDG_RUNTIME_DIR: home,
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'),
  });
  const storage = () => ['--root', `${home}/root`, '--runroot', `${home}/run`, '--storage-driver', 'vfs'];
  const podman = (...args: string[]) => run('podman', [...storage(), ...args], { env: env() });
  const buildah = (...args: string[]) => run('buildah', [...storage(), ...args], { env: env() });
  const skopeo = (...args: string[]) => run('skopeo', ['--insecure-policy', ...args], { env: env() });

  beforeAll(async () => {
    await writeFile(join(home, 'auth.json'), '{}');
    await writeFile(join(home, 'registries.conf'), `[[registry]]\nlocation = "${berth.host}"\ninsecure = true\n`);
  });

  test('podman logs in, pushes, pulls and logs out', async () => {
    const login = (secret: string) => podman('login', '--tls-verify=false', '-u', 'alice', '-p', secret, berth.host);
    await expect(login('wrong')).rejects.toThrow(/invalid username\/password|unauthorized/);
    await login('wonderland');
    const image = `${berth.host}/alice/podman:1`;
    const container = (await buildah('from', 'scratch')).trim();
    await buildah('copy', container, join(home, 'registries.conf'), '/content');
    await buildah('commit', '--rm', container, image);
    await buildah('push', '--tls-verify=false', image);
    await podman('rmi', image);
    await podman('pull', '--quiet', '--tls-verify=false', image);
    await podman('logout', berth.host);
    await podman('rmi', image);
    await expect(podman('pull', '--quiet', '--tls-verify=false', image)).rejects.toThrow(
      /unauthorized|denied|authentication required/,
    );
  }, 180_000);

  test('skopeo copies, lists tags and deletes with a grant, and sees nothing without one', async () => {
    const source = `docker://${berth.host}/alice/skopeo:1`;
    const [alice, bob] = ['alice:wonderland', 'bob:bob the builder'];
    await mkdir(join(home, 'image'));
    const container = (await buildah('from', 'scratch')).trim();
    await buildah('copy', container, join(home, 'registries.conf'), '/content');
    await buildah('commit', '--rm', container, `oci:${home}/image:1`);
    await skopeo('copy', '--dest-tls-verify=false', '--dest-creds', alice, `oci:${home}/image:1`, source);
    const inspect = (creds: string) => skopeo('inspect', '--raw', '--tls-verify=false', '--creds', creds, source);
    expect(JSON.parse(await inspect(alice))).toMatchObject({ schemaVersion: 2 });
    await expect(inspect(bob)).rejects.toThrow(/unknown|denied|not known/);
    const copy = (to: string, creds: string) =>
      skopeo(
        'copy',
        '--src-tls-verify=false',
        '--dest-tls-verify=false',
        '--src-creds',
        alice,
        '--dest-creds',
        creds,
        source,
        to,
      );
    await copy(`docker://${berth.host}/bob/skopeo:1`, bob);
    await expect(copy(`docker://${berth.host}/alice/taken:1`, bob)).rejects.toThrow(/denied|unauthorized/);
    await skopeo('delete', '--tls-verify=false', '--creds', alice, source);
    await expect(inspect(alice)).rejects.toThrow(/unknown/);
  }, 180_000);
});

describeWith(['containerd', 'ctr'], "containerd's ctr", () => {
  let containerd: Containerd;

  beforeAll(async () => {
    containerd = await startContainerd();
  }, 60_000);
  afterAll(() => containerd.close(), 60_000);

  test('pulls and pushes as a user, and not without a login', async () => {
    const from = `${berth.host}/alice/ctr:1`;
    await pushAs(berth, basic('alice', 'wonderland'), 'alice/ctr', '1');
    const pull = (...args: string[]) => containerd.ctr('content', 'fetch', '--plain-http', ...args, from);
    await expect(pull()).rejects.toThrow(/authorization|unauthorized|401/);
    await expect(pull('--user', 'alice:wrong')).rejects.toThrow(/authorization|unauthorized|401/);
    await pull('--user', 'alice:wonderland');
    await containerd.ctr('images', 'tag', from, `${berth.host}/alice/pushed:1`);
    await containerd.ctr('images', 'push', '--plain-http', '--user', 'alice:wonderland', `${berth.host}/alice/pushed:1`);
    await containerd.ctr('images', 'tag', from, `${berth.host}/bob/pushed:1`);
    await expect(
      containerd.ctr('images', 'push', '--plain-http', '--user', 'alice:wonderland', `${berth.host}/bob/pushed:1`),
    ).rejects.toThrow(/denied|403|authorization/i);
  }, 120_000);
});
