import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { ConfigError } from '../../config/config-error.ts';
import { keyPaths, loadConfig } from '../../config/load.ts';
import { variableName } from '../../config/variable-names.ts';

const folder = new URL('../../config/', import.meta.url);

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-config-'));
});
afterAll(() => rm(scratch, { recursive: true }));

/** Loads `yaml` with the environment, and says what is wrong with them. */
async function errorsOf(yaml: string, environment: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const file = join(scratch, 'berth.yaml');
  await writeFile(file, yaml);
  try {
    loadConfig({ file, environment });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.errors;
    throw error;
  }
}

async function load(yaml: string, environment: Readonly<Record<string, string>> = {}) {
  const file = join(scratch, 'good.yaml');
  await writeFile(file, yaml);
  return loadConfig({ file, environment });
}

/** The message without where the value was set. */
function withoutSource(message: string): string {
  return message.replace(/ \((?:found|set in|\/)[^]*\)$/, '');
}

/** The scalars of a YAML document by path; lists count as scalars. */
function scalars(node: unknown, base: readonly string[] = []): ReadonlyMap<string, unknown> {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return new Map([[base.join('.'), node]]);
  return new Map(Object.entries(node).flatMap(([name, value]) => [...scalars(value, [...base, name])]));
}

describe('default.yaml', () => {
  test('has every key of the schema with its default, and no other', async () => {
    const written = new Map(scalars(parse(await readFile(new URL('default.yaml', folder), 'utf8'))));
    // Maps and lists of sections have no value of their own.
    for (const path of written.keys())
      if (path.startsWith('mirror.upstreams.') || ['retention.rules', 'sync', 'quotas', 'signatures.rules'].includes(path))
        written.delete(path);
    const expected = keyPaths().map(({ path, key }) => [path, key.default ?? null]);
    expect(Object.fromEntries([...written].map(([path, value]) => [path, value ?? null]))).toEqual(Object.fromEntries(expected));
  });

  test('loads as the same configuration as no file at all', () => {
    const file = new URL('default.yaml', folder).pathname;
    expect(loadConfig({ file, environment: {} })).toEqual(loadConfig({ environment: {} }));
  });

  test('says something about every key', async () => {
    const lines = (await readFile(new URL('default.yaml', folder), 'utf8')).split('\n');
    const bare = lines.filter((line) => /^\s*[\w.]+:/.test(line) && !line.includes('#') && !/^\s*[\w.]+:$/.test(line));
    expect(bare).toEqual(['      region: us-east-1']);
  });
});

test('the examples load', async () => {
  const secrets = { BERTH_STORAGE_METADATA_URL: 'postgres://berth@db/berth' };
  const names = await readdir(new URL('examples', folder));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const file = new URL(`examples/${name}`, folder).pathname;
    expect(() => loadConfig({ file, environment: name === 'cluster.yaml' ? secrets : {} })).not.toThrow();
  }
});

