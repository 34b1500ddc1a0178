import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { objectKey } from '../../../storage/blobs/driver.ts';
import { type CurrentStore, a, b, bytes, chunked, code, collect, contentOf } from './fixtures.ts';

/** Tests puts and reads of whole objects. */
export function testObjects(current: CurrentStore): void {
  test('put, stat and read give what was put', async () => {
    current.left = [a, b];
    await current.driver.put(a, bytes);
    await current.driver.put(b, new Uint8Array());
    const stat = await current.driver.stat(a);
    expect([stat.sizeBytes, Math.abs(stat.modifiedAt.getTime() - Date.now()) < 60_000]).toEqual([bytes.length, true]);
    expect((await contentOf(current.driver, a)).equals(bytes)).toBe(true);
    expect((await contentOf(current.driver, b)).length).toBe(0);
  });

  test('what one driver has put, another reads', async () => {
    current.left = [a];
    await current.driver.put(a, bytes);
    const other = await current.store.reopen();
    expect((await contentOf(other, a)).equals(bytes)).toBe(true);
    await other.close();
  });

  test('a missing object and a folder reject not_found before the first byte', async () => {
    current.left = [b];
    await current.driver.put(b, bytes);
    for (const key of [a, objectKey('deep/er'), objectKey('deep/er/b/c')]) {
      expect([await code(current.driver.stat(key)), await code(current.driver.read(key))]).toEqual(['not_found', 'not_found']);
    }
  });

  test('read returns ranges, cut at the end, and rejects range_not_satisfiable for a range beyond the end', async () => {
    current.left = [a];
    await current.driver.put(a, bytes);
    for (const [first, last] of [
      [0, 0],
      [5, 2_000_000],
      [2_999_999, 2_999_999],
      [2_999_000, 9_000_000],
    ] as const) {
      const object = await current.driver.read(a, { first, last });
      expect([object.sizeBytes, object.range]).toEqual([bytes.length, { first, last: Math.min(last, bytes.length - 1) }]);
      await object.close();
      expect((await contentOf(current.driver, a, { first, last })).equals(bytes.subarray(first, last + 1))).toBe(true);
    }
    expect(await code(current.driver.read(a, { first: bytes.length, last: bytes.length }))).toBe('range_not_satisfiable');
  });

  test('an open object stays readable when it is deleted', async () => {
    await current.driver.put(a, bytes);
    const object = await current.driver.read(a);
    await current.driver.delete([a]);
    let length = 0;
    for await (const chunk of object.stream()) length += chunk.length;
    await object.close();
    expect(length).toBe(bytes.length);
  });

  test('close ends a running stream and may be called again', async () => {
    current.left = [a];
    await current.driver.put(a, bytes);
    const object = await current.driver.read(a);
    for await (const chunk of object.stream()) {
      expect(chunk.length).toBeGreaterThan(0);
      await object.close();
    }
    await object.close();
  });

  test('put of an object that need not be durable stores and replaces bytes too', async () => {
    const deep = objectKey('deep/er/object');
    current.left = [a, deep];
    await current.driver.put(a, Buffer.from('one'), { isDurable: false });
    await current.driver.put(a, Buffer.from('two'), { isDurable: false });
    await current.driver.put(deep, Buffer.from('three'), { isDurable: false });
    expect([(await contentOf(current.driver, a)).toString(), (await contentOf(current.driver, deep)).toString()]).toEqual([
      'two',
      'three',
    ]);
  });

  test('put replaces an object, or with ifAbsent rejects already_exists and keeps the old bytes', async () => {
    current.left = [a, b];
    await current.driver.put(a, Buffer.from('one'));
    await current.driver.put(a, Buffer.from('two'));
    await current.driver.put(b, Buffer.from('kept'), { ifAbsent: true });
    expect(await code(current.driver.put(b, Buffer.from('lost'), { ifAbsent: true }))).toBe('already_exists');
    expect([(await contentOf(current.driver, a)).toString(), (await contentOf(current.driver, b)).toString()]).toEqual([
      'two',
      'kept',
    ]);
  });

  test('exactly one of many concurrent puts with ifAbsent succeeds', async () => {
    current.left = [b];
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, index) => code(current.driver.put(b, Buffer.from([index]), { ifAbsent: true }))),
    );
    expect(outcomes.filter((outcome) => outcome === 'resolved')).toHaveLength(
      current.driver.capabilities.atomicIfAbsent ? 1 : outcomes.length,
    );
  });

  test('concurrent puts of one key all succeed', async () => {
    current.left = [b];
    await Promise.all(Array.from({ length: 16 }, (_, index) => current.driver.put(b, Buffer.alloc(1000, index))));
    expect(new Set(await contentOf(current.driver, b)).size).toBe(1);
  });

  test('concurrent puts and deletes of one key all succeed', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        if (index % 2 === 0) await current.driver.put(b, bytes.subarray(0, 1000));
        else expect((await current.driver.delete([b])).size).toBe(0);
      }),
    );
    expect(outcomes).toHaveLength(50);
    await current.driver.delete([b]);
  });

  test('readers during puts get the old or the new bytes, never a mix', async () => {
    current.left = [a];
    await current.driver.put(a, Buffer.alloc(100_000, 0));
    const writing = (async () => {
      for (let value = 1; value <= 20; value++) await current.driver.put(a, Buffer.alloc(100_000, value));
    })();
    for (let reads = 0; reads < 30; reads++) {
      const content = await contentOf(current.driver, a);
      expect([content.length, new Set(content).size]).toEqual([100_000, 1]);
    }
    await writing;
  });
}

