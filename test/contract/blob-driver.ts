import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type BlobDriver, type ObjectKey, StorageError, objectKey } from '../../storage/blobs/driver.ts';
import { expectMapBehaviour } from './blob-driver-model.ts';

/** An empty store. `reopen` gives another driver over the same store, as another process would. */
export interface Store {
  readonly driver: BlobDriver;
  reopen(): Promise<BlobDriver>;
  dispose(): Promise<void>;
}

export async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(Uint8Array.from(bytes.subarray(at, at + size)));
}

export async function contentOf(driver: BlobDriver, key: ObjectKey, range?: { first: number; last: number }): Promise<Buffer> {
  const object = await driver.read(key, range);
  const chunks: Buffer[] = [];
  for await (const chunk of object.stream()) chunks.push(Buffer.from(chunk));
  await object.close();
  return Buffer.concat(chunks);
}

async function collect(keys: AsyncIterable<ObjectKey>): Promise<string[]> {
  const found: string[] = [];
  for await (const key of keys) found.push(key);
  return found;
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof StorageError ? error.code : error),
  );

/** Every sentence of `storage/blobs/driver.ts`, for one driver. */
export function describeBlobDriver(name: string, make: () => Promise<Store>): void {
  describe(`blob driver ${name}`, () => {
    let store: Store;
    let driver: BlobDriver;
    /** Keys that the case leaves on purpose. */
    let left: string[];
    const a = objectKey('a');
    const b = objectKey('deep/er/b');
    const bytes = randomBytes(3_000_000);

    beforeEach(async () => {
      store = await make();
      driver = store.driver;
      left = [];
    });
    afterEach(async () => {
      const fresh = await store.reopen();
      const keys = await collect(fresh.list(''));
      const partial: string[] = [];
      for await (const { key } of fresh.listPartial()) partial.push(key);
      await fresh.close();
      await driver.close();
      await store.dispose();
      expect({ keys, partial }).toEqual({ keys: [...left].sort(), partial: [] });
    });

    test('put, stat and read give what was put', async () => {
      left = [a, b];
      await driver.put(a, bytes);
      await driver.put(b, new Uint8Array());
      const stat = await driver.stat(a);
      expect([stat.sizeBytes, Math.abs(stat.modifiedAt.getTime() - Date.now()) < 60_000]).toEqual([bytes.length, true]);
      expect((await contentOf(driver, a)).equals(bytes)).toBe(true);
      expect((await contentOf(driver, b)).length).toBe(0);
    });

    test('what one driver has put, another reads', async () => {
      left = [a];
      await driver.put(a, bytes);
      const other = await store.reopen();
      expect((await contentOf(other, a)).equals(bytes)).toBe(true);
      await other.close();
    });

    test('a missing object and a folder reject not_found before the first byte', async () => {
      left = [b];
      await driver.put(b, bytes);
      for (const key of [a, objectKey('deep/er'), objectKey('deep/er/b/c')]) {
        expect([await code(driver.stat(key)), await code(driver.read(key))]).toEqual(['not_found', 'not_found']);
      }
    });

    test('read returns ranges, cut at the end, and rejects range_not_satisfiable for a range beyond the end', async () => {
      left = [a];
      await driver.put(a, bytes);
      for (const [first, last] of [
        [0, 0],
        [5, 2_000_000],
        [2_999_999, 2_999_999],
        [2_999_000, 9_000_000],
      ] as const) {
        const object = await driver.read(a, { first, last });
        expect([object.sizeBytes, object.range]).toEqual([bytes.length, { first, last: Math.min(last, bytes.length - 1) }]);
        await object.close();
        expect((await contentOf(driver, a, { first, last })).equals(bytes.subarray(first, last + 1))).toBe(true);
      }
      expect(await code(driver.read(a, { first: bytes.length, last: bytes.length }))).toBe('range_not_satisfiable');
    });

    test('an open object stays readable when it is deleted', async () => {
      await driver.put(a, bytes);
      const object = await driver.read(a);
      await driver.delete([a]);
      let length = 0;
      for await (const chunk of object.stream()) length += chunk.length;
      await object.close();
      expect(length).toBe(bytes.length);
    });

    test('close ends a running stream and may be called again', async () => {
      left = [a];
      await driver.put(a, bytes);
      const object = await driver.read(a);
      for await (const chunk of object.stream()) {
        expect(chunk.length).toBeGreaterThan(0);
        await object.close();
      }
      await object.close();
    });

    test('put of an object that need not be durable stores and replaces bytes too', async () => {
      const deep = objectKey('deep/er/object');
      left = [a, deep];
      await driver.put(a, Buffer.from('one'), { isDurable: false });
      await driver.put(a, Buffer.from('two'), { isDurable: false });
      await driver.put(deep, Buffer.from('three'), { isDurable: false });
      expect([(await contentOf(driver, a)).toString(), (await contentOf(driver, deep)).toString()]).toEqual(['two', 'three']);
    });

    test('removing empty folders keeps objects, and puts make the folders again', async () => {
      const [gone, kept] = [objectKey('deep/er/still/object'), objectKey('deep/object')];
      left = [gone, kept];
      await driver.put(gone, Buffer.from('one'));
      await driver.put(kept, Buffer.from('two'));
      await driver.delete([gone]);
      for (const prefix of ['deep/', 'nowhere/', 'deep/object/']) await driver.removeEmptyFolders?.(prefix);
      expect(await collect(driver.list(''))).toEqual([kept]);
      for (const isDurable of [true, false]) {
        await driver.put(gone, Buffer.from('three'), { isDurable });
        expect((await contentOf(driver, gone)).toString()).toBe('three');
        await driver.delete([gone]);
        await driver.removeEmptyFolders?.('deep/');
      }
      await driver.put(gone, Buffer.from('four'));
    });

    test('put replaces an object, or with ifAbsent rejects already_exists and keeps the old bytes', async () => {
      left = [a, b];
      await driver.put(a, Buffer.from('one'));
      await driver.put(a, Buffer.from('two'));
      await driver.put(b, Buffer.from('kept'), { ifAbsent: true });
      expect(await code(driver.put(b, Buffer.from('lost'), { ifAbsent: true }))).toBe('already_exists');
      expect([(await contentOf(driver, a)).toString(), (await contentOf(driver, b)).toString()]).toEqual(['two', 'kept']);
    });

    test('exactly one of many concurrent puts with ifAbsent succeeds', async () => {
      left = [b];
      const outcomes = await Promise.all(
        Array.from({ length: 16 }, (_, index) => code(driver.put(b, Buffer.from([index]), { ifAbsent: true }))),
      );
      expect(outcomes.filter((outcome) => outcome === 'resolved')).toHaveLength(
        driver.capabilities.atomicIfAbsent ? 1 : outcomes.length,
      );
    });

    test('concurrent puts of one key all succeed', async () => {
      left = [b];
      await Promise.all(Array.from({ length: 16 }, (_, index) => driver.put(b, Buffer.alloc(1000, index))));
      expect(new Set(await contentOf(driver, b)).size).toBe(1);
    });

    test('concurrent puts and deletes of one key all succeed', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          if (index % 2 === 0) await driver.put(b, bytes.subarray(0, 1000));
          else expect((await driver.delete([b])).size).toBe(0);
        }),
      );
      expect(outcomes).toHaveLength(50);
      await driver.delete([b]);
    });

    test('readers during puts get the old or the new bytes, never a mix', async () => {
      left = [a];
      await driver.put(a, Buffer.alloc(100_000, 0));
      const writing = (async () => {
        for (let value = 1; value <= 20; value++) await driver.put(a, Buffer.alloc(100_000, value));
      })();
      for (let reads = 0; reads < 30; reads++) {
        const content = await contentOf(driver, a);
        expect([content.length, new Set(content).size]).toEqual([100_000, 1]);
      }
      await writing;
    });

    test('an object in progress is not visible before its commit', async () => {
      left = [b];
      const appender = await driver.openAppender(a, { resume: false });
      expect(await appender.append(chunked(bytes, 64 * 1024))).toBe(bytes.length);
      expect(appender.sizeBytes).toBe(bytes.length);
      expect([await code(driver.stat(a)), await code(driver.read(a)), await collect(driver.list(''))]).toEqual([
        'not_found',
        'not_found',
        [],
      ]);
      await appender.commit(b);
      expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
      await appender.abort();
      expect((await driver.stat(b)).sizeBytes).toBe(bytes.length);
    });

    test('another process can publish a published object again until its partial object is aborted', async () => {
      left = [b];
      const first = await driver.openAppender(a, { resume: false });
      await first.append(chunked(bytes, 100_000));
      await first.publish(b);
      await first.publish(b);
      expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
      await first.close();
      const other = await store.reopen();
      const second = await other.openAppender(a, { resume: true });
      expect(second.sizeBytes).toBe(bytes.length);
      await second.publish(b);
      await second.abort();
      expect(await code(other.openAppender(a, { resume: true }))).toBe('not_found');
      await other.close();
      expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
    });

    test.each([false, true])(
      'later changes of the partial object do not change the published one (resumed: %s)',
      async (resumed) => {
        left = [b];
        const first = await driver.openAppender(a, { resume: false });
        await first.append(chunked(bytes, 100_000));
        await first.publish(b);
        if (resumed) await first.close();
        const appender = resumed ? await driver.openAppender(a, { resume: true }) : first;
        await appender.append(chunked(Buffer.from('more'), 2));
        expect(appender.sizeBytes).toBe(bytes.length + 4);
        await appender.truncate(10);
        await appender.close();
        expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
        expect((await driver.delete([a])).size).toBe(0);
      },
    );

    test('commit replaces a damaged object', async () => {
      left = [b];
      for (const damaged of [bytes.subarray(0, 1000), Buffer.alloc(bytes.length)]) {
        await driver.put(b, damaged);
        const appender = await driver.openAppender(a, { resume: false });
        await appender.append(chunked(bytes, 100_000));
        await appender.commit(b);
        expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
      }
    });

    test.each([1, 700, 65_536, 5_000_000])('appended in chunks of %d bytes, over several appends', async (size) => {
      left = [b];
      const content = bytes.subarray(0, size === 1 ? 3000 : bytes.length);
      const appender = await driver.openAppender(a, { resume: false });
      await appender.append(chunked(content.subarray(0, 1000), size));
      await appender.append(chunked(content.subarray(1000), size));
      await appender.commit(b);
      expect((await contentOf(driver, b)).equals(content)).toBe(true);
    });

    test('an appender that another process resumes continues where the last append ended', async () => {
      left = [b];
      const first = await driver.openAppender(a, { resume: false });
      await first.append(chunked(bytes.subarray(0, 1_234_567), 50_000));
      await first.close();
      const other = await store.reopen();
      const second = await other.openAppender(a, { resume: true });
      expect(second.sizeBytes).toBe(1_234_567);
      await second.append(chunked(bytes.subarray(1_234_567), 50_000));
      const again: Buffer[] = [];
      for await (const chunk of second.readBack()) again.push(Buffer.from(chunk));
      expect(Buffer.concat(again).equals(bytes)).toBe(true);
      await second.commit(b);
      await other.close();
      expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
    });

    test('an appender that resumes a missing object rejects not_found, and one that does not resume begins empty', async () => {
      expect(await code(driver.openAppender(a, { resume: true }))).toBe('not_found');
      const first = await driver.openAppender(a, { resume: false });
      await first.append(chunked(bytes, 100_000));
      await first.close();
      const second = await driver.openAppender(a, { resume: false });
      expect(second.sizeBytes).toBe(0);
      await second.abort();
    });

    test('an append keeps everything that its source yielded before it failed', async () => {
      left = [b];
      const appender = await driver.openAppender(a, { resume: false });
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield* chunked(bytes.subarray(0, 1_500_000), 64 * 1024);
        throw new Error('the client is gone');
      }
      await expect(appender.append(failing())).rejects.toThrow('the client is gone');
      expect(appender.sizeBytes).toBe(1_500_000);
      await appender.append(chunked(bytes.subarray(1_500_000), 100_000));
      await appender.commit(b);
      expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
    });

    test('truncate removes the bytes after an offset', async () => {
      left = [b];
      const appender = await driver.openAppender(a, { resume: false });
      await appender.append(chunked(bytes, 100_000));
      await appender.truncate(1_000_001);
      expect(appender.sizeBytes).toBe(1_000_001);
      await appender.append(chunked(bytes.subarray(1_000_001), 100_000));
      await appender.commit(b);
      expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
    });

    test('an empty appender commits an empty object', async () => {
      left = [b];
      await (await driver.openAppender(a, { resume: false })).commit(b);
      expect((await driver.stat(b)).sizeBytes).toBe(0);
    });

    test('abort removes the bytes and may be called again', async () => {
      const appender = await driver.openAppender(a, { resume: false });
      await appender.append(chunked(bytes, 100_000));
      await appender.abort();
      await appender.abort();
      expect(await code(driver.openAppender(a, { resume: true }))).toBe('not_found');
    });

    test('concurrent commits of one key all succeed', async () => {
      left = [b];
      const appenders = await Promise.all(
        Array.from({ length: 16 }, (_, index) => driver.openAppender(objectKey(`grow/${index}`), { resume: false })),
      );
      await Promise.all(appenders.map((appender) => appender.append(chunked(bytes, 200_000))));
      await Promise.all(appenders.map((appender) => appender.commit(b)));
      expect((await contentOf(driver, b)).equals(bytes)).toBe(true);
    });

    test('adoptFile, if the driver has it, takes over a file, or deletes it if the object exists', async () => {
      if (!driver.adoptFile) return;
      left.push(a);
      const folder = await mkdtemp(join(tmpdir(), 'berth-adopt-'));
      for (const file of [join(folder, 'one'), join(folder, 'two')]) {
        await writeFile(file, bytes);
        await driver.adoptFile(file, a);
        expect(existsSync(file)).toBe(false);
      }
      expect((await contentOf(driver, a)).equals(bytes)).toBe(true);
      await rm(folder, { recursive: true });
    });

    test('move renames an object, replaces the one of that name, and rejects not_found for a missing object', async () => {
      left = [b];
      await driver.put(a, Buffer.from('moved'));
      await driver.put(b, Buffer.from('replaced'));
      await driver.move(a, b);
      expect([(await contentOf(driver, b)).toString(), await code(driver.stat(a)), await code(driver.move(a, b))]).toEqual([
        'moved',
        'not_found',
        'not_found',
      ]);
    });

    test('delete removes objects and partial objects, and succeeds for missing ones', async () => {
      await driver.put(b, bytes);
      const appender = await driver.openAppender(a, { resume: false });
      await appender.append(chunked(bytes, 100_000));
      await appender.close();
      expect((await driver.delete([a, b, objectKey('missing')])).size).toBe(0);
      expect(await code(driver.stat(b))).toBe('not_found');
    });

    test('list is in ascending order of bytes, begins after startAfter, and stays within the prefix', async () => {
      left = ['a', 'a-b', 'a.c', 'ab/x', 'b/0/1', 'b/0-1', 'b/Z', 'c'].map(objectKey);
      for (const key of left) await driver.put(key as ObjectKey, new Uint8Array());
      const sorted = [...left].sort();
      expect(await collect(driver.list(''))).toEqual(sorted);
      for (const after of ['a', 'a-', 'b/0', 'b/0/1', 'b/', 'zzz']) {
        expect(await collect(driver.list('', { startAfter: after }))).toEqual(sorted.filter((key) => key > after));
      }
      for (const prefix of ['a', 'b/', 'b/0', 'x'])
        expect(await collect(driver.list(prefix))).toEqual(sorted.filter((key) => key.startsWith(prefix)));
    });

    test('list agrees with a sorted array of any keys', async () => {
      const part = fc.stringMatching(/^[a-c.-]{1,3}$/).filter((text) => text !== '.' && text !== '..');
      const key = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), key, async (keys, last) => {
          const folder = `round${round++}/`;
          const after = folder + last;
          // No key is also the folder of another one.
          const objects = keys
            .filter((one) => !keys.some((other) => other.startsWith(`${one}/`)))
            .map((one) => objectKey(folder + one));
          for (const object of objects) await driver.put(object, new Uint8Array());
          expect(await collect(driver.list(folder, { startAfter: after }))).toEqual(
            [...objects].sort().filter((one) => one > after),
          );
          await driver.delete(objects);
        }),
        { numRuns: 30 },
      );
    }, 120_000);

    test('list during puts and deletes returns every object that was there all the time once and in order', async () => {
      const lasting = Array.from({ length: 20 }, (_, index) => objectKey(`many/${index}/x`));
      const passing = Array.from({ length: 20 }, (_, index) => objectKey(`many/${index}-/y`));
      left = lasting;
      for (const key of lasting) await driver.put(key, new Uint8Array());
      const changing = (async () => {
        for (const key of passing) await driver.put(key, new Uint8Array());
        await driver.delete(passing);
      })();
      for (let turn = 0; turn < 5; turn++) {
        const found = await collect(driver.list('many/'));
        expect(found).toEqual([...new Set(found)].sort());
        expect(found.filter((key) => key.endsWith('/x'))).toEqual([...lasting].sort());
      }
      await changing;
    });

    test('any sequence of operations leaves the content of a map', () => expectMapBehaviour(driver), 120_000);

    test('every call of a closed driver rejects closed', async () => {
      const other = await store.reopen();
      await other.check();
      await other.close();
      await other.close();
      expect([await code(other.stat(a)), await code(other.put(a, bytes)), await code(other.check())]).toEqual([
        'closed',
        'closed',
        'closed',
      ]);
    });
  });
}

/** The keys' grammar is the contract's too. */
export function describeObjectKeys(): void {
  describe('object keys', () => {
    test.each(['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', 'a/./b', 'a b', 'ä', 'a\0', 'a\\b', 'x'.repeat(1025)])(
      '%j is not a key',
      (text) => {
        expect(() => objectKey(text)).toThrow(StorageError);
      },
    );
    test.each(['a', '...', 'a/.b', 'A-._/9', 'x'.repeat(1024)])('%j is a key', (text) => {
      expect(objectKey(text)).toBe(text);
    });
  });
}