describe('values', () => {
  test.each([
    ['listen: 127.0.0.1:80', 'listen', { host: '127.0.0.1', port: 80 }],
    ['listen: "[::1]:0"', 'listen', { host: '::1', port: 0 }],
    ['workers: auto', 'workers', 'auto'],
    ['workers: 4', 'workers', 4],
    ['publicUrl: http://localhost:5000', 'publicUrl', 'http://localhost:5000'],
    ['{ trustedProxies: [10.0.0.0/8, "::1"], access: { mode: token } }', 'trustedProxies', ['10.0.0.0/8', '::1']],
    ['locations: absolute', 'locations', 'absolute'],
  ])('%s', async (yaml, key, expected) => {
    expect((await load(yaml))[key as 'listen']).toEqual(expected);
  });

  test.each([
    ['250ms', 0.25],
    ['60s', 60],
    ['5m', 300],
    ['1.5h', 5400],
    ['7d', 604_800],
  ])('the duration %s is %d seconds', async (written, seconds) => {
    expect((await load(`shutdown: { grace: ${written} }`)).shutdown.grace).toBe(seconds);
  });

  test.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['4MiB', 4_194_304],
    ['1.5GiB', 1_610_612_736],
    ['2TiB', 2_199_023_255_552],
  ])('the size %s is %d bytes', async (written, bytes) => {
    expect((await load(`manifests: { maxSize: ${written} }`)).manifests.maxSize).toBe(bytes);
  });

  test('the environment wins over the file', async () => {
    const config = await load('listen: 127.0.0.1:1\nlog: { level: warn }', { BERTH_LISTEN: '127.0.0.1:2' });
    expect([config.listen.port, config.log.level]).toEqual([2, 'warn']);
  });

  test('a secret may lie in a file', async () => {
    await writeFile(join(scratch, 'secret'), 'pass word\n');
    const config = await load('access: { mode: token }', { BERTH_ACCESS_ADMIN_PASSWORD_FILE: join(scratch, 'secret') });
    expect(config.access.admin.password).toBe('pass word');
  });

  test('upstreams of the operator are merged over the defaults', async () => {
    const { upstreams } = (await load('mirror: { upstreams: { ghcr.io: { username: bot }, up.example: { url: http://up } } }'))
      .mirror;
    expect(upstreams['ghcr.io']).toMatchObject({ url: 'https://ghcr.io', username: 'bot' });
    expect(upstreams['up.example']).toMatchObject({ url: 'http://up' });
    expect(upstreams['docker.io']).toMatchObject({ url: 'https://registry-1.docker.io' });
  });

  test('false removes an upstream, and its variables with it', async () => {
    const yaml = 'mirror: { upstreams: { ghcr.io: false } }';
    expect(Object.keys((await load(yaml)).mirror.upstreams)).not.toContain('ghcr.io');
    expect(await errorsOf(yaml, { BERTH_MIRROR_UPSTREAMS_GHCR_IO_USERNAME: 'bot' })).toHaveLength(1);
  });

  test('every upstream takes its login from the environment', async () => {
    await writeFile(join(scratch, 'password'), 'pass word\n');
    const config = await load('mirror: { upstreams: { "up.example:5000": { url: http://up } } }', {
      BERTH_MIRROR_UPSTREAMS_DOCKER_IO_USERNAME: 'bot',
      BERTH_MIRROR_UPSTREAMS_DOCKER_IO_PASSWORD: 'secret',
      BERTH_MIRROR_UPSTREAMS_QUAY_IO_PASSWORD_FILE: join(scratch, 'password'),
      BERTH_MIRROR_UPSTREAMS_UP_EXAMPLE_5000_USERNAME: 'other',
    });
    const { upstreams } = config.mirror;
    expect(upstreams['docker.io']).toMatchObject({ url: 'https://registry-1.docker.io', username: 'bot', password: 'secret' });
    expect(upstreams['quay.io']).toMatchObject({ passwordFile: join(scratch, 'password') });
    expect(upstreams['up.example:5000']).toMatchObject({ username: 'other' });
  });
});

