import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createImageTimes } from '../../../src/maintenance/retention/image-times.ts';
import { parseStoreClock } from '../../../src/maintenance/retention/store-clock.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey } from '../../../storage/blobs/layout.ts';
import { putContent } from '../../../storage/blobs/missing.ts';
import { descriptor, digestOf } from '../../support/images.ts';
import { openRetentionStore } from '../../support/retention-store.ts';

describe('the time when an image was built', () => {
  let directory: string;
  let driver: BlobDriver;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-image-times-'));
    driver = await createFilesystemDriver({ directory });
  });
  afterAll(async () => {
    await driver.close();
    await rm(directory, { recursive: true });
  });

  async function store(document: unknown, mediaType = '') {
    const bytes = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document));
    await putContent(driver, blobKey(digestOf(bytes)), bytes);
    return descriptor(bytes, mediaType);
  }
  const image = async (created: unknown, fields: object = {}) => {
    const config = await store({ created }, 'application/vnd.oci.image.config.v1+json');
    return store({ schemaVersion: 2, config, layers: [], ...fields }, mediaTypes.ociManifest);
  };
  const createdAt = ({ digest, size }: { digest: ReturnType<typeof digestOf>; size: number }) =>
    createImageTimes(driver).createdAt({ digest, sizeBytes: size });

  test('is in its configuration, or in an annotation of its manifest, which comes first', async () => {
    expect(await createdAt(await image('2026-07-01T10:00:00.5Z'))).toBe(Date.parse('2026-07-01T10:00:00.5Z'));
    const annotations = { 'org.opencontainers.image.created': '2026-07-02T10:00:00+02:00' };
    expect(await createdAt(await image('2026-07-01T10:00:00Z', { annotations }))).toBe(Date.parse('2026-07-02T08:00:00Z'));
  });

  test('of an index is that of its newest platform', async () => {
    const platforms = [await image('2026-07-01T00:00:00Z'), await image('2026-07-03T00:00:00Z'), await image(undefined)];
    const layer = await store('a layer', 'application/vnd.oci.image.layer.v1.tar');
    const index = await store({ schemaVersion: 2, manifests: [...platforms, layer] }, mediaTypes.ociIndex);
    expect(await createdAt(index)).toBe(Date.parse('2026-07-03T00:00:00Z'));
  });

  test.each([
    ['says nothing', undefined],
    ['says nonsense', 'yesterday'],
    ['says a number', 5],
  ])('of an image that %s is unknown', async (_, created) => {
    expect(await createdAt(await image(created))).toBeUndefined();
  });

  test('of an image is unknown if its bytes are missing or are not JSON', async () => {
    const missing = descriptor('{"created":"2026-07-05T00:00:00Z"}');
    expect(await createdAt(await store({ config: missing }))).toBeUndefined();
    expect(await createdAt(await store('not JSON'))).toBeUndefined();
    expect(await createdAt(missing)).toBeUndefined();
  });

  test('is read once', async () => {
    const { digest, size } = await image('2026-07-04T00:00:00Z');
    let reads = 0;
    const counting = { ...driver, read: (...args: Parameters<BlobDriver['read']>) => (reads++, driver.read(...args)) };
    const times = createImageTimes(counting);
    for (let index = 0; index < 3; index++) await times.createdAt({ digest, sizeBytes: size });
    expect(reads).toBe(2);
  });
});

describe('the clock of the metadata store', () => {
  test.each([
    ['2026-07-15 12:00:00', '2026-07-15T12:00:00Z'],
    ['2026-07-15 14:00:00.25+02', '2026-07-15T12:00:00.25Z'],
    ['2026-07-15 17:30:00.123456+05:30', '2026-07-15T12:00:00.123Z'],
  ])('%s is %s', (text, time) => expect(parseStoreClock(text)).toBe(Date.parse(time)));

  test('is understood as each database shows it, and other texts are not', async () => {
    const store = await openRetentionStore();
    const shown = parseStoreClock(await store.metadata.retentionSchedule.readClock());
    expect(Math.abs(shown - Date.now())).toBeLessThan(60_000);
    await store.dispose();
    expect(() => parseStoreClock('noon')).toThrow('the clock of the metadata store shows noon');
  });
});
