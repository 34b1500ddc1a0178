import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { importDistributionConfig } from '../../config/distribution/import.ts';
import { loadConfig } from '../../config/load.ts';
import { readWebhookTargets } from '../../src/assembly/webhooks/targets.ts';
import { runCommand } from '../support/command.ts';

const reference = readFileSync(resolve(import.meta.dirname, '../support/distribution-config.yaml'), 'utf8');
let folder: string;

beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'berth-import-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};

/** Translates the text, and loads the result as `berth serve` would. */
function imported(text: string, environment: Readonly<Record<string, string>> = {}) {
  const { yaml, keys } = importDistributionConfig(text, environment);
  return { yaml, keys, config: loadConfig({ file: write('berth.yaml', yaml), environment: {} }) };
}

/** Dotted paths of the keys with a value. */
function pathsOf(value: unknown, base: readonly string[] = []): readonly string[] {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
  if (!isMap) return [base.join('.')];
  return Object.entries(value).flatMap(([name, child]) => pathsOf(child, [...base, name.toLowerCase()]));
}

describe('the reference configuration of registry:2', () => {
  test('is translated or named, key by key', () => {
    const { yaml, keys } = imported(reference);
    const paths = pathsOf(parse(reference, { uniqueKeys: false }));
    expect(paths.length).toBeGreaterThan(100);
    expect(keys.map(({ key }) => key).sort()).toEqual([...paths].sort());
    for (const { key, to, remark } of keys) {
      expect({ key, isNamed: to !== undefined || yaml.includes(`# ${key}: `) }).toEqual({ key, isNamed: true });
      expect({ key, remark }).not.toEqual({ key, remark: 'unknown to berth' });
    }
  });

  test('reports to the same endpoints, in the same format', async () => {
    const { config } = imported(reference);
    expect(config.webhooks).toMatchObject({
      pulls: 'off',
      targets: {
        listener: { url: 'https://hook.example.com', format: 'distribution', events: ['push', 'delete', 'mount'], timeout: 1 },
      },
    });
    const text = `
notifications:
  endpoints:
    - { name: Build Server, url: 'http://ci:8080/e', headers: { Authorization: [Bearer abc], X-Two: ['1', '2'] }, timeout: 500ms }
    - { name: off, disabled: true, url: 'http://off.example.com' }`;
    const { webhooks } = imported(text).config;
    expect(Object.keys(webhooks.targets)).toEqual(['build-server']);
    expect(webhooks.pulls).toBe('all');
    expect(await readWebhookTargets({ webhooks })).toMatchObject([
      {
        name: 'build-server',
        format: 'distribution',
        timeoutSeconds: 0.5,
        allowsPrivateAddress: true,
        headers: [
          ['Authorization', 'Bearer abc'],
          ['X-Two', '1'],
          ['X-Two', '2'],
        ],
        events: new Set(['push', 'pull', 'delete', 'mount']),
      },
    ]);
    const refused = importDistributionConfig('notifications: { endpoints: [{ name: a }] }', {});
    expect(refused.keys[0]?.remark).toContain('has an endpoint without a url');
  });

  test('becomes the same store, address, certificate, token server and upstream', () => {
    const { config, yaml } = imported(reference);
    expect(config).toMatchObject({
      publicUrl: 'https://registry.example.com:5000',
      locations: 'absolute',
      tls: { certificate: '/etc/registry/tls.pem', key: '/etc/registry/tls.key' },
      listen: { host: '127.0.0.1', port: 5000 },
      metrics: { listen: { host: '127.0.0.1', port: 5001 } },
      log: { level: 'debug', format: 'pretty' },
      delete: { enabled: true },
      uploads: { expireAfter: 168 * 3600 },
      shutdown: { grace: 90 },
      manifests: { references: 'optional' },
      access: {
        mode: 'external',
        external: {
          realm: 'https://auth.example.com/token',
          service: 'registry.example.com',
          issuer: 'auth.example.com',
          certificates: '/etc/registry/token.pem',
        },
      },
      mirror: { default: 'docker.io', upstreams: { 'docker.io': { url: 'https://registry-1.docker.io', username: 'puller' } } },
      storage: {
        blobs: {
          driver: 's3',
          directory: '/srv/registry',
          s3: {
            bucket: 'images',
            region: 'us-west-1',
            endpoint: 'https://objects.example.com',
            prefix: 'registry/prefix/',
            forcePathStyle: true,
            accessKeyId: 'ACCESS',
            redirect: false,
            storageClass: 'STANDARD_IA',
            serverSideEncryption: 'aws:kms',
            kmsKeyId: 'key-id',
          },
        },
      },
    });
    const remarks = yaml.slice(yaml.indexOf('# Keys of registry:2'));
    expect(remarks).toContain('# auth.htpasswd.path: run: berth user import htpasswd');
    expect(remarks).not.toMatch(/SECRET|puller/);
  });
});

