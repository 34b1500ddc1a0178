import type { Appender, BlobDriver } from '../../../storage/blobs/driver.ts';

/** Makes space for `bytes` on a nearly full disk; resolves when there is space, or none can be made. */
export type MakeRoom = (bytes: number) => Promise<void>;

/** Bytes that uploads write between two looks at the disk. */
const stepBytes = 16 * 1024 * 1024;
/** Time for which a look is good: others write too. */
const stepMilliseconds = 1000;

/**
 * Returns a driver for pushes that makes space before it writes, so that mirrored content never fills the disk. `monotonic`:
 * milliseconds on a clock that is never set.
 */
export function makingRoom(driver: BlobDriver, makeRoom: MakeRoom, monotonic = () => performance.now()): BlobDriver {
  let writableBytes = 0;
  let lookedAt = -Infinity;

  async function* paced(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      if (writableBytes < chunk.length || monotonic() - lookedAt >= stepMilliseconds) {
        await makeRoom(stepBytes);
        writableBytes = stepBytes;
        lookedAt = monotonic();
      }
      writableBytes -= chunk.length;
      yield chunk;
    }
  }

  function wrap(appender: Appender): Appender {
    const append: Appender['append'] = (source, digestOf) => appender.append(paced(source), digestOf);
    return Object.create(appender, { append: { value: append } }) as Appender;
  }

  return {
    ...driver,
    async put(key, bytes, options) {
      await makeRoom(bytes.length);
      await driver.put(key, bytes, options);
    },
    openAppender: async (key, options) => wrap(await driver.openAppender(key, options)),
  };
}
