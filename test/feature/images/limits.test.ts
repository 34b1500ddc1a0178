import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { defaultLimits } from '../../../src/images/layers/limits.ts';
import { createIndexes } from '../../../src/images/build/indexes.ts';
import { createIndexStore } from '../../../src/images/store/index-store.ts';
import { type ImageRoom, at, openImageRoom } from '../../support/image-room.ts';
import { digestOf } from '../../support/images.ts';
import { indexLayer } from '../../support/layer-index.ts';
import { tar } from '../../support/tar.ts';

const mebibyte = 1024 * 1024;

describe('a layer that is made to exhaust the server is refused', () => {
  const many = tar(Object.fromEntries(Array.from({ length: 1001 }, (_, number) => [`f${number}`, ''])));

  test('for its unpacked size', async () => {
    const bomb = gzipSync(Buffer.concat([tar({ zeros: Buffer.alloc(2 * mebibyte) })]));
    await expect(indexLayer(bomb, { unpackedBytes: mebibyte })).rejects.toMatchObject({
      limit: 'unpacked',
      message: 'the layer has more than 1048576 unpacked bytes',
    });
  });

  test('for its ratio', async () => {
    const bomb = zstdCompressSync(tar({ zeros: Buffer.alloc(65 * mebibyte) }));
    await expect(indexLayer(bomb)).rejects.toMatchObject({
      limit: 'ratio',
      message: 'the layer unpacks to more than 1000 times its size',
    });
  });

  test('for its entries', async () => {
    await expect(indexLayer(many, { entries: 1000 })).rejects.toMatchObject({ limit: 'entries' });
    expect((await indexLayer(many, { entries: 1001 })).head.entries).toBe(1002);
  });

  test('for a long path, or a long target of a link', async () => {
    const limits = { pathBytes: 10 };
    await expect(indexLayer(tar({ '12345678901': '' }), limits)).rejects.toMatchObject({ limit: 'path' });
    const link = tar({ a: { type: 'symlink', link: '12345678901' } });
    await expect(indexLayer(link, limits)).rejects.toMatchObject({ limit: 'path' });
  });

  test('for the memory of its list of files', async () => {
    await expect(indexLayer(many, { memoryBytes: 100_000 })).rejects.toMatchObject({ limit: 'memory' });
    const deep = tar(Object.fromEntries(Array.from({ length: 300 }, (_, number) => [`${number}/`.repeat(20), ''])));
    await expect(indexLayer(deep, { memoryBytes: 700_000 })).rejects.toMatchObject({ limit: 'memory' });
  });

  test.each([
    ['is cut off', (bytes: Buffer) => bytes.subarray(0, 700), 'the archive is cut off'],
    ['is cut off in gzip', (bytes: Buffer) => gzipSync(bytes).subarray(0, -10), 'the gzip data cannot be read'],
    ['is cut off in zstd', (bytes: Buffer) => zstdCompressSync(bytes).subarray(0, -5), 'the compressed data is cut off'],
    ['is no archive', () => Buffer.from('text '.repeat(300)), 'the header at 0 of the archive is damaged'],
    ['is one block of zeros', () => Buffer.alloc(512), 'the blob is not a tar archive'],
  ])('if it %s', async (_, cut, message) => {
    const bytes = tar({ a: 'x'.repeat(1000), b: 'b' });
    await expect(indexLayer(cut(bytes))).rejects.toMatchObject({
      name: 'InvalidLayer',
      message: expect.stringContaining(message),
    });
  });
});

describe('builds of indexes', () => {
  let room: ImageRoom;
  beforeAll(async () => {
    room = await openImageRoom();
  });
  afterAll(() => room.close());

  /** A worker that never comes to an end. */
  const hanging = {
    run: (_job: unknown, { signal }: { readonly signal: AbortSignal }) =>
      new Promise<never>((_, reject) => {
        const abort = () => reject(new Error('aborted'));
        if (signal.aborted) abort();
        else signal.addEventListener('abort', abort, { once: true });
      }),
    close: () => Promise.resolve(),
  };

  function indexesWith(limits: Partial<typeof defaultLimits>, maxWaiting: number) {
    const { driver, metadata } = room;
    return createIndexes({
      driver,
      metadata,
      worker: hanging,
      leases: undefined,
      now: Date.now,
      maxWaiting,
      store: createIndexStore({ driver }),
      events: { built: () => undefined, failed: () => undefined },
      limits: { ...defaultLimits, ...limits },
    });
  }

  async function pushed(tag: string) {
    const layer = tar({ [tag]: tag });
    return { digest: await room.push(tag, [layer]), layers: [{ digest: digestOf(layer), sizeBytes: layer.length }] };
  }

  test('that take too long are given up, and say so', async () => {
    const image = await pushed('slow');
    const indexes = indexesWith({ milliseconds: 1 }, 1);
    await indexes.build(image);
    expect(await indexes.image(image)).toMatchObject({ state: 'failed', failure: { limit: 'time' } });
    await indexes.close();
  });

  test('wait in a queue of a limited length', async () => {
    const [one, two, three] = [await pushed('one'), await pushed('two'), await pushed('three')];
    const indexes = indexesWith({}, 1);
    const running = [indexes.build(one), indexes.build(two)];
    await expect(indexes.build(three)).rejects.toMatchObject({ name: 'Busy' });
    expect(indexes.build(two)).toBe(running[1]);
    await indexes.close();
    await Promise.all(running);
  });

  test('name the limit that merging the layers exceeds', async () => {
    await room.push('wide', [tar({ a: '' }), tar({ b: '' })]);
    const images = room.replica({ limits: { ...defaultLimits, entries: 2 } });
    const { status } = await images.open(at('wide'), 60);
    expect(status).toMatchObject({ state: 'failed', limit: 'entries' });
    expect(status.message).toContain('the image has more than 2 paths');
  });
});