describe('errors', () => {
  test.each([
    ['listne: 127.0.0.1:80', 'listne is not a key: did you mean listen?'],
    ['storage: { blobs: { drivr: s3 } }', 'storage.blobs.drivr is not a key: did you mean storage.blobs.driver?'],
    ['unlike: anything', 'unlike is not a key'],
    ['maintenance: { backup: { keep: 7 } }', 'maintenance is not a key'],
    ['listen: 5000', 'listen must be host:port, such as 127.0.0.1:5000 or [::1]:5000'],
    ['listen: 127.0.0.1:99999', 'listen must be host:port, such as 127.0.0.1:5000 or [::1]:5000'],
    ['workers: 0', 'workers must be a whole number from 1 to 256'],
    ['workers: 1.5', 'workers must be a whole number from 1 to 256'],
    ['shutdown: { grace: 30 }', 'shutdown.grace must be a duration such as 60s, 5m, 24h or 7d'],
    ['manifests: { maxSize: 4MB }', 'manifests.maxSize must be a size such as 512KiB, 4MiB or 50GiB'],
    ['storage: { blobs: { driver: ftp } }', 'storage.blobs.driver must be one of filesystem, s3'],
    ['publicUrl: registry.example.com', 'publicUrl must be a URL that begins with http:// or https://'],
    ['access: { allowOpen: yes please }', 'access.allowOpen must be true or false'],
    ['trustedProxies: { a: b }', 'trustedProxies must be a list of addresses and CIDR ranges'],
    ['trustedProxies: [10.0.0.0/33]', 'trustedProxies must be a list of addresses and CIDR ranges'],
    ['trustedProxies: proxy.example.com', 'trustedProxies must be a list of addresses and CIDR ranges'],
    ['storage: filesystem', 'storage must be a map of keys'],
    ['- a list', 'the configuration must be a map of keys'],
    ['tls: { key: key.pem }', 'tls.certificate and tls.key belong together'],
    ['storage: { blobs: { driver: s3 } }', 'storage.blobs.s3.bucket is missing'],
    [
      'storage: { blobs: { driver: s3, s3: { bucket: b, accessKeyId: me } } }',
      'storage.blobs.s3.accessKeyId and storage.blobs.s3.secretAccessKey belong together',
    ],
    ['storage: { metadata: { driver: postgres } }', 'storage.metadata.url is missing'],
    ['mirror: { refresh: { every: 0s } }', 'mirror.refresh.every must be more than 0s and at most 24d'],
    ['mirror: { refresh: { every: 30d } }', 'mirror.refresh.every must be more than 0s and at most 24d'],
  ])('%s', async (yaml, message) => {
    expect((await errorsOf(yaml)).map(withoutSource)).toEqual([message]);
  });

  test.each([
    [
      'a wrong value',
      'log:\n  level: loud',
      'log.level must be one of info, debug, warn, error, silent (found "loud" in FILE:2)',
    ],
    ['an unknown key', '\nlistne: x', 'listne is not a key: did you mean listen? (FILE:2)'],
    ['a key without its pair', 'tls:\n  key: key.pem', 'tls.certificate and tls.key belong together (FILE:2)'],
    ['a section that is none', 'storage: filesystem', 'storage must be a map of keys (FILE:1)'],
    [
      'a key of an upstream',
      'mirror:\n  upstreams:\n    ghcr.io:\n      url: ghcr',
      'mirror.upstreams.ghcr.io.url must be a URL that begins with http:// or https:// (found "ghcr" in FILE:4)',
    ],
  ])('%s is named with its value and its line', async (_what, yaml, message) => {
    expect(await errorsOf(yaml)).toEqual([message.replace('FILE', join(scratch, 'berth.yaml'))]);
  });

  test('a value of the environment is named with its variable', async () => {
    expect(await errorsOf('workers: 2', { BERTH_WORKERS: 'none' })).toEqual([
      'workers must be a whole number from 1 to 256 (found "none" in BERTH_WORKERS)',
    ]);
  });

  test('the value of a secret is not shown', async () => {
    const [message] = await errorsOf('', { BERTH_STORAGE_METADATA_URL: 'mysql://berth:hunter2@db/berth' });
    expect(message).toContain('(set in BERTH_STORAGE_METADATA_URL)');
    expect(message).not.toContain('hunter2');
  });

  test('an address without a host is explained', async () => {
    expect((await errorsOf('listen: ":5000"'))[0]).toContain('0.0.0.0:5000 for all addresses');
  });

  test.each([
    ['storage: { metadata: { url: postgres://db/berth } }', 'storage.metadata.url', 'storage.metadata.driver postgres'],
    ['storage: { blobs: { s3: { bucket: layers } } }', 'storage.blobs.s3.bucket', 'storage.blobs.driver s3'],
    ['access: { admin: { password: secret } }', 'access.admin.password', 'access.mode token'],
    ['access: { oidc: { issuer: https://id.example.com } }', 'access.oidc.issuer', 'access.mode token'],
    ['access: { identities: { ci: { issuer: https://ci.example.com } } }', 'access.identities.ci', 'access.mode token'],
    ['access: { mode: token, external: { issuer: auth } }', 'access.external.issuer', 'access.mode external'],
    ['access: { mode: token }\nmirror: { allowPush: [library/x] }', 'mirror.allowPush', 'access.mode open'],
  ])('%s is an error where it would not count', async (yaml, key, needs) => {
    expect((await errorsOf(yaml)).map(withoutSource)).toEqual([`${key} is set, but counts only with ${needs}`]);
  });

  test('a setting that does not count may have its default', async () => {
    expect(await errorsOf('storage: { metadata: { connections: 10, url: } }\naccess: { admin: { username: admin } }')).toEqual(
      [],
    );
  });

  test('every error is told at once, of the file and of the environment', async () => {
    const yaml = 'listne: x\nworkers: none\nlog: { level: loud, fromat: json }';
    const errors = await errorsOf(yaml, { BERTH_LISTEN: 'nowhere', BERTH_LOGS_LEVEL: 'info' });
    expect(errors).toHaveLength(6);
    expect(errors.join('\n')).toContain('BERTH_LOGS_LEVEL is not a key: did you mean BERTH_LOG_LEVEL?');
  });

  test('errors of keys that belong together are reported with those of single keys', async () => {
    const yaml = [
      'workers: none',
      'listen: 0.0.0.0:5000',
      'trustedProxies: [nonsense]',
      'tls: { key: tls.key }',
      'storage: { blobs: { driver: s3 }, metadata: { connections: 5 } }',
      'access: { admin: { password: secret, username: "a b" } }',
      'mirror: { default: nowhere, refresh: { every: never } }',
    ];
    const errors = await errorsOf(yaml.join('\n'));
    const keys = errors.map((error) => /^[\w.]+/.exec(error)?.[0]).sort();
    expect(keys).toEqual([
      'access.admin.password',
      'access.admin.username',
      'listen',
      'mirror.default',
      'mirror.refresh.every',
      'storage.blobs.s3.bucket',
      'storage.metadata.connections',
      'tls.certificate',
      'trustedProxies',
      'workers',
    ]);
  });

  test('YAML that is none is told with its line', async () => {
    expect((await errorsOf('a: [1'))[0]).toMatch(/berth\.yaml: .*line 1/);
  });

  test('a file that is not there is told by its name', () => {
    expect(() => loadConfig({ file: '/nowhere/berth.yaml', environment: {} })).toThrow('cannot read /nowhere/berth.yaml');
  });
});