/** Tests what moves and removes objects. */
export function testMovesAndDeletions(current: CurrentStore): void {
  test('removing empty folders keeps objects, and puts make the folders again', async () => {
    const [gone, kept] = [objectKey('deep/er/still/object'), objectKey('deep/object')];
    current.left = [gone, kept];
    await current.driver.put(gone, Buffer.from('one'));
    await current.driver.put(kept, Buffer.from('two'));
    await current.driver.delete([gone]);
    for (const prefix of ['deep/', 'nowhere/', 'deep/object/']) await current.driver.removeEmptyFolders?.(prefix);
    expect(await collect(current.driver.list(''))).toEqual([kept]);
    for (const isDurable of [true, false]) {
      await current.driver.put(gone, Buffer.from('three'), { isDurable });
      expect((await contentOf(current.driver, gone)).toString()).toBe('three');
      await current.driver.delete([gone]);
      await current.driver.removeEmptyFolders?.('deep/');
    }
    await current.driver.put(gone, Buffer.from('four'));
  });

  test('adoptFile, if the driver has it, takes over a file, or deletes it if the object exists', async () => {
    if (!current.driver.adoptFile) return;
    current.left.push(a);
    const folder = await mkdtemp(join(tmpdir(), 'berth-adopt-'));
    for (const file of [join(folder, 'one'), join(folder, 'two')]) {
      await writeFile(file, bytes);
      await current.driver.adoptFile(file, a);
      expect(existsSync(file)).toBe(false);
    }
    expect((await contentOf(current.driver, a)).equals(bytes)).toBe(true);
    await rm(folder, { recursive: true });
  });

  test('move renames an object, replaces the one of that name, and rejects not_found for a missing object', async () => {
    current.left = [b];
    await current.driver.put(a, Buffer.from('moved'));
    await current.driver.put(b, Buffer.from('replaced'));
    await current.driver.move(a, b);
    expect([
      (await contentOf(current.driver, b)).toString(),
      await code(current.driver.stat(a)),
      await code(current.driver.move(a, b)),
    ]).toEqual(['moved', 'not_found', 'not_found']);
  });

  test('delete removes objects and partial objects, and succeeds for missing ones', async () => {
    await current.driver.put(b, bytes);
    const appender = await current.driver.openAppender(a, { resume: false });
    await appender.append(chunked(bytes, 100_000));
    await appender.close();
    expect((await current.driver.delete([a, b, objectKey('missing')])).size).toBe(0);
    expect(await code(current.driver.stat(b))).toBe('not_found');
  });
}
