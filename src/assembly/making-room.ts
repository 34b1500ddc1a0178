import type { Appender, BlobDriver } from '../../storage/blobs/driver.ts';

/** Makes room for `bytes` on the disk where there is little; resolves when there is, or cannot be made. */
export type MakeRoom = (bytes: number) => Promise<void>;

/** So many bytes are written between two looks at the disk. */
const stepBytes = 16 * 1024 * 1024;

/** A driver for pushes: makes room before it writes, so that content that can be fetched again never fills the disk. */
export function makingRoom(driver: BlobDriver, makeRoom: MakeRoom): BlobDriver {
  async function* paced(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let left = 0;
    for await (const chunk of source) {
      if (left < chunk.length) {
        await makeRoom(stepBytes);
        left = stepBytes;
      }
      left -= chunk.length;
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
