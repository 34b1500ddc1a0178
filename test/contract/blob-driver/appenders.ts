import { expect, test } from '@jest/globals';
import { objectKey } from '../../../storage/blobs/driver.ts';
import { type CurrentStore, a, b, bytes, chunked, code, collect, contentOf } from './fixtures.ts';

/** Tests how partial objects grow. */
export function testAppends(current: CurrentStore): void {
  test.each([1, 700, 65_536, 5_000_000])('appended in chunks of %d bytes, over several appends', async (size) => {
    current.left = [b];
    const content = bytes.subarray(0, size === 1 ? 3000 : bytes.length);
    const appender = await current.driver.openAppender(a, { resume: false });
    await appender.append(chunked(content.subarray(0, 1000), size));
    await appender.append(chunked(content.subarray(1000), size));
    await appender.commit(b);
    expect((await contentOf(current.driver, b)).equals(content)).toBe(true);
  });

  test('an appender that another process resumes continues where the last append ended', async () => {
    current.left = [b];
    const first = await current.driver.openAppender(a, { resume: false });
    await first.append(chunked(bytes.subarray(0, 1_234_567), 50_000));
    await first.close();
    const other = await current.store.reopen();
    const second = await other.openAppender(a, { resume: true });
    expect(second.sizeBytes).toBe(1_234_567);
    await second.append(chunked(bytes.subarray(1_234_567), 50_000));
    const again: Buffer[] = [];
    for await (const chunk of second.readBack()) again.push(Buffer.from(chunk));
    expect(Buffer.concat(again).equals(bytes)).toBe(true);
    await second.commit(b);
    await other.close();
    expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
  });

  test('an appender that resumes a missing object rejects not_found, and one that does not resume begins empty', async () => {
    expect(await code(current.driver.openAppender(a, { resume: true }))).toBe('not_found');
    const first = await current.driver.openAppender(a, { resume: false });
    await first.append(chunked(bytes, 100_000));
    await first.close();
    const second = await current.driver.openAppender(a, { resume: false });
    expect(second.sizeBytes).toBe(0);
    await second.abort();
  });

  test('an appender that resumes what may be stored begins empty, and continues what another process has stored', async () => {
    const first = await current.driver.openAppender(a, { resume: 'ifStored' });
    expect(first.sizeBytes).toBe(0);
    await first.append(chunked(bytes.subarray(0, 100_000), 30_000));
    await first.close();
    const other = await current.store.reopen();
    const second = await other.openAppender(a, { resume: 'ifStored' });
    expect(second.sizeBytes).toBe(100_000);
    await second.abort();
    await other.close();
  });

  test('an append keeps everything that its source yielded before it failed', async () => {
    current.left = [b];
    const appender = await current.driver.openAppender(a, { resume: false });
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* chunked(bytes.subarray(0, 1_500_000), 64 * 1024);
      throw new Error('the client is gone');
    }
    await expect(appender.append(failing())).rejects.toThrow('the client is gone');
    expect(appender.sizeBytes).toBe(1_500_000);
    await appender.append(chunked(bytes.subarray(1_500_000), 100_000));
    await appender.commit(b);
    expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
  });

  test('truncate removes the bytes after an offset', async () => {
    current.left = [b];
    const appender = await current.driver.openAppender(a, { resume: false });
    await appender.append(chunked(bytes, 100_000));
    await appender.truncate(1_000_001);
    expect(appender.sizeBytes).toBe(1_000_001);
    await appender.append(chunked(bytes.subarray(1_000_001), 100_000));
    await appender.commit(b);
    expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
  });

  test('abort removes the bytes and may be called again', async () => {
    const appender = await current.driver.openAppender(a, { resume: false });
    await appender.append(chunked(bytes, 100_000));
    await appender.abort();
    await appender.abort();
    expect(await code(current.driver.openAppender(a, { resume: true }))).toBe('not_found');
  });
}

/** Tests how partial objects become objects. */
export function testCommits(current: CurrentStore): void {
  test('an object in progress is not visible before its commit', async () => {
    current.left = [b];
    const appender = await current.driver.openAppender(a, { resume: false });
    expect(await appender.append(chunked(bytes, 64 * 1024))).toBe(bytes.length);
    expect(appender.sizeBytes).toBe(bytes.length);
    expect([
      await code(current.driver.stat(a)),
      await code(current.driver.read(a)),
      await collect(current.driver.list('')),
    ]).toEqual(['not_found', 'not_found', []]);
    await appender.commit(b);
    expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
    await appender.abort();
    expect((await current.driver.stat(b)).sizeBytes).toBe(bytes.length);
  });

  test('another process can publish a published object again until its partial object is aborted', async () => {
    current.left = [b];
    const first = await current.driver.openAppender(a, { resume: false });
    await first.append(chunked(bytes, 100_000));
    await first.publish(b);
    await first.publish(b);
    expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
    await first.close();
    const other = await current.store.reopen();
    const second = await other.openAppender(a, { resume: true });
    expect(second.sizeBytes).toBe(bytes.length);
    await second.publish(b);
    await second.abort();
    expect(await code(other.openAppender(a, { resume: true }))).toBe('not_found');
    await other.close();
    expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
  });

  test.each([false, true])(
    'later changes of the partial object do not change the published one (resumed: %s)',
    async (resumed) => {
      current.left = [b];
      const first = await current.driver.openAppender(a, { resume: false });
      await first.append(chunked(bytes, 100_000));
      await first.publish(b);
      if (resumed) await first.close();
      const appender = resumed ? await current.driver.openAppender(a, { resume: true }) : first;
      await appender.append(chunked(Buffer.from('more'), 2));
      expect(appender.sizeBytes).toBe(bytes.length + 4);
      await appender.truncate(10);
      await appender.close();
      expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
      expect((await current.driver.delete([a])).size).toBe(0);
    },
  );

  test('commit replaces a damaged object', async () => {
    current.left = [b];
    for (const damaged of [bytes.subarray(0, 1000), Buffer.alloc(bytes.length)]) {
      await current.driver.put(b, damaged);
      const appender = await current.driver.openAppender(a, { resume: false });
      await appender.append(chunked(bytes, 100_000));
      await appender.commit(b);
      expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
    }
  });

  test('an empty appender commits an empty object', async () => {
    current.left = [b];
    await (await current.driver.openAppender(a, { resume: false })).commit(b);
    expect((await current.driver.stat(b)).sizeBytes).toBe(0);
  });

  test('concurrent commits of one key all succeed', async () => {
    current.left = [b];
    const appenders = await Promise.all(
      Array.from({ length: 16 }, (_, index) => current.driver.openAppender(objectKey(`grow/${index}`), { resume: false })),
    );
    await Promise.all(appenders.map((appender) => appender.append(chunked(bytes, 200_000))));
    await Promise.all(appenders.map((appender) => appender.commit(b)));
    expect((await contentOf(current.driver, b)).equals(bytes)).toBe(true);
  });
}
