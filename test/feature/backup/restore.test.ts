import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { type Answer, call } from '../../support/call.ts';
import { type Ended, runCommand } from '../../support/command.ts';
import { type TestImage, digestOf, newIndex, pushImage, putManifest } from '../../support/images.ts';
import { isLong } from '../../support/long.ts';
import { type Database, createDatabase, postgresPrograms } from '../../support/postgres.ts';
import { describeWith } from '../../support/requires.ts';

type Settings = Readonly<Record<string, string>>;

let directory: string;
const databases: Database[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-restore-'));
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.drop()));
  await rm(directory, { recursive: true });
});

async function newMetadata(dialect: string): Promise<Settings> {
  if (dialect === 'SQLite') {
    const file = join(await mkdtemp(join(directory, 'metadata-')), 'metadata.sqlite');
    return { BERTH_STORAGE_METADATA_DRIVER: 'sqlite', BERTH_STORAGE_METADATA_FILE: file };
  }
  const database = await createDatabase();
  databases.push(database);
  return { BERTH_STORAGE_METADATA_DRIVER: 'postgres', BERTH_STORAGE_METADATA_URL: database.url };
}

const admin = { Authorization: `Basic ${Buffer.from('admin:password').toString('base64')}` };
const get = (berth: TestBerth, path: string): Promise<Answer> => call(berth, 'GET', path, { headers: admin });

/** A berth with content, and a backup of it in a folder of its own. */
interface Installation {
  readonly settings: Settings;
  readonly environment: Settings;
  readonly image: TestImage;
  readonly index: string;
}

async function install(dialect: string, extra: Settings = {}): Promise<Installation> {
  const data = await mkdtemp(join(directory, 'data-'));
  const settings = {
    BERTH_STORAGE_BLOBS_DRIVER: 'filesystem',
    BERTH_STORAGE_BLOBS_DIRECTORY: data,
    BERTH_BACKUP_DIRECTORY: join(data, 'kept'),
    BERTH_ACCESS_OPEN_ACTIONS: 'pull,push,delete',
    ...extra,
  };
  const metadata = await newMetadata(dialect);
  const berth = await startBerth({ ...settings, ...metadata });
  try {
    const image = await pushImage(berth, 'team/app', '1');
    const index = newIndex([image]);
    expect((await putManifest(berth, 'team/app', 'multi', index, 'application/vnd.oci.image.index.v1+json')).status).toBe(201);
    const deleted = await pushImage(berth, 'team/app', 'deleted');
    await call(berth, 'DELETE', `/v2/team/app/manifests/${deleted.digest}`);
    for (const words of [
      ['user', 'add', 'alice', '--password-stdin'],
      ['grant', 'add', 'user:alice', 'team/*', 'pull'],
    ])
      expect((await runCommand(words, berth.environment, 'password of alice\n')).stderr).not.toContain('berth:');
    expect(await runCommand(['backup', 'create'], berth.environment)).toMatchObject({ code: 0 });
    return { settings, environment: berth.environment, image, index };
  } finally {
    await berth.close();
  }
}

const restore = (environment: Settings, ...words: readonly string[]): Promise<Ended> =>
  runCommand(['restore', ...words], environment);