test('a registry that is read-only stays read-only in every mode', () => {
  const { config } = imported('storage: { filesystem: {}, maintenance: { readonly: { enabled: true } } }');
  expect(config).toMatchObject({ readOnly: true });
});

test.each([
  ['storage: { filesystem: { rootdirectory: /var/lib/registry } }\nhttp: { addr: ":5000" }', { mode: 'token' }, '0.0.0.0'],
  ['storage: { filesystem: {} }\nhttp: { addr: "localhost:5000" }', { mode: 'open' }, '127.0.0.1'],
  ['storage: { filesystem: {} }\nauth: { htpasswd: { realm: x, path: /etc/htpasswd } }', { mode: 'token' }, '127.0.0.1'],
])('%j is never more open than it must be', (text, access, host) => {
  const { config } = imported(text);
  expect(config).toMatchObject({ access, listen: { host }, delete: { enabled: false } });
});

test('REGISTRY_* variables override the file, also whole sections and keys of lists', () => {
  const { config, keys } = imported(
    'version: 0.1\nstorage: { filesystem: { rootdirectory: /a } }\nhttp: { addr: "localhost:1" }',
    {
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/b',
      REGISTRY_STORAGE_DELETE_ENABLED: 'true',
      REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING: '{ enabled: true, age: 1h30m }',
      REGISTRY_HTTP_ADDR: 'localhost:2',
      REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_0: 'registry.example.com',
      REGISTRY_SOMETHING_NEW: '1',
      OTHER: 'x',
    },
  );
  expect(config).toMatchObject({
    listen: { port: 2 },
    delete: { enabled: true },
    uploads: { expireAfter: 5400 },
    storage: { blobs: { directory: '/b' } },
  });
  expect(keys).toContainEqual({ key: 'something.new', to: undefined, remark: 'unknown to berth' });
  expect(keys.map(({ key }) => key)).toContain('http.tls.letsencrypt.hosts');
});

test('a value that cannot be translated is named and never printed in a remark', () => {
  const { yaml, keys } = imported(
    'storage: { maintenance: { uploadpurging: { age: soon } } }\nhttp: { host: "no url", addr: "localhost:1" }',
  );
  expect(keys.filter(({ remark }) => remark?.startsWith('cannot be translated')).map(({ key }) => key)).toEqual([
    'storage.maintenance.uploadpurging.age',
    'http.host',
  ]);
  expect(yaml).not.toContain('no url');
});

test('berth config import prints YAML that berth config check accepts', async () => {
  const file = write(
    'config.yml',
    `version: 0.1\nlog: { fields: { service: registry } }\nstorage: { cache: { blobdescriptor: inmemory }, filesystem: { rootdirectory: ${folder} } }\nhttp: { addr: ":5000", headers: { X-Content-Type-Options: [nosniff] } }\n`,
  );
  const { code, stdout, stderr } = await runCommand(['config', 'import', file], { REGISTRY_LOG_LEVEL: 'warn' });
  expect([code, stderr]).toEqual([0, expect.stringContaining('7 keys: 3 translated, 4 without a counterpart')]);
  expect(parse(stdout)).toMatchObject({
    listen: '0.0.0.0:5000',
    log: { level: 'warn' },
    storage: { blobs: { directory: folder } },
  });
  expect(stdout).toContain('# http.headers.x-content-type-options: ');
  const checked = await runCommand(['config', 'check', '--config', write('checked.yaml', stdout)]);
  expect(checked).toMatchObject({ code: 0 });
  const broken = await runCommand(['config', 'import', '-'], {}, '- a list');
  expect(broken).toMatchObject({ code: 1, stderr: expect.stringContaining('not a configuration file of registry:2') as unknown });
});
