import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { warnOfOtherRegistry } from '../../src/assembly/start/other-registry.ts';
import { firstSteps } from '../../src/cli/serve/first-steps.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { writeCertificate } from '../support/certificate.ts';
import { runCommand } from '../support/command.ts';
import { describeWith } from '../support/requires.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-checks-'));
});
afterAll(() => rm(scratch, { recursive: true }));

type Environment = Readonly<Record<string, string>>;
const silent = { BERTH_LOG_LEVEL: 'silent' };

/**
 * What `berth config check` and `berth serve` say is wrong: the same. The exit code of `serve` is 78 if no later start can succeed.
 */
async function errorsOf(environment: Environment, exitCode: 1 | 78): Promise<string> {
  const checked = await runCommand(['config', 'check'], { ...silent, ...environment });
  expect(await runCommand(['serve'], { ...silent, ...environment })).toEqual({ ...checked, code: exitCode });
  expect(checked.code).toBe(1);
  return checked.stderr;
}

describeWith(['openssl'], 'TLS files', () => {
  let files: { readonly certificate: string; readonly key: string };
  let foreignKey: string;
  let text: string;
  beforeAll(async () => {
    files = await writeCertificate(scratch, 'localhost');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    foreignKey = join(scratch, 'foreign.pem');
    await writeFile(foreignKey, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    text = join(scratch, 'text.pem');
    await writeFile(text, 'no PEM');
  });

  const tls = (certificate: string, key: string) => errorsOf({ BERTH_TLS_CERTIFICATE: certificate, BERTH_TLS_KEY: key }, 1);

  test('that do not exist are both named with their keys', async () => {
    const errors = await tls(join(scratch, 'none.crt'), join(scratch, 'none.key'));
    expect(errors).toMatch(/tls\.certificate: cannot read .*none\.crt: ENOENT.*\(BERTH_TLS_CERTIFICATE\)/);
    expect(errors).toMatch(/tls\.key: cannot read .*none\.key: ENOENT.*\(BERTH_TLS_KEY\)/);
  });

  test('with other content are named with their keys', async () => {
    const errors = await tls(text, text);
    expect(errors).toMatch(/tls\.certificate: .*text\.pem holds no certificate/);
    expect(errors).toMatch(/tls\.key: .*text\.pem holds no private key/);
  });

  test('of an authority that hold something else are named with their key', async () => {
    expect(await errorsOf({ BERTH_TLS_AUTHORITY: text }, 1)).toMatch(/tls\.authority: .*text\.pem holds no certificate/);
  });

  test('that do not match are an error', async () => {
    expect(await tls(files.certificate, foreignKey)).toContain(`tls.key: ${foreignKey} is not the key of the first certificate`);
  });
});

describe('the configuration check and the start', () => {
  test('explain a name that does not resolve', async () => {
    expect(await errorsOf({ BERTH_LISTEN: 'nowhere.invalid:5000', BERTH_ACCESS_MODE: 'token' }, 1)).toMatch(
      /listen: the name nowhere\.invalid does not resolve.*0\.0\.0\.0.*\(BERTH_LISTEN\)/,
    );
  });

  test('report all invalid patterns at once', async () => {
    const errors = await errorsOf({ BERTH_MIRROR_ALLOW_PUSH: '!!', BERTH_MIRROR_REFRESH_IMAGES: 'nowhere.example/image:1' }, 78);
    expect(errors).toMatch(/mirror\.allowPush: !! is not a pattern .* \(BERTH_MIRROR_ALLOW_PUSH\)/);
    expect(errors).toMatch(/nowhere\.example is not one of mirror\.upstreams \(BERTH_MIRROR_REFRESH_IMAGES\)/);
  });

  test.each([
    ['0.0.0.0:5000', {}, true],
    ['127.0.0.1:5000', {}, false],
    ['0.0.0.0:5000', { BERTH_PUBLIC_URL: 'https://registry.example.com' }, false],
    ['0.0.0.0:5000', { BERTH_TRUSTED_PROXIES: '10.0.0.1' }, false],
  ])('mode token without TLS at %s with %j warns: %s', async (listen, more, warns) => {
    const environment = { BERTH_LISTEN: listen, BERTH_ACCESS_MODE: 'token', ...more } as Environment;
    const { code, stdout } = await runCommand(['config', 'check'], environment);
    expect([code, stdout.includes('warning: access.mode token without TLS')]).toEqual([0, warns]);
  });
});

describe('a command about accounts', () => {
  test('creates no data folder, and names the missing one', async () => {
    const directory = join(scratch, 'none');
    const ended = await runCommand(['user', 'add', 'alice'], {
      BERTH_STORAGE_METADATA_DRIVER: 'sqlite',
      BERTH_STORAGE_BLOBS_DIRECTORY: directory,
    });
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(join(directory, 'metadata.sqlite')) });
    await expect(rm(directory, { recursive: true })).rejects.toThrow('ENOENT');
  });
});

describe('the start message', () => {
  const steps = (environment: Environment, url: string) => firstSteps(loadConfig({ environment }), url);

  test('of mode open names the page, the address for clients, a first push and the mirror', () => {
    expect(steps({}, 'http://127.0.0.1:5000')).toEqual({
      page: 'http://localhost:5000/ui',
      clients: 'localhost:5000',
      push: 'docker tag IMAGE localhost:5000/IMAGE && docker push localhost:5000/IMAGE',
      pull: 'docker pull localhost:5000/docker.io/IMAGE',
      mirror: "curl 'http://localhost:5000/_mirror/config?client=docker'",
    });
  });

  test('of mode token names the first login, at the public address', () => {
    const environment = { BERTH_ACCESS_MODE: 'token', BERTH_PUBLIC_URL: 'https://registry.example.com' };
    expect(steps(environment, 'http://0.0.0.0:5000')).toMatchObject({
      page: 'https://registry.example.com/ui',
      clients: 'registry.example.com',
      login: 'docker login registry.example.com -u admin',
    });
  });

  test('of mode external names no page', () => {
    const environment = {
      BERTH_ACCESS_MODE: 'external',
      BERTH_ACCESS_EXTERNAL_REALM: 'https://auth.example.com/token',
      BERTH_ACCESS_EXTERNAL_ISSUER: 'auth',
      BERTH_ACCESS_EXTERNAL_JWKS_URL: 'https://auth.example.com/jwks',
    };
    const { page, login } = steps(environment, 'https://[::]:5000');
    expect([page, login]).toEqual([undefined, 'docker login localhost:5000']);
  });
});

describe('a folder of registry:2', () => {
  async function warningsOf(directory: string): Promise<readonly object[]> {
    const warnings: object[] = [];
    const driver = await createFilesystemDriver({ directory });
    await warnOfOtherRegistry(driver, { warn: (facts: object) => void warnings.push(facts) });
    await driver.close();
    return warnings;
  }

  test('is named at the start', async () => {
    const link = 'docker/registry/v2/repositories/app/_manifests/tags/1/current/link';
    const directory = join(scratch, 'registry2');
    await mkdir(join(directory, link, '..'), { recursive: true });
    await writeFile(join(directory, link), 'sha256:0');
    expect(await warningsOf(directory)).toEqual([{ found: link }]);
  });

  test('is not reported for a folder of berth', async () => {
    expect(await warningsOf(join(scratch, 'own'))).toEqual([]);
  });
});