describe('open access', () => {
  test('open access is refused where other machines reach it, and the message says what to do', async () => {
    const [message] = await errorsOf('listen: 0.0.0.0:5000');
    expect(message).toContain('access.allowOpen');
    expect(await errorsOf('listen: 0.0.0.0:5000\naccess: { allowOpen: true }')).toEqual([]);
    expect(await errorsOf('listen: 0.0.0.0:5000\naccess: { mode: token }')).toEqual([]);
    expect(await errorsOf('listen: localhost:5000')).toEqual([]);
  });

  test.each([
    ['trustedProxies: [127.0.0.1]', 'trustedProxies'],
    ['publicUrl: https://registry.example.com', 'publicUrl https://registry.example.com'],
  ])('open access is refused where others come through a proxy: %s', async (yaml, reason) => {
    const [message] = await errorsOf(yaml);
    expect(message).toContain(reason);
    expect(message).toContain('access.allowOpen');
    expect(await errorsOf(`${yaml}\naccess: { allowOpen: true }`)).toEqual([]);
  });

  test('open access is not refused for a public URL on this machine', async () => {
    for (const url of ['http://localhost:5000', 'http://127.0.0.1:5000', 'http://[::1]:5000', 'http://berth.localhost'])
      expect(await errorsOf(`publicUrl: ${url}`)).toEqual([]);
  });

  test('open access is not refused to commands that serve nothing', () => {
    expect(() => loadConfig({ environment: { BERTH_LISTEN: '0.0.0.0:5000' }, serves: false })).not.toThrow();
  });
});

test('whatever a key accepts from the file it accepts, and understands alike, from the environment', () => {
  const scalar = fc.oneof(fc.nat(400).map(String), fc.constantFrom('true', 'auto', '5m', '4MiB', 'json', '127.0.0.1:80', '::1'));
  const alone = keyPaths().filter(({ path }) => !/^tls|^listen|driver$|^mirror\.default$/.test(path));
  fc.assert(
    fc.property(fc.constantFrom(...alone), scalar, ({ path, key }, written) => {
      const accepted = attempt(() => key.parse(written));
      const loaded = attempt(() => {
        const config: unknown = loadConfig({ environment: { ...besides(path), [variableName(path)]: written } });
        return path.split('.').reduce((node, name) => (node as Record<string, unknown>)[name], config);
      });
      if (accepted instanceof Error) expect(messageOf(loaded)).toBe(`${path} ${accepted.message}`);
      else expect(loaded).toEqual(accepted);
    }),
  );
});

/** What makes a key count. */
function besides(path: string): Readonly<Record<string, string>> {
  if (path.startsWith('storage.blobs.s3.'))
    return {
      BERTH_ACCESS_MODE: 'token',
      BERTH_STORAGE_BLOBS_DRIVER: 's3',
      BERTH_STORAGE_BLOBS_S3_BUCKET: 'layers',
      BERTH_STORAGE_BLOBS_S3_ACCESS_KEY_ID: 'id',
      BERTH_STORAGE_BLOBS_S3_SECRET_ACCESS_KEY: 'secret',
    };
  if (/^storage\.metadata\.(url|connections)$/.test(path))
    return { BERTH_STORAGE_METADATA_DRIVER: 'postgres', BERTH_STORAGE_METADATA_URL: 'postgres://db/berth' };
  if (path === 'garbageCollection.untagged') return { BERTH_GARBAGE_COLLECTION_GRACE: '0s' };
  if (path.startsWith('access.external.'))
    return {
      BERTH_ACCESS_MODE: 'external',
      BERTH_ACCESS_EXTERNAL_REALM: 'https://auth.example.com/token',
      BERTH_ACCESS_EXTERNAL_ISSUER: 'auth',
      BERTH_ACCESS_EXTERNAL_JWKS_URL: 'https://auth.example.com/jwks',
    };
  return path === 'mirror.allowPush' ? {} : { BERTH_ACCESS_MODE: 'token' };
}

function messageOf(error: unknown): string {
  return error instanceof ConfigError ? withoutSource(error.errors.join('\n')) : String(error);
}

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
