import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { s3Settings } from '../support/blobs.ts';
import { runCommand } from '../support/command.ts';
import { postgresSettings } from '../support/metadata.ts';
import { mirrorConfig } from '../support/mirror.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';

describeWith([...postgresPrograms, ...s3Programs], 'berth doctor with S3 and PostgreSQL', () => {
  let database: Database;
  let bucket: TestBucket;
  let config: Awaited<ReturnType<typeof mirrorConfig>>;
  const reader = `reader_${process.pid}_${Date.now()}`;

  beforeAll(async () => {
    config = await mirrorConfig({ upstreams: { 'docker.io': false } });
    [database, bucket] = await Promise.all([createDatabase(), createBucket()]);
  }, 180_000);
  afterAll(async () => {
    await Promise.all([bucket.remove(), config.remove()]);
    await database.execute(`DROP OWNED BY ${reader}`).catch(() => undefined);
    await database.execute(`DROP ROLE IF EXISTS ${reader}`);
    await database.drop();
  }, 60_000);

  async function findings(check: string, changed: Readonly<Record<string, string>> = {}) {
    const settings = {
      BERTH_CONFIG: config.file,
      BERTH_LISTEN: '127.0.0.1:1',
      ...s3Settings(bucket),
      ...postgresSettings(database.url),
      ...changed,
    };
    const { stdout } = await runCommand(['doctor', '--json'], settings);
    return (JSON.parse(stdout) as readonly Finding[]).filter((finding) => finding.check === check);
  }

  test('finds both in order, and leaves no object behind', async () => {
    expect(await findings('blob store')).toMatchObject([
      { status: 'ok', message: expect.stringContaining('s3: objects can be') },
    ]);
    expect(await findings('database')).toMatchObject([{ status: 'ok', message: expect.stringContaining('can be written') }]);
    expect((await bucket.s3.listObjectsV2({ Bucket: bucket.name })).KeyCount).toBe(0);
  }, 240_000);

  test('names each right that the access key lacks', async () => {
    const deny = async (...Action: readonly string[]) => {
      const Resource = [`arn:aws:s3:::${bucket.name}`, `arn:aws:s3:::${bucket.name}/*`];
      const Statement = [{ Effect: 'Deny', Principal: '*', Action, Resource }];
      await bucket.s3.putBucketPolicy({ Bucket: bucket.name, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
      const found = await findings('blob store');
      await bucket.s3.deleteBucketPolicy({ Bucket: bucket.name });
      return found.map(({ status, message, advice }) => [status, message.replace(/ an object.*/, ''), advice]);
    };
    const lacks = (operation: string, right: string) => [
      'problem',
      `cannot ${operation}`,
      expect.stringContaining(`has ${right}`),
    ];
    expect(await deny('s3:PutObject')).toEqual([lacks('write', 's3:PutObject')]);
    expect(await deny('s3:ListBucket')).toContainEqual(lacks('list', 's3:ListBucket'));
    expect(await deny('s3:GetObject', 's3:DeleteObject')).toEqual(
      expect.arrayContaining([lacks('read', 's3:GetObject'), lacks('delete', 's3:DeleteObject')]),
    );
  }, 240_000);

  test('says what is wrong with a bucket, a key and a service that do not exist', async () => {
    const found = async (changed: Readonly<Record<string, string>>) => JSON.stringify(await findings('blob store', changed));
    expect(await found({ BERTH_STORAGE_BLOBS_S3_BUCKET: 'no-such-bucket' })).toMatch(/"problem".*no-such-bucket|NoSuchBucket/);
    const wrongKey = await found({ BERTH_STORAGE_BLOBS_S3_SECRET_ACCESS_KEY: 'wrong-secret' });
    expect(wrongKey).toMatch(/"problem".*(?:SignatureDoesNotMatch|signature|denied)/i);
    expect(wrongKey).not.toContain('wrong-secret');
    expect(await found({ BERTH_STORAGE_BLOBS_S3_ENDPOINT: 'http://127.0.0.1:1' })).toMatch(/"problem".*ECONNREFUSED/);
  }, 240_000);

  test('sees that a login of PostgreSQL may read only, or that the database does not exist', async () => {
    await findings('database');
    await database.execute(
      `CREATE ROLE ${reader} LOGIN; GRANT USAGE ON SCHEMA public TO ${reader}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader}`,
    );
    const settingsOf = (change: (url: string) => string) => ({ BERTH_STORAGE_METADATA_URL: change(database.url) });
    expect(
      await findings(
        'database',
        settingsOf((url) => url.replace('user=postgres', `user=${reader}`)),
      ),
    ).toMatchObject([
      { status: 'problem', message: expect.stringContaining('permission denied'), advice: expect.stringContaining('rights') },
    ]);
    const name = new URL(database.url.replace('postgres:///', 'postgres://host/')).pathname.slice(1);
    expect(
      await findings(
        'database',
        settingsOf((url) => url.replace(name, 'no_such_database')),
      ),
    ).toMatchObject([{ status: 'problem', message: expect.stringContaining('no_such_database') }]);
  }, 240_000);
});