describeWith(postgresPrograms, 'a backup of one database restores into the other', () => {
  const crossing = [
    ['SQLite', 'PostgreSQL'],
    ['PostgreSQL', 'SQLite'],
  ] as const;
  const others = [
    ['SQLite', 'SQLite'],
    ['PostgreSQL', 'PostgreSQL'],
  ] as const;

  test.each([...crossing, ...(isLong ? others : [])])(
    '%s to %s: images, trash, accounts and grants are back, and pushes go on',
    async (source, target) => {
      const { settings, image, index } = await install(source);
      const environment = { ...settings, ...(await newMetadata(target)) };
      const ended = await restore(environment, 'latest', '--json');
      expect(ended).toMatchObject({ code: 0 });
      expect(JSON.parse(ended.stdout)).toMatchObject({ missing: 0, unrecorded: 0, recorded: 7 });
      const access = { BERTH_ACCESS_MODE: 'token', BERTH_ACCESS_ADMIN_PASSWORD: 'password' };
      const berth = await startBerth({ ...environment, ...access });
      try {
        expect((await get(berth, '/v2/team/app/manifests/1')).body.toString()).toBe(image.manifest);
        expect((await get(berth, '/v2/team/app/manifests/multi')).body.toString()).toBe(index);
        expect((await get(berth, `/v2/team/app/blobs/${digestOf(image.layer)}`)).body.equals(image.layer)).toBe(true);
        expect((await get(berth, '/v2/team/app/manifests/deleted')).status).toBe(404);
        const trash = (await get(berth, '/api/v1/trash?repository=team/app')).json() as { items: { tags: string[] }[] };
        expect(trash.items.map(({ tags }) => tags)).toEqual([['deleted']]);
        const alice = { Authorization: `Basic ${Buffer.from('alice:password of alice').toString('base64')}` };
        expect((await call(berth, 'GET', '/v2/team/app/tags/list', { headers: alice })).json()).toMatchObject({
          tags: ['1', 'multi'],
        });
        expect((await call(berth, 'GET', '/v2/team/app/tags/list')).status).toBe(401);
      } finally {
        await berth.close();
      }
      const open = await startBerth({ ...environment, BERTH_ACCESS_IGNORE_ACCOUNTS: 'true' });
      try {
        const pushed = await pushImage(open, 'team/app', 'new');
        expect((await call(open, 'GET', '/v2/team/app/manifests/new')).body.toString()).toBe(pushed.manifest);
      } finally {
        await open.close();
      }
    },
    60_000,
  );
});

describe('a restore', () => {
  let installation: Installation;
  let file: string;
  beforeAll(async () => {
    installation = await install('SQLite', { BERTH_BACKUP_PASSPHRASE: 'correct horse' });
    const listed = await runCommand(['backup', 'list', '--json'], installation.settings);
    const [{ name } = { name: '' }] = JSON.parse(listed.stdout) as { name: string }[];
    file = join(installation.settings['BERTH_BACKUP_DIRECTORY'] ?? '', name);
  });

  test('refuses a database that is in use, and changes nothing in it', async () => {
    expect(await restore(installation.environment, 'latest')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the target database already has repositories'),
    });
  });

  test('refuses a damaged backup and another passphrase before it writes anything', async () => {
    const bytes = await readFile(file);
    const damaged = join(directory, 'damaged.backup');
    const environment = { ...installation.settings, ...(await newMetadata('SQLite')) };
    for (const place of [3, 60, bytes.length >> 1, bytes.length - 1]) {
      const flipped = Buffer.from(bytes);
      flipped[place] = (flipped[place] ?? 0) ^ 1;
      await writeFile(damaged, flipped);
      expect(await restore(environment, damaged)).toMatchObject({ code: 1, stdout: '' });
    }
    const other = { ...environment, BERTH_BACKUP_PASSPHRASE: 'wrong' };
    expect(await restore(other, 'latest')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('its passphrase is another'),
    });
    expect(await restore(environment, file)).toMatchObject({ code: 0 });
  });

  test('names what is missing in the blob store', async () => {
    const environment = { ...installation.settings, ...(await newMetadata('SQLite')) };
    const hex = digestOf(installation.image.layer).slice('sha256:'.length);
    const path = join(
      installation.settings['BERTH_STORAGE_BLOBS_DIRECTORY'] ?? '',
      'docker/registry/v2/blobs/sha256',
      hex.slice(0, 2),
      hex,
    );
    const bytes = await readFile(join(path, 'data'));
    await rm(join(path, 'data'));
    const ended = await restore(environment, file, '--json');
    expect(ended.stderr).toContain(`sha256:${hex} is missing in the blob store`);
    expect(JSON.parse(ended.stdout)).toMatchObject({ missing: 1, missingBytes: installation.image.layer.length });
    expect((await runCommand(['backup', 'drill'], environment)).code).toBe(1);
    await writeFile(join(path, 'data'), bytes);
    const drill = await runCommand(['backup', 'drill', '--json', '--sample', '3'], environment);
    expect(drill.code).toBe(0);
    expect(JSON.parse(drill.stdout)).toMatchObject({ missing: 0, images: [{ error: null }] });
  });
});
