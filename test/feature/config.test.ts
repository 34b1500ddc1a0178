import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { ConfigError, keyPaths, loadConfig, variableName } from '../../config/load.ts';

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

/** The scalars of a YAML document by path; lists count as scalars. */
function scalars(node: unknown, base: readonly string[] = []): ReadonlyMap<string, unknown> {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return new Map([[base.join('.'), node]]);
  return new Map(Object.entries(node).flatMap(([name, value]) => [...scalars(value, [...base, name])]));
}

describe('default.yaml', () => {
  test('has every key of the schema with its default, and no other', async () => {
    const written = new Map(scalars(parse(await readFile(new URL('default.yaml', folder), 'utf8'))));
    for (const path of written.keys()) if (path.startsWith('mirror.upstreams.')) written.delete(path);
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
    ['publicUrl: https://registry.example.com', 'publicUrl', 'https://registry.example.com'],
    ['trustedProxies: [10.0.0.0/8, "::1"]', 'trustedProxies', ['10.0.0.0/8', '::1']],
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
    const config = await load('', { BERTH_ACCESS_ADMIN_PASSWORD_FILE: join(scratch, 'secret') });
    expect(config.access.admin.password).toBe('pass word');
  });

  test('upstreams of the operator replace the default', async () => {
    const config = await load('mirror: { upstreams: { ghcr.io: { url: https://ghcr.io, username: bot } } }');
    expect(config.mirror.upstreams['ghcr.io']).toMatchObject({ url: 'https://ghcr.io', username: 'bot' });
  });
});

describe('errors', () => {
  test.each([
    ['listne: 127.0.0.1:80', 'listne is not a key: did you mean listen?'],
    ['storage: { blobs: { drivr: s3 } }', 'storage.blobs.drivr is not a key: did you mean storage.blobs.driver?'],
    ['unlike: anything', 'unlike is not a key'],
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
    expect(await errorsOf(yaml)).toEqual([message]);
  });

  test('every error is told at once, of the file and of the environment', async () => {
    const yaml = 'listne: x\nworkers: none\nlog: { level: loud, fromat: json }';
    const errors = await errorsOf(yaml, { BERTH_LISTEN: 'nowhere', BERTH_LOGS_LEVEL: 'info' });
    expect(errors).toHaveLength(6);
    expect(errors.join('\n')).toContain('BERTH_LOGS_LEVEL is not a key: did you mean BERTH_LOG_LEVEL?');
  });

  test('open access is refused where other machines reach it, and the message says what to do', async () => {
    const [message] = await errorsOf('listen: 0.0.0.0:5000');
    expect(message).toContain('access.allowOpen');
    expect(await errorsOf('listen: 0.0.0.0:5000\naccess: { allowOpen: true }')).toEqual([]);
    expect(await errorsOf('listen: 0.0.0.0:5000\naccess: { mode: token }')).toEqual([]);
    expect(await errorsOf('listen: localhost:5000')).toEqual([]);
  });

  test('YAML that is none is told with its line', async () => {
    expect((await errorsOf('a: [1'))[0]).toMatch(/berth\.yaml: .*line 1/);
  });

  test('a file that is not there is told by its name', () => {
    expect(() => loadConfig({ file: '/nowhere/berth.yaml', environment: {} })).toThrow('cannot read /nowhere/berth.yaml');
  });
});

test('whatever a key accepts from the file it accepts, and understands alike, from the environment', () => {
  const scalar = fc.oneof(fc.nat(400).map(String), fc.constantFrom('true', 'auto', '5m', '4MiB', 'json', '127.0.0.1:80', '::1'));
  const alone = keyPaths().filter(({ path }) => !/^tls|^listen|driver$|^mirror\.default$/.test(path));
  fc.assert(
    fc.property(fc.constantFrom(...alone), scalar, ({ path, key }, written) => {
      const accepted = attempt(() => key.parse(written));
      const loaded = attempt(() => {
        const config: unknown = loadConfig({ environment: { [variableName(path)]: written } });
        return path.split('.').reduce((node, name) => (node as Record<string, unknown>)[name], config);
      });
      if (accepted instanceof Error) expect(loaded).toEqual(new ConfigError([`${path} ${accepted.message}`]));
      else expect(loaded).toEqual(accepted);
    }),
  );
});

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
