import { Readable, pipeline } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { toInvalid } from './zlib-errors.ts';

/** Unpacks gzip, also of several members. `mayBeCut`: the data may end anywhere. Throws `InvalidLayer`. */
export async function* gunzip(chunks: AsyncIterable<Uint8Array>, mayBeCut = false): AsyncGenerator<Buffer> {
  const finishFlush = mayBeCut ? constants.Z_SYNC_FLUSH : constants.Z_FINISH;
  const decompressor = createGunzip({ chunkSize: 64 * 1024, finishFlush });
  // The error of either stream ends the loop below.
  pipeline(Readable.from(chunks, { objectMode: false }), decompressor, () => undefined);
  try {
    yield* decompressor as AsyncIterable<Buffer>;
  } catch (error) {
    throw toInvalid(error, 'gzip');
  } finally {
    decompressor.destroy();
  }
}
